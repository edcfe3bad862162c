import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { databases, type TestDatabase } from "../../../test/store/databases.ts";
import { addVpc, addVpnGw, createdAtMs, makeOwner } from "../../../test/store/rows.ts";
import { freeLeasesOf, grantLeases, markLeaving } from "../../store/gateway-leases.ts";
import { endSession, insertHost, listHosts, placementTurn, setHostState } from "../../store/hosts.ts";
import { endMoves } from "../../store/placing.ts";
import type { Db, Store } from "../../store/store.ts";
import { findVpnGwById, recordVpnGwStatus } from "../../store/vpn-gws.ts";
import { HostLeases } from "./host-leases.ts";

const termMs = 30_000;

describe.each(databases)("the leases of a host on $name", (kind) => {
  let database: TestDatabase;
  let store: Store;
  let one: number;
  let two: number;
  let gateways: number[];

  beforeEach(async () => {
    database = await kind.make();
    store = database.store;
    const add = (name: string) =>
      store.transaction((db) => insertHost(db, { name, tokenDigest: undefined, labels: {}, capacity: 0, createdAtMs }));
    [one, two] = [await add("one"), await add("two")];
    const owner = await makeOwner(store.db);
    const vpc = await addVpc(store.db, owner);
    gateways = [await addVpnGw(store.db, owner, vpc), await addVpnGw(store.db, owner, vpc)];
  });
  afterEach(() => database.remove());

  const place = <T>(work: (db: Db) => Promise<T>) => store.transaction(work, "at-once", placementTurn);
  const book = (hostId: number, session = "a", fences?: ReadonlyMap<number, number>) =>
    new HostLeases({ store, host: { hostId, session }, termMs, fences });
  /** What placement does with a host that it has not heard of. */
  const expire = (hostId: number) =>
    place(async (db) => {
      const host = (await listHosts(db)).find((each) => each.id === hostId);
      await endSession(db, hostId, host?.renewals ?? 0);
      await freeLeasesOf(db, hostId);
    });
  const check = (leases: HostLeases, gatewayId: number) => store.transaction((db) => leases.check(db, gatewayId));
  const notHeld = { name: "ControlError", kind: "not-held" };

  it("are those that it was given, and those that it is to leave", async () => {
    const leases = book(one);
    expect(await leases.renew()).toEqual({ termMs, gatewayIds: [], leavingIds: [] });
    await place((db) => grantLeases(db, one, gateways));
    expect(await leases.renew()).toEqual({ termMs, gatewayIds: gateways, leavingIds: [] });
    const [first = 0, second = 0] = gateways;
    await place((db) => markLeaving(db, first, one));
    expect(await leases.renew()).toEqual({ termMs, gatewayIds: [second], leavingIds: [first] });
    expect([...leases.fences]).toEqual([
      [first, 1],
      [second, 1],
    ]);
    expect(await listHosts(store.db)).toMatchObject([{ renewals: 3, session: "a" }, { renewals: 0 }]);
    expect(await book(two).renew()).toEqual({ termMs, gatewayIds: [], leavingIds: [] });
  });

  it("are refused to another session until the first has expired, and to a host that there is not", async () => {
    await place((db) => grantLeases(db, one, gateways));
    await book(one).renew();
    const refused = { name: "ControlError", kind: "refused" };
    await expect(book(one, "b").renew()).rejects.toMatchObject(refused);
    await expect(book(two + 1).renew()).rejects.toMatchObject(refused);
    expect(await listHosts(store.db)).toMatchObject([{ renewals: 1 }, { renewals: 0 }]);
    await expire(one);
    expect((await book(one, "b").renew()).gatewayIds).toEqual([]);
    await expect(book(one).renew()).rejects.toMatchObject(refused);
  });

  it("are its own to report on and to read of, as it was told them, and as long as it has them", async () => {
    const [first = 0, second = 0] = gateways;
    const leases = book(one);
    await place((db) => grantLeases(db, one, [first]));
    // It has not been told yet.
    await expect(check(leases, first)).rejects.toMatchObject(notHeld);
    expect(await leases.isHeld(store.db, first)).toBe(false);
    await leases.renew();
    await check(leases, first);
    expect(await leases.isHeld(store.db, first)).toBe(true);
    await expect(check(leases, second)).rejects.toMatchObject(notHeld);
    expect(await leases.isHeld(store.db, second)).toBe(false);
    await place((db) => markLeaving(db, first, one));
    await leases.renew();
    await check(leases, first);
    await expire(one);
    await expect(check(leases, first)).rejects.toMatchObject(notHeld);

    // It came back in between: what the host says of the time before is of no use.
    const before = leases.fences;
    await place((db) => grantLeases(db, one, [first]));
    await expect(check(leases, first)).rejects.toMatchObject(notHeld);
    expect(await leases.isHeld(store.db, first)).toBe(false);
    await leases.renew();
    await check(leases, first);
    await expect(check(book(one, "a", before), first)).rejects.toMatchObject(notHeld);
    await check(book(one, "a", leases.fences), first);
    await expect(check(book(two, "a", leases.fences), first)).rejects.toMatchObject(notHeld);
  });

  it("are released once, by who holds them", async () => {
    const [first = 0, second = 0] = gateways;
    const leases = book(one);
    await place((db) => grantLeases(db, one, gateways));
    await expect(leases.release(first)).rejects.toMatchObject(notHeld);
    await leases.renew();
    await expect(book(two, "a", leases.fences).release(first)).rejects.toMatchObject(notHeld);
    await leases.release(first);
    await expect(leases.release(first)).rejects.toMatchObject(notHeld);
    await expect(check(leases, first)).rejects.toMatchObject(notHeld);
    expect((await leases.renew()).gatewayIds).toEqual([second]);
    await place((db) => grantLeases(db, two, [first]));
    expect((await leases.renew()).gatewayIds).toEqual([second]);
  });

  describe("that is about to stop", () => {
    const stopping = async () => (await listHosts(store.db)).map(({ isStopping }) => isStopping);
    const mayEnd = async () => (await book(one).renew(true)).mayEnd;

    it("are remembered as such until it renews without saying so, as its new process does", async () => {
      await book(one).renew(true);
      await book(two).renew();
      expect(await stopping()).toEqual([true, false]);
      expect(await book(one).renew()).not.toHaveProperty("mayEnd");
      expect(await stopping()).toEqual([false, false]);
    });

    it("may be kept at once where no other host takes gateways", async () => {
      await place((db) => grantLeases(db, one, gateways));
      expect(await mayEnd()).toBe(true);
      await book(two).renew();
      expect(await mayEnd()).toBe(false);
      await book(two).renew(true);
      expect(await mayEnd()).toBe(true);
      await book(two).renew();
      await place((db) => setHostState(db, two, "cordoned"));
      expect(await mayEnd()).toBe(true);
    });

    it("have come to their end when what it left runs elsewhere", async () => {
      const [first = 0] = gateways;
      await place((db) => grantLeases(db, one, [first]));
      await book(two).renew();
      const leases = book(one);
      await leases.renew();
      await place((db) => markLeaving(db, first, one));
      expect(await mayEnd()).toBe(false);
      await leases.release(first);
      expect(await mayEnd()).toBe(false);
      await place((db) => grantLeases(db, two, [first]));
      expect(await mayEnd()).toBe(false);
      const found = await findVpnGwById(store.db, first);
      if (found === undefined) throw new TypeError("it was just made");
      await recordVpnGwStatus(store.db, found.vpnGw, { status: "running", failure: undefined });
      await place(endMoves);
      expect(await mayEnd()).toBe(true);
    });
  });
});
