// Fifty channels of one gateway that change at the same moment, each to a peer of its own, and one of the peers never answers: the others
// must be as fast as without it.
import { afterAll, beforeAll, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { ipBatch } from "../../src/dataplane/charon/ip.ts";
import type { Names } from "../../src/dataplane/charon/names.ts";
import { strongswanConf } from "../../src/lab/remote-config.ts";
import { remotePlace, startSwan, writeSwanFiles } from "../../src/lab/strongswan.ts";
import { endSwans } from "../../src/lab/swan-process.ts";
import { describeOnMachine } from "../support/machine.ts";
import { makeRealSite, type RealSite } from "../support/real-site.ts";
import { requireSuccess, rowsOf, textAt } from "../support/reply.ts";
import { listSas } from "../support/sas.ts";
import { addVpnConn, makeUserGw } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";

const answering = Array.from({ length: 49 }, (_, index) => ({
  address: `198.51.100.${101 + index}`,
  network: `10.56.${1 + index}.0/24`,
  gateway: `10.56.${1 + index}.1`,
}));
const silent = { address: "198.51.100.250", network: "10.57.0.0/24" };
const preSharedKey = "one key for fifty";
const timeoutMs = 60_000;

/** A far end with many addresses that takes whatever comes to any of them. */
const swanctlConf = `connections {
  any {
    version = 1
    remote_addrs = %any
    proposals = aes128-sha1-modp1024
    local {
      auth = psk
    }
    remote {
      auth = psk
      id = %any
    }
    children {
      any {
        local_ts = 10.56.0.0/16
        remote_ts = 10.0.0.0/16
        esp_proposals = aes128-sha1
      }
    }
  }
}
secrets {
  ike-any {
    secret = "${preSharedKey}"
  }
}
`;
const algorithms = {
  "IKESet.propoEncryAlgorithm": "aes-cbc-128",
  "IKESet.propoAuthenAlgorithm": "sha",
  "IKESet.dhGroupName": "group2",
  "IPsecSet.encryptAlgorithm": "aes-cbc-128",
  "IPsecSet.integrityAlgorith": "sha",
};

let real: RealSite;
let names: Names;

/** SPIs of the tunnels that carry something. */
async function listSpis(): Promise<string[]> {
  const children = (await listSas(names)).flatMap((ikeSa) => ikeSa.children);
  return children.filter(({ state }) => state === "INSTALLED").map(({ spi }) => spi);
}

async function addChannel({ address, network }: { address: string; network: string }): Promise<void> {
  const userGwId = await makeUserGw(real.client, address);
  const place = { ...real.place, userGwId };
  await addVpnConn(real.client, place, { ...algorithms, "userGwCidrBlock.0": network, preSharedKey });
}

/** Changes every channel at once. @returns seconds until all that are answered are up with what they were changed to */
async function changeAll(lifetimeSeconds: number): Promise<number> {
  const before = new Set(await listSpis());
  expect(before.size).toBe(answering.length);
  const { vpcId, vpnGwId } = real.place;
  const conns = rowsOf(await call(real.client, "DescribeVpnConn", { vpnGwId, limit: "50" }));
  const begin = performance.now();
  const change = { "IPsecSet.ipsecSaLifetimeSeconds": `${lifetimeSeconds}` };
  const replies = conns.map((conn) =>
    call(real.client, "ModifyVpnConnEx", { vpcId, vpnGwId, vpnConnId: textAt(conn, "unVpnConnId"), ...change }),
  );
  for (const reply of await Promise.all(replies)) requireSuccess(reply);
  const isDone = async () => (await listSpis()).filter((spi) => !before.has(spi)).length === answering.length;
  await waitFor(isDone, { what: "all that are answered to be up anew", timeoutMs });
  const isOldGone = async () => !(await listSpis()).some((spi) => before.has(spi));
  await waitFor(isOldGone, { what: "what was before to go", timeoutMs });
  return (performance.now() - begin) / 1_000;
}

describeOnMachine("fifty channels that change at once", () => {
  beforeAll(async () => {
    const env = { CULVERT_QUOTA_VPN_CONNS: "0", CULVERT_QUOTA_USER_GWS: "0" };
    real = await makeRealSite("10.56.0.0/16", { env });
    names = real.names;
    await ipBatch(
      names.labNamespace("remote"),
      answering.flatMap(({ address, gateway }) => [
        `address replace ${address}/24 dev wan0`,
        `address replace ${gateway}/32 dev lo`,
      ]),
    );
    const remote = remotePlace(names);
    // Of many addresses that come at once a charon that runs may miss some.
    await endSwans(remote);
    await writeSwanFiles(remote, { strongswanConf: strongswanConf(remote.dir), swanctlConf });
    await startSwan(remote);
    for (const peer of answering) await addChannel(peer);
    const areUp = async () => (await listSpis()).length === answering.length;
    await waitFor(areUp, { what: "49 tunnels", timeoutMs });
  }, 90_000);
  afterAll(async () => {
    await real?.remove();
  });

  it("are not held up by one whose peer is silent", { timeout: 2 * timeoutMs }, async () => {
    const without = await changeAll(3_700);
    await addChannel(silent);
    const withIt = await changeAll(3_800);
    const round = (seconds: number) => Number(seconds.toFixed(2));
    const line = { channels: 50, secondsBesideASilentPeer: round(withIt), secondsWithout: round(without) };
    process.stdout.write(`\n${JSON.stringify(line)}\n`);
    // A silent peer is given up after 20 s. Other work on the machine may take its time, but not that long.
    expect(withIt).toBeLessThan(2 * without + 3);
  });
});
