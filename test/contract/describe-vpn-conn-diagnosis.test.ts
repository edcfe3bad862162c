// DescribeVpnConnDiagnosis, and the field `diagnosis` of DescribeVpnConn: ours (docs/decisions/0075-why-a-channel-is-not-up.md).
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { DataplaneError } from "../../src/dataplane/dataplane.ts";
import { recordDiagnoses, recordUnknownPeers } from "../../src/store/diagnoses.ts";
import { type Cause, causes, type Diagnosis, type UnknownPeer } from "../../src/vpn/diagnosis.ts";
import { makeDiagnosis, makeUnknownPeer } from "../support/diagnoses.ts";
import { HeldDataplane } from "../support/held-dataplane.ts";
import { describeListRules } from "../support/list-rules.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { type Row, rowAt, rowOf, rowsOf, textAt } from "../support/reply.ts";
import {
  addVpnConn,
  findConn,
  makeConn,
  makePlace,
  makeUserGw,
  makeVpnGw,
  nextPeerAddress,
  type Place,
} from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";

/** 20:29:25 on the sixth of August 2015 in China. */
const sinceMs = Date.UTC(2015, 7, 6, 12, 29, 25);

type Given = Readonly<Record<string, string>>;

const dataplane = new HeldDataplane();
let server: LocalServer;
let place: Place;
/** The channel's VPC and gateway. */
let there: Given;
let conn: Row;
let id: number;
beforeAll(async () => {
  server = await startLocalServer(unlimited, dataplane);
  const { vpcId, vpnGwId } = await makePlace(server.client);
  place = { vpcId, vpnGwId, userGwId: await makeUserGw(server.client, nextPeerAddress()) };
  there = { vpcId, vpnGwId };
  await makeConn(server.client, place, { vpnConnName: "office" });
  await server.database.settle();
  conn = rowOf(await list(there));
  id = Number(conn.vpnConnId);
});
afterAll(() => server.stop());
beforeEach(() => record([id, undefined]));

const list = (given: Given = {}) => call(server.client, "DescribeVpnConn", given);
const explain = (given: Given = {}) => call(server.client, "DescribeVpnConnDiagnosis", given);
const record = (...changes: [number, Diagnosis | undefined][]) =>
  server.store.transaction((db) => recordDiagnoses(db, new Map(changes)));
const knock = (gateway: unknown, ...peers: UnknownPeer[]) =>
  server.store.transaction((db) => recordUnknownPeers(db, Number(gateway), peers));

const shown = {
  cause: "ike-proposal",
  sentence: "What is wrong: ike-proposal.",
  side: "either",
  fix: "What to change, and where.",
  offered: "aes128-sha1-modp1024",
  said: "NO_PROPOSAL_CHOSEN",
  sinceTime: "2015-08-06 20:29:25",
};
const events = [
  { time: "2015-08-06 20:29:25", text: "began" },
  { time: "2015-08-06 20:29:27", text: "was refused" },
];

/** Where nothing stands, both ends have to be the same. */
const sides: Readonly<Partial<Record<Cause, string>>> = {
  "gateway-not-running": "local",
  "blocked-by-policy": "local",
  "peer-silent": "peer",
  "peer-stopped": "peer",
  "peer-deleted": "peer",
  "dpd-timeout": "peer",
  "one-way": "peer",
};

describe("the field diagnosis of DescribeVpnConn", () => {
  it("is there while something is known to be wrong, and not else", async () => {
    const before = rowOf(await list(there));
    expect(before).not.toHaveProperty("diagnosis");
    await record([id, makeDiagnosis("ike-proposal", sinceMs)]);
    expect(rowOf(await list(there))).toEqual({ ...before, diagnosis: shown });
    await record([id, undefined]);
    expect(rowOf(await list(there))).toEqual(before);
  });

  it("is each row's own", async () => {
    const other = await makeConn(server.client, { ...place, vpnGwId: await makeVpnGw(server.client, place.vpcId) });
    await server.database.settle();
    const otherId = Number(other.vpnConnId);
    await record([id, makeDiagnosis("pfs", sinceMs)], [otherId, makeDiagnosis("one-way", sinceMs)]);
    const rows = rowsOf(await list({ vpcId: place.vpcId, orderDirection: "asc" }));
    expect(rows.map((row) => [row.vpnConnId, rowAt(row, "diagnosis").cause])).toEqual([
      [id, "pfs"],
      [otherId, "one-way"],
    ]);
    await record([otherId, undefined]);
  });

  it.each(causes)("says at which end to change for %s", async (cause) => {
    await record([id, makeDiagnosis(cause, sinceMs)]);
    const { diagnosis } = rowOf(await list(there));
    expect(diagnosis).toMatchObject({ cause, side: sides[cause] ?? "either" });
  });
});

