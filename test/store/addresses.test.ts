// What is searched by address: the next free public one, and pairs of networks that overlap. Both against the simplest way to do it.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findOverlappingPair, insertSpdPairs } from "../../src/store/spd-pairs.ts";
import type { Store } from "../../src/store/store.ts";
import { deleteVpnConn } from "../../src/store/vpn-conns.ts";
import { deleteVpnGw, findFreePublicAddress } from "../../src/store/vpn-gws.ts";
import type { Vpc } from "../../src/vpn/entities.ts";
import type { Owner } from "../../src/vpn/listing.ts";
import { formatNetwork, networkAt, overlap, parseAddress, parseNetwork, storedNetwork } from "../../src/vpn/network.ts";
import type { SpdPair } from "../../src/vpn/spd.ts";
import { databases, type TestDatabase } from "./databases.ts";
import { addUserGw, addVpc, addVpnConn, addVpnGw, makeOwner, runAndTakeBack } from "./rows.ts";

describe.each(databases)("on $name", (kind) => {
  let database: TestDatabase;
  let store: Store;
  let owner: Owner;
  let vpc: Vpc;

  beforeAll(async () => {
    database = await kind.make();
    store = database.store;
    owner = await makeOwner(store.db);
    vpc = await addVpc(store.db, owner);
  });
  afterAll(() => database.remove());

  describe("the next free public address", () => {
    // Around the middle of the address space, where numbers with a sign would change it.
    const base = 0x7fff_fff8;

    it("is the lowest of the pool that no gateway has", async () => {
      const offset = fc.integer({ min: 0, max: 15 });
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(offset), offset, offset, async (taken, a, b) => {
          const [first, last] = [base + Math.min(a, b), base + Math.max(a, b)];
          await runAndTakeBack(store, async (db) => {
            for (const each of taken) await addVpnGw(db, owner, vpc, { publicAddress: base + each });
            const all = Array.from({ length: last - first + 1 }, (_, index) => first + index);
            const lowest = all.find((address) => !taken.includes(address - base));
            expect(await findFreePublicAddress(db, first, last)).toBe(lowest);
          });
        }),
        { numRuns: 200 },
      );
    });

    it("is found at the upper end of the address space", async () => {
      const last = parseAddress("223.255.255.254") ?? 0;
      await runAndTakeBack(store, async (db) => {
        expect(await findFreePublicAddress(db, last, last)).toBe(last);
        await addVpnGw(db, owner, vpc, { publicAddress: last });
        expect(await findFreePublicAddress(db, last, last)).toBeUndefined();
        expect(await findFreePublicAddress(db, last - 1, last)).toBe(last - 1);
      });
    });

    it("is that of a gateway that has gone", async () => {
      await runAndTakeBack(store, async (db) => {
        const ids: number[] = [];
        for (const address of [base, base + 1, base + 2]) {
          ids.push(await addVpnGw(db, owner, vpc, { publicAddress: address }));
        }
        expect(await findFreePublicAddress(db, base, base + 2)).toBeUndefined();
        await deleteVpnGw(db, ids[1] ?? 0);
        expect(await findFreePublicAddress(db, base, base + 2)).toBe(base + 1);
      });
    });
  });

  describe("a pair that overlaps another one of the gateway", () => {
    let gateways: readonly [number, number];
    let conns: readonly { readonly id: number; readonly uid: string; readonly vpnGwId: number }[];

    beforeAll(async () => {
      gateways = [await addVpnGw(store.db, owner, vpc), await addVpnGw(store.db, owner, vpc)];
      const userGw = await addUserGw(store.db, owner);
      for (const vpnGwId of gateways) {
        for (let count = 0; count < 2; count += 1) await addVpnConn(store.db, owner, { vpc, vpnGwId, userGw });
      }
      const rows = await store.db.sql.selectFrom("vpn_conns").select(["id", "uid", "vpn_gw_id as vpnGwId"]).execute();
      conns = rows;
    });

    const networkIn = (first: number, last: number) =>
      fc
        .tuple(fc.integer({ min: first, max: last }), fc.integer({ min: 16, max: 32 }))
        .map(([address, prefixLength]) => networkAt(address, prefixLength));
    // The peers lie across the middle of the address space; /16 to /32 nest in every depth.
    const pair: fc.Arbitrary<SpdPair> = fc.record({
      local: networkIn(0x0a00_0000, 0x0a00_0fff),
      peer: fc.oneof(networkIn(0x7fff_f000, 0x8000_0fff), fc.constant(storedNetwork("128.0.0.0/1"))),
    });

    it("is found exactly when a comparison with each of them finds one", async () => {
      let found = 0;
      const held = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), pair), { maxLength: 12 });
      await fc.assert(
        fc.asyncProperty(held, pair, async (all, wanted) => {
          await runAndTakeBack(store, async (db) => {
            for (const [index, each] of all) {
              const conn = conns[index];
              if (conn !== undefined) await insertSpdPairs(db, conn.id, conn.vpnGwId, [each]);
            }
            for (const vpnGwId of gateways) {
              const clashes = all.flatMap(([index, each]) => {
                const conn = conns[index];
                const isClash = overlap(each.local, wanted.local) && overlap(each.peer, wanted.peer);
                if (conn?.vpnGwId !== vpnGwId || !isClash) return [];
                return [`${conn.uid} ${formatNetwork(each.local)} ${formatNetwork(each.peer)}`];
              });
              const clash = await findOverlappingPair(db, vpnGwId, wanted);
              found += clash === undefined ? 0 : 1;
              expect(clash !== undefined).toBe(clashes.length > 0);
              if (clash !== undefined) expect(clashes).toContain(`${clash.connUid} ${clash.local} ${clash.peer}`);
            }
          });
        }),
        { numRuns: 300 },
      );
      expect(found).toBeGreaterThan(30);
    });

    it.each([
      ["the same", "192.168.0.0/24", "192.168.0.0/24", true],
      ["around it", "192.168.0.0/16", "192.168.7.0/24", true],
      ["inside it", "192.168.7.128/25", "192.168.7.0/24", true],
      ["one address at its end", "192.168.7.255/32", "192.168.7.0/24", true],
      ["right before it", "192.168.6.0/24", "192.168.7.0/24", false],
      ["right behind it", "192.168.8.0/24", "192.168.7.0/24", false],
      ["with the same start, shorter", "192.168.0.0/16", "192.168.0.0/24", true],
    ])("%s", async (_what, there, wanted, isFound) => {
      const conn = conns[0] ?? { id: 0, uid: "", vpnGwId: 0 };
      const local = storedNetwork("10.0.0.0/24");
      await runAndTakeBack(store, async (db) => {
        await insertSpdPairs(db, conn.id, conn.vpnGwId, [{ local, peer: storedNetwork(there) }]);
        const clash = await findOverlappingPair(db, conn.vpnGwId, { local, peer: storedNetwork(wanted) });
        expect(clash).toEqual(isFound ? { connUid: conn.uid, local: "10.0.0.0/24", peer: there } : undefined);
        // With another local network the same two peers do not clash.
        const apart = { local: storedNetwork("10.0.1.0/24"), peer: storedNetwork(wanted) };
        expect(await findOverlappingPair(db, conn.vpnGwId, apart)).toBeUndefined();
      });
    });

    it("goes with its channel, and thousands of them are taken in one call", async () => {
      const conn = conns[0] ?? { id: 0, uid: "", vpnGwId: 0 };
      const local = storedNetwork("10.0.0.0/24");
      const peers = Array.from({ length: 2_500 }, (_, index) => networkAt(0xc000_0000 + index * 256, 24));
      await runAndTakeBack(store, async (db) => {
        await insertSpdPairs(
          db,
          conn.id,
          conn.vpnGwId,
          peers.map((peer) => ({ local, peer })),
        );
        const last = peers.at(-1) ?? storedNetwork("0.0.0.0/0");
        expect(await findOverlappingPair(db, conn.vpnGwId, { local, peer: last })).toMatchObject({ connUid: conn.uid });
        await deleteVpnConn(db, conn.id);
        expect(await findOverlappingPair(db, conn.vpnGwId, { local, peer: last })).toBeUndefined();
      });
      expect(parseNetwork("192.0.0.0/24")).toEqual(peers[0]);
    });
  });
});
