// Peers that begin IKE with a gateway and fit none of its channels: a bounded list.
import type { UnknownPeer } from "../vpn/diagnosis.ts";
import { clean } from "./events.ts";
import type { Attempt } from "./findings.ts";

/** Anybody may knock. */
const mostPeers = 32;

export class Strangers {
  /** By address and identity, whoever knocked last at the end. */
  readonly #peers = new Map<string, UnknownPeer>();
  #listed: readonly UnknownPeer[] = [];

  /** Whoever knocked last comes first. The same object while nobody has knocked. */
  get peers(): readonly UnknownPeer[] {
    return this.#listed;
  }

  /** @param said why it fits nothing */
  knock(address: string, attempt: Attempt, said: string, atMs: number): void {
    const identity = clean(attempt.claimed);
    const key = keyOf({ address, identity });
    const before = this.#peers.get(key);
    this.#peers.delete(key);
    this.#peers.set(key, {
      address,
      identity,
      offered: clean(offerOf(attempt)),
      said: clean(said),
      firstMs: before?.firstMs ?? atMs,
      lastMs: atMs,
      count: (before?.count ?? 0) + 1,
    });
    const [oldest] = this.#peers.keys();
    if (this.#peers.size > mostPeers && oldest !== undefined) this.#peers.delete(oldest);
    this.#list();
  }

  /** A connection to this address has been made. */
  forget(address: string): void {
    const keys = this.#listed.filter((peer) => peer.address === address).map(keyOf);
    for (const key of keys) this.#peers.delete(key);
    if (keys.length > 0) this.#list();
  }

  #list(): void {
    this.#listed = [...this.#peers.values()].reverse();
  }
}

function keyOf({ address, identity }: Pick<UnknownPeer, "address" | "identity">): string {
  return `${address} ${identity}`;
}

function offerOf({ isIkeV2, mode, received }: Attempt): string {
  const how = isIkeV2 ? "IKEv2" : `IKEv1${mode === "" ? "" : `, ${mode} mode`}`;
  return received === "" ? how : `${how}, ${received}`;
}
