// What the operations and the loop ask of the store on busy paths, one entry each: their statements have to go by an index on every
// database.
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
  countMoves,
  endMoves,
  hasMoves,
  listFreeGateways,
  listGatewaysOfHost,
  listGatewaysWithTasks,
  listHostsOfVpcs,
  listLeavingGateways,
} from "../../src/store/placing.ts";
import { deleteExpiredStamps } from "../../src/store/request-stamps.ts";
import type { Store } from "../../src/store/store.ts";
import { deleteSubnetsOfVpc } from "../../src/store/subnets.ts";
import { deleteTasksFinishedBefore, finishTasks, listRunningTasks } from "../../src/store/tasks.ts";
import {
  addTraffic,
  deleteSaCounter,
  deleteTrafficBefore,
  findSaCounter,
  listSaCounters,
  listTraffic,
  saveSaCounter,
} from "../../src/store/traffic.ts";
import { dropFallback, restoreFallback } from "../../src/store/vpn-conn-fallbacks.ts";
import {
  deleteVpnConn as deleteConnRow,
  findConnIdsOfGw,
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
import { makeConn, modifyConn, type Operator, type Place } from "../support/operations.ts";

/** What the entries are about; filled in before the first of them runs. */
export interface World {
  place: Place;
  conn: VpnConn;
  /** The task that made it. */
  taskId: number;
}

/** What sends statements: to a store that has not sent any before. */
export type HotPath = readonly [what: string, work: (fresh: Store, operator: Operator) => Promise<unknown>];

const page = { offset: 0, limit: 20, orderBy: "createdAt", direction: "desc" } as const;
export const list =
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

export function hotPaths(world: World): readonly HotPath[] {
  return [
    ["AddVpnConnEx", (_, fresh) => makeConn(fresh, world.place)],
    ["AddVpnConnEx with a name", (_, fresh) => makeConn(fresh, world.place, { name: "given" })],
    [
      "AddVpnConnEx under a quota",
      (_, fresh) =>
        makeConn(
          { ...fresh, context: { ...fresh.context, config: { ...fresh.context.config, "quota.vpnConns": 100 } } },
          world.place,
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
        return makeConn({ ...fresh, context }, world.place);
      },
    ],
    [
      "ModifyVpnConnEx",
      async (fresh, each) => {
        await fresh.transaction((db) => setConnStatus(db, world.conn.id, "running", world.conn.generation));
        const spds = [{ local: undefined, peers: ["172.31.0.0/24"] }];
        await modifyConn(each, world.place, world.conn.uid, {
          name: "renamed",
          ike: { remoteIdentity: "fqdn", remoteFqdn: "a" },
          spds,
        });
      },
    ],
    ["the loop: a modification that fails", change((db) => restoreFallback(db, world.conn.id))],
    ["the loop: a modification that is accepted", change((db) => dropFallback(db, world.conn.id))],
    [
      "ResetVpnConnSA",
      async (fresh, { context, caller }) => {
        await fresh.transaction((db) => setConnStatus(db, world.conn.id, "running", world.conn.generation));
        await resetVpnConnSa(context, caller, {
          vpc: world.place.vpc.uid,
          vpnGw: world.place.vpnGw.uid,
          vpnConn: world.conn.uid,
        });
      },
    ],
    [
      "AddVpnConnEx with an inline peer",
      (_, fresh) => makeConn(fresh, world.place, { peer: { name: "inline", address: "203.0.113.200" } }),
    ],
    [
      "DeleteVpnConn",
      async (fresh, { context, caller }) => {
        await fresh.transaction((db) => setConnStatus(db, world.conn.id, "running", world.conn.generation));
        await deleteVpnConn(context, caller, {
          vpc: world.place.vpc.uid,
          vpnGw: world.place.vpnGw.uid,
          vpnConn: world.conn.uid,
        });
      },
    ],
    ["DescribeVpnConn", list({})],
    // What was made before is known by now, but not when this table is read.
    ["DescribeVpnConn by unified id", (fresh, each) => list({ vpnConn: world.conn.uid })(fresh, each)],
    ["DescribeVpnConn by number", (fresh, each) => list({ vpnConn: String(world.conn.id) })(fresh, each)],
    ["DescribeVpnConn by gateway", (fresh, each) => list({ vpnGw: world.place.vpnGw.uid })(fresh, each)],
    ["DescribeVpnConn by VPC", (fresh, each) => list({ vpc: world.place.vpc.uid })(fresh, each)],
    ["DescribeVpnConn by task", (fresh, each) => list({ taskId: world.taskId })(fresh, each)],
    ["DescribeVpnConn by name", list({ name: "x" })],
    [
      "DescribeVpnConnDiagnosis",
      async (fresh, { context, caller }) => {
        await fresh.transaction((db) => recordDiagnoses(db, new Map([[world.conn.id, makeDiagnosis("pfs", 0)]])));
        const filter = {
          vpc: undefined,
          vpnGw: world.place.vpnGw.uid,
          vpnConn: undefined,
          name: undefined,
          taskId: undefined,
        };
        await listVpnConnDiagnoses(context, caller, { ...page, ...filter });
      },
    ],
    ["DescribeVpcTaskResult", (_, { context, caller }) => getTask(context, caller, { taskId: world.taskId })],
    [
      "DescribeVpnGw by unified id",
      (_, { context, caller }) =>
        listVpnGws(context, caller, {
          ...page,
          vpc: undefined,
          vpnGw: world.place.vpnGw.uid,
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
      (_, { context, caller }) => modifyVpc(context, caller, { vpc: world.place.vpc.uid, name: "planned anew" }),
    ],
    ["the subnets of a VPC, when it goes", change((db) => deleteSubnetsOfVpc(db, world.place.vpc.id))],
    ["the key of a request", (fresh) => findApiKey(fresh.db, "AKID")],
    ["the loop: its gateway", (fresh) => findVpnGwById(fresh.db, world.place.vpnGw.id)],
    ["the loop: what changed", (fresh) => listChangedConns(fresh.db, world.place.vpnGw.id, 0)],
    ["the loop: what was observed", (fresh) => listNetStatuses(fresh.db, world.place.vpnGw.id)],
    ["the loop: its tasks", (fresh) => listRunningTasks(fresh.db, world.place.vpnGw.id)],
    ["the loop: the end of tasks", change((db) => finishTasks(db, [1, 2, 3], undefined, 0))],
    [
      "the loop: what came of a change",
      change((db) => recordConnStatus(db, world.conn.id, { status: "running", failure: undefined, generation: 1 })),
    ],
    ["the loop: whether it is up", change((db) => recordNetStatus(db, world.conn.id, "available", 0))],
    ["the loop: a channel that has gone", change((db) => deleteConnRow(db, world.conn.id))],
    ["whether a gateway has channels", (fresh) => hasConnOnGw(fresh.db, world.place.vpnGw.id)],
    ["whether a peer gateway has channels", (fresh) => hasConnOnUserGw(fresh.db, world.place.userGw.id)],
    ["the next free public address", change((db) => findFreePublicAddress(db, 1, 100))],
    ["the deletion of stamps", change((db) => deleteExpiredStamps(db, 0))],
    ["the deletion of tasks", change((db) => deleteTasksFinishedBefore(db, 0))],
    ["DescribeVpnConnMonitor", (fresh) => listTraffic(fresh.db, world.conn.id, { fromMs: 0, toMs: 1 })],
    [
      "the loop: what flowed",
      change(async (db) => {
        await findSaCounter(db, { connId: world.conn.id, spi: "1" });
        await addTraffic(db, world.conn.id, { startsAtMs: 0, bytesIn: 1, bytesOut: 1 });
        await saveSaCounter(db, { connId: world.conn.id, spi: "1", bytesIn: 1, bytesOut: 1, seenAtMs: 0 });
      }),
    ],
    ["the loop: how far was counted", (fresh) => listSaCounters(fresh.db, world.place.vpnGw.id)],
    ["the loop: an SA that has gone", change((db) => deleteSaCounter(db, { connId: world.conn.id, spi: "1" }))],
    [
      "the loop: why channels are not up",
      change(async (db) => {
        await recordDiagnoses(db, new Map([[world.conn.id, makeDiagnosis("peer-silent", 0)]]));
        await recordDiagnoses(db, new Map([[world.conn.id, undefined]]));
      }),
    ],
    ["the diagnoses of a page", (fresh) => findDiagnoses(fresh.db, [world.conn.id, world.conn.id + 1])],
    [
      "a host's report: a few channels",
      (fresh) => findConnIdsOfGw(fresh.db, world.place.vpnGw.id, [world.conn.id, world.conn.id + 1]),
    ],
    [
      "a host's report: many channels",
      (fresh) =>
        findConnIdsOfGw(
          fresh.db,
          world.place.vpnGw.id,
          Array.from({ length: 600 }, (_, index) => index),
        ),
    ],
    ["the loop: the diagnoses of a gateway", (fresh) => listDiagnoses(fresh.db, world.place.vpnGw.id)],
    [
      "the loop: who knocked",
      change((db) => recordUnknownPeers(db, world.place.vpnGw.id, [makeUnknownPeer("203.0.113.7", 0)])),
    ],
    ["the peers that knocked", (fresh) => listUnknownPeers(fresh.db, world.place.vpnGw.id)],
    ["a host: by its token", (fresh) => findHostByDigest(fresh.db, "digest")],
    [
      "a host: its renewal",
      change(async (db) => {
        await renewHost(db, 1, "session");
        await listHeld(db, 1);
      }),
    ],
    ["a host: whether it may report", change((db) => keepLease(db, world.place.vpnGw.id))],
    ["a host: whether it may read", (fresh) => findLease(fresh.db, world.place.vpnGw.id)],
    ["a host: a release", change((db) => freeLease(db, { vpnGwId: world.place.vpnGw.id, hostId: 1, fence: 1 }))],
    [
      "placement: what wants a host, and what is on the way",
      async (fresh) => {
        await listFreeGateways(fresh.db, 0, 10);
        await hasMoves(fresh.db);
        await countMoves(fresh.db, 1);
        await listGatewaysWithTasks(fresh.db, [1, 2], 0);
      },
    ],
    [
      "placement: where gateways are",
      async (fresh) => {
        await countHeld(fresh.db, 1);
        await listHostsOfVpcs(fresh.db, [world.place.vpc.id, 2]);
        await listGatewaysOfHost(fresh.db, 1, 10);
        await listLeavingGateways(fresh.db, 1);
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
  ];
}
