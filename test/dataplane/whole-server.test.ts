// The whole product on real processes: server, charon, a remote site that knows nothing of ours, and packets. What the server is for
// must survive the server, and everything must go when it is told to go.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, call, clientOf, type Reply } from "../../src/cli/client.ts";
import { findCharon } from "../../src/dataplane/charon/charon-process.ts";
import { listNamespaces } from "../../src/dataplane/charon/ip.ts";
import { instanceOf, type Names, namesOf } from "../../src/dataplane/charon/names.ts";
import { removeInstance } from "../../src/dataplane/charon/remove-instance.ts";
import { type ServerProcess, startServerProcess } from "../../src/demo/server-process.ts";
import { labDefaults, labDown, labStatus, labUp } from "../../src/lab/lab.ts";
import { captureWire, firstReply, ping } from "../../src/lab/probe.ts";
import { ViciSession } from "../../src/vici/session.ts";
import { describeOnMachine } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";

const remoteHost = "10.56.20.10";
const timeoutMs = 60_000;
type Row = Readonly<Record<string, unknown>>;

let dataDir: string;
let names: Names;
let server: ServerProcess;
let client: Client;
let places: { vpcId: string; vpnGwId: string; userGwId: string };

async function ask(action: string, parameters: Record<string, string>): Promise<Reply> {
  const reply = await call(client, action, parameters);
  expect(reply, action).toMatchObject({ code: 0 });
  return reply;
}

async function row(action: string, parameters: Record<string, string> = {}): Promise<Row> {
  const { data } = await ask(action, parameters);
  return (data as Row[])[0] ?? {};
}

async function startServer(): Promise<void> {
  server = await startServerProcess(dataDir, "charon");
  client = clientOf(server.keyFile, server.endpoint, "gz");
}

function waitForRow(action: string, wanted: Row, parameters: Record<string, string> = {}): Promise<Row> {
  const isWanted = (found: Row) => Object.entries(wanted).every(([key, value]) => found[key] === value);
  return waitFor(
    async () => {
      const found = await row(action, parameters);
      return isWanted(found) ? found : undefined;
    },
    { timeoutMs, what: `${action} to say ${JSON.stringify(wanted)}` },
  );
}

async function taskStatus(taskId: unknown): Promise<number> {
  const { data } = await ask("DescribeVpcTaskResult", { taskId: String(taskId) });
  return (data as { status: number }).status;
}

async function runTask(action: string, parameters: Record<string, string>): Promise<number> {
  const { data } = await ask(action, parameters);
  const { taskId } = data as Row;
  return waitFor(
    async () => {
      const status = await taskStatus(taskId);
      return status === 2 ? undefined : { status };
    },
    { timeoutMs, what: `${action}'s task` },
  ).then(({ status }) => status);
}

/** Unique ids of the gateway's IKE_SAs: they change with every negotiation. */
async function ikeSaIds(): Promise<string[]> {
  const session = await ViciSession.connect(names.viciSocket(1));
  try {
    const events = await session.stream("list-sas", "list-sa");
    return events.flatMap((event) => Object.values(event)).map((sa) => (sa as { uniqueid: string }).uniqueid);
  } finally {
    session.close();
  }
}

function gatewayPid(): Promise<number | undefined> {
  return findCharon({ namespace: names.gatewayNamespace(1), dir: names.gatewayDir(1) });
}

