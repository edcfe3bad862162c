// What the database itself holds to, whatever the operations have overlooked: unique names, addresses, ids; references.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { violatedIndex } from "../../src/store/errors.ts";
import type { Db, Store } from "../../src/store/store.ts";
import { deleteSubnetsOfVpc, insertSubnet } from "../../src/store/subnets.ts";
import { deleteUserGw } from "../../src/store/user-gws.ts";
import { countByVpc, deleteVpc } from "../../src/store/vpcs.ts";
import { deleteVpnConn, isConnNameTaken, renameVpnConn } from "../../src/store/vpn-conns.ts";
import { deleteVpnGw } from "../../src/store/vpn-gws.ts";
import { databases, type TestDatabase } from "./databases.ts";
import { addUserGw, addVpc, addVpnConn, addVpnGw, makeOwner } from "./rows.ts";

describe.each(databases)("the tables on $name", (kind) => {
  let database: TestDatabase;
  let store: Store;

  beforeEach(async () => {
    database = await kind.make();
    store = database.store;
  });
  afterEach(() => database.remove());

  /** The columns of the index that refuses it. */
  async function refusedBy(work: (db: Db) => Promise<unknown>): Promise<string | undefined> {
    try {
      await store.transaction(work);
    } catch (error) {
      return violatedIndex(error) ?? `no index, but ${error}`;
    }
    return undefined;
  }

  it("have each VPC's name once in an account and region, where it has to be unique", async () => {
    const owner = await makeOwner(store.db);
    const name = "one";
    await addVpc(store.db, owner, { name });
    const columns = "vpcs.account_id, vpcs.region, vpcs.name_key";
    expect(await refusedBy((db) => addVpc(db, owner, { name }))).toBe(columns);
    expect(await refusedBy((db) => addVpc(db, owner, { name: "ONE" }))).toBeUndefined();
    expect(await refusedBy((db) => addVpc(db, { ...owner, region: "bj" }, { name }))).toBeUndefined();
    expect(await refusedBy(async (db) => addVpc(db, await makeOwner(db, "other"), { name }))).toBeUndefined();
    expect(await refusedBy((db) => addVpc(db, owner, { name, isNameUnique: false }))).toBeUndefined();
    expect(await refusedBy((db) => addVpc(db, owner, { name, isNameUnique: false }))).toBeUndefined();
  });

  it("have each subnet's name once in a VPC, and hold on to the VPC", async () => {
    const owner = await makeOwner(store.db);
    const [vpc, other] = [await addVpc(store.db, owner), await addVpc(store.db, owner)];
    const add = (db: Db, vpcId: number, uid: string) =>
      insertSubnet(db, { ...owner, uid, name: "one", createdAtMs: 0, vpcId, cidr: "10.0.0.0/24", zone: "1" });
    await add(store.db, vpc.id, "subnet-1");
    expect(await refusedBy((db) => add(db, vpc.id, "subnet-2"))).toBe("subnets.vpc_id, subnets.name");
    expect(await refusedBy((db) => add(db, other.id, "subnet-1"))).toBe("subnets.uid");
    expect(await refusedBy((db) => add(db, other.id, "subnet-3"))).toBeUndefined();
    await expect(store.transaction((db) => deleteVpc(db, vpc.id))).rejects.toThrow(/FOREIGN KEY/i);
    await store.transaction(async (db) => {
      await deleteSubnetsOfVpc(db, vpc.id);
      await deleteVpc(db, vpc.id);
    });
    expect(await countByVpc(store.db, "subnets", [vpc.id, other.id])).toEqual(new Map([[other.id, 1]]));
  });

  it("have each peer's address once in an account and region, where it has to be unique", async () => {
    const owner = await makeOwner(store.db);
    const address = "198.51.100.7";
    await addUserGw(store.db, owner, { address });
    const columns = "user_gws.account_id, user_gws.region, user_gws.address_key";
    expect(await refusedBy((db) => addUserGw(db, owner, { address }))).toBe(columns);
    expect(await refusedBy((db) => addUserGw(db, { ...owner, region: "bj" }, { address }))).toBeUndefined();
    expect(await refusedBy((db) => addUserGw(db, owner, { address, isAddressUnique: false }))).toBeUndefined();
  });

  it("have each public address once, whoever has it", async () => {
    const publicAddress = 0xc633_640a;
    const [one, other] = [await makeOwner(store.db, "one"), await makeOwner(store.db, "other")];
    await addVpnGw(store.db, one, await addVpc(store.db, one), { publicAddress });
    const vpc = await addVpc(store.db, other);
    expect(await refusedBy((db) => addVpnGw(db, other, vpc, { publicAddress }))).toBe("vpn_gws.public_address");
    expect(await refusedBy((db) => addVpnGw(db, other, vpc, { publicAddress: publicAddress + 1 }))).toBeUndefined();
  });

  describe("of channels", () => {
    async function makePlace(region = "gz") {
      const owner = await makeOwner(store.db, "account", region);
      const vpc = await addVpc(store.db, owner);
      const vpnGwId = await addVpnGw(store.db, owner, vpc);
      return { owner, vpc, vpnGwId, userGw: await addUserGw(store.db, owner) };
    }

    it("have each name once in a VPC, where it has to be unique, also after a change of name", async () => {
      const place = await makePlace();
      const elsewhere = await makePlace();
      const name = "one";
      const id = await addVpnConn(store.db, place.owner, place, { name });
      expect(await isConnNameTaken(store.db, place.vpc.id, name)).toBe(true);
      const columns = "vpn_conns.vpc_id, vpn_conns.name_key";
      expect(await refusedBy((db) => addVpnConn(db, place.owner, place, { name }))).toBe(columns);
      expect(await refusedBy((db) => addVpnConn(db, place.owner, elsewhere, { name }))).toBeUndefined();
      const other = await addVpnConn(store.db, place.owner, place);
      expect(await refusedBy((db) => renameVpnConn(db, other, name, { isUnique: true }))).toBe(columns);
      expect(await refusedBy((db) => renameVpnConn(db, other, name, { isUnique: false }))).toBeUndefined();
      await store.transaction((db) => deleteVpnConn(db, id));
      expect(await isConnNameTaken(store.db, place.vpc.id, name)).toBe(false);
      expect(await refusedBy((db) => addVpnConn(db, place.owner, place, { name }))).toBeUndefined();
    });

    it("hold on to what they refer to", async () => {
      const place = await makePlace();
      const id = await addVpnConn(store.db, place.owner, place);
      for (const remove of [
        (db: Db) => deleteVpc(db, place.vpc.id),
        (db: Db) => deleteVpnGw(db, place.vpnGwId),
        (db: Db) => deleteUserGw(db, place.userGw.id),
      ]) {
        await expect(store.transaction(remove)).rejects.toThrow(/FOREIGN KEY/i);
      }
      await store.transaction(async (db) => {
        await deleteVpnConn(db, id);
        await deleteVpnGw(db, place.vpnGwId);
        await deleteVpc(db, place.vpc.id);
        await deleteUserGw(db, place.userGw.id);
      });
    });

    it("never have a number twice, not even that of the last one, when it is gone", async () => {
      const place = await makePlace();
      const first = await addVpnConn(store.db, place.owner, place);
      await store.transaction((db) => deleteVpnConn(db, first));
      expect(await addVpnConn(store.db, place.owner, place)).toBeGreaterThan(first);
    });
  });

  it("are not the cause of every error", () => {
    expect(violatedIndex(new Error("UNIQUE constraint failed: a.b"))).toBeUndefined();
    expect(violatedIndex("UNIQUE constraint failed: a.b")).toBeUndefined();
    expect(violatedIndex(Object.assign(new Error("no"), { code: "SQLITE_BUSY" }))).toBeUndefined();
  });
});
