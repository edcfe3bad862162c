import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeConn, makePlace } from "../../../test/support/operations.ts";
import { ReconcileWorld } from "../../../test/support/reconcile-world.ts";
import { insertRequestStamp } from "../../store/request-stamps.ts";

let world: ReconcileWorld;

beforeEach(async () => {
  world = await ReconcileWorld.make();
});
afterEach(() => world.remove());

async function startWithChannels(count: number): Promise<void> {
  const place = await makePlace(world.operator);
  await world.start();
  await Promise.all(Array.from({ length: count }, () => makeConn(world.operator, place)));
  await world.untilUp(count);
  await world.settle();
}

describe("the house is kept", () => {
  const day = 24 * 3_600_000;

  async function countRows(): Promise<number[]> {
    const count = async (table: "tasks" | "request_stamps") =>
      (await world.store.db.sql.selectFrom(table).selectAll().execute()).length;
    return [await count("tasks"), await count("request_stamps")];
  }

  async function addStamp(mac: string, expiresInMs: number): Promise<void> {
    const expiresAt = Math.floor((Date.now() + expiresInMs) / 1_000);
    const stamp = { secretId: "id", mac, expiresAt };
    await world.store.transaction((db) => insertRequestStamp(db, stamp));
  }

  test("at the start and every ten minutes: stamps that have run out, tasks that ended a week ago", async () => {
    await startWithChannels(2);
    await addStamp("short", 300_000);
    await addStamp("long", 8 * day);
    expect(await countRows()).toEqual([2, 2]);
    await world.advance(590_000);
    expect(await countRows()).toEqual([2, 2]);
    await world.advance(10_000);
    expect(await countRows()).toEqual([2, 1]);
    await world.restart(async () => {
      const ended = { finished_at: Date.now() - 7 * day - 1 };
      await world.store.db.sql.updateTable("tasks").set(ended).where("id", "=", 1).execute();
    });
    expect(await countRows()).toEqual([1, 1]);
  });

  test("again after it has failed", async () => {
    await startWithChannels(0);
    await addStamp("short", 1_000);
    const rename = (from: string, to: string) => world.store.db.sql.schema.alterTable(from).renameTo(to).execute();
    await rename("tasks", "tasks_elsewhere");
    await world.advance(600_000);
    expect(world.log.filter(({ level }) => level === "error")).toMatchObject([
      { message: "housekeeping failed; it is tried again" },
    ]);
    await rename("tasks_elsewhere", "tasks");
    await world.advance(600_000);
    expect((await countRows())[1]).toBe(0);
  });
});
