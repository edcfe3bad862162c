// What keeping the guards of leases takes on the machine: runs of nft in a gateway's namespace, and gratuitous ARP.
import { join } from "node:path";
import { lanLink, wanLink } from "./guards.ts";
import { findNamespace, ipBatch, ipJson, namespaceDir, run } from "./ip.ts";
import type { Link } from "./wire-commands.ts";

export interface GuardHands {
  isThere(namespace: string): Promise<boolean>;
  /** All of the statements or none. @throws CommandError */
  nft(namespace: string, statements: readonly string[]): Promise<void>;
  /** Tells the neighbours on both links where the addresses are: they may have been another host's a moment ago. @throws CommandError */
  announce(namespace: string): Promise<void>;
}

export const guardHands: GuardHands = {
  isThere: async (namespace) => (await findNamespace(namespace)) === "there",

  /** `nsenter`, since `ip netns exec` mounts a /sys for each run, which takes longer than nft does. */
  async nft(namespace, statements) {
    await run("nsenter", [`--net=${join(namespaceDir, namespace)}`, "nft", statements.join("; ")]);
  },

  /**
   * A link that is given the hardware address it has already sends gratuitous ARP for all its addresses (arp_notify, ip-sysctl in the
   * kernel's documentation), so no program is needed for it.
   */
  async announce(namespace) {
    const links = await ipJson<(Link & { readonly address: string })[]>(namespace, ["link", "show", "up"]);
    const ours = links.filter(({ ifname }) => ifname === wanLink || ifname === lanLink);
    const commands = ours.map(({ ifname, address }) => `link set ${ifname} address ${address}`);
    if (commands.length > 0) await ipBatch(namespace, commands);
  },
};
