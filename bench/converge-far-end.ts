// The far end of the bench `converge`: one charon that is all the peer gateways, in the lab's remote site. Also how the bench sees that a
// channel is up, whoever brought it up.
import { ipBatch } from "../src/dataplane/charon/ip.ts";
import type { Names } from "../src/dataplane/charon/names.ts";
import { labDown, labUp } from "../src/lab/lab.ts";
import { strongswanConf } from "../src/lab/remote-config.ts";
import { remotePlace, startSwan, writeSwanFiles } from "../src/lab/strongswan.ts";
import { endSwans, findSwan } from "../src/lab/swan-process.ts";
import { ViciSession } from "../src/vici/session.ts";
import { peerAddresses, preSharedKey, siteAddressOf, siteNetwork, wire } from "./converge-specs.ts";
import { within } from "./process.ts";
import type { Scope } from "./scope.ts";

export interface FarEnd {
  /** Kills charon and starts another: it knows of no SA, and nobody has been told. */
  renew(): Promise<void>;
  /** Runs `work` and waits until so many CHILD_SAs have come up since. @returns when the last did. @throws Error when the time is up */
  seeUp(count: number, boundMs: number, work: () => Promise<unknown>): Promise<number>;
}

/** Every address is there before charon starts: of so many that come at once it would not hear (docs/dev/data-plane.md). */
export async function makeFarEnd(scope: Scope, names: Names, channels: number): Promise<FarEnd> {
  const place = remotePlace(names);
  const { router: remoteAddress, prefixLength: publicPrefixLength } = wire;
  const lab = labUp({ names, remoteAddress, publicPrefixLength, siteNetwork, preSharedKey });
  scope.defer("the lab", async () => {
    await lab.catch(() => {}); // half a lab cannot be taken down while the rest is being made
    await labDown(names);
  });
  await lab;
  scope.check();
  const inSite = Array.from({ length: channels }, (_, channel) => siteAddressOf(channel));
  await ipBatch(
    place.namespace,
    [...peerAddresses("peers", channels), ...inSite].map((address) => `address replace ${address}/32 dev lo`),
  );
  await writeSwanFiles(place, { strongswanConf: `${strongswanConf(place.dir)}${manyAtOnce}`, swanctlConf: anybody });
  await endSwans(place);
  await startSwan(place);
  return {
    renew: async () => {
      const pid = await findSwan(place);
      if (pid !== undefined) process.kill(pid, "SIGKILL");
      await endSwans(place);
      await startSwan(place);
    },
    seeUp: (count, boundMs, work) => seeUp(`${place.dir}/charon.vici`, count, boundMs, work),
  };
}

async function seeUp(socket: string, count: number, boundMs: number, work: () => Promise<unknown>): Promise<number> {
  const session = await ViciSession.connect(socket);
  try {
    const { promise, resolve } = Promise.withResolvers<number>();
    let seen = 0;
    await session.subscribe("child-updown", ({ up }) => {
      if (up !== "yes") return;
      seen += 1;
      if (seen === count) resolve(performance.now());
    });
    const [atMs] = await Promise.all([within(promise, boundMs, `not ${count} up within ${boundMs} ms`), work()]);
    return atMs;
  } finally {
    session.close();
  }
}

/** One charon is a thousand peers: it must not take their one caller for an attacker. */
const manyAtOnce = `charon {
  dos_protection = no
}
`;

/** Each of its addresses is a peer gateway, which calls itself by that address. */
const anybody = `connections {
  anybody {
    version = 1
    proposals = aes128-sha1-modp1024
    local_addrs = %any
    remote_addrs = %any
    local {
      auth = psk
    }
    remote {
      auth = psk
      id = %any
    }
    children {
      site {
        local_ts = ${siteNetwork}
        remote_ts = 10.0.0.0/8
        esp_proposals = aes128-sha1
      }
    }
  }
}
secrets {
  ike-any {
    secret = "${preSharedKey.reveal()}"
  }
}
`;
