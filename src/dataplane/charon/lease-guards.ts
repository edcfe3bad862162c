// Until when each gateway of this machine may send and receive, and the timeouts in the kernel that hold it to that. Whether a guard is
// there at all is gateway-network.ts's affair: what is opened and closed here has been made before any link was up.
import { join } from "node:path";
import { lanLink, wanLink } from "./guards.ts";
import { CommandError, findNamespace, ipBatch, ipJson, namespaceDir, run } from "./ip.ts";
import { closeStatements, extendStatements, type GuardWish, openStatements } from "./lease-guard.ts";
import { inTurn } from "./turns.ts";
import type { Link } from "./wire-commands.ts";

/** A run of nft waits for the kernel (RCU) rather than for a processor: four at once take 50 gateways a third of a second. */
const lanes = 4;

/**
 * The kernel counts a timeout from the end of nft's run, and in jiffies (4 or 10 ms); its clock may be slewed by 500 ppm, 15 ms in 30 s.
 * So much earlier than the lease every timeout ends: `kernelMs` for these, the rest for the run.
 */
const kernelMs = 50;
const leastMarginMs = 250;

export interface LeaseGuardsOptions {
  readonly namespaceOf: (gatewayId: number) => string;
  /** Monotonic, in milliseconds: Linux's CLOCK_MONOTONIC, as performance.now() is. */
  readonly clock: () => number;
}

export class LeaseGuards {
  readonly #namespaceOf: (gatewayId: number) => string;
  readonly #clock: () => number;
  readonly #deadlines = new Map<number, number>();
  /** Gateways whose addresses have been announced once: they are again with the next renewal, as RFC 5227 2.3 has it. */
  readonly #announced = new Set<number>();
  /** This host has leases: without one a gateway is silent. */
  #isLeased = false;

  constructor({ namespaceOf, clock }: LeaseGuardsOptions) {
    this.#namespaceOf = namespaceOf;
    this.#clock = clock;
  }

  /** Writes down a deadline for each, counted from now. @returns those that now have to have a guard, or to have none, and had not before */
  record(gatewayIds: readonly number[], forMs: number): number[] {
    const nowMs = this.#clock();
    const deadline = nowMs + forMs;
    const before = gatewayIds.map((id) => this.wishOf(id));
    if (forMs !== Number.POSITIVE_INFINITY) this.#isLeased = true;
    for (const id of gatewayIds) this.#deadlines.set(id, deadline);
    // As good as never named.
    for (const [id, atMs] of this.#deadlines) if (atMs <= nowMs) this.#deadlines.delete(id);
    return gatewayIds.filter((id, index) => this.wishOf(id) !== before[index]);
  }

  wishOf(gatewayId: number): GuardWish {
    const deadline = this.#deadlineOf(gatewayId);
    if (deadline === undefined) return "as it is";
    return deadline === Number.POSITIVE_INFINITY ? "none" : "there";
  }

  /**
   * Brings the kernel's timeout to what is written down, and tells the neighbours when packets pass again that did not. Does nothing where
   * there is no namespace yet. @throws CommandError when there is no guard
   */
  async apply(gatewayId: number): Promise<void> {
    await inTurn(`lease ${gatewayId % lanes}`, async () => {
      if (this.wishOf(gatewayId) !== "there") return;
      const namespace = this.#namespaceOf(gatewayId);
      if ((await findNamespace(namespace)) !== "there") return;
      const found = await this.#setTimeouts(gatewayId, namespace);
      if (found === "opened" || (found === "extended" && this.#announced.has(gatewayId))) await announce(namespace);
      if (found === "opened") this.#announced.add(gatewayId);
      else this.#announced.delete(gatewayId);
    });
  }

  /**
   * nft, or this process, may have been held up between the reckoning and the kernel's count; then it is done again with a greater margin,
   * until the timeout is known to end before the lease. Where the time was over before, nft refuses to extend it: a process that was
   * stopped for long opens nothing when it goes on.
   */
  async #setTimeouts(gatewayId: number, namespace: string): Promise<"extended" | "opened" | "closed"> {
    let isOpening = false;
    for (let marginMs = leastMarginMs; ; ) {
      const begin = this.#clock();
      const forMs = Math.floor((this.#deadlineOf(gatewayId) ?? 0) - begin - marginMs);
      if (forMs <= 0) {
        await nft(namespace, closeStatements);
        return "closed";
      }
      if (isOpening) await nft(namespace, openStatements(forMs));
      else if (!(await isTaken(nft(namespace, extendStatements(forMs))))) {
        isOpening = true;
        continue;
      }
      if (this.#clock() - begin <= marginMs - kernelMs) return isOpening ? "opened" : "extended";
      marginMs *= 2;
    }
  }

  #deadlineOf(gatewayId: number): number | undefined {
    return this.#deadlines.get(gatewayId) ?? (this.#isLeased ? Number.NEGATIVE_INFINITY : undefined);
  }
}

/** `nsenter`, since `ip netns exec` mounts a /sys for each run, which takes longer than nft does. */
async function nft(namespace: string, statements: readonly string[]): Promise<void> {
  await run("nsenter", [`--net=${join(namespaceDir, namespace)}`, "nft", statements.join("; ")]);
}

async function isTaken(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}

/**
 * Gratuitous ARP on both links: the addresses may have been another host's a moment ago. A link that is given the hardware address it has
 * already sends it (arp_notify, ip-sysctl in the kernel's documentation), so no program is needed for it.
 */
async function announce(namespace: string): Promise<void> {
  const links = await ipJson<(Link & { readonly address: string })[]>(namespace, ["link", "show", "up"]);
  const ours = links.filter(({ ifname }) => ifname === wanLink || ifname === lanLink);
  if (ours.length === 0) return;
  await ipBatch(
    namespace,
    ours.map(({ ifname, address }) => `link set ${ifname} address ${address}`),
  );
}
