// Every statement of the busy paths goes by an index: its cost does not grow with what others have. The statements are those that the
// operations and the loop really prepare, caught at the driver.
import BetterSqlite from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createVpc } from "../../src/operations/create-vpc.ts";
import { deleteVpnConn } from "../../src/operations/delete-vpn-conn.ts";
import { getTask } from "../../src/operations/get-task.ts";
import { listVpcs } from "../../src/operations/list-vpcs.ts";
import { listVpnConnDiagnoses } from "../../src/operations/list-vpn-conn-diagnoses.ts";
import { type ListVpnConns, listVpnConns } from "../../src/operations/list-vpn-conns.ts";
import { listVpnGws } from "../../src/operations/list-vpn-gws.ts";
import { modifyVpc } from "../../src/operations/modify-vpc.ts";
import { resetVpnConnSa } from "../../src/operations/reset-vpn-conn-sa.ts";
import { findApiKey } from "../../src/store/accounts.ts";
import {
  findDiagnoses,
  listDiagnoses,
  listUnknownPeers,
  recordDiagnoses,
  recordUnknownPeers,
} from "../../src/store/diagnoses.ts";
import {
  countHeld,
  findLease,
  freeLease,
  freeLeasesOf,
  grantLeases,
  keepLease,
  listHeld,
  markLeaving,
} from "../../src/store/gateway-leases.ts";
import { endSession, findHostByDigest, renewHost } from "../../src/store/hosts.ts";
import {
  endMoves,
  hasMoves,
  listFreeGateways,
  listGatewaysOfHost,
  listGatewaysWithTasks,
  listHostsOfVpcs,
} from "../../src/store/placing.ts";
import { deleteExpiredStamps } from "../../src/store/request-stamps.ts";
import type { Store } from "../../src/store/store.ts";
import { deleteSubnetsOfVpc } from "../../src/store/subnets.ts";
import { deleteTasksFinishedBefore, finishTasks, listRunningTasks } from "../../src/store/tasks.ts";
import {
  addTraffic,
  deleteSaCounter,
  deleteTrafficBefore,
  listSaCounters,
  listTraffic,
  saveSaCounter,
} from "../../src/store/traffic.ts";
import { dropFallback, restoreFallback } from "../../src/store/vpn-conn-fallbacks.ts";
import {
  deleteVpnConn as deleteConnRow,
  hasConnOnGw,
  hasConnOnUserGw,
  listChangedConns,
  listNetStatuses,
  recordConnStatus,
  recordNetStatus,
  setConnStatus,
} from "../../src/store/vpn-conns.ts";
import { findFreePublicAddress, findVpnGwById, recordMoved } from "../../src/store/vpn-gws.ts";
import type { VpnConn } from "../../src/vpn/entities.ts";
import { makeDiagnosis, makeUnknownPeer } from "../support/diagnoses.ts";
import { makeConn, makeOperator, makePlace, modifyConn, type Operator, type Place } from "../support/operations.ts";
import { makeSqlite, sqliteFileOf, type TestDatabase } from "./databases.ts";

let database: TestDatabase;
let store: Store;
let operator: Operator;
let place: Place;
let conn: VpnConn;
let beside: BetterSqlite.Database;

beforeAll(async () => {
  database = await makeSqlite();
  operator = await makeOperator(database.store);
  place = await makePlace(operator);
  await makeConn(operator, place);
  const all = { offset: 0, limit: 1, orderBy: "createdAt", direction: "asc" } as const;
  const none = { vpc: undefined, vpnGw: undefined, vpnConn: undefined, name: undefined, taskId: undefined };
  const { rows } = await listVpnConns(operator.context, operator.caller, { ...all, ...none });
  const [view] = rows;
  if (view === undefined) throw new TypeError("it was just made");
  conn = view.conn;
  beside = new BetterSqlite(sqliteFileOf(database.dir));
});
afterAll(async () => {
  beside.close();
  await database.remove();
});

interface Planned {
  readonly sql: string;
  /** SQLite's own words, one for each step: `SEARCH tasks USING INDEX …`. */
  readonly plan: readonly string[];
}

/** The plans of all statements that `work` sends to a store that has not sent any before. */
async function planOf(work: (store: Store, operator: Operator) => Promise<unknown>): Promise<Planned[]> {
  store = await database.openAgain();
  const fresh = { ...operator, context: { ...operator.context, store } };
  const prepare = vi.spyOn(BetterSqlite.prototype, "prepare");
  let statements: string[];
  try {
    await work(store, fresh);
    statements = prepare.mock.calls
      .map(([text]) => text)
      .filter((text) => /^(with|select|insert|update|delete)\b/.test(text));
  } finally {
    prepare.mockRestore();
  }
  expect(statements.length).toBeGreaterThan(0);
  return [...new Set(statements)].map(explain);
}

