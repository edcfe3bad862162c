// What operations and the loop write about gateways, channels and tasks: neither overwrites what the other has changed meanwhile.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { findIkeNeighbour } from "../../src/store/ike-neighbours.ts";
import type { Store } from "../../src/store/store.ts";
import {
  deleteTasksFinishedBefore,
  findTask,
  finishTasks,
  insertTask,
  listRunningTasks,
} from "../../src/store/tasks.ts";
import {
  findVpnConn,
  insertVpnConn,
  listChangedConns,
  listNetStatuses,
  recordConnStatus,
  recordNetStatus,
  setConnStatus,
} from "../../src/store/vpn-conns.ts";
import {
  findVpnGwById,
  raiseGeneration,
  recordVpnGwStatus,
  setGwObservedGeneration,
  setVpnGwStatus,
} from "../../src/store/vpn-gws.ts";
import type { UserGw, Vpc, VpnGw } from "../../src/vpn/entities.ts";
import type { Owner } from "../../src/vpn/listing.ts";
import { Secret } from "../../src/vpn/secret.ts";
import { vpnConnStatuses } from "../../src/vpn/status.ts";
import { databases, type TestDatabase } from "./databases.ts";
import { addUserGw, addVpc, addVpnConn, addVpnGw, createdAtMs, makeOwner, nextNumber } from "./rows.ts";

