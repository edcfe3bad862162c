// Diagnoses of channels and unknown peers of gateways: what is written over, what goes, and with whom.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  findDiagnoses,
  listDiagnoses,
  listUnknownPeers,
  recordDiagnoses,
  recordUnknownPeers,
} from "../../src/store/diagnoses.ts";
import type { Store } from "../../src/store/store.ts";
import { deleteVpnConn } from "../../src/store/vpn-conns.ts";
import { deleteVpnGw } from "../../src/store/vpn-gws.ts";
import type { Diagnosis, UnknownPeer } from "../../src/vpn/diagnosis.ts";
import { makeDiagnosis, makeUnknownPeer } from "../support/diagnoses.ts";
import { databases, type TestDatabase } from "./databases.ts";
import { addUserGw, addVpc, addVpnConn, addVpnGw, createdAtMs, makeOwner, runAndTakeBack } from "./rows.ts";

const silent = makeDiagnosis("peer-silent", createdAtMs, {
  said: "",
  events: [
    { atMs: createdAtMs, text: "sent the first message" },
    { atMs: createdAtMs + 1, text: "sent it again: \"'\\ 是" },
  ],
});
const mismatch = makeDiagnosis("ike-proposal", createdAtMs + 2, { events: [] });
const peer = makeUnknownPeer("203.0.113.7", createdAtMs, { count: 2 ** 33 });

describe.each(databases)("diagnoses on $name", (kind) => {
  let database: TestDatabase;
  let store: Store;
  let [vpnGwId, otherGwId]: [number, number] = [0, 0];
  let [connId, otherId]: [number, number] = [0, 0];

  beforeEach(async () => {
    database = await kind.make();
    store = database.store;
    await store.transaction(async (db) => {
      const owner = await makeOwner(db);
      const vpc = await addVpc(db, owner);
      vpnGwId = await addVpnGw(db, owner, vpc);
      otherGwId = await addVpnGw(db, owner, vpc);
      const place = { vpc, vpnGwId, userGw: await addUserGw(db, owner) };
      connId = await addVpnConn(db, owner, place);
      otherId = await addVpnConn(db, owner, place);
    });
  });
  afterEach(() => database.remove());

  const record = (...changes: [number, Diagnosis | undefined][]) =>
    store.transaction((db) => recordDiagnoses(db, new Map(changes)));
  const found = () => findDiagnoses(store.db, [connId, otherId, 99_999]);

  it("are found by channel, as they were written", async () => {
    await record([connId, silent], [otherId, mismatch]);
    expect(await found()).toEqual(
      new Map([
        [connId, silent],
        [otherId, mismatch],
      ]),
    );
    expect(await findDiagnoses(store.db, [otherId])).toEqual(new Map([[otherId, mismatch]]));
    expect(await findDiagnoses(store.db, [])).toEqual(new Map());
  });

  it("are found by gateway, those of its channels alone", async () => {
    await record([otherId, mismatch]);
    expect(await listDiagnoses(store.db, vpnGwId)).toEqual(new Map([[otherId, mismatch]]));
    expect(await listDiagnoses(store.db, otherGwId)).toEqual(new Map());
  });

  it("are written over, and taken away, each channel's apart", async () => {
    await record([connId, silent], [otherId, silent]);
    await record([connId, mismatch], [otherId, undefined]);
    expect(await found()).toEqual(new Map([[connId, mismatch]]));
    await record([otherId, undefined]);
    expect(await found()).toEqual(new Map([[connId, mismatch]]));
  });

  it("go with their channel, and only its own", async () => {
    await record([connId, silent], [otherId, mismatch]);
    await runAndTakeBack(store, (db) => deleteVpnConn(db, otherId));
    await store.transaction((db) => deleteVpnConn(db, connId));
    expect(await found()).toEqual(new Map([[otherId, mismatch]]));
  });

  it("have unknown peers beside them, by gateway, in their order, replaced as a whole", async () => {
    const second = { ...peer, address: "203.0.113.5", identity: "" };
    const replace = (id: number, peers: readonly UnknownPeer[]) =>
      store.transaction((db) => recordUnknownPeers(db, id, peers));
    await replace(vpnGwId, [peer, second]);
    await replace(otherGwId, [second, second]);
    expect(await listUnknownPeers(store.db, vpnGwId)).toEqual([peer, second]);
    await replace(vpnGwId, [{ ...peer, count: 3 }]);
    expect(await listUnknownPeers(store.db, vpnGwId)).toEqual([{ ...peer, count: 3 }]);
    await store.transaction((db) => deleteVpnGw(db, otherGwId));
    expect(await listUnknownPeers(store.db, otherGwId)).toEqual([]);
    expect(await listUnknownPeers(store.db, vpnGwId)).toHaveLength(1);
    await replace(vpnGwId, []);
    expect(await listUnknownPeers(store.db, vpnGwId)).toEqual([]);
  });
});
