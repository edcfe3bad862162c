// Lists: pages, orders, fuzzy names, filters, and that nobody sees another's rows. The four lists have this in common, so they are
// tested as one.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Db, Store } from "../../src/store/store.ts";
import { insertSubnet } from "../../src/store/subnets.ts";
import { insertTask } from "../../src/store/tasks.ts";
import { listUserGws } from "../../src/store/user-gws.ts";
import { countByVpc, listVpcs } from "../../src/store/vpcs.ts";
import { listVpnConnViews } from "../../src/store/vpn-conn-views.ts";
import { recordNetStatus } from "../../src/store/vpn-conns.ts";
import { listVpnGws } from "../../src/store/vpn-gws.ts";
import type { UserGw, Vpc } from "../../src/vpn/entities.ts";
import type { ResourceRef } from "../../src/vpn/id.ts";
import type { Listing, Owner, Page } from "../../src/vpn/listing.ts";
import { formatAddress } from "../../src/vpn/network.ts";
import { databases, type TestDatabase } from "./databases.ts";
import { addUserGw, addVpc, addVpnConn, addVpnGw, createdAtMs, makeOwner } from "./rows.ts";

/** Names that a careless pattern would take for patterns, or for each other. */
const names = [
  "alpha",
  "Beta",
  "100%",
  "100 per cent",
  "a_b",
  "axb",
  "back\\slash",
  "backslash",
  "%",
  "_",
  "\\",
  "%_\\",
  "北京",
  "北京 2",
  "'quoted'",
  '"quoted"',
  "same",
  "same",
  "x".repeat(60),
] as const;

/** Every third was made in the same millisecond as the one before. */
const timeOf = (index: number) => createdAtMs + (index % 3 === 1 ? index - 1 : index) * 1_000;

const firstPage: Page = { offset: 0, limit: 1_000, orderBy: "createdAt", direction: "desc" };

interface Row {
  readonly id: number;
  readonly name: string;
  readonly createdAtMs: number;
}

interface Filter {
  readonly ref?: ResourceRef;
  readonly name?: string;
}

type List = (db: Db, owner: Owner, filter: Filter, page: Page) => Promise<Listing<Row>>;

async function mapListing<T>(listing: Promise<Listing<T>>, pick: (row: T) => Row): Promise<Listing<Row>> {
  const { rows, total } = await listing;
  return { rows: rows.map(pick), total };
}

const lists: readonly [string, List][] = [
  ["VPCs", listVpcs],
  ["VPN gateways", (db, owner, filter, page) => mapListing(listVpnGws(db, owner, filter, page), (row) => row.vpnGw)],
  ["peer gateways", (db, owner, filter, page) => mapListing(listUserGws(db, owner, filter, page), (row) => row.userGw)],
  [
    "VPN channels",
    (db, owner, filter, page) => mapListing(listVpnConnViews(db, owner, filter, page), (row) => row.conn),
  ],
];

/** One of each kind for every name. */
async function fill(db: Db, owner: Owner): Promise<void> {
  const vpc = await addVpc(db, owner, { name: "of the gateways", createdAtMs: 0 });
  const vpnGwId = await addVpnGw(db, owner, vpc, { name: "of the channels", createdAtMs: 0 });
  const userGw = await addUserGw(db, owner, { name: "of the channels", createdAtMs: 0 });
  for (const [index, name] of names.entries()) {
    const given = { name, createdAtMs: timeOf(index) };
    await addVpc(db, owner, { ...given, isNameUnique: false });
    await addVpnGw(db, owner, vpc, given);
    await addUserGw(db, owner, given);
    await addVpnConn(db, owner, { vpc, vpnGwId, userGw }, { ...given, isNameUnique: false });
  }
}

function compare<T extends number | string>(a: T, b: T): number {
  return a < b ? -1 : Number(a > b);
}

/** In the order of bytes, as the database has it. */
function sortNaively(rows: readonly Row[], { orderBy, direction }: Page): Row[] {
  const bytes = (row: Row) => Buffer.from(row.name).toString("latin1");
  const sorted = rows.toSorted(
    (a, b) =>
      (orderBy === "name" ? compare(bytes(a), bytes(b)) : compare(a.createdAtMs, b.createdAtMs)) || compare(a.id, b.id),
  );
  return direction === "asc" ? sorted : sorted.reverse();
}

