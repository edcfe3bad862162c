// Sixty-four clients at the same moment, over as many servers as a database may have: what may be had once is had once, and nobody hears
// of what it took to keep it so.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RefusalKind } from "../../src/errors.ts";
import { createVpc } from "../../src/operations/create-vpc.ts";
import type { Store } from "../../src/store/store.ts";
import {
  makeConn,
  makeOperator,
  makePlace,
  makeVpnGw,
  type Operator,
  type OperatorOptions,
} from "../support/operations.ts";
import { databases, type TestDatabase } from "./databases.ts";

const clients = Array.from({ length: 64 }, (_, index) => index);

describe.each(databases)("64 clients on $name", (kind) => {
  let database: TestDatabase;
  let stores: readonly Store[];

  beforeEach(async () => {
    database = await kind.make();
    stores = kind.servers === 1 ? [database.store] : [database.store, await database.openAgain()];
  });
  afterEach(() => database.remove());

  /** An account's hand on each server. */
  async function makeOperators(options: OperatorOptions = {}): Promise<readonly Operator[]> {
    const operators: Operator[] = [];
    for (const store of stores) operators.push(await makeOperator(store, options));
    return operators;
  }

  function pickFrom<T>(all: readonly T[], index: number): T {
    return all[index % all.length] as T;
  }

  /** What those got who got something; all others must have been refused as `refusal`. */
  async function askAtOnce<T>(refusal: RefusalKind, ask: (client: number) => Promise<T>): Promise<T[]> {
    const results = await Promise.allSettled(clients.map(ask));
    for (const result of results) {
      if (result.status === "rejected") expect(result.reason).toMatchObject({ name: "ApiError", kind: refusal });
    }
    return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  }

  it("have each name once", async () => {
    const operators = await makeOperators();
    const place = await makePlace(pickFrom(operators, 0));
    const ask = (client: number) =>
      makeConn(pickFrom(operators, client), place, { name: `name ${Math.floor(client / 4)}` });
    expect(await askAtOnce("vpn-conn-name-in-use", ask)).toHaveLength(16);
    const asVpc = (client: number) =>
      createVpc(pickFrom(operators, client).context, pickFrom(operators, client).caller, {
        name: `name ${Math.floor(client / 4)}`,
        cidr: "10.0.0.0/16",
      });
    expect(await askAtOnce("vpc-name-in-use", asVpc)).toHaveLength(16);
  });

  it("have as many channels as the quota allows", async () => {
    const operators = await makeOperators({ settings: { "quota.vpnConns": "20" } });
    const places = [await makePlace(pickFrom(operators, 0)), await makePlace(pickFrom(operators, 0))];
    const ask = (client: number) => makeConn(pickFrom(operators, client), pickFrom(places, Math.floor(client / 2)));
    expect(await askAtOnce("vpn-conn-limit-exceeded", ask)).toHaveLength(20);
  });

  it("have no two channels of a gateway whose networks overlap", async () => {
    const operators = await makeOperators();
    const place = await makePlace(pickFrom(operators, 0));
    // Eight sets of eight networks, each of which holds all that are smaller.
    const ask = (client: number) =>
      makeConn(pickFrom(operators, client), place, { peers: [`100.${64 + (client >> 3)}.0.0/${16 + (client & 7)}`] });
    expect(await askAtOnce("parameter-invalid", ask)).toHaveLength(8);
  });

  it("have one signed request carried out once", async () => {
    const operators = await makeOperators();
    const stamp = { secretId: "AKIDx", mac: "m", expiresAt: 2_000_000_000 };
    const ask = (client: number) => {
      const { context, stamped } = pickFrom(operators, client);
      return createVpc(context, stamped(stamp), { name: `vpc ${client}`, cidr: "10.0.0.0/16" });
    };
    expect(await askAtOnce("request-replayed", ask)).toHaveLength(1);
  });

  it("have tasks whose numbers are one rising sequence, and changes that each have a generation of their own", async () => {
    const operators = await makeOperators();
    const places = [await makePlace(pickFrom(operators, 0)), await makePlace(pickFrom(operators, 0))];
    const ask = (client: number) => makeConn(pickFrom(operators, client), pickFrom(places, client >> 1));
    const taskIds = (await askAtOnce("parameter-invalid", ask)).map(({ taskId }) => taskId);
    expect(new Set(taskIds).size).toBe(64);
    const rows = await database.store.db.sql
      .selectFrom("tasks")
      .select(["id", "vpn_gw_id", "generation"])
      .where("vpn_conn_id", "is not", null)
      .orderBy("id")
      .execute();
    expect(rows.map(({ id }) => id)).toEqual(taskIds.toSorted((a, b) => a - b));
    for (const { vpnGw } of places) {
      const generations = rows.filter((row) => row.vpn_gw_id === vpnGw.id).map(({ generation }) => generation);
      expect(generations).toEqual(Array.from({ length: 32 }, (_, index) => index + 2));
    }
    const { taskId } = await makeConn(pickFrom(operators, 0), pickFrom(places, 0));
    expect(taskId).toBeGreaterThan(Math.max(...taskIds));
  });

  it("of four accounts have each public address once", async () => {
    const settings = { "network.publicPool": "198.51.100.10-198.51.100.25" };
    const accounts = await Promise.all(
      [0, 1, 2, 3].map(async (index) => {
        const operators = await makeOperators({ settings, account: `account ${index}` });
        const vpcs = [(await makeVpc(operators, "first")).vpc, (await makeVpc(operators, "second")).vpc];
        return { operators, vpcs };
      }),
    );
    const ask = (client: number) => {
      const { operators, vpcs } = pickFrom(accounts, client >> 1);
      return makeVpnGw(pickFrom(operators, client), pickFrom(vpcs, client >> 3));
    };
    const got = await askAtOnce("public-address-exhausted", ask);
    expect(got.map(({ publicAddress }) => publicAddress).toSorted()).toEqual(
      Array.from({ length: 16 }, (_, index) => `198.51.100.${10 + index}`),
    );
  });

  async function makeVpc(operators: readonly Operator[], name: string) {
    const { context, caller } = pickFrom(operators, 0);
    return { vpc: await createVpc(context, caller, { name, cidr: "10.0.0.0/16" }) };
  }
});
