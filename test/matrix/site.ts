// The far end of the matrix: the lab's remote gateway, told by its administrator to take anything, what it likes best first. So what comes
// of a negotiation is what the VPN gateway offered, and nothing else can have been in the offer that the far end likes better.

import { viciSocketOf } from "../../src/dataplane/charon/charon-process.ts";
import { run } from "../../src/dataplane/charon/ip.ts";
import type { Names } from "../../src/dataplane/charon/names.ts";
import { strongswanConf } from "../../src/lab/remote-config.ts";
import { remotePlace, swanctl, writeSwanFiles } from "../../src/lab/strongswan.ts";
import type { Chosen } from "./choices.ts";

const ciphers = "aes256-aes192-aes128-3des-des";
const groups = "modp2048-modp2048s256-modp1536-modp1024-modp768";
const anyIke = `${ciphers}-sha1-md5-${groups}`;
const anyEsp = `${ciphers}-null-sha1-md5`;

function connection(mode: "main" | "aggressive", { remoteAddress, siteNetwork }: Site): string {
  return `  ${mode} {
    version = 1
    aggressive = ${mode === "aggressive" ? "yes" : "no"}
    local_addrs = ${remoteAddress}
    remote_addrs = %any
    proposals = ${anyIke}
    local {
      auth = psk
      id = ${remoteAddress}
    }
    remote {
      auth = psk
      id = %any
    }
    children {
      ${mode} {
        local_ts = ${siteNetwork}
        remote_ts = 10.0.0.0/8
        esp_proposals = ${anyEsp}, ${anyEsp}-${groups}
      }
    }
  }
`;
}

export interface Site {
  readonly remoteAddress: string;
  readonly siteNetwork: string;
}

/** Puts that into force. Aggressive mode with a pre-shared key is something a responder has to be told that it may. */
export async function acceptAnything(names: Names, site: Site, preSharedKey: string): Promise<void> {
  const place = remotePlace(names);
  const swanctlConf = `connections {\n${connection("main", site)}${connection("aggressive", site)}}\n
secrets {
  ike-any {
    secret = "${preSharedKey}"
  }
}
`;
  const allowed = "charon {\n  i_dont_care_about_security_and_use_aggressive_mode_psk = yes\n}\n";
  await writeSwanFiles(place, { strongswanConf: `${strongswanConf(place.dir)}${allowed}`, swanctlConf });
  await swanctl(place, "--reload-settings");
  const said = await swanctl(place, "--load-all", "--clear", "--noprompt");
  if (!said.includes("successfully loaded 2 connections")) throw new Error(`the far end did not load: ${said}`);
}

/** What the far end says was chosen; undefined while there is no tunnel. */
export async function chosenThere(names: Names): Promise<Chosen | undefined> {
  return readChosen(await swanctl(remotePlace(names), "--list-sas", "--raw"));
}

/** What the VPN gateway's own charon says. */
export async function chosenHere(names: Names, vpnGwNumber: number): Promise<Chosen | undefined> {
  const place = { namespace: names.gatewayNamespace(vpnGwNumber), dir: names.gatewayDir(vpnGwNumber) };
  return readChosen(await run("/usr/sbin/swanctl", ["--list-sas", "--raw", "--uri", `unix://${viciSocketOf(place)}`]));
}

/** @throws Error when there is more than one tunnel: then nothing can be said of either */
function readChosen(listing: string): Chosen | undefined {
  const children = listing.match(/state=INSTALLED/g)?.length ?? 0;
  if (children === 0) return undefined;
  const [ike = "", child = "", ...others] = listing.split("child-sas {");
  if (children > 1 || others.length > 0) throw new Error(`${children} children where one was expected`);
  return { ike: suiteOf(ike), esp: suiteOf(child) };
}

function suiteOf(text: string): string {
  const value = (name: string) => new RegExp(`\\b${name}=(\\S+)`).exec(text)?.[1];
  const size = value("encr-keysize");
  const encryption = size === undefined ? value("encr-alg") : `${value("encr-alg")}-${size}`;
  const group = value("dh-group");
  return [encryption, value("integ-alg"), ...(group === undefined ? [] : [group])].join(" ");
}
