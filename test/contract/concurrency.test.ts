// Calls at the same moment: what may be there once is there once, and a limit is a limit.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Client, call, type Reply } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { rowOf, rowsOf } from "../support/reply.ts";
import {
  makePlace,
  makeUserGw,
  makeVpc,
  nextNetwork,
  nextPeerAddress,
  nextSilentAddress,
  type Place,
} from "../support/scene.ts";

const many = 12;
let server: LocalServer;
let place: Place;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
  place = await makePlace(server.client);
});
afterAll(() => server.stop());

/** How often each codeDesc was the answer to calls that were made at once. */
async function countAnswers(makeCall: (index: number) => Promise<Reply>): Promise<Record<string, number>> {
  const replies = await Promise.all(Array.from({ length: many }, (_, index) => makeCall(index)));
  const counts: Record<string, number> = {};
  for (const { codeDesc = "" } of replies) counts[codeDesc] = (counts[codeDesc] ?? 0) + 1;
  return counts;
}

const add = (parameters: Readonly<Record<string, string>>, client: Client = server.client, where = place) =>
  call(client, "AddVpnConnEx", { ...where, "userGwCidrBlock.0": nextNetwork(), ...parameters });

describe("of many calls at once", () => {
  it("one gets the name of a channel", async () => {
    const counts = await countAnswers(() => add({ vpnConnName: "contested" }));
    expect(counts).toEqual({ Success: 1, "InvalidVpnConnName.InUse": many - 1 });
  });

  it("one gets a pair of networks", async () => {
    const network = nextNetwork();
    const counts = await countAnswers(() => add({ "userGwCidrBlock.0": network }));
    expect(counts).toEqual({ Success: 1, InvalidParameter: many - 1 });
  });

  it("one decides the key of an IKE identity", async () => {
    const userGw = { userGwId: "", userGwAddr: nextSilentAddress() };
    const counts = await countAnswers((index) => add({ ...userGw, preSharedKey: `key ${index}` }));
    expect(counts).toEqual({ Success: 1, InvalidParameter: many - 1 });
  });

  it("all get channels with names and numbers of their own, in tasks of their own", async () => {
    const { vpcId, vpnGwId } = await makePlace(server.client);
    const where = { ...place, vpcId, vpnGwId };
    expect(await countAnswers(() => add({}, server.client, where))).toEqual({ Success: many });
    const rows = rowsOf(await call(server.client, "DescribeVpnConn", { vpnGwId }));
    for (const field of ["vpnConnId", "unVpnConnId", "vpnConnName"]) {
      expect(new Set(rows.map((row) => row[field])).size).toBe(many);
    }
    await server.database.settle();
  });

  it("all find the one peer gateway that is given inline", async () => {
    const userGwAddr = nextSilentAddress();
    expect(await countAnswers(() => add({ userGwId: "", userGwAddr }))).toEqual({ Success: many });
    const row = rowOf(await call(server.client, "DescribeUserGw", { userGwName: userGwAddr }));
    expect(row.vpnConnNum).toBe(many);
  });

  it("one gets the name of a VPC, and one the address of a peer gateway", async () => {
    const vpc = { vpcName: "contested", cidrBlock: "10.0.0.0/16" };
    expect(await countAnswers(() => call(server.client, "CreateVpc", vpc))).toEqual({
      Success: 1,
      "InvalidVpcName.InUse": many - 1,
    });
    const peer = { userGwName: "contested", userGwAddr: nextPeerAddress() };
    expect(await countAnswers(() => call(server.client, "AddUserGw", peer))).toEqual({
      Success: 1,
      "InvalidUserGw.InUse": many - 1,
    });
  });

  it("each gets a gateway with a public address of its own", async () => {
    const vpcId = await makeVpc(server.client);
    const order = { name: "g", vpcId, bandwidth: "5", chargeType: "POSTPAID_BY_HOUR" };
    expect(await countAnswers(() => call(server.client, "RunVpnGw", order))).toEqual({ Success: many });
    const rows = rowsOf(await call(server.client, "DescribeVpnGw", { vpcId }));
    expect(new Set(rows.map((row) => row.vpnGwAddress)).size).toBe(many);
  });

  it("one deletes a channel", async () => {
    const { data } = await add({ vpnConnName: "to be deleted" });
    expect(data).toMatchObject({ vpnConnStatus: 0 });
    await server.database.settle();
    const found = rowOf(await call(server.client, "DescribeVpnConn", { vpnConnName: "to be deleted" }));
    const ids = { vpcId: place.vpcId, vpnGwId: place.vpnGwId, vpnConnId: String(found.unVpnConnId) };
    const counts = await countAnswers(() => call(server.client, "DeleteVpnConn", ids));
    expect(counts.Success).toBe(1);
    // The others came while it went, or after it had gone.
    expect((counts.InvalidVpnConnState ?? 0) + (counts["InvalidVpnConn.NotFound"] ?? 0)).toBe(many - 1);
  });

  it("as many are taken as the quota allows", async () => {
    const limited = await startLocalServer({
      "quota.vpnConns": "5",
      "quota.vpcs": "3",
      "quota.vpnGwsPerVpc": "4",
      "quota.userGws": "6",
    });
    try {
      const where = await makePlace(limited.client);
      const counts = await countAnswers(() => add({}, limited.client, where));
      expect(counts).toEqual({ Success: 5, VpnConnLimitExceeded: many - 5 });
      const vpcs = await countAnswers((index) =>
        call(limited.client, "CreateVpc", { vpcName: `${index}`, cidrBlock: "10.0.0.0/16" }),
      );
      expect(vpcs).toEqual({ Success: 2, VpcLimitExceeded: many - 2 });
      const order = { name: "g", vpcId: where.vpcId, period: "1", bandwidth: "5" };
      const vpnGws = await countAnswers(() => call(limited.client, "CreateVpn", order));
      expect(vpnGws).toEqual({ Success: 3, VpnGwLimitExceeded: many - 3 });
      const userGws = await countAnswers(() =>
        call(limited.client, "AddUserGw", { userGwName: "p", userGwAddr: nextPeerAddress() }),
      );
      expect(userGws).toEqual({ Success: 5, UserGwLimitExceeded: many - 5 });
    } finally {
      await limited.stop();
    }
  });
});