describe("DescribeVpnConnDiagnosis", () => {
  const row = () => ({
    ...Object.fromEntries(
      ["vpcId", "unVpcId", "vpnGwId", "unVpnGwId", "vpnGwAddress", "vpnConnId", "unVpnConnId"]
        .concat(["vpnConnName", "userGwId", "unUserGwId", "userGwAddress", "vpcConnStatus", "netStatus"])
        .map((name) => [name, conn[name]]),
    ),
    failure: "",
  });

  it.each(["GET", "POST"] as const)("has a diagnosis with its events, by %s", async (method) => {
    await record([id, makeDiagnosis("ike-proposal", sinceMs)]);
    const given = { vpnConnId: textAt(conn, "unVpnConnId") };
    const { reply } = await sendCall(server.client, "DescribeVpnConnDiagnosis", given, { method });
    const data = [{ ...row(), diagnosis: { ...shown, events } }];
    expect(reply).toEqual({ code: 0, message: "", codeDesc: "Success", totalCount: 1, data, unknownPeers: [] });
  });

  it("has a channel that is up too, and says so", async () => {
    expect(rowOf(await explain(there))).toEqual({ ...row(), netStatus: "available" });
  });

  it("finds by VPC and gateway, with either form of id", async () => {
    const vpnGwId = await makeVpnGw(server.client, place.vpcId);
    const other = await makeConn(server.client, { ...place, vpnGwId });
    const find = async (given: Given) => rowsOf(await explain(given)).map((each) => each.vpnConnId);
    expect(await find({ vpnGwId })).toEqual([other.vpnConnId]);
    expect(await find({ vpnGwId: String(other.vpnGwId), vpcId: textAt(other, "vpcId") })).toEqual([other.vpnConnId]);
    expect(await find({ vpcId: String(other.vpcId).replace(/.*_/, "") })).toContain(id);
    expect(await find({ vpnConnId: String(id), vpnGwId: place.vpnGwId, vpcId: place.vpcId })).toEqual([id]);
  });

  it("lists the peers that knock at the gateways of its channels, and at the one that is named", async () => {
    const vpnGwId = await makeVpnGw(server.client, place.vpcId);
    const { vpnGwId: number } = rowOf(await call(server.client, "DescribeVpnGw", { vpnGwId }));
    await knock(conn.vpnGwId, makeUnknownPeer("203.0.113.7", sinceMs), makeUnknownPeer("203.0.113.8", sinceMs));
    await knock(number, makeUnknownPeer("203.0.113.9", sinceMs, { identity: "", offered: "", count: 2 ** 40 }));
    const known = {
      vpnGwId: conn.vpnGwId,
      unVpnGwId: conn.unVpnGwId,
      address: "203.0.113.7",
      identity: "branch.example",
      offered: "aes256-sha256-modp2048",
      said: "no channel has this address",
      firstTime: "2015-08-06 20:29:25",
      lastTime: "2015-08-06 20:30:26",
      count: 3,
    };
    const ofOne = await explain({ vpnConnId: String(id) });
    expect(ofOne.unknownPeers).toEqual([known, { ...known, address: "203.0.113.8" }]);
    const ofEmpty = await explain({ vpnGwId });
    const lonely = { address: "203.0.113.9", identity: "", offered: "", count: 2 ** 40 };
    const unknownPeers = [{ ...known, vpnGwId: number, unVpnGwId: vpnGwId, ...lonely }];
    expect(ofEmpty).toMatchObject({ totalCount: 0, data: [], unknownPeers });
    const stranger = await server.addKey({ account: "other" });
    expect(await call(stranger, "DescribeVpnConnDiagnosis", {})).toMatchObject({ totalCount: 0, unknownPeers: [] });
    await knock(conn.vpnGwId);
    expect((await explain({ vpnConnId: String(id) })).unknownPeers).toEqual([]);
  });

  it("tells of a peer that is silent", async () => {
    const vpnGwId = await makeVpnGw(server.client, place.vpcId);
    const silent = await makeConn(server.client, { ...place, vpnGwId, userGwId: await makeUserGw(server.client) });
    const vpnConnId = textAt(silent, "unVpnConnId");
    const diagnosis = await waitFor(async () => rowOf(await explain({ vpnConnId })).diagnosis as Row | undefined, {
      what: "the silence to be noticed",
    });
    expect(diagnosis).toEqual({
      cause: "peer-silent",
      sentence: expect.stringContaining(textAt(silent, "userGwAddress")),
      side: "peer",
      fix: expect.stringContaining(textAt(silent, "vpnGwAddress")),
      offered: "",
      said: "",
      sinceTime: expect.stringMatching(/^[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}$/),
      events: expect.any(Array),
    });
    const { events: _, ...summary } = diagnosis;
    expect(rowOf(await list({ vpnConnId })).diagnosis).toEqual(summary);
  });

  it("says why a gateway did not take a channel's settings", async () => {
    dataplane.fail(({ kind }) =>
      kind === "load-secret" ? new DataplaneError("connection", "no such thing") : undefined,
    );
    const made = await addVpnConn(server.client, { ...place, vpnGwId: await makeVpnGw(server.client, place.vpcId) });
    const refused = await waitFor(
      async () => {
        const found = await findConn(server.client, made);
        return found.vpcConnStatus === 1 ? found : undefined;
      },
      { what: "the channel to be refused" },
    );
    const { failure } = rowOf(await explain({ vpnConnId: textAt(refused, "unVpnConnId") }));
    expect(failure).toEqual(expect.stringContaining("no such thing"));
    dataplane.fail(() => undefined);
  });

  it("shows no key, and the same to a key that may only read", async () => {
    await record([id, makeDiagnosis("pre-shared-key", sinceMs)]);
    const reader = await server.addKey({ isReadOnly: true });
    const reply = await explain(there);
    expect(await call(reader, "DescribeVpnConnDiagnosis", there)).toEqual(reply);
    expect(JSON.stringify(reply)).not.toContain(textAt(conn, "preSharedKey"));
    expect(textAt(conn, "preSharedKey").length).toBeGreaterThan(5);
  });

  it("refuses what is not there, and what is elsewhere", async () => {
    const other = await makePlace(server.client);
    const vpnConnId = textAt(conn, "unVpnConnId");
    await expectRefusal(server, "vpc-not-found", () => explain({ vpcId: "vpc-zzzzzzzz" }), ["vpc-zzzzzzzz"]);
    await expectRefusal(server, "vpn-gw-not-found", () => explain({ vpnGwId: "vpngw-zzzzzzzz" }), ["vpngw-zzzzzzzz"]);
    await expectRefusal(server, "vpn-gw-not-found", () => explain({ ...there, vpnGwId: other.vpnGwId }), [
      other.vpnGwId,
    ]);
    await expectRefusal(server, "vpn-conn-not-found", () => explain({ vpnGwId: other.vpnGwId, vpnConnId }), [
      vpnConnId,
    ]);
    const stranger = await server.addKey({ account: "other" });
    const attempt = () => call(stranger, "DescribeVpnConnDiagnosis", { vpnConnId });
    await expectRefusal(server, "vpn-conn-not-found", attempt, [vpnConnId]);
  });

  it("goes with its channel", async () => {
    const gone = await makeConn(server.client, { ...place, vpnGwId: await makeVpnGw(server.client, place.vpcId) });
    await record([Number(gone.vpnConnId), makeDiagnosis("dpd-timeout", sinceMs)]);
    const ids = { vpcId: place.vpcId, vpnGwId: textAt(gone, "unVpnGwId"), vpnConnId: textAt(gone, "unVpnConnId") };
    expect(rowAt(rowOf(await list({ vpnGwId: ids.vpnGwId })), "diagnosis").cause).toBe("dpd-timeout");
    expect((await call(server.client, "DeleteVpnConn", ids)).code).toBe(0);
    await waitFor(async () => (await list({ vpnGwId: ids.vpnGwId })).totalCount === 0, { what: "the channel to go" });
    const left = await server.store.db.sql.selectFrom("vpn_conn_diagnoses").select("vpn_conn_id").execute();
    expect(left.map((each) => each.vpn_conn_id)).not.toContain(gone.vpnConnId);
  });
});

describeListRules(() => server, {
  action: "DescribeVpnConnDiagnosis",
  idParameter: "vpnConnId",
  nameParameter: "vpnConnName",
  uidField: "unVpnConnId",
  oldIdField: "vpnConnId",
  notFound: "vpn-conn-not-found",
  maxLimit: 50,
  prepare: async (client) => {
    const { vpcId, vpnGwId } = await makePlace(client);
    // A silent one would be found out at its own time.
    const userGwId = await makeUserGw(client, nextPeerAddress());
    return (vpnConnName) => makeConn(client, { vpcId, vpnGwId, userGwId }, { vpnConnName });
  },
});
