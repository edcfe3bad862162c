// What both ways to set up a tunnel have in common: the remote site they speak to, and what they answer.
import type { Secret } from "../src/vpn/secret.ts";
import type { CharonWatch } from "./charon-watch.ts";
import type { TunnelProfile } from "./tunnel-profiles.ts";

/** No step takes a tenth of this unless something is wrong. */
export const stepBoundMs = 20_000;

export interface RemoteEnd {
  readonly address: string;
  readonly preSharedKey: Secret;
}

/** A CHILD_SA that is up. */
export interface Tunnel {
  /** From the first word sent to charon's own event. */
  readonly setUpMs: number;
  /** Of that, until the reply was there; 0 where there is none. */
  readonly replyMs: number;
  /** Deletes the channel. Its IKE_SA may be there for a while. */
  readonly takeDown: () => Promise<void>;
}

/** A gateway's charon, and a way to bring a channel up on it. */
export interface TunnelKind {
  readonly watch: CharonWatch;
  readonly setUp: (profile: TunnelProfile, peerNetwork: string) => Promise<Tunnel>;
}
