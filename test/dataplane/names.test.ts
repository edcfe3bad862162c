// Two channels to one peer address in aggressive mode, told apart by names, each with a key, proposals and networks of its own: what happens
// to one is nothing to the other.
import { afterAll, beforeAll, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { ipBatch } from "../../src/dataplane/charon/ip.ts";
import { labDefaults } from "../../src/lab/lab.ts";
import { firstReply, ping } from "../../src/lab/probe.ts";
import { strongswanConf } from "../../src/lab/remote-config.ts";
import { remotePlace, swanctl, writeSwanFiles } from "../../src/lab/strongswan.ts";
import { describeOnMachine } from "../support/machine.ts";
import { makeRealSite, type RealSite } from "../support/real-site.ts";
import { dataOf, requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { makeConn, waitForTask } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";

const timeoutMs = 15_000;

interface Side {
  readonly name: string;
  readonly network: string;
  readonly gateway: string;
  readonly host: string;
  readonly ike: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const one: Side = {
  name: "one",
  network: "10.56.20.0/25",
  gateway: "10.56.20.1",
  host: "10.56.20.10",
  ike: "aes128-sha1-modp1024",
  parameters: { "IKESet.propoEncryAlgorithm": "aes-cbc-128", "IKESet.propoAuthenAlgorithm": "sha" },
};
const two: Side = {
  name: "two",
  network: "10.56.20.128/25",
  gateway: "10.56.20.129",
  host: "10.56.20.140",
  ike: "aes256-md5-modp1024",
  parameters: { "IKESet.propoEncryAlgorithm": "aes-cbc-256", "IKESet.propoAuthenAlgorithm": "md5" },
};

let site: RealSite;

/** What the far end's administrator writes. Both proposals in each: a responder chooses by address alone (decision 13). */
function connection({ name, network }: Side): string {
  return `  ${name} {
    version = 1
    aggressive = yes
    local_addrs = ${labDefaults.remoteAddress}
    remote_addrs = %any
    proposals = ${one.ike}, ${two.ike}
    local {
      auth = psk
      id = fqdn:${name}.example
    }
    remote {
      auth = psk
      id = fqdn:our-${name}.example
    }
    children {
      ${name} {
        local_ts = ${network}
        remote_ts = 10.0.0.0/16
        esp_proposals = aes128-sha1, aes256-sha1
      }
    }
  }
`;
}

const secret = ({ name }: Side) =>
  `  ike-${name} {\n    id = fqdn:our-${name}.example\n    secret = "key of ${name}"\n  }\n`;

async function setUpFarEnd(): Promise<void> {
  const { names } = site;
  await ipBatch(
    names.labNamespace("remote"),
    [one, two].map(({ gateway }) => `address replace ${gateway}/32 dev lo`),
  );
  await ipBatch(
    names.labNamespace("site"),
    [one, two].map(({ host }) => `address replace ${host}/24 dev eth0`),
  );
  const remote = remotePlace(names);
  const allowed = "charon {\n  i_dont_care_about_security_and_use_aggressive_mode_psk = yes\n}\n";
  await writeSwanFiles(remote, {
    strongswanConf: `${strongswanConf(remote.dir)}${allowed}`,
    swanctlConf: `connections {\n${connection(one)}${connection(two)}}\nsecrets {\n${secret(one)}${secret(two)}}\n`,
  });
  await swanctl(remote, "--reload-settings");
  const said = await swanctl(remote, "--load-all", "--clear", "--noprompt");
  if (!said.includes("successfully loaded 2 connections")) throw new Error(`the far end did not load: ${said}`);
}

async function makeChannel({ name, network, parameters }: Side): Promise<string> {
  const conn = await makeConn(site.client, site.place, {
    ...parameters,
    "IKESet.exchangeMode": "aggressive",
    "IKESet.dhGroupName": "group2",
    "IKESet.localIdentity": "fqdn",
    "IKESet.localFqdnName": `our-${name}.example`,
    "IKESet.remoteIdentity": "fqdn",
    "IKESet.remoteFqdnName": `${name}.example`,
    "IPsecSet.encryptAlgorithm": "aes-cbc-128",
    "IPsecSet.integrityAlgorith": "sha",
    "userGwCidrBlock.0": network,
    preSharedKey: `key of ${name}`,
  });
  return textAt(conn, "unVpnConnId");
}

async function carries(vpnConnId: string, { host }: Side): Promise<void> {
  const isUp = async () => rowOf(await call(site.client, "DescribeVpnConn", { vpnConnId })).netStatus === "available";
  await waitFor(isUp, { what: `${vpnConnId} to be available`, timeoutMs });
  await firstReply(site.names.labNamespace("host1"), host, { timeoutMs });
}

/** What is lost of a steady traffic to the first channel's host while something is done. */
async function lostDuring(work: Promise<unknown>): Promise<{ sent: number; lost: number }> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  done.catch(() => {});
  const total = { sent: 0, lost: 0 };
  while (!isDone) {
    const options = { count: 20, intervalMs: 25, timeoutMs: 1_000 };
    const { sent, received } = await ping(site.names.labNamespace("host1"), one.host, options);
    total.sent += sent;
    total.lost += sent - received;
  }
  await done;
  return total;
}

describeOnMachine("two channels to one peer that are told apart by names", () => {
  beforeAll(async () => {
    site = await makeRealSite();
    await setUpFarEnd();
  });
  afterAll(async () => await site?.remove());

  it("are nothing to each other: one is added, changed and deleted, the other loses no packet", {
    timeout: 60_000,
  }, async () => {
    const first = await makeChannel(one);
    await carries(first, one);
    const { vpcId, vpnGwId } = site.place;
    const ask = async (action: string, parameters: Record<string, string>) =>
      requireSuccess(await call(site.client, action, { vpcId, vpnGwId, ...parameters }));
    const end = async (action: string, parameters: Record<string, string>) => {
      const { taskId } = dataOf(await ask(action, parameters));
      expect(await waitForTask(site.client, String(taskId))).toMatchObject({ status: 0 });
    };
    const work = async () => {
      const vpnConnId = await makeChannel(two);
      await carries(vpnConnId, two);
      await end("ModifyVpnConnEx", { vpnConnId, "IPsecSet.encryptAlgorithm": "aes-cbc-256" });
      await carries(vpnConnId, two);
      await ask("ResetVpnConnSA", { vpnConnId });
      await carries(vpnConnId, two);
      await end("DeleteVpnConn", { vpnConnId });
    };
    const { sent, lost } = await lostDuring(work());
    expect(sent).toBeGreaterThan(0);
    expect(lost).toBe(0);
    await carries(first, one);
  });
});
