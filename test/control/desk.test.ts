// The desk over a real store: who is let in, what a host is told, and what becomes of a report that it has given up.
import { afterEach, beforeEach, expect, it } from "vitest";
import { RemoteControl } from "../../src/control/remote/remote-control.ts";
import { createHost } from "../../src/operations/hosts.ts";
import { makeDesk } from "../../src/roles/desk.ts";
import { grantLeases } from "../../src/store/gateway-leases.ts";
import { findHost, placementTurn } from "../../src/store/hosts.ts";
import type { Store } from "../../src/store/store.ts";
import { listSaCounters } from "../../src/store/traffic.ts";
import { Secret } from "../../src/vpn/secret.ts";
import { makeSqlite, type TestDatabase } from "../store/databases.ts";
import { placeOf, startNode, type TestNode } from "../support/host-desk.ts";
import { makeConn, makeOperator, makePlace } from "../support/operations.ts";
import { waitFor } from "../support/wait-for.ts";

let database: TestDatabase;
let store: Store;
let node: TestNode;
let remotes: RemoteControl[];
let token: Secret;
let gatewayId: number;
let connId: number;
/** How often it was said that there may be something to give away. */
let freed: number;

beforeEach(async () => {
  database = await makeSqlite();
  store = database.store;
  freed = 0;
  const onFree = () => {
    freed += 1;
  };
  const deskOf = (board: TestNode["board"]) => makeDesk({ store, clock: Date.now, termMs: 30_000, board, onFree });
  node = await startNode(
    () => {
      throw new TypeError("nobody asks for it");
    },
    { deskOf },
  );
  remotes = [];
  token = await createHost(store, { name: "one", labels: {}, capacity: 0 }, 0);
  const operator = await makeOperator(store);
  const place = await makePlace(operator);
  await makeConn(operator, place);
  gatewayId = place.vpnGw.id;
  const host = await findHost(store.db, "one");
  await store.transaction((db) => grantLeases(db, host?.id ?? 0, [gatewayId]), "at-once", placementTurn);
  connId = (await store.db.sql.selectFrom("vpn_conns").select("id").executeTakeFirstOrThrow()).id;
});
afterEach(async () => {
  for (const remote of remotes) remote.close();
  await node.stop();
  await database.remove();
});

async function connect(change: object, silenceMs = 10_000): Promise<RemoteControl> {
  const remote = new RemoteControl({ ...(await placeOf(node.endpoint)), token, ...change }, { silenceMs });
  remotes.push(remote);
  return remote;
}

const counted = () => {
  const counter = { connId, spi: "a", bytesIn: 1, bytesOut: 1, seenAtMs: 300_000 };
  return [{ counter, fromMs: 300_000 }];
};

it("lets a host in by its token, tells it what it has, and takes its reports while it has it", async () => {
  const remote = await connect({});
  await expect(remote.addTraffic(gatewayId, counted())).rejects.toMatchObject({ kind: "not-held" });
  expect(await remote.renew()).toEqual({ termMs: 30_000, gatewayIds: [gatewayId], leavingIds: [] });
  await remote.addTraffic(gatewayId, counted());
  expect(await listSaCounters(store.db, gatewayId)).toHaveLength(1);
  await remote.release(gatewayId);
  await expect(remote.addTraffic(gatewayId, counted())).rejects.toMatchObject({ kind: "not-held" });
  expect(await remote.readGateway(gatewayId, 0)).toBeUndefined();
});

it("lets nobody in with another token, and one data directory at a time", async () => {
  await (await connect({})).renew();
  const stranger = await connect({ token: new Secret("not-the-token-of-any") });
  await expect(stranger.renew()).rejects.toMatchObject({ kind: "refused" });
  const elsewhere = await connect({ session: "another" });
  await expect(elsewhere.renew()).rejects.toMatchObject({ kind: "refused" });
});

it("records nothing that the host has given up before it was begun", async () => {
  const remote = await connect({}, 300);
  await remote.renew();
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const holder = store.transaction(() => held);
  await expect(remote.addTraffic(gatewayId, counted())).rejects.toMatchObject({ kind: "unavailable" });
  letGo();
  await holder;
  await waitFor(() => node.lines.some((line) => line.includes("the host has not waited for the answer")), {
    what: "the report to be refused",
  });
  expect(await listSaCounters(store.db, gatewayId)).toEqual([]);
  await remote.addTraffic(gatewayId, counted());
  expect(await listSaCounters(store.db, gatewayId)).toHaveLength(1);
});

it("placement is told when a host lets go of a gateway, or is about to stop", async () => {
  const remote = await connect({});
  await remote.renew();
  expect(freed).toBe(0);
  await remote.release(gatewayId);
  expect(freed).toBe(1);
  expect(await remote.renew(true)).toEqual({ termMs: 30_000, gatewayIds: [], leavingIds: [], mayEnd: false });
  expect(freed).toBe(2);
});