describe.each(databases)("on $name", (kind) => {
  let database: TestDatabase;
  let store: Store;
  let owner: Owner;
  let vpc: Vpc;
  let userGw: UserGw;
  let vpnGwId: number;

  beforeAll(async () => {
    database = await kind.make();
    store = database.store;
    owner = await makeOwner(store.db);
    vpc = await addVpc(store.db, owner);
    userGw = await addUserGw(store.db, owner);
  });
  beforeEach(async () => {
    vpnGwId = await addVpnGw(store.db, owner, vpc);
  });
  afterAll(() => database.remove());

  async function readGw(): Promise<VpnGw> {
    const found = await findVpnGwById(store.db, vpnGwId);
    if (found === undefined) throw new TypeError("it was just made");
    return found.vpnGw;
  }

  function addConn(given: Parameters<typeof addVpnConn>[3] = {}): Promise<number> {
    return addVpnConn(store.db, owner, { vpc, vpnGwId, userGw }, given);
  }

  async function readConn(id: number) {
    const found = await findVpnConn(store.db, owner, { number: id });
    if (found === undefined) throw new TypeError("it was just made");
    return found;
  }

  describe("a gateway", () => {
    it("begins with generation 1, which every change raises by one", async () => {
      expect(await readGw()).toMatchObject({ status: "delivering", generation: 1, failure: undefined });
      const raised = await Promise.all(
        Array.from({ length: 20 }, () => store.transaction((db) => raiseGeneration(db, vpnGwId))),
      );
      expect(raised).toEqual(Array.from({ length: 20 }, (_, index) => index + 2));
    });

    it("has the status that the loop found, if it is still what the loop had read", async () => {
      const read = await readGw();
      await recordVpnGwStatus(store.db, read, { status: "delivery-failed", failure: "no room" });
      expect(await readGw()).toMatchObject({ status: "delivery-failed", failure: "no room" });
      // The loop still works from what it read first.
      await recordVpnGwStatus(store.db, read, { status: "running", failure: undefined });
      expect(await readGw()).toMatchObject({ status: "delivery-failed", failure: "no room" });
    });

    it("that is to be deleted stays so, whatever the loop found meanwhile", async () => {
      const read = await readGw();
      await setVpnGwStatus(store.db, vpnGwId, "deleting");
      await recordVpnGwStatus(store.db, read, { status: "running", failure: undefined });
      expect((await readGw()).status).toBe("deleting");
    });

    it("has an observed generation that never goes back", async () => {
      const observed = async () => {
        const query = store.db.sql.selectFrom("vpn_gws").select("observed_generation").where("id", "=", vpnGwId);
        return (await query.executeTakeFirstOrThrow()).observed_generation;
      };
      expect(await observed()).toBe(0);
      for (const [generation, expected] of [
        [3, 3],
        [2, 3],
        [3, 3],
        [4, 4],
      ] as const) {
        await setGwObservedGeneration(store.db, vpnGwId, generation);
        expect(await observed()).toBe(expected);
      }
    });

    it("that is not there is undefined", async () => {
      expect(await findVpnGwById(store.db, 404_404)).toBeUndefined();
    });
  });

  describe("a channel", () => {
    it("is read as it was written, its key too", async () => {
      const number = nextNumber();
      const conn = {
        ...owner,
        uid: `vpnx-${number}`,
        name: "北京 'x' %",
        createdAtMs,
        vpcId: vpc.id,
        vpnGwId,
        userGwId: userGw.id,
        ike: {
          encryption: "aes256",
          integrity: "sha1",
          exchangeMode: "aggressive",
          dhGroup: 24,
          lifetimeSeconds: 604_800,
          localIdentity: { type: "fqdn", value: "vpn86" },
          remoteIdentity: { type: "address", value: "192.0.2.1" },
        },
        ipsec: {
          encryption: "null",
          integrity: "md5",
          lifetimeSeconds: 180,
          lifetimeKilobytes: 4_294_967_295,
          pfsGroup: undefined,
        },
        spds: [{ local: "10.0.0.0/24", peers: ["192.168.0.0/24", "192.168.1.0/24"] }],
        ikeGeneration: 5,
        ipsecGeneration: 6,
        status: "creating",
        generation: 7,
      } as const;
      const key = "d!@#12d 密码 \"'";
      const id = await insertVpnConn(store.db, { ...conn, preSharedKey: new Secret(key) }, "i", { isUnique: true });
      const { preSharedKey, ...read } = await readConn(id);
      expect(read).toEqual({ ...conn, id, failure: undefined });
      expect(preSharedKey.reveal()).toBe(key);
    });

    it("has the status that came of its latest change, and of no earlier one", async () => {
      const id = await addConn({ generation: 2 });
      await recordConnStatus(store.db, id, { status: "create-failed", failure: "refused", generation: 2 });
      expect(await readConn(id)).toMatchObject({ status: "create-failed", failure: "refused", generation: 2 });
      await setConnStatus(store.db, id, "deleting", 3);
      expect(await readConn(id)).toMatchObject({ status: "deleting", failure: undefined, generation: 3 });
      await recordConnStatus(store.db, id, { status: "running", failure: undefined, generation: 2 });
      expect((await readConn(id)).status).toBe("deleting");
    });

    it("is told to the loop when it has changed since, in the order of changes, leaving or not", async () => {
      const [a, b, c] = [
        await addConn({ generation: 2 }),
        await addConn({ generation: 3 }),
        await addConn({ generation: 4 }),
      ];
      const changedAfter = async (generation: number) =>
        (await listChangedConns(store.db, vpnGwId, generation)).map(({ conn }) => conn.id);
      expect(await changedAfter(0)).toEqual([a, b, c]);
      expect(await changedAfter(3)).toEqual([c]);
      expect(await changedAfter(4)).toEqual([]);
      await setConnStatus(store.db, a, "deleting", 5);
      expect(await changedAfter(3)).toEqual([c, a]);
      const [row] = await listChangedConns(store.db, vpnGwId, 4);
      expect(row).toMatchObject({ peerAddress: userGw.address, conn: { id: a, status: "deleting" } });
    });

    it("is a neighbour of those on its gateway with its peer, unless it is on its way out", async () => {
      const ikeIdentity = "192.0.2.1|a|b";
      const id = await addConn({ ikeIdentity });
      const { uid } = await readConn(id);
      const find = async (identity: string, given: { vpnGwId?: number; ownId?: number } = {}) => {
        const found = await findIkeNeighbour(store.db, { vpnGwId, ownId: 0, ikeIdentity: identity, ...given });
        return found === undefined ? undefined : [found.uid, found.isSameIdentity];
      };
      for (const status of vpnConnStatuses) {
        await setConnStatus(store.db, id, status, 2);
        const isLeaving = status === "deleting" || status === "delete-failed";
        expect([status, await find(ikeIdentity)]).toEqual([status, isLeaving ? undefined : [uid, true]]);
        expect([status, await find("192.0.2.1|a|c")]).toEqual([status, isLeaving ? undefined : [uid, false]]);
      }
      await setConnStatus(store.db, id, "running", 2);
      for (const other of ["192.0.2.10|a|b", "192.0.2.2|a|b", "192.0.2|a|b"]) expect(await find(other)).toBeUndefined();
      expect(await find(ikeIdentity, { vpnGwId: vpnGwId + 1 })).toBeUndefined();
      expect(await find(ikeIdentity, { ownId: id })).toBeUndefined();
      const same = await readConn(await addConn({ ikeIdentity: "192.0.2.1|a|c" }));
      expect(await find("192.0.2.1|a|c")).toEqual([same.uid, true]);
    });

    it("is up or not as was recorded last", async () => {
      const [a, b, c] = [await addConn(), await addConn(), await addConn()];
      await recordNetStatus(store.db, a, "available", 1);
      await recordNetStatus(store.db, b, "available", 1);
      await recordNetStatus(store.db, b, "unavailable", 2);
      const statuses = await listNetStatuses(store.db, vpnGwId);
      expect(statuses).toEqual(
        new Map([
          [a, "available"],
          [b, "unavailable"],
        ]),
      );
      expect(statuses.has(c)).toBe(false);
    });
  });

  describe("a task", () => {
    function addTask(given: { vpnConnId?: number; generation?: number } = {}): Promise<number> {
      const { vpnConnId, generation = 1 } = given;
      const task = { accountId: owner.accountId, vpnGwId, action: "create-vpn-conn", createdAtMs };
      return insertTask(store.db, { ...task, vpnConnId, generation });
    }

    it("runs until it is ended, and never changes after that", async () => {
      const id = await addTask();
      expect(await findTask(store.db, owner.accountId, id)).toEqual({ id, status: "running", failure: undefined });
      await finishTasks(store.db, [id], "refused", 1_000);
      await finishTasks(store.db, [id], undefined, 2_000);
      await finishTasks(store.db, [id], "another reason", 3_000);
      expect(await findTask(store.db, owner.accountId, id)).toEqual({ id, status: "failed", failure: "refused" });
      const other = await addTask();
      await finishTasks(store.db, [other, id], undefined, 4_000);
      expect(await findTask(store.db, owner.accountId, other)).toMatchObject({ status: "succeeded" });
    });

    it("is nobody's but the account's", async () => {
      const id = await addTask();
      expect(await findTask(store.db, owner.accountId + 1, id)).toBeUndefined();
      expect(await findTask(store.db, owner.accountId, id + 1)).toBeUndefined();
    });

    it("has a number higher than all before it, also when those are gone", async () => {
      const first = await addTask();
      await finishTasks(store.db, [first], undefined, 1_000);
      await deleteTasksFinishedBefore(store.db, 1_001);
      expect(await addTask()).toBeGreaterThan(first);
    });

    it("is listed while it runs, by gateway", async () => {
      const [a, b] = [await addTask({ vpnConnId: 5, generation: 3 }), await addTask()];
      const running = await listRunningTasks(store.db, vpnGwId);
      expect(running.toSorted((one, other) => one.id - other.id)).toEqual([
        { id: a, vpnConnId: 5, generation: 3, createdAtMs },
        { id: b, vpnConnId: undefined, generation: 1, createdAtMs },
      ]);
      await finishTasks(store.db, [a], undefined, 1_000);
      expect((await listRunningTasks(store.db, vpnGwId)).map(({ id }) => id)).toEqual([b]);
      await finishTasks(store.db, [], undefined, 1_000);
      expect(await listRunningTasks(store.db, vpnGwId + 1)).toEqual([]);
    });

    it("is kept for a while after its end; one that runs is kept for ever", async () => {
      const [old, recent, running] = [await addTask(), await addTask(), await addTask()];
      await finishTasks(store.db, [old], undefined, 1_000);
      await finishTasks(store.db, [recent], "refused", 2_000);
      await deleteTasksFinishedBefore(store.db, 2_000);
      const found = await Promise.all([old, recent, running].map((id) => findTask(store.db, owner.accountId, id)));
      expect(found.map((task) => task?.status)).toEqual([undefined, "failed", "running"]);
    });
  });
});
