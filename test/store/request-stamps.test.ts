// Stamps of signed requests: the second use of one is refused, whenever and however it comes.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createVpc } from "../../src/operations/create-vpc.ts";
import { deleteExpiredStamps, insertRequestStamp, type RequestStamp } from "../../src/store/request-stamps.ts";
import type { Store } from "../../src/store/store.ts";
import { awaitRefusal } from "../support/caught.ts";
import { makeOperator, type Operator } from "../support/operations.ts";
import { databases, type TestDatabase } from "./databases.ts";

const stamp: RequestStamp = {
  secretId: "AKIDone",
  mac: "bWFj",
  expiresAt: 8_200,
};

describe.each(databases)("a stamp on $name", (kind) => {
  let database: TestDatabase;
  let store: Store;
  let operator: Operator;

  beforeEach(async () => {
    database = await kind.make();
    store = database.store;
    operator = await makeOperator(store);
  });
  afterEach(() => database.remove());

  async function makeVpc(name: string, given: RequestStamp = stamp): Promise<string> {
    const vpc = await createVpc(operator.context, operator.stamped(given), { name, cidr: "10.0.0.0/16" });
    return vpc.name;
  }

  async function listVpcNames(): Promise<string[]> {
    const rows = await store.db.sql.selectFrom("vpcs").select("name").orderBy("id").execute();
    return rows.map((row) => row.name);
  }

  it("lets a request pass once, and nothing of the second is done", async () => {
    await makeVpc("first");
    const refusal = await awaitRefusal(makeVpc("second"));
    expect(refusal.kind).toBe("request-replayed");
    expect(await listVpcNames()).toEqual(["first"]);
  });

  it("is remembered by the database, not by the process", async () => {
    await makeVpc("first");
    const other = await database.openAgain();
    const later = await makeOperator(other);
    const again = createVpc(later.context, later.stamped(stamp), { name: "second", cidr: "10.0.0.0/16" });
    expect((await awaitRefusal(again)).kind).toBe("request-replayed");
  });

  it("lets exactly one of many pass that come at the same moment", async () => {
    const results = await Promise.allSettled(Array.from({ length: 50 }, (_, index) => makeVpc(`vpc ${index}`)));
    const passed = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    expect(passed).toHaveLength(1);
    expect(await listVpcNames()).toEqual(passed);
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason).toMatchObject({ kind: "request-replayed" });
    }
  });

  it("is not used up by a request that was refused", async () => {
    await makeVpc("taken", { ...stamp, mac: "b3RoZXI=" });
    expect((await awaitRefusal(makeVpc("taken"))).kind).toBe("vpc-name-in-use");
    expect(await makeVpc("free")).toBe("free");
  });

  it.each<[string, Partial<RequestStamp>]>([
    ["another key", { secretId: "AKIDtwo" }],
    ["another HMAC", { mac: "b3RoZXI=" }],
  ])("is another one with %s", async (_what, change) => {
    await makeVpc("first");
    expect(await makeVpc("second", { ...stamp, ...change })).toBe("second");
  });

  it("is kept up to the second in which it still counts, and no longer", async () => {
    for (const [index, mac] of ["a", "b", "c"].entries()) {
      await store.transaction((db) => insertRequestStamp(db, { ...stamp, mac, expiresAt: 8_200 + index }));
    }
    const listSeconds = async () => {
      const rows = await store.db.sql.selectFrom("request_stamps").select("expires_at").orderBy("expires_at").execute();
      return rows.map((row) => row.expires_at);
    };
    await store.transaction((db) => deleteExpiredStamps(db, 8_200));
    expect(await listSeconds()).toEqual([8_200, 8_201, 8_202]);
    await store.transaction((db) => deleteExpiredStamps(db, 8_201));
    expect(await listSeconds()).toEqual([8_201, 8_202]);
    await store.transaction((db) => deleteExpiredStamps(db, 9_000));
    expect(await listSeconds()).toEqual([]);
  });
});
