// A strongSwan whose OpenSSL has no legacy provider: it lists DES, shows such a tunnel as INSTALLED and carries nothing through it. The
// server has tried it, and says so.
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Client, call, clientOf } from "../../src/cli/client.ts";
import { instanceOf, namesOf } from "../../src/dataplane/charon/names.ts";
import { removeInstance } from "../../src/dataplane/charon/remove-instance.ts";
import { type ServerProcess, startServerProcess } from "../../src/demo/server-process.ts";
import { describeOnMachine } from "../support/machine.ts";
import { dataOf, rowOf, textAt } from "../support/reply.ts";
import {
  addVpnConn,
  findConn,
  findVpnGw,
  makeConn,
  makeUserGw,
  makeVpc,
  makeVpnGw,
  type Place,
  waitForTask,
} from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";

const cidrs = ["10.0.0.0/16", "10.1.0.0/16"] as const;
const preSharedKey = "who has no DES";
const aes = {
  "IKESet.propoEncryAlgorithm": "aes-cbc-128",
  "IPsecSet.encryptAlgorithm": "aes-cbc-128",
  "IPsecSet.integrityAlgorith": "sha",
};
const timeoutMs = 15_000;

/** Debian's libssl3 has it. */
const [legacyProvider = ""] = globSync("/usr/lib/*/ossl-modules/legacy.so");
/** Hides it from the server and its charons alone. Network namespaces are mounts too, and those are to be seen outside as well. */
const script = 'mount --make-private / && mount --bind /dev/null "$0" && exec "$@"';
const withoutProvider = ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", script, legacyProvider];

let dataDir: string;
let server: ServerProcess;
let client: Client;
/** Two gateways, each with the other as its peer. */
let places: readonly [Place, Place];

const ids = ({ vpcId, vpnGwId }: Place, vpnConnId: string) => ({ vpcId, vpnGwId, vpnConnId });

async function failureOf(taskId: string): Promise<string> {
  const { status, output } = await waitForTask(client, taskId);
  expect(status).toBe(1);
  return (output as { errorMsg: string }).errorMsg;
}

describeOnMachine("a strongSwan without OpenSSL's legacy provider", () => {
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "culvert-test-"));
    server = await startServerProcess(dataDir, "charon", {}, withoutProvider);
    client = clientOf(server.keyFile, server.endpoint, "gz");
    const made: { vpcId: string; vpnGwId: string; address: string }[] = [];
    for (const cidr of cidrs) {
      const vpcId = await makeVpc(client, cidr);
      const vpnGwId = await makeVpnGw(client, vpcId);
      made.push({ vpcId, vpnGwId, address: textAt(await findVpnGw(client, vpnGwId), "vpnGwAddress") });
    }
    const peers = await Promise.all(made.toReversed().map(({ address }) => makeUserGw(client, address)));
    places = made.map(({ vpcId, vpnGwId }, n) => ({ vpcId, vpnGwId, userGwId: peers[n] ?? "" })) as [Place, Place];
  });
  afterAll(async () => {
    await server?.stop();
    await removeInstance(namesOf(instanceOf(dataDir)));
    rmSync(dataDir, { recursive: true, force: true });
  });

  it.each([
    ["IPsecSet.encryptAlgorithm", "des-cbc with sha1 in phase 2"],
    ["IKESet.propoEncryAlgorithm", "des-cbc in phase 1"],
  ])("fails a channel whose %s is des-cbc, and says so", { timeout: timeoutMs }, async (parameter, missing) => {
    const networks = { "userGwCidrBlock.0": "10.9.0.0/16" };
    const { taskId } = await addVpnConn(client, places[0], {
      ...aes,
      ...networks,
      [parameter]: "des-cbc",
      preSharedKey,
    });
    const failure = await failureOf(taskId);
    expect(failure).toBe(`this machine's strongSwan cannot do ${missing}: \`culvert doctor\` tells why`);
    const vpnConnId = textAt(await findConn(client, { taskId }), "unVpnConnId");
    const deletion = await call(client, "DeleteVpnConn", ids(places[0], vpnConnId));
    expect(await waitForTask(client, String(dataOf(deletion).taskId))).toMatchObject({ status: 0 });
  });

  it("carries a channel with AES, which cannot be made one with DES", { timeout: 2 * timeoutMs }, async () => {
    const conns = await Promise.all(
      places.map((place, n) =>
        makeConn(client, place, { ...aes, "userGwCidrBlock.0": cidrs[1 - n] ?? "", preSharedKey }),
      ),
    );
    const [vpnConnId = ""] = conns.map((conn) => textAt(conn, "unVpnConnId"));
    const isUp = async () => rowOf(await call(client, "DescribeVpnConn", { vpnConnId })).netStatus === "available";
    await waitFor(isUp, { what: "the channel to be available", timeoutMs });
    const change = { ...ids(places[0], vpnConnId), "IPsecSet.encryptAlgorithm": "des-cbc" };
    const { taskId } = dataOf(await call(client, "ModifyVpnConnEx", change));
    expect(await failureOf(String(taskId))).toContain("cannot do des-cbc with sha1 in phase 2");
    const row = rowOf(await call(client, "DescribeVpnConn", { vpnConnId }));
    expect(row).toMatchObject({ netStatus: "available", IPsecSet: { encryptAlgorithm: "aes-cbc-128" } });
  });
});