describeOnMachine("a server with the real data plane", () => {
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "culvert-test-"));
    names = namesOf(instanceOf(dataDir));
    // A stray of this instance, as a crash leaves it: no row speaks of gateway 77.
    mkdirSync(names.gatewayDir(77), { recursive: true, mode: 0o700 });
    await startServer();
    const vpc = await ask("CreateVpc", { vpcName: "office", cidrBlock: "10.0.0.0/16" });
    const vpcId = String(vpc.unVpcId);
    await ask("CreateVpn", { vpcId, name: "gateway", period: "1", bandwidth: "5" });
    const { unVpnGwId } = await waitForRow("DescribeVpnGw", { vpnGwStatus: 6 });
    const peer = await ask("AddUserGw", { userGwName: "site", userGwAddr: labDefaults.remoteAddress });
    places = { vpcId, vpnGwId: String(unVpnGwId), userGwId: String(peer.userGwId) };
    await labUp({ ...labDefaults, names, vpc: { id: 1, uid: vpcId, cidr: "10.0.0.0/16" } });
    const channel = { ...places, "userGwCidrBlock.0": "10.56.20.1/24", preSharedKey: "dgdgd33" };
    expect(await runTask("AddVpnConnEx", channel)).toBe(0);
    await waitForRow("DescribeVpnConn", { vpcConnStatus: 6, netStatus: "available" });
    await firstReply(names.labNamespace("host1"), remoteHost, { timeoutMs });
  });

  afterAll(async () => {
    await server?.stop();
    await labDown(names);
    await removeInstance(names);
    rmSync(dataDir, { recursive: true, force: true });
  });

  test("what no row speaks of is removed at start", async () => {
    await waitFor(async () => !(await listNamespaces(names.prefix)).includes(names.gatewayNamespace(77)), {
      what: "it",
    });
    expect(names.gatewayDir(77)).not.toSatisfy(existsSync);
  });

  test("kill -9 of the server breaks no tunnel, and a new server adopts the gateway as it is", async () => {
    const before = { pid: await gatewayPid(), ikeSas: await ikeSaIds() };
    expect(before.pid).toBeTypeOf("number");
    const pinging = ping(names.labNamespace("host1"), remoteHost, { count: 40, intervalMs: 50, timeoutMs: 2_000 });
    await server.stop("SIGKILL");
    await startServer();
    await waitForRow("DescribeVpnConn", { vpcConnStatus: 6, netStatus: "available" });
    expect(await pinging).toEqual({ sent: 40, received: 40 });
    expect({ pid: await gatewayPid(), ikeSas: await ikeSaIds() }).toEqual(before);
  });

  test("kill -9 of the server right after it has answered a reset: the next one has carried it out", async () => {
    const before = await ikeSaIds();
    const { unVpnConnId } = await row("DescribeVpnConn");
    const ids = { vpcId: places.vpcId, vpnGwId: places.vpnGwId, vpnConnId: String(unVpnConnId) };
    expect(await ask("ResetVpnConnSA", ids)).toMatchObject({ code: 0 });
    await server.stop("SIGKILL");
    await startServer();
    const isRenewed = async () => {
      const now = await ikeSaIds();
      return now.length > 0 && now.every((id) => !before.includes(id));
    };
    await waitFor(isRenewed, { timeoutMs, what: "a new IKE_SA" });
    await firstReply(names.labNamespace("host1"), remoteHost, { timeoutMs });
    await waitForRow("DescribeVpnConn", { vpcConnStatus: 6, netStatus: "available" });
  });

  test("kill -9 of charon: it is back with its channel, and nothing crossed in clear meanwhile", async () => {
    const pid = await gatewayPid();
    const capture = await captureWire(names);
    const pinging = ping(names.labNamespace("host1"), remoteHost, { count: 40, intervalMs: 50, timeoutMs: 2_000 });
    process.kill(pid ?? 0, "SIGKILL");
    await waitFor(async () => ![undefined, pid].includes(await gatewayPid()), { timeoutMs, what: "a new charon" });
    await waitForRow("DescribeVpnConn", { vpcConnStatus: 6, netStatus: "available" });
    await pinging;
    await firstReply(names.labNamespace("host1"), remoteHost, { timeoutMs });
    expect(await capture.stop()).toMatchObject({ clear: 0 });
  });

  test("kill -9 of both: the next server brings the channel back", async () => {
    const pid = await gatewayPid();
    await server.stop("SIGKILL");
    process.kill(pid ?? 0, "SIGKILL");
    await startServer();
    await firstReply(names.labNamespace("host1"), remoteHost, { timeoutMs });
    await waitForRow("DescribeVpnConn", { vpcConnStatus: 6, netStatus: "available" });
  });

  test("a wrong pre-shared key and a silent peer hold up no task and no other channel", async () => {
    const silent = await ask("AddUserGw", { userGwName: "nobody", userGwAddr: "198.51.100.200" });
    const channel = { ...places, userGwId: String(silent.userGwId), "userGwCidrBlock.0": "172.16.0.0/24" };
    expect(await runTask("AddVpnConnEx", { ...channel, vpnConnName: "silent" })).toBe(0);
    const found = await row("DescribeVpnConn", { vpnConnName: "silent" });
    expect(found).toMatchObject({ vpcConnStatus: 6, netStatus: "unavailable" });
    expect(await ping(names.labNamespace("host1"), remoteHost, { count: 5, intervalMs: 20, timeoutMs: 2_000 })).toEqual(
      {
        sent: 5,
        received: 5,
      },
    );
    const vpnConnId = String(found.unVpnConnId);
    expect(await runTask("DeleteVpnConn", { vpcId: places.vpcId, vpnGwId: places.vpnGwId, vpnConnId })).toBe(0);
  });

  test("a pair that another channel of the gateway has is refused, naming both", async () => {
    const spdAcl = JSON.stringify({ "10.0.0.2/32": ["10.56.20.10/32"] });
    const refused = await call(client, "AddVpnConnEx", { ...places, spdAcl });
    // The channel that is there has the whole VPC and the whole remote network.
    expect(refused).toMatchObject({ code: 4000, message: expect.stringContaining("10.56.20.0/24") });
  });

  test("DeleteVpnConn takes the tunnel down at both ends", async () => {
    const found = await row("DescribeVpnConn");
    const vpnConnId = String(found.unVpnConnId);
    expect(await runTask("DeleteVpnConn", { vpcId: places.vpcId, vpnGwId: places.vpnGwId, vpnConnId })).toBe(0);
    await waitFor(async () => (await ikeSaIds()).length === 0, { timeoutMs, what: "the IKE_SA to go" });
    await waitFor(async () => (await labStatus(names)).remote?.ikeSas.length === 0, { timeoutMs, what: "the peer's" });
    const left = await ping(names.labNamespace("host1"), remoteHost, { count: 3, intervalMs: 50, timeoutMs: 500 });
    expect(left.received).toBe(0);
  });

  test("a channel with rules of its own inside the VPC comes up", async () => {
    const spdAcl = JSON.stringify({ "10.0.0.2/24": ["10.56.20.10/28"] });
    expect(await runTask("AddVpnConnEx", { ...places, spdAcl, preSharedKey: "dgdgd33" })).toBe(0);
    const found = await waitForRow("DescribeVpnConn", { netStatus: "available" });
    expect(found).toMatchObject({ spdAcl: { "10.0.0.0/24": ["10.56.20.0/28"] } });
    await firstReply(names.labNamespace("host1"), remoteHost, { timeoutMs });
    const vpnConnId = String(found.unVpnConnId);
    expect(await runTask("DeleteVpnConn", { vpcId: places.vpcId, vpnGwId: places.vpnGwId, vpnConnId })).toBe(0);
  });

  test("a gateway whose charon cannot start says why, and mends itself when it can", async () => {
    // The second gateway's run directory cannot be made while a file is in its place.
    const obstacle = names.gatewayDir(2);
    mkdirSync(dirname(obstacle), { recursive: true });
    writeFileSync(obstacle, randomBytes(1));
    await ask("CreateVpn", { vpcId: places.vpcId, name: "second", period: "1", bandwidth: "5" });
    const second = await waitForRow("DescribeVpnGw", { vpnGwStatus: 3 }, { vpnGwName: "second" });
    expect(second.unVpnGwId).toBeTypeOf("string");
    expect(await row("DescribeVpnGw", { vpnGwName: "gateway" })).toMatchObject({ vpnGwStatus: 6 });
    rmSync(obstacle);
    await waitForRow("DescribeVpnGw", { vpnGwStatus: 6 }, { vpnGwName: "second" });
    const vpnGwId = String(second.unVpnGwId);
    expect(await runTask("DeleteVpnGw", { vpcId: places.vpcId, vpnGwId })).toBe(0);
    expect(await listNamespaces(names.prefix)).not.toContain(names.gatewayNamespace(2));
  });

  test("DeleteVpnGw removes namespace, process and directory", async () => {
    const pid = await gatewayPid();
    expect(await runTask("DeleteVpnGw", { vpcId: places.vpcId, vpnGwId: places.vpnGwId })).toBe(0);
    expect(await listNamespaces(names.prefix)).not.toContain(names.gatewayNamespace(1));
    expect(() => process.kill(pid ?? 0, 0)).toThrow();
    expect(names.gatewayDir(1)).not.toSatisfy(existsSync);
  });
});
