// A channel that is set up wrongly, mended cause by cause by what it says itself: real charons at both ends, through the API, as told by
// `culvert channel explain`. Which misconfiguration has which cause is tested in diagnosis.test.ts.
import { afterAll, beforeAll, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { labDefaults } from "../../src/lab/lab.ts";
import type { Cause } from "../../src/vpn/diagnosis.ts";
import { runCulvert } from "../support/command.ts";
import { describeOnMachine } from "../support/machine.ts";
import { makeRealSite, type RealSite } from "../support/real-site.ts";
import { dataOf, type Row, rowOf, textAt } from "../support/reply.ts";
import { addVpnConn, findConn, waitForTask } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";

const timeoutMs = 30_000;

let site: RealSite;
let ids: { readonly vpcId: string; readonly vpnGwId: string; readonly vpnConnId: string };

const show = async () => rowOf(await call(site.client, "DescribeVpnConn", ids));
const explain = (...options: readonly string[]) => {
  const { endpoint, keyFile } = site.server;
  return runCulvert(["channel", "explain", ids.vpnConnId, "--endpoint", endpoint, "--key-file", keyFile, ...options]);
};

async function change(settings: Readonly<Record<string, string>>): Promise<void> {
  const { taskId } = dataOf(await call(site.client, "ModifyVpnConnEx", { ...ids, ...settings }));
  expect(await waitForTask(site.client, String(taskId))).toEqual({ status: 0 });
}

/** @returns what the command prints once the cause is found */
async function waitForCause(cause: Cause): Promise<string> {
  const isFound = async () => ((await show()).diagnosis as Row | undefined)?.cause === cause;
  await waitFor(isFound, { what: `the cause ${cause}`, timeoutMs });
  const { code, stdout, stderr } = await explain();
  expect({ code, stderr }, stdout).toEqual({ code: 1, stderr: "" });
  expect(stdout).toContain(`[${cause}]`);
  return stdout;
}

async function waitForUp(): Promise<void> {
  await waitFor(async () => (await explain()).code === 0, { what: "the channel to be up", timeoutMs });
  const conn = await show();
  expect(conn).toMatchObject({ netStatus: "available" });
  expect(conn).not.toHaveProperty("diagnosis");
}

describeOnMachine("a channel with a wrong key and wrong networks", () => {
  beforeAll(async () => {
    site = await makeRealSite();
    const settings = { "userGwCidrBlock.0": "10.56.21.0/24", preSharedKey: "another-key" };
    const conn = await findConn(site.client, await addVpnConn(site.client, site.place, settings));
    const { vpcId, vpnGwId } = site.place;
    ids = { vpcId, vpnGwId, vpnConnId: textAt(conn, "unVpnConnId") };
  });
  afterAll(() => site?.remove());

  it("says so, one after the other, comes up when they are mended, and then says nothing", async () => {
    expect(await waitForCause("pre-shared-key")).not.toContain("another-key");
    await change({ preSharedKey: labDefaults.preSharedKey.reveal() });
    expect(await waitForCause("traffic-selectors")).toContain("10.56.21.0/24");
    const said = JSON.parse((await explain("--json")).stdout);
    expect(said.diagnosis.events.length).toBeGreaterThan(0);
    await change({ "userGwCidrBlock.0": labDefaults.siteNetwork });
    await waitForUp();
  });

  it("says of a name that the peer does not have which one it has", async () => {
    await change({ "IKESet.remoteIdentity": "fqdn", "IKESet.remoteFqdnName": "branch.example" });
    expect(await waitForCause("identity")).toContain(labDefaults.remoteAddress);
    await change({ "IKESet.remoteIdentity": "address" });
    await waitForUp();
  });
});
