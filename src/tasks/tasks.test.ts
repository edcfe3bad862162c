import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSqlite, type TestDatabase } from "../../test/store/databases.ts";
import { addVpc, addVpnGw, makeOwner } from "../../test/store/rows.ts";
import { awaitRefusal } from "../../test/support/caught.ts";
import { listRunningTasks } from "../store/tasks.ts";
import { findVpnGwById } from "../store/vpn-gws.ts";
import type { VpnGw } from "../vpn/entities.ts";
import { enqueueTask, getTask } from "./tasks.ts";

const nowMs = Date.UTC(2026, 1, 2);
const clock = () => nowMs;
let database: TestDatabase;
let vpnGw: VpnGw;

beforeAll(async () => {
  database = await makeSqlite();
  const { db } = database.store;
  const owner = await makeOwner(db);
  const found = await findVpnGwById(db, await addVpnGw(db, owner, await addVpc(db, owner)));
  if (found === undefined) throw new TypeError("it was just made");
  vpnGw = found.vpnGw;
});
afterAll(() => database.remove());

test("a task is written for the gateway's account, with the clock's time, and found again", async () => {
  const { store } = database;
  const request = { action: "create-vpn-conn", vpnGw, vpnConnId: 399, generation: 7 } as const;
  const id = await store.transaction((db) => enqueueTask({ clock }, db, request));
  expect(await getTask(store.db, vpnGw.accountId, id)).toEqual({ id, status: "running", failure: undefined });
  const running = await listRunningTasks(store.db, vpnGw.id);
  expect(running).toContainEqual({ id, vpnConnId: 399, generation: 7, createdAtMs: nowMs });
});

test("a task goes with the transaction that it is written in", async () => {
  const { store } = database;
  const request = { action: "delete-vpn-gw", vpnGw, vpnConnId: undefined, generation: 8 } as const;
  let id = 0;
  const change = store.transaction(async (db) => {
    id = await enqueueTask({ clock }, db, request);
    throw new Error("taken back");
  });
  await expect(change).rejects.toThrow("taken back");
  expect(id).toBeGreaterThan(0);
  expect((await awaitRefusal(getTask(store.db, vpnGw.accountId, id))).kind).toBe("task-not-found");
});

test("another account's task does not exist", async () => {
  const { store } = database;
  const request = { action: "delete-vpn-conn", vpnGw, vpnConnId: 1, generation: 9 } as const;
  const id = await store.transaction((db) => enqueueTask({ clock }, db, request));
  const refusal = await awaitRefusal(getTask(store.db, vpnGw.accountId + 1, id));
  expect(refusal).toMatchObject({ kind: "task-not-found", field: "task", message: `task ${id} does not exist` });
});