function explain(text: string): Planned {
  const parameters = Array.from({ length: text.split("?").length - 1 }, () => 1);
  const rows = beside.prepare<number[], { detail: string }>(`explain query plan ${text}`).all(...parameters);
  return { sql: text, plan: rows.map((row) => row.detail) };
}

/** Steps that go through a whole table, or a whole index. */
function findScans(planned: readonly Planned[]): string[] {
  return planned.flatMap(({ sql, plan }) =>
    plan.filter((step) => /^SCAN (?!CONSTANT ROW)/.test(step)).map((step) => `${step}: ${sql}`),
  );
}

/** Steps that collect rows to sort them. */
function findSorts(planned: readonly Planned[]): string[] {
  return planned.flatMap(({ sql, plan }) =>
    plan.filter((step) => step.includes("TEMP B-TREE")).map((step) => `${step}: ${sql}`),
  );
}

it("the eyes of these tests see a scan and a sort", async () => {
  const planned = ["select * from vpn_conns where status = ?", "select * from tasks order by created_at"].map(explain);
  expect(findScans(planned)).toHaveLength(2);
  expect(findSorts(planned)).toHaveLength(1);
});

describe("no table is gone through whole", () => {
  const page = { offset: 0, limit: 20, orderBy: "createdAt", direction: "desc" } as const;
  const list =
    (filter: Partial<ListVpnConns>) =>
    (_: Store, { context, caller }: Operator) =>
      listVpnConns(context, caller, {
        ...page,
        vpc: undefined,
        vpnGw: undefined,
        vpnConn: undefined,
        name: undefined,
        taskId: undefined,
        ...filter,
      });
  const change = (work: (store: Store["db"]) => Promise<unknown>) => (fresh: Store) => fresh.transaction(work);

  it.each<[string, (fresh: Store, operator: Operator) => Promise<unknown>]>([
    ["AddVpnConnEx", (_, fresh) => makeConn(fresh, place)],
    ["AddVpnConnEx with a name", (_, fresh) => makeConn(fresh, place, { name: "given" })],
    [
      "AddVpnConnEx under a quota",
      (_, fresh) =>
        makeConn(
          { ...fresh, context: { ...fresh.context, config: { ...fresh.context.config, "quota.vpnConns": 100 } } },
          place,
        ),
    ],
    [
      "AddVpnConnEx under quotas of its gateways",
      (_, fresh) => {
        const quotas = {
          "quota.vpnConns": 100,
          "quota.vpnConnsScope": "gateway",
          "quota.vpnConnsPerUserGw": 100,
        } as const;
        const context = { ...fresh.context, config: { ...fresh.context.config, ...quotas } };
        return makeConn({ ...fresh, context }, place);
      },
    ],
    [
      "ModifyVpnConnEx",
      async (fresh, each) => {
        await fresh.transaction((db) => setConnStatus(db, conn.id, "running", conn.generation));
        const spds = [{ local: undefined, peers: ["172.31.0.0/24"] }];
        await modifyConn(each, place, conn.uid, {
          name: "renamed",
          ike: { remoteIdentity: "fqdn", remoteFqdn: "a" },
          spds,
        });
      },
    ],
    ["the loop: a modification that fails", change((db) => restoreFallback(db, conn.id))],
    ["the loop: a modification that is accepted", change((db) => dropFallback(db, conn.id))],
    [
      "ResetVpnConnSA",
      async (fresh, { context, caller }) => {
        await fresh.transaction((db) => setConnStatus(db, conn.id, "running", conn.generation));
        await resetVpnConnSa(context, caller, { vpc: place.vpc.uid, vpnGw: place.vpnGw.uid, vpnConn: conn.uid });
      },
    ],
    [
      "AddVpnConnEx with an inline peer",
      (_, fresh) => makeConn(fresh, place, { peer: { name: "inline", address: "203.0.113.200" } }),
    ],
    [
      "DeleteVpnConn",
      async (fresh, { context, caller }) => {
        await fresh.transaction((db) => setConnStatus(db, conn.id, "running", conn.generation));
        await deleteVpnConn(context, caller, { vpc: place.vpc.uid, vpnGw: place.vpnGw.uid, vpnConn: conn.uid });
      },
    ],
    ["DescribeVpnConn", list({})],
    // What was made before is known by now, but not when this table is read.
    ["DescribeVpnConn by unified id", (fresh, each) => list({ vpnConn: conn.uid })(fresh, each)],
    ["DescribeVpnConn by number", (fresh, each) => list({ vpnConn: String(conn.id) })(fresh, each)],
    ["DescribeVpnConn by gateway", (fresh, each) => list({ vpnGw: place.vpnGw.uid })(fresh, each)],
    ["DescribeVpnConn by VPC", (fresh, each) => list({ vpc: place.vpc.uid })(fresh, each)],
    ["DescribeVpnConn by task", list({ taskId: 1 })],
    ["DescribeVpnConn by name", list({ name: "x" })],
    [
      "DescribeVpnConnDiagnosis",
      async (fresh, { context, caller }) => {
        await fresh.transaction((db) => recordDiagnoses(db, new Map([[conn.id, makeDiagnosis("pfs", 0)]])));
        const filter = {
          vpc: undefined,
          vpnGw: place.vpnGw.uid,
          vpnConn: undefined,
          name: undefined,
          taskId: undefined,
        };
        await listVpnConnDiagnoses(context, caller, { ...page, ...filter });
      },
    ],
    ["DescribeVpcTaskResult", (_, { context, caller }) => getTask(context, caller, { taskId: 1 })],
    [
      "DescribeVpnGw by unified id",
      (_, { context, caller }) =>
        listVpnGws(context, caller, {
          ...page,
          vpc: undefined,
          vpnGw: place.vpnGw.uid,
          name: undefined,
          orderNumber: undefined,
          publicAddresses: undefined,
        }),
    ],
    [
      "CreateVpc with subnets",
      (_, { context, caller }) =>
        createVpc(context, caller, {
          name: "planned",
          cidr: "10.0.0.0/16",
          subnets: [{ name: "one", cidr: "10.0.0.0/24", zone: "1" }],
        }),
    ],
    [
      "DescribeVpcEx",
      (_, { context, caller }) => listVpcs(context, caller, { ...page, vpc: undefined, name: undefined }),
    ],
    [
      "ModifyVpcAttribute",
      (_, { context, caller }) => modifyVpc(context, caller, { vpc: place.vpc.uid, name: "planned anew" }),
    ],
    ["the subnets of a VPC, when it goes", change((db) => deleteSubnetsOfVpc(db, place.vpc.id))],
    ["the key of a request", (fresh) => findApiKey(fresh.db, "AKID")],
    ["the loop: its gateway", (fresh) => findVpnGwById(fresh.db, place.vpnGw.id)],
    ["the loop: what changed", (fresh) => listChangedConns(fresh.db, place.vpnGw.id, 0)],
    ["the loop: what was observed", (fresh) => listNetStatuses(fresh.db, place.vpnGw.id)],
    ["the loop: its tasks", (fresh) => listRunningTasks(fresh.db, place.vpnGw.id)],
    ["the loop: the end of tasks", change((db) => finishTasks(db, [1, 2, 3], undefined, 0))],
    [
      "the loop: what came of a change",
      change((db) => recordConnStatus(db, conn.id, { status: "running", failure: undefined, generation: 1 })),
    ],
    ["the loop: whether it is up", change((db) => recordNetStatus(db, conn.id, "available", 0))],
    ["the loop: a channel that has gone", change((db) => deleteConnRow(db, conn.id))],
    ["whether a gateway has channels", (fresh) => hasConnOnGw(fresh.db, place.vpnGw.id)],
    ["whether a peer gateway has channels", (fresh) => hasConnOnUserGw(fresh.db, place.userGw.id)],
    ["the next free public address", (fresh) => findFreePublicAddress(fresh.db, 1, 100)],
    ["the deletion of stamps", change((db) => deleteExpiredStamps(db, 0))],
    ["the deletion of tasks", change((db) => deleteTasksFinishedBefore(db, 0))],
    ["DescribeVpnConnMonitor", (fresh) => listTraffic(fresh.db, conn.id, { fromMs: 0, toMs: 1 })],
    [
      "the loop: what flowed",
      change(async (db) => {
        await addTraffic(db, conn.id, { startsAtMs: 0, bytesIn: 1, bytesOut: 1 });
        await saveSaCounter(db, { connId: conn.id, spi: "1", bytesIn: 1, bytesOut: 1, seenAtMs: 0 });
      }),
    ],
    ["the loop: how far was counted", (fresh) => listSaCounters(fresh.db, place.vpnGw.id)],
    ["the loop: an SA that has gone", change((db) => deleteSaCounter(db, { connId: conn.id, spi: "1" }))],
    [
      "the loop: why channels are not up",
      change(async (db) => {
        await recordDiagnoses(db, new Map([[conn.id, makeDiagnosis("peer-silent", 0)]]));
        await recordDiagnoses(db, new Map([[conn.id, undefined]]));
      }),
    ],
    ["the diagnoses of a page", (fresh) => findDiagnoses(fresh.db, [conn.id, conn.id + 1])],
    ["the loop: the diagnoses of a gateway", (fresh) => listDiagnoses(fresh.db, place.vpnGw.id)],
    [
      "the loop: who knocked",
      change((db) => recordUnknownPeers(db, place.vpnGw.id, [makeUnknownPeer("203.0.113.7", 0)])),
    ],
    ["the peers that knocked", (fresh) => listUnknownPeers(fresh.db, place.vpnGw.id)],
    ["a host: by its token", (fresh) => findHostByDigest(fresh.db, "digest")],
    [
      "a host: its renewal",
      change(async (db) => {
        await renewHost(db, 1, "session");
        await listHeld(db, 1);
      }),
    ],
    ["a host: whether it may report", change((db) => keepLease(db, place.vpnGw.id))],
    ["a host: whether it may read", (fresh) => findLease(fresh.db, place.vpnGw.id)],
    ["a host: a release", change((db) => freeLease(db, { vpnGwId: place.vpnGw.id, hostId: 1, fence: 1 }))],
    [
      "placement: what wants a host, and what is on the way",
      async (fresh) => {
        await listFreeGateways(fresh.db, 0, 10);
        await hasMoves(fresh.db, undefined);
        await hasMoves(fresh.db, 1);
        await listGatewaysWithTasks(fresh.db, [1, 2], 0);
      },
    ],
    [
      "placement: where gateways are",
      async (fresh) => {
        await countHeld(fresh.db, 1);
        await listHostsOfVpcs(fresh.db, [place.vpc.id, 2]);
        await listGatewaysOfHost(fresh.db, 1, 10);
      },
    ],
    [
      "placement: a host that has expired",
      change(async (db) => {
        await endSession(db, 1, 0);
        await freeLeasesOf(db, 1);
      }),
    ],
    [
      "placement: a grant and a move",
      change(async (db) => {
        await grantLeases(db, 1, [-1, -2]);
        await recordMoved(db, [-1, -2]);
        await markLeaving(db, -1, 1);
        await endMoves(db);
      }),
    ],
    ["the deletion of traffic", change((db) => deleteTrafficBefore(db, 1))],
  ])("by %s", async (_what, work) => {
    expect(findScans(await planOf(work))).toEqual([]);
  });

  it("and the first page of channels comes sorted out of an index", async () => {
    expect(findSorts(await planOf(list({})))).toEqual([]);
  });

  it.each<[string, Partial<ListVpnConns>, string]>([
    ["gateway", { vpnGw: "vpnGw" }, "vpn_gw_id"],
    ["VPC", { vpc: "vpc" }, "vpc_id"],
  ])(
    "and the channels of one %s are found by it, not among all of the account, and sorted",
    async (_what, by, column) => {
      const filter = Object.fromEntries(Object.keys(by).map((key) => [key, place[key as "vpc" | "vpnGw"].uid]));
      const planned = await planOf(list(filter));
      const ofConns = planned.filter(({ sql }) => sql.includes('from "vpn_conns"'));
      expect(ofConns).toHaveLength(2);
      for (const { plan } of ofConns) expect(plan.join("; ")).toContain(`(account_id=? AND region=? AND ${column}=?)`);
      expect(findSorts(planned)).toEqual([]);
    },
  );

  it("and pairs of networks that overlap are found by gateway and peer network", async () => {
    const planned = await planOf((_, fresh) => makeConn(fresh, place));
    const ofPairs = planned.filter(({ sql }) => sql.startsWith("select") && sql.includes('from "spd_pairs"'));
    const steps = ofPairs.map(({ plan }) => plan.filter((step) => step.includes(" spd_pairs ")));
    const index = "SEARCH spd_pairs USING PRIMARY KEY";
    expect(steps).toContainEqual([`${index} (vpn_gw_id=?)`]);
    expect(steps).toContainEqual([
      `${index} (vpn_gw_id=? AND peer_first>? AND peer_first<?)`,
      `${index} (vpn_gw_id=? AND peer_first=? AND peer_last>?)`,
    ]);
  });
});
