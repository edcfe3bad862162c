// Traffic of channels: slots that are added to, counters that are written over, and what goes when.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/store/store.ts";
import {
  addTraffic,
  deleteSaCounter,
  deleteTrafficBefore,
  deleteTrafficOf,
  listSaCounters,
  listTraffic,
  saveSaCounter,
} from "../../src/store/traffic.ts";
import { deleteVpnConn } from "../../src/store/vpn-conns.ts";
import { slotMs } from "../../src/vpn/traffic.ts";
import { databases, type TestDatabase } from "./databases.ts";
import { addUserGw, addVpc, addVpnConn, addVpnGw, createdAtMs, makeOwner, runAndTakeBack } from "./rows.ts";

/** The beginning of a slot. */
const base = createdAtMs;
const always = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
/** More than 32 bits hold. */
const many = 5_000_000_000_000;

describe.each(databases)("traffic on $name", (kind) => {
  let database: TestDatabase;
  let store: Store;
  let vpnGwId: number;
  let [connId, otherId]: [number, number] = [0, 0];

  beforeEach(async () => {
    database = await kind.make();
    store = database.store;
    await store.transaction(async (db) => {
      const owner = await makeOwner(db);
      const vpc = await addVpc(db, owner);
      vpnGwId = await addVpnGw(db, owner, vpc);
      const place = { vpc, vpnGwId, userGw: await addUserGw(db, owner) };
      connId = await addVpnConn(db, owner, place);
      otherId = await addVpnConn(db, owner, place);
    });
  });
  afterEach(() => database.remove());

  const add = (id: number, startsAtMs: number, bytesIn: number, bytesOut: number) =>
    store.transaction((db) => addTraffic(db, id, { startsAtMs, bytesIn, bytesOut }));

  it("is added up in its slot, each channel's apart", async () => {
    await add(connId, base, many, 2);
    await add(connId, base, 3, many);
    await add(connId, base + slotMs, 5, 6);
    await add(otherId, base, 7, 8);
    expect(await listTraffic(store.db, connId, always)).toEqual([
      { startsAtMs: base, bytesIn: many + 3, bytesOut: many + 2 },
      { startsAtMs: base + slotMs, bytesIn: 5, bytesOut: 6 },
    ]);
    expect(await listTraffic(store.db, otherId, always)).toEqual([{ startsAtMs: base, bytesIn: 7, bytesOut: 8 }]);
  });

  it("is listed by the slots that lie in a span, in part or whole", async () => {
    for (const index of [3, 1, 2, 0]) await add(connId, base + index * slotMs, index, 0);
    const listed = async (fromMs: number, toMs: number) =>
      (await listTraffic(store.db, connId, { fromMs, toMs })).map(({ startsAtMs }) => (startsAtMs - base) / slotMs);
    expect(await listed(base + slotMs, base + 3 * slotMs)).toEqual([1, 2]);
    expect(await listed(base + slotMs - 1, base + 3 * slotMs + 1)).toEqual([0, 1, 2, 3]);
    expect(await listed(base, base)).toEqual([]);
  });

  it("goes when it is old, an hour of slots at a time, the oldest first", async () => {
    for (let index = 0; index < 30; index += 1) await add(index % 2 ? connId : otherId, base + index * slotMs, 1, 1);
    const count = async () =>
      (await Promise.all([connId, otherId].map((id) => listTraffic(store.db, id, always)))).flat().length;
    const clean = () => store.transaction((db) => deleteTrafficBefore(db, base + 20 * slotMs));
    await clean();
    expect(await count()).toBe(18);
    await clean();
    await clean();
    expect(await count()).toBe(10);
    const [oldest] = await listTraffic(store.db, otherId, always);
    expect(oldest?.startsAtMs).toBe(base + 20 * slotMs);
  });

  it("is not deleted where there is none", async () => {
    await store.transaction((db) => deleteTrafficBefore(db, base));
    expect(await listTraffic(store.db, connId, always)).toEqual([]);
  });

  it("has counters by gateway that are written over, and forgotten one by one", async () => {
    const counter = { connId, spi: "c4eac43a", bytesIn: 1, bytesOut: 2, seenAtMs: base };
    const later = { ...counter, bytesIn: many, bytesOut: many + 1, seenAtMs: base + 1 };
    const other = { ...counter, connId: otherId, spi: "09e4f111" };
    await store.transaction(async (db) => {
      for (const each of [counter, other, later]) await saveSaCounter(db, each);
    });
    const counters = async (id = vpnGwId) =>
      (await listSaCounters(store.db, id)).toSorted((a, b) => a.connId - b.connId);
    expect(await counters()).toEqual([later, other]);
    expect(await counters(vpnGwId + 1)).toEqual([]);
    await store.transaction((db) => deleteSaCounter(db, other));
    expect(await counters()).toEqual([later]);
  });

  it("goes with its channel, and only its own", async () => {
    for (const id of [connId, otherId]) {
      await add(id, base, 1, 1);
      await store.transaction((db) =>
        saveSaCounter(db, { connId: id, spi: "a", bytesIn: 1, bytesOut: 1, seenAtMs: base }),
      );
    }
    await runAndTakeBack(store, (db) => deleteTrafficOf(db, otherId));
    await store.transaction((db) => deleteVpnConn(db, connId));
    expect(await listTraffic(store.db, connId, always)).toEqual([]);
    expect(await listTraffic(store.db, otherId, always)).toHaveLength(1);
    expect((await listSaCounters(store.db, vpnGwId)).map((each) => each.connId)).toEqual([otherId]);
    const left = await store.db.sql.selectFrom("sa_counters").select("vpn_conn_id").execute();
    expect(left).toEqual([{ vpn_conn_id: otherId }]);
  });
});