describe.each(databases)("on $name", (kind) => {
  let database: TestDatabase;
  let store: Store;
  let owner: Owner;

  beforeAll(async () => {
    database = await kind.make();
    store = database.store;
    owner = await makeOwner(store.db);
    await store.transaction(async (db) => {
      await fill(db, owner);
      await fill(db, await makeOwner(db, "account", "bj"));
      await fill(db, await makeOwner(db, "another account"));
    });
  });
  afterAll(() => database.remove());

  describe.each(lists)("the list of %s", (_what, list) => {
    async function listNames(filter: Filter, page: Page = firstPage): Promise<string[]> {
      const { rows, total } = await list(store.db, owner, filter, page);
      expect(total).toBe(rows.length);
      return rows.map((row) => row.name);
    }

    it("comes in pages that hold every row once, in any order asked for", async () => {
      const all = (await list(store.db, owner, {}, firstPage)).rows;
      expect(all.length).toBeGreaterThanOrEqual(names.length);
      const page = fc.record({
        offset: fc.integer({ min: 0, max: all.length + 3 }),
        limit: fc.integer({ min: 0, max: all.length + 3 }),
        orderBy: fc.constantFrom("createdAt" as const, "name" as const),
        direction: fc.constantFrom("asc" as const, "desc" as const),
      });
      await fc.assert(
        fc.asyncProperty(page, async (wanted) => {
          const listing = await list(store.db, owner, {}, wanted);
          const expected = sortNaively(all, wanted).slice(wanted.offset, wanted.offset + wanted.limit);
          expect(listing.rows.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
          expect(listing.total).toBe(all.length);
        }),
        { numRuns: 60 },
      );
    });

    it("shows an owner's rows of one region, and no others", async () => {
      const own = await list(store.db, owner, {}, firstPage);
      const others = [await makeOwner(store.db, "account", "bj"), await makeOwner(store.db, "another account")];
      for (const other of others) {
        const theirs = await list(store.db, other, {}, firstPage);
        expect(theirs.total).toBe(own.total);
        expect(theirs.rows.filter((row) => own.rows.some(({ id }) => id === row.id))).toEqual([]);
        const [first] = theirs.rows;
        expect(await list(store.db, owner, { ref: { number: first?.id ?? 0 } }, firstPage)).toMatchObject({ total: 0 });
      }
      const nobody = await list(store.db, { accountId: 404, region: "gz" }, {}, firstPage);
      expect(nobody).toEqual({ rows: [], total: 0 });
    });

    it.each([
      ["%", ["%", "%_\\", "100%"]],
      ["_", ["%_\\", "_", "a_b"]],
      ["\\", ["%_\\", "\\", "back\\slash"]],
      ["%_", ["%_\\"]],
      ["_\\", ["%_\\"]],
      ["00%", ["100%"]],
      ["a_b", ["a_b"]],
      ["k\\s", ["back\\slash"]],
      ["京", ["北京", "北京 2"]],
      ["'quoted'", ["'quoted'"]],
      ['"', ['"quoted"']],
      ["same", ["same", "same"]],
      ["pha", ["alpha"]],
      ["x".repeat(60), ["x".repeat(60)]],
      ["x".repeat(61), []],
      ["%".repeat(2_000), []],
      ["no such name", []],
    ])("finds names that hold %j", async (part, expected) => {
      expect((await listNames({ name: part })).toSorted()).toEqual(expected.toSorted());
    });

    it("is not stopped by a part of a name that is longer than any pattern", async () => {
      for (const length of [121, 60_000, 1_000_000]) expect(await listNames({ name: "x".repeat(length) })).toEqual([]);
    });

    it("finds one by either form of its id, in its own region, together with the other conditions", async () => {
      const all = await list(store.db, owner, { name: "alpha" }, firstPage);
      const { id: number = 0 } = all.rows[0] ?? {};
      expect(await listNames({ ref: { number } })).toEqual(["alpha"]);
      expect(await listNames({ ref: { number, region: "gz" } })).toEqual(["alpha"]);
      expect(await listNames({ ref: { number, region: "bj" } })).toEqual([]);
      expect(await listNames({ ref: { number }, name: "lph" })).toEqual(["alpha"]);
      expect(await listNames({ ref: { number }, name: "beta" })).toEqual([]);
      expect(await listNames({ ref: { uid: "vpc-unknown" } })).toEqual([]);
    });
  });

  describe("with what belongs to it", () => {
    let vpc: Vpc;
    let userGw: UserGw;
    let gateways: readonly [number, number];
    let conns: readonly [number, number, number];
    let of: Owner;

    beforeAll(async () => {
      of = await makeOwner(store.db, "with gateways");
      vpc = await addVpc(store.db, of);
      userGw = await addUserGw(store.db, of);
      gateways = [
        await addVpnGw(store.db, of, vpc, { publicAddress: 0xc633_6401 }),
        await addVpnGw(store.db, of, vpc, { publicAddress: 0xc633_6402 }),
      ];
      const [a, b] = gateways;
      conns = [
        await addVpnConn(store.db, of, { vpc, vpnGwId: a, userGw }),
        await addVpnConn(store.db, of, { vpc, vpnGwId: b, userGw }),
        await addVpnConn(store.db, of, { vpc, vpnGwId: b, userGw }),
      ];
      await addVpc(store.db, of);
      await addUserGw(store.db, of);
    });

    it("a VPC is listed with the number of its gateways and of its subnets", async () => {
      for (const name of ["one", "two", "three"]) {
        const own = { ...of, uid: `subnet-${name}`, name, createdAtMs, vpcId: vpc.id };
        await store.transaction((db) => insertSubnet(db, { ...own, cidr: "10.0.0.0/24", zone: "100001" }));
      }
      expect(await countByVpc(store.db, "vpn_gws", [vpc.id, 404])).toEqual(new Map([[vpc.id, 2]]));
      expect(await countByVpc(store.db, "subnets", [vpc.id, 404])).toEqual(new Map([[vpc.id, 3]]));
      expect(await countByVpc(store.db, "subnets", [])).toEqual(new Map());
    });

    it("a peer gateway is listed with the number of its channels", async () => {
      const { rows } = await listUserGws(store.db, of, {}, { ...firstPage, direction: "asc" });
      expect(rows.map((row) => row.vpnConnCount)).toEqual([3, 0]);
    });

    it("gateways are found by VPC, by order number, and by any of some public addresses", async () => {
      const listIds = async (filter: Parameters<typeof listVpnGws>[2]) =>
        (await listVpnGws(store.db, of, filter, { ...firstPage, direction: "asc" })).rows.map(({ vpnGw }) => vpnGw.id);
      expect(await listIds({ vpcId: vpc.id })).toEqual([...gateways]);
      expect(await listIds({ vpcId: vpc.id + 1 })).toEqual([]);
      expect(await listIds({ orderNumber: gateways[1] })).toEqual([gateways[1]]);
      expect(await listIds({ publicAddresses: [formatAddress(0xc633_6402), "no address"] })).toEqual([gateways[1]]);
      expect(await listIds({ publicAddresses: [] })).toEqual([]);
    });

    it("channels are found by VPC, by gateway and by task, and come with all that they refer to", async () => {
      const listIds = async (filter: Parameters<typeof listVpnConnViews>[2]) =>
        (await listVpnConnViews(store.db, of, filter, { ...firstPage, direction: "asc" })).rows.map(
          ({ conn }) => conn.id,
        );
      const [a, b] = gateways;
      expect(await listIds({ vpcId: vpc.id })).toEqual([...conns]);
      expect(await listIds({ vpnGwId: b })).toEqual([conns[1], conns[2]]);
      const task = { accountId: of.accountId, vpnGwId: a, action: "create-vpn-conn", generation: 1, createdAtMs };
      const taskId = await insertTask(store.db, { ...task, vpnConnId: conns[0] });
      const gatewayTaskId = await insertTask(store.db, { ...task, vpnConnId: undefined });
      expect(await listIds({ taskId })).toEqual([conns[0]]);
      expect(await listIds({ taskId: gatewayTaskId })).toEqual([]);
      expect(await listIds({ taskId: 404 })).toEqual([]);
      expect(await listIds({ taskId, vpnGwId: b })).toEqual([]);
      // Another account's task is none of theirs.
      const foreign = await listVpnConnViews(store.db, owner, { taskId }, firstPage);
      expect(foreign.total).toBe(0);

      await recordNetStatus(store.db, conns[0], "available", createdAtMs);
      const { rows } = await listVpnConnViews(store.db, of, {}, { ...firstPage, direction: "asc" });
      expect(rows.map((row) => row.netStatus)).toEqual(["available", "unavailable", "unavailable"]);
      expect(rows.map((row) => row.vpnGw.id)).toEqual([a, b, b]);
      for (const row of rows) expect(row).toMatchObject({ vpc, userGw });
    });
  });
});
