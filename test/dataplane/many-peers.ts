// The far end of tests with several peers: one strongSwan with several addresses, each the gateway of a network of its own, so that a VPN gateway has
// several peers that know nothing of each other.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ipBatch } from "../../src/dataplane/charon/ip.ts";
import type { Names } from "../../src/dataplane/charon/names.ts";
import { strongswanConf } from "../../src/lab/remote-config.ts";
import { remotePlace, swanctl, writeSwanFiles } from "../../src/lab/strongswan.ts";

export const preSharedKey = "as short as its life";

/** Lifetimes of a peer that renews nothing while a test runs. */
export const longLives = {
  ikeLifetime: ["rekey_time = 77760", "over_time = 8640"],
  childLifetime: ["life_time = 7200", "rekey_time = 6480"],
} as const;

/** A peer and its lifetimes, as lines of swanctl.conf. */
export interface Peer {
  readonly name: string;
  readonly ikeLifetime: readonly string[];
  readonly childLifetime: readonly string[];
}

/** What the peer with this number has of its own. 0-6. */
export function placeOf(number: number) {
  const network = (offset: number) => `10.56.20.${32 * number + offset}`;
  return {
    address: `198.51.100.${101 + number}`,
    siteNetwork: `${network(0)}/27`,
    gateway: network(1),
    host: network(12),
  };
}

function connection({ name, ikeLifetime, childLifetime }: Peer, number: number): string {
  const { address, siteNetwork } = placeOf(number);
  return `  ${name} {
    version = 1
    local_addrs = ${address}
    remote_addrs = %any
    proposals = aes128-sha1-modp1024
    ${ikeLifetime.join("\n    ")}
    local {
      auth = psk
      id = ${address}
    }
    remote {
      auth = psk
      id = %any
    }
    children {
      ${name} {
        local_ts = ${siteNetwork}
        remote_ts = 10.0.0.0/8
        esp_proposals = aes128-sha1
        ${childLifetime.join("\n        ")}
      }
    }
  }
`;
}

/** Gives the lab's remote site the peers in the place of its own connection. Its log then says which of them each line is about. */
export async function setUpPeers(names: Names, peers: readonly Peer[]): Promise<void> {
  const places = peers.map((_, number) => placeOf(number));
  await ipBatch(
    names.labNamespace("remote"),
    places.flatMap(({ address, gateway }) => [
      `address replace ${address}/24 dev wan0`,
      `address replace ${gateway}/32 dev lo`,
    ]),
  );
  await ipBatch(
    names.labNamespace("site"),
    places.map(({ host }) => `address replace ${host}/24 dev eth0`),
  );
  const remote = remotePlace(names);
  const swanctlConf = `connections {\n${peers.map(connection).join("")}}\n
secrets {
  ike-all {
    secret = "${preSharedKey}"
  }
}
`;
  const named = "charon {\n  filelog {\n    remote {\n      ike_name = yes\n    }\n  }\n}\n";
  await writeSwanFiles(remote, { strongswanConf: `${strongswanConf(remote.dir)}${named}`, swanctlConf });
  await swanctl(remote, "--reload-settings");
  const said = await swanctl(remote, "--load-all", "--clear", "--noprompt");
  if (!said.includes(`successfully loaded ${peers.length} connections`)) {
    throw new Error(`the far end did not load: ${said}`);
  }
}

/** What the peer's charon has said about one of its connections so far. */
export async function logOf(names: Names, { name }: Peer): Promise<readonly string[]> {
  const log = await readFile(join(remotePlace(names).dir, "charon.log"), "utf8");
  return log.split("\n").filter((line) => line.includes(`<${name}|`));
}
