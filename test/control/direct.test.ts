// Control over a store, on both kinds of database.
import { describe, expect, it } from "vitest";
import { DirectControl } from "../../src/control/direct/direct-control.ts";
import { EternalLeases } from "../../src/control/direct/eternal-leases.ts";
import { openStore } from "../../src/store/open.ts";
import { makePostgres, makeSqlite } from "../store/databases.ts";
import { makeOperator, makePlace, makeVpnGw } from "../support/operations.ts";
import { postgresReason } from "../support/postgres-cluster.ts";
import { layPostgresWire } from "../support/postgres-wire.ts";
import { describeControl } from "./conformance.ts";
import type { Backing, ControlUnderTest } from "./scene.ts";

async function overSqlite(backing: Backing): Promise<ControlUnderTest> {
  const { store, remove } = await makeSqlite();
  return { control: new DirectControl({ store, ...backing }), store, remove };
}

/** The test's own way to the database is another one than control's, which can be cut. */
async function overPostgres(backing: Backing): Promise<ControlUnderTest> {
  const { store, url, dir, remove } = await makePostgres();
  const wire = await layPostgresWire(url);
  const far = await openStore({ data: dir, database: wire.url, masterKeyFile: "", lingerMs: 0 });
  return {
    control: new DirectControl({ store: far, ...backing }),
    store,
    silence: wire.cut,
    remove: async () => {
      await far.close();
      await wire.remove();
      await remove();
    },
  };
}

describeControl("over SQLite", overSqlite, { canBeSilenced: false });

describe.skipIf(postgresReason !== undefined)("where PostgreSQL is installed", () => {
  describeControl("over PostgreSQL", overPostgres, { canBeSilenced: true });
});

describe("the leases of a host that nobody else could replace", () => {
  it("are all gateways for good, and those that come later", async () => {
    const { store, remove } = await makeSqlite();
    const operator = await makeOperator(store);
    const { vpc, vpnGw } = await makePlace(operator);
    const leases = new EternalLeases(store);
    const control = new DirectControl({ store, clock: Date.now, leases });
    const termMs = Number.POSITIVE_INFINITY;
    expect(await control.renew()).toEqual({ termMs, gatewayIds: [vpnGw.id], leavingIds: [] });
    const later = await makeVpnGw(operator, vpc);
    expect(await control.readGateway(later.id, 0)).toMatchObject({ vpnGw: { uid: later.uid } });
    await remove();
  });
});
