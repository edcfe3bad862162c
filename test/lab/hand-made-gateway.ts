// A VPN gateway as the service makes it, made by hand and configured with swanctl: the other end for the lab's remote site.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { layCable, makeBridge, makeNamespace, pullCable, removeNamespace } from "../../src/dataplane/charon/bridges.ts";
import { ipBatch } from "../../src/dataplane/charon/ip.ts";
import type { Names } from "../../src/dataplane/charon/names.ts";
import { strongswanConf } from "../../src/lab/remote-config.ts";
import { removeSwan, startSwan, swanctl, writeSwanFiles } from "../../src/lab/strongswan.ts";
import type { SwanPlace } from "../../src/lab/swan-process.ts";
import type { Secret } from "../../src/vpn/secret.ts";

const gatewayId = 1;

/** Its public address. */
export const gatewayAddress = "198.51.100.10";

export function gatewayPlace(names: Names): SwanPlace {
  return { namespace: names.gatewayNamespace(gatewayId), dir: join(names.runDir, `gw${gatewayId}`) };
}

/** The namespace between the public wire and the VPC's, without a tunnel and without guards. */
export async function makeGateway(names: Names, vpcId: number): Promise<void> {
  const { namespace } = gatewayPlace(names);
  await makeNamespace(namespace, ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0"]);
  for (const [bridgeNamespace, link] of [
    [names.publicNamespace, "wan0"],
    [names.vpcNamespace(vpcId), "lan0"],
  ] as const) {
    await makeBridge(bridgeNamespace, names.bridge);
    const port = names.gatewayPort(gatewayId);
    await layCable({ bridgeNamespace, bridge: names.bridge, port, namespace, link });
  }
  await ipBatch(namespace, [
    `address replace ${gatewayAddress}/24 dev wan0`,
    "address replace 10.0.0.1/16 dev lan0",
    "link set wan0 up",
    "link set lan0 up",
    "route replace default dev wan0",
  ]);
}

export async function removeGateway(names: Names, vpcId: number): Promise<void> {
  const place = gatewayPlace(names);
  await removeSwan(place);
  await rm(place.dir, { recursive: true, force: true });
  await pullCable(names.publicNamespace, names.bridge, names.gatewayPort(gatewayId));
  await pullCable(names.vpcNamespace(vpcId), names.bridge, names.gatewayPort(gatewayId));
  await removeNamespace(place.namespace);
}

export interface Channel {
  readonly ike: string;
  readonly esp: string;
  readonly preSharedKey: Secret;
}

/** Loads the channel of the vendor's example, drops what was up, and sets it up anew. @throws CommandError when it does not come up */
export async function setUpChannel(names: Names, channel: Channel, timeoutSeconds = 5): Promise<void> {
  const place = gatewayPlace(names);
  await writeSwanFiles(place, { strongswanConf: strongswanConf(place.dir), swanctlConf: channelConf(channel) });
  await startSwan(place);
  await tearDownChannel(names);
  await swanctl(place, "--initiate", "--child", "pair", "--timeout", `${timeoutSeconds}`);
}

/** Fine when it is not up. */
export async function tearDownChannel(names: Names): Promise<void> {
  await swanctl(gatewayPlace(names), "--terminate", "--ike", "channel", "--timeout", "5").catch(() => {});
}

function channelConf({ ike, esp, preSharedKey }: Channel): string {
  return `connections {
  channel {
    version = 1
    proposals = ${ike}
    local_addrs = ${gatewayAddress}
    remote_addrs = 198.51.100.100
    rekey_time = 60480
    over_time = 25920
    local {
      auth = psk
      id = ${gatewayAddress}
    }
    remote {
      auth = psk
      id = 198.51.100.100
    }
    children {
      pair {
        local_ts = 10.0.0.0/16
        remote_ts = 10.56.20.0/24
        esp_proposals = ${esp}
        life_time = 3600
        rekey_time = 2520
      }
    }
  }
}
secrets {
  ike-channel {
    secret = 0s${Buffer.from(preSharedKey.reveal()).toString("base64")}
  }
}
`;
}
