// What a change made through the API costs the packets that pass meanwhile, who begins, and what is left when a channel is deleted: with
// a peer that was set up by its own administrator.
import { afterAll, beforeAll, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { ipBatch, run } from "../../src/dataplane/charon/ip.ts";
import type { Names } from "../../src/dataplane/charon/names.ts";
import { labDefaults, labStatus } from "../../src/lab/lab.ts";
import { strongswanConf } from "../../src/lab/remote-config.ts";
import { remotePlace, startSwan, swanctl, writeSwanFiles } from "../../src/lab/strongswan.ts";
import { endSwans } from "../../src/lab/swan-process.ts";
import { describeOnMachine } from "../support/machine.ts";
import { makeRealSite, type RealSite } from "../support/real-site.ts";
import { dataOf, rowOf, textAt } from "../support/reply.ts";
import { listIdentities, listLoaded, listSas } from "../support/sas.ts";
import { addVpnConn, findConn, waitForTask } from "../support/scene.ts";
import { type Watched, watchTraffic } from "../support/traffic-watch.ts";
import { waitFor } from "../support/wait-for.ts";

const siteHost = "10.56.20.10";
const ourAddress = "198.51.100.10";
const firstHalf = "10.56.20.0/25";
const secondHalf = "10.56.20.128/25";
const timeoutMs = 30_000;
const algorithms = {
  "IKESet.propoEncryAlgorithm": "aes-cbc-128",
  "IKESet.propoAuthenAlgorithm": "sha",
  "IKESet.dhGroupName": "group2",
  "IPsecSet.encryptAlgorithm": "aes-cbc-128",
  "IPsecSet.integrityAlgorith": "sha",
};

let real: RealSite;
let names: Names;
let vpnConnId: string;

/** As its administrator writes it: with our address, so that the peer can begin as well. */
function swanctlConf(key: string): string {
  return `connections {
  cloud {
    version = 1
    local_addrs = ${labDefaults.remoteAddress}
    remote_addrs = ${ourAddress}
    proposals = aes128-sha1-modp1024, aes256-sha1-modp2048
    local {
      auth = psk
    }
    remote {
      auth = psk
      id = ${ourAddress}
    }
    children {
      site {
        local_ts = ${firstHalf}
        remote_ts = 10.0.0.0/16
        esp_proposals = aes128-sha1, aes256-sha1
      }
      second {
        local_ts = ${secondHalf}
        remote_ts = 10.0.0.0/16
        esp_proposals = aes128-sha1, aes256-sha1
      }
    }
  }
}
secrets {
  ike-cloud {
    secret = "${key}"
  }
}
`;
}

async function tellPeer(key: string): Promise<void> {
  const remote = remotePlace(names);
  await writeSwanFiles(remote, { strongswanConf: strongswanConf(remote.dir), swanctlConf: swanctlConf(key) });
  await swanctl(remote, "--load-all", "--clear", "--noprompt");
}

const watch = () => watchTraffic(names.labNamespace("host1"), siteHost, timeoutMs);
const spis = async () => (await listIdentities(names)).filter((id) => !id.startsWith("#"));

async function untilAvailable(): Promise<void> {
  const isUp = async () => rowOf(await call(real.client, "DescribeVpnConn", { vpnConnId })).netStatus === "available";
  await waitFor(isUp, { what: "the channel to be available", timeoutMs });
}

/** Adds the channel and does not wait. */
async function add(): Promise<void> {
  const networks = { "userGwCidrBlock.0": firstHalf };
  const made = await addVpnConn(real.client, real.place, { ...algorithms, ...networks, preSharedKey: "first key" });
  await waitForTask(real.client, made.taskId);
  vpnConnId = textAt(await findConn(real.client, made), "unVpnConnId");
}

async function ask(action: string, parameters: Readonly<Record<string, string>> = {}): Promise<void> {
  const { vpcId, vpnGwId } = real.place;
  const reply = await call(real.client, action, { vpcId, vpnGwId, vpnConnId, ...parameters });
  const { taskId } = dataOf(reply);
  expect(await waitForTask(real.client, String(taskId))).toMatchObject({ status: 0 });
}

/** What `work` costs the traffic; it is over when packets pass again. */
async function during(work: () => Promise<unknown>): Promise<Watched> {
  const traffic = await watch();
  await work();
  const watched = await traffic.stop(timeoutMs);
  await untilAvailable();
  return watched;
}

function report(change: string, { longestBreakSeconds }: Watched): void {
  process.stdout.write(`\n${JSON.stringify({ change, breakSeconds: Number(longestBreakSeconds.toFixed(2)) })}\n`);
}

describeOnMachine("a channel that is changed through the API", () => {
  beforeAll(async () => {
    real = await makeRealSite();
    names = real.names;
    // ESP in userspace wants an address of its own in each network; in the first half it has one.
    await ipBatch(names.labNamespace("remote"), ["address replace 10.56.20.129/32 dev lo"]);
    await tellPeer("first key");
  });
  afterAll(async () => {
    await real?.remove();
  });

  it("comes up at once, from our side, before there is any packet", async () => {
    const begin = performance.now();
    await add();
    await untilAvailable();
    const seconds = (performance.now() - begin) / 1_000;
    process.stdout.write(`\n${JSON.stringify({ change: "a new channel", untilAvailableSeconds: seconds })}\n`);
    expect(seconds).toBeLessThan(5);
  });

  it("has the SAs it had, and loses no packet, when it gets a new name", async () => {
    const before = await listIdentities(names);
    const { sent, received } = await during(() => ask("ModifyVpnConnEx", { vpnConnName: "another" }));
    expect(received).toBe(sent);
    expect(await listIdentities(names)).toEqual(before);
  });

  it("keeps the pair that it had, and loses no packet of it, when it gets a new network", async () => {
    const before = await listIdentities(names);
    const networks = { "userGwCidrBlock.0": firstHalf, "userGwCidrBlock.1": secondHalf };
    const { sent, received } = await during(async () => {
      await ask("ModifyVpnConnEx", networks);
      await waitFor(async () => (await spis()).length === 2, { what: "the new pair" });
    });
    expect(received).toBe(sent);
    expect(await listIdentities(names)).toEqual(expect.arrayContaining([...before]));
    await ask("ModifyVpnConnEx", { "userGwCidrBlock.0": firstHalf });
    await waitFor(async () => (await spis()).length === 1, { what: "the new pair to go" });
    expect(await listIdentities(names)).toEqual(before);
  });

  it.each([
    ["other algorithms of phase 2", { "IPsecSet.encryptAlgorithm": "aes-cbc-256" }, "first key"],
    [
      "other algorithms of phase 1",
      { "IKESet.propoEncryAlgorithm": "aes-cbc-256", "IKESet.dhGroupName": "group14" },
      "first key",
    ],
    ["another key", { preSharedKey: "second key" }, "second key"],
  ])("is negotiated anew at once when it gets %s", async (change, parameters, key) => {
    const before = await spis();
    const watched = await during(async () => {
      if (key !== "first key") await tellPeer(key);
      await ask("ModifyVpnConnEx", parameters);
      const isNew = async () => {
        const now = await spis();
        return now.length === 1 && !before.includes(now[0] ?? "");
      };
      await waitFor(isNew, { what: "the new SPI alone", timeoutMs });
    });
    report(change, watched);
    expect(watched.longestBreakSeconds).toBeLessThan(5);
  });

  it("is negotiated anew at once when it is reset", async () => {
    const before = await listIdentities(names);
    const watched = await during(async () => {
      const { vpcId, vpnGwId } = real.place;
      expect(await call(real.client, "ResetVpnConnSA", { vpcId, vpnGwId, vpnConnId })).toMatchObject({ code: 0 });
      const isNew = async () => {
        const now = await listIdentities(names);
        return now.length === 2 && !now.some((id) => before.includes(id));
      };
      await waitFor(isNew, { what: "a new IKE_SA and a new CHILD_SA alone", timeoutMs });
    });
    report("a reset", watched);
    expect(watched.longestBreakSeconds).toBeLessThan(5);
  });

  it("leaves nothing when it is deleted: no SA, no route, no secret, at either end", async () => {
    const routes = async (namespace: string) =>
      (await run("ip", ["-n", namespace, "route", "show", "table", "220"])).trim();
    const here = names.gatewayNamespace(1);
    const there = names.labNamespace("remote");
    expect([await routes(here), await routes(there)]).toEqual([
      expect.stringContaining(firstHalf),
      expect.stringContaining("10.0.0.0/16"),
    ]);
    expect(await listLoaded(names)).toEqual({ connections: [expect.any(String)], secrets: [expect.any(String)] });
    await ask("DeleteVpnConn");
    expect(await listLoaded(names)).toEqual({ connections: [], secrets: [] });
    await waitFor(async () => (await listSas(names)).length === 0, { what: "no SA here" });
    await waitFor(async () => (await labStatus(names)).remote?.ikeSas.length === 0, { what: "no SA there" });
    await waitFor(async () => (await routes(here)) + (await routes(there)) === "", { what: "no route" });
    const policies = await run("ip", ["-n", here, "xfrm", "policy"]);
    expect(policies).not.toContain(firstHalf.split("/")[0]);
  });

  it("comes up when the peer begins, while we try it too, and is one", { timeout: 2 * timeoutMs }, async () => {
    const remote = remotePlace(names);
    await endSwans(remote);
    await add();
    await waitFor(async () => (await listSas(names)).some(({ state }) => state === "CONNECTING"), {
      what: "a try of ours",
    });
    await writeSwanFiles(remote, { strongswanConf: strongswanConf(remote.dir), swanctlConf: swanctlConf("first key") });
    await startSwan(remote);
    await swanctl(remote, "--initiate", "--child", "site");
    await untilAvailable();
    // Of two IKE_SAs that were begun at the same moment the answering end of the second one gives it the children, and ends the first
    // 10 s later. The peer keeps the CHILD_SA that is no more needed, as REKEYED, until it expires.
    const isOne = async () => {
      const ours = (await listSas(names)).map(({ children }) => children);
      const theirs = ((await labStatus(names)).remote?.ikeSas ?? []).map(({ childSas }) => childSas);
      const isInstalled = ({ state }: { readonly state: string }) => state === "INSTALLED";
      return [ours, theirs].every((all) => all.length === 1 && all[0]?.filter(isInstalled).length === 1);
    };
    await waitFor(isOne, { what: "one IKE_SA and one CHILD_SA at each end", timeoutMs });
    const { sent, received } = await during(async () => {});
    expect(received).toBe(sent);
  });
});
