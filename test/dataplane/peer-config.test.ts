// The text that GetVpnConnConfig gives for strongSwan, as it comes over the API, in the swanctl.conf of the remote site's gateway: a
// stock strongSwan that knows nothing else takes it, the tunnel comes up, and packets pass between every pair of networks.
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Client, call } from "../../src/cli/client.ts";
import { ipBatch, ipJson } from "../../src/dataplane/charon/ip.ts";
import type { Names } from "../../src/dataplane/charon/names.ts";
import { labDefaults } from "../../src/lab/lab.ts";
import { firstReply } from "../../src/lab/probe.ts";
import { strongswanConf } from "../../src/lab/remote-config.ts";
import { remotePlace, swanctl, writeSwanFiles } from "../../src/lab/strongswan.ts";
import { describeOnMachine } from "../support/machine.ts";
import { makeRealSite, type RealSite } from "../support/real-site.ts";
import { dataOf, rowOf, textAt } from "../support/reply.ts";
import { makeConn, type Place, waitForTask } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";

const timeoutMs = 60_000;

/** Three rules with networks of their own, and where a host of the remote site is in each. */
const rules = [
  {
    local: "10.0.0.0/24",
    vpcHost: "10.0.0.2",
    peer: "10.56.20.0/26",
    siteGateway: "10.56.20.1",
    siteHost: "10.56.20.10",
  },
  {
    local: "10.0.1.0/24",
    vpcHost: "10.0.1.2",
    peer: "10.56.20.64/26",
    siteGateway: "10.56.20.65",
    siteHost: "10.56.20.70",
  },
  {
    local: "10.0.2.0/24",
    vpcHost: "10.0.2.2",
    peer: "10.56.20.128/25",
    siteGateway: "10.56.20.129",
    siteHost: "10.56.20.130",
  },
];
const oneSpd = { "userGwCidrBlock.0": labDefaults.siteNetwork };
const threeSpds = { spdAcl: JSON.stringify(Object.fromEntries(rules.map(({ local, peer }) => [local, [peer]]))) };
const named = {
  "IKESet.localIdentity": "fqdn",
  "IKESet.localFqdnName": "gw.example",
  "IKESet.remoteIdentity": "fqdn",
  "IKESet.remoteFqdnName": "10.9.8.7", // a name, though it looks like an address
};
const strong = {
  "IKESet.propoEncryAlgorithm": "aes-cbc-256",
  "IKESet.propoAuthenAlgorithm": "sha",
  "IKESet.dhGroupName": "group14",
  "IPsecSet.encryptAlgorithm": "aes-cbc-256",
  "IPsecSet.integrityAlgorith": "sha",
  "IPsecSet.pfsDhGroup": "dh-group14",
};
const unusual = {
  "IKESet.propoEncryAlgorithm": "des-cbc",
  "IKESet.dhGroupName": "group24",
  "IPsecSet.encryptAlgorithm": "null",
  "IPsecSet.pfsDhGroup": "dh-group5",
};

/** A site without a VPN: it refuses at once, so nobody waits long for the first try after the text is in force. */
const nothing = "# no connection\n";

/** What the text asks the administrator to add to strongswan.conf. */
function askedFor(text: string): string {
  const block = /^# {3}charon \{\n(?:# {5}.*\n)+# {3}\}$/m.exec(text)?.[0] ?? "";
  return `${block.replace(/^# {3}/gm, "")}\n`;
}

let names: Names;
let site: RealSite;
let client: Client;
let place: Place;

describeOnMachine("a strongSwan with the text of GetVpnConnConfig", () => {
  beforeAll(async () => {
    site = await makeRealSite();
    ({ names, client, place } = site);
    await placeHosts();
    expect(await load(nothing)).toEqual([]);
  });
  afterAll(async () => {
    await site?.remove();
  });

  /** Gives both hosts an address in every rule; ESP in userspace wants one of the gateway's own in every network too. */
  async function placeHosts(): Promise<void> {
    const [, ...others] = rules;
    const each = (line: (rule: (typeof rules)[number]) => string) => others.map(line);
    await ipBatch(
      names.labNamespace("remote"),
      each(({ siteGateway }) => `address add ${siteGateway}/32 dev lo`),
    );
    await ipBatch(
      names.labNamespace("site"),
      each(({ siteHost }) => `address add ${siteHost}/24 dev eth0`),
    );
    await ipBatch(names.labNamespace("host1"), [
      ...each(({ vpcHost }) => `address add ${vpcHost}/16 dev eth0`),
      ...each(({ peer, vpcHost }) => `route add ${peer} via 10.0.0.1 src ${vpcHost}`),
    ]);
  }

  /** Puts a swanctl.conf in force at the remote site and gives the names of the connections that charon then has. */
  async function load(swanctlConf: string): Promise<string[]> {
    const remote = remotePlace(names);
    const own = `${strongswanConf(remote.dir)}${askedFor(swanctlConf)}`;
    await writeSwanFiles(remote, { strongswanConf: own, swanctlConf });
    await swanctl(remote, "--reload-settings");
    await swanctl(remote, "--load-all", "--clear", "--noprompt");
    return (await swanctl(remote, "--list-conns")).match(/^[^\s:]+(?=: IKEv1)/gm) ?? [];
  }

  /** The text for a channel, exactly as the API gives it. */
  async function textFor(vpnConnId: string): Promise<string> {
    const device = { vendorname: "strongswan", platform: "swanctl", software: "5.9" };
    return textAt(rowOf(await call(client, "GetVpnConnConfig", { vpnConnId, ...device })), "configFileInfo");
  }

  it("speaks of the size of packets that the tunnel takes", async () => {
    const links = await ipJson<{ ifname: string; mtu: number }[]>(names.gatewayNamespace(1), ["link", "show"]);
    expect(links.find(({ ifname }) => ifname === "ipsec0")?.mtu).toBe(1_400);
  });

  it.each([
    ["main mode, addresses, one SPD", { ...oneSpd }, 1],
    ["main mode, names, three SPDs", { ...threeSpds, ...named, ...strong }, 3],
    ["aggressive mode, addresses, three SPDs", { ...threeSpds, ...unusual, "IKESet.exchangeMode": "aggressive" }, 3],
    ["aggressive mode, names, one SPD", { ...oneSpd, ...named, ...strong, "IKESet.exchangeMode": "aggressive" }, 1],
  ])("comes up: %s", { timeout: 2 * timeoutMs }, async (_, parameters, pairs) => {
    const key = `"q\\u'o#te {} $${pairs} = 0s`;
    const conn = await makeConn(client, place, { ...parameters, preSharedKey: key });
    const vpnConnId = textAt(conn, "unVpnConnId");
    try {
      expect(await load(await textFor(vpnConnId))).toEqual([vpnConnId]);
      const isUp = async () => rowOf(await call(client, "DescribeVpnConn", { vpnConnId })).netStatus === "available";
      await waitFor(isUp, { what: "the channel to be available", timeoutMs });
      const used = rules.slice(0, pairs);
      for (const { siteHost } of used) await firstReply(names.labNamespace("host1"), siteHost, { timeoutMs: 10_000 });
      const listed = await swanctl(remotePlace(names), "--list-sas");
      expect(listed.match(/INSTALLED/g)).toHaveLength(pairs);
      expect(listed).toContain("ESTABLISHED, IKEv1");
    } finally {
      const { taskId } = dataOf(await call(client, "DeleteVpnConn", { ...place, vpnConnId }));
      await waitForTask(client, String(taskId));
      await load(nothing);
    }
  });
});
