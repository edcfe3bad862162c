// One peer network in several rules of a channel: charon has one route to it for all of them. When a rule goes, with its CHILD_SA, the
// packets of the others must still find their way.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Client, call, clientOf } from "../../src/cli/client.ts";
import { ipBatch } from "../../src/dataplane/charon/ip.ts";
import { instanceOf, type Names, namesOf } from "../../src/dataplane/charon/names.ts";
import { removeInstance } from "../../src/dataplane/charon/remove-instance.ts";
import { type ServerProcess, startServerProcess } from "../../src/demo/server-process.ts";
import { labDefaults, labDown, labStatus, labUp } from "../../src/lab/lab.ts";
import { acceptAnything } from "../matrix/site.ts";
import { describeOnMachine } from "../support/machine.ts";
import { dataOf, rowOf, textAt } from "../support/reply.ts";
import { makeConn, makeUserGw, makeVpc, makeVpnGw, type Place, waitForTask } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";
import { ping } from "./wires.ts";

const siteHost = "10.56.20.10";
const preSharedKey = "one road for all";
const timeoutMs = 30_000;
const rules = [0, 1, 2].map((number) => ({ local: `10.0.${number}.0/24`, vpcHost: `10.0.${number}.2` }));

let dataDir: string;
let names: Names;
let server: ServerProcess;
let client: Client;
let place: Place;
let vpnConnId: string;

const spdAclOf = (kept: readonly number[]) =>
  JSON.stringify(Object.fromEntries(kept.map((rule) => [rules[rule]?.local, [labDefaults.siteNetwork]])));

describeOnMachine("rules of one peer network", () => {
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "culvert-test-"));
    names = namesOf(instanceOf(dataDir));
    server = await startServerProcess(dataDir, "charon");
    client = clientOf(server.keyFile, server.endpoint, "gz");
    const vpcId = await makeVpc(client);
    const vpnGwId = await makeVpnGw(client, vpcId);
    place = { vpcId, vpnGwId, userGwId: await makeUserGw(client, labDefaults.remoteAddress) };
    await labUp({ ...labDefaults, names, vpc: { id: 1, uid: vpcId, cidr: "10.0.0.0/16" } });
    await ipBatch(
      names.labNamespace("host1"),
      rules.map(({ vpcHost }) => `address replace ${vpcHost}/16 dev eth0`),
    );
    await acceptAnything(names, labDefaults, preSharedKey);
    vpnConnId = textAt(await makeConn(client, place, { spdAcl: spdAclOf([0, 1, 2]), preSharedKey }), "unVpnConnId");
    await waitForPairs(3);
  });
  afterAll(async () => {
    await server?.stop();
    await labDown(names);
    await removeInstance(names);
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** At both ends. */
  async function waitForPairs(count: number): Promise<void> {
    const areUp = async () => {
      const { netStatus } = rowOf(await call(client, "DescribeVpnConn", { vpnConnId }));
      const children = (await labStatus(names)).remote?.ikeSas.flatMap(({ childSas }) => childSas) ?? [];
      return netStatus === "available" && children.length === count;
    };
    await waitFor(areUp, { what: `${count} pairs`, timeoutMs });
  }

  /** Which rules carry a ping. */
  async function carrying(): Promise<number[]> {
    const namespace = names.labNamespace("host1");
    const replies = rules.map(({ vpcHost }) => ping({ namespace, address: vpcHost }, siteHost, 3, ["-I", vpcHost]));
    return (await Promise.all(replies)).flatMap((count, rule) => (count === 3 ? [rule] : []));
  }

  it("carry packets, each its own", async () => {
    expect(await carrying()).toEqual([0, 1, 2]);
  });

  // Whichever of them the route was made for: every rule goes once, and comes back.
  it.each([[[1, 2]], [[0, 1, 2]], [[0, 2]], [[0, 1, 2]], [[0, 1]], [[1]]])(
    "are %j, and just these carry packets",
    { timeout: 2 * timeoutMs },
    async (kept) => {
      const change = { vpcId: place.vpcId, vpnGwId: place.vpnGwId, vpnConnId, spdAcl: spdAclOf(kept) };
      const { taskId } = dataOf(await call(client, "ModifyVpnConnEx", change));
      expect(await waitForTask(client, String(taskId))).toMatchObject({ status: 0 });
      await waitForPairs(kept.length);
      expect(await carrying()).toEqual(kept);
    },
  );
});
