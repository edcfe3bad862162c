// A peer that an administrator configured by hand: a charon of its own, which knows one connection from anywhere and nothing of ours.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCharon, stopCharon, viciSocketOf } from "../../src/dataplane/charon/charon-process.ts";
import { run } from "../../src/dataplane/charon/ip.ts";

export interface PeerSite {
  readonly namespace: string;
  /** Of its own. */
  readonly directory: string;
  readonly address: string;
  readonly preSharedKey: string;
  /** What is behind it. */
  readonly network: string;
}

export class HandMadePeer {
  readonly #site: PeerSite;

  constructor(site: PeerSite) {
    this.#site = site;
    mkdirSync(site.directory, { mode: 0o700 });
  }

  async start(vpcCidr: string): Promise<void> {
    await startCharon(this.#place);
    const conf = join(this.#site.directory, "swanctl.conf");
    writeFileSync(conf, swanctlConf(this.#site, vpcCidr), { mode: 0o600 });
    const uri = `unix://${viciSocketOf(this.#place)}`;
    await run("/usr/sbin/swanctl", ["--load-all", "--clear", "--file", conf, "--uri", uri]);
  }

  stop(): Promise<void> {
    return stopCharon(this.#place);
  }

  get #place() {
    return { namespace: this.#site.namespace, dir: this.#site.directory };
  }
}

function swanctlConf({ address, network, preSharedKey }: PeerSite, vpcCidr: string): string {
  return `connections { cloud { version = 1
    proposals = aes128-sha1-modp1024
    local_addrs = ${address}
    local { auth = psk
      id = ${address} }
    remote { auth = psk
      id = %any }
    children { cloud { local_ts = ${network}
      remote_ts = ${vpcCidr}
      esp_proposals = aes128-sha1 } } } }
secrets { ike-cloud { secret = "${preSharedKey}" } }
`;
}