describe("32 clients that add, change, reset and delete the same channels", () => {
  const clients = 32;
  const rounds = 6;
  /** Fewer than there are networks, so that it is what ends the adding. */
  const quota = 4;
  const names = Array.from({ length: 6 }, (_, index) => `channel ${index}`);
  const networks = Array.from({ length: 8 }, (_, index) => `100.127.${index}.0/24`);
  /** What may come of a call that others get in the way of. */
  const expected = new Set([
    "Success",
    "ActionLocked",
    "InvalidParameter",
    "InvalidVpnConn.NotFound",
    "InvalidVpnConnName.InUse",
    "InvalidVpnConnState",
    "VpnConnLimitExceeded",
  ]);

  it("leave names unique, quotas kept, pairs apart, and no task behind", async () => {
    const limited = await startLocalServer({ ...unlimited, "quota.vpnConns": String(quota) });
    try {
      const where = await makePlace(limited.client);
      const peers = [where.userGwId, await makeUserGw(limited.client, nextPeerAddress())];
      const { vpcId, vpnGwId } = where;
      const taskIds: number[] = [];
      /** What came of each kind of call. */
      const outcomes = new Set<string>();
      const pick = <T>(list: readonly T[], seed: number): T => list[seed % list.length] as T;
      const work = async (client: number, round: number) => {
        const seed = client * 7 + round * 13;
        const rows = rowsOf(await call(limited.client, "DescribeVpnConn", { vpnGwId, limit: "50" }));
        // At every moment, not only in the end.
        expect(rows.length).toBeLessThanOrEqual(quota);
        expect(new Set(rows.map((row) => row.vpnConnName)).size).toBe(rows.length);
        expect(new Set(rows.map((row) => row.unVpnConnId)).size).toBe(rows.length);
        const vpnConnId = rows.length === 0 ? "vpnx-zzzzzzzz" : String(pick(rows, seed).unVpnConnId);
        const ids = { vpcId, vpnGwId, vpnConnId };
        const network = { "userGwCidrBlock.0": pick(networks, seed) };
        const calls: readonly (readonly [action: string, parameters: Readonly<Record<string, string>>])[] = [
          ["AddVpnConnEx", { ...where, userGwId: pick(peers, seed), ...network }],
          ["AddVpnConnEx", { ...where, vpnConnName: pick(names, seed), ...network }],
          ["ModifyVpnConnEx", { ...ids, vpnConnName: pick(names, seed + 1), ...network }],
          ["ModifyVpnConnEx", { ...ids, preSharedKey: `key ${seed % 3}` }],
          ["ResetVpnConnSA", ids],
          ["DeleteVpnConn", ids],
        ];
        const [action, parameters] = pick(calls, client + round);
        const startedMs = performance.now();
        const reply = await call(limited.client, action, parameters);
        // Nobody waits for a lock that somebody else holds and does not give back.
        expect(performance.now() - startedMs).toBeLessThan(10_000);
        expect(expected).toContain(reply.codeDesc);
        outcomes.add(`${action} ${reply.codeDesc}`);
        const taskId = (reply.data as { taskId?: number } | undefined)?.taskId;
        if (taskId !== undefined) taskIds.push(taskId);
      };
      const runClient = async (client: number) => {
        for (let round = 0; round < rounds; round += 1) await work(client, round);
      };
      await Promise.all(Array.from({ length: clients }, (_, client) => runClient(client)));
      await limited.database.settle();

      expect(taskIds.length).toBeGreaterThan(quota);
      for (const action of ["AddVpnConnEx", "ModifyVpnConnEx", "ResetVpnConnSA", "DeleteVpnConn"]) {
        expect(outcomes).toContain(`${action} Success`);
      }
      // They got in each other's way: names or networks were taken, channels gone or locked, the region full.
      expect([...outcomes].filter((outcome) => !outcome.endsWith(" Success")).length).toBeGreaterThan(3);
      expect(outcomes).toContain("AddVpnConnEx VpnConnLimitExceeded");
      const snapshot = await limited.database.takeSnapshot();
      const tasks = snapshot.tasks as readonly { id: number; status: string }[];
      const ended = new Map(tasks.map(({ id, status }) => [id, status]));
      expect(new Set(taskIds).size).toBe(taskIds.length);
      expect(taskIds.filter((id) => ended.get(id) !== "succeeded")).toEqual([]);
      const conns = snapshot.vpn_conns as readonly { id: number; name: string; spds: string; status: string }[];
      expect(conns.length).toBeLessThanOrEqual(quota);
      expect(new Set(conns.map(({ name }) => name)).size).toBe(conns.length);
      expect(conns.filter(({ status }) => status !== "running")).toEqual([]);
      expect(snapshot.vpn_conn_fallbacks).toEqual([]);
      // Each channel here has one pair, and no two have the same.
      const pairs = snapshot.spd_pairs as readonly { vpn_conn_id: number; peer_first: number }[];
      expect(pairs.map((pair) => pair.vpn_conn_id).toSorted()).toEqual(conns.map(({ id }) => id).toSorted());
      expect(new Set(pairs.map((pair) => pair.peer_first)).size).toBe(pairs.length);
    } finally {
      await limited.stop();
    }
  });
});
