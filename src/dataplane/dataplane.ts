// The one interface of the data plane, its words, and nothing else. Two bodies: charon/ (VICI, namespaces) and simulated.ts (memory).
// The reconciler observes, plans and applies through it; nothing here knows SQL or the API.
import type { Trouble } from "../diagnosis/diagnosis.ts";
import type { IkeSettings, IpsecSettings } from "../vpn/algorithms.ts";
import type { UnknownPeer } from "../vpn/diagnosis.ts";
import type { Secret } from "../vpn/secret.ts";

/** A VPN gateway as the machine has to know it. Names on the machine come from `id` alone. */
export interface GatewaySpec {
  /** Numeric id, unique in the database, never used again. */
  readonly id: number;
  /** Unified id, for people: `vpngw-dystbrkv`. */
  readonly uid: string;
  readonly vpcId: number;
  /** The VPC's unified id, by which settings name it: `vpc-2ari9m7h`. */
  readonly vpcUid: string;
  /** Network address and length: `10.0.0.0/16`. */
  readonly vpcCidr: string;
  /** The gateway's own address inside the VPC, without length. */
  readonly vpcAddress: string;
  /** The gateway's address on the public network, without length. */
  readonly publicAddress: string;
}

/** One CHILD_SA to be: one (local, peer) pair, since IKEv1 carries one pair per CHILD_SA. */
export interface ChildSpec {
  /** Unique on the gateway; begins with the unified id of the channel it serves. */
  readonly name: string;
  readonly localNetwork: string;
  readonly peerNetwork: string;
  readonly ipsec: IpsecSettings;
}

/** One strongSwan connection to be: one IKE identity with the children of all its channels (api-v2.md 9.4). */
export interface ConnectionSpec {
  readonly name: string;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly ike: IkeSettings;
  readonly preSharedKey: Secret;
  readonly children: readonly ChildSpec[];
  /** The gateway has other connections to the same address: in aggressive mode, told apart by the peer's identity. */
  readonly isAddressShared?: boolean;
  /** The gateway has a connection with the same two identities to another address. */
  readonly hasNamesake?: boolean;
}

export interface ChildSa {
  readonly name: string;
  readonly uniqueId: string;
  /** strongSwan's word: INSTALLED, REKEYING, REKEYED, DELETING ... */
  readonly state: string;
  /** Inbound SPI in hexadecimal; "" before there is one. */
  readonly spi: string;
  /** Since it was installed. */
  readonly ageSeconds: number;
  /** What it has carried in all: IP packets as they are inside the tunnel. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface IkeSa {
  /** Name of the connection it was made by. */
  readonly connection: string;
  readonly uniqueId: string;
  /** strongSwan's word: CONNECTING, ESTABLISHED, DELETING ... */
  readonly state: string;
  readonly children: readonly ChildSa[];
}

/** What is there now for one gateway. */
export interface ActualGateway {
  /** Namespace, links, addresses and guards are all in place. */
  readonly hasNetwork: boolean;
  /** Networks inside the VPC for which the gateway owns an address (docs/dev/data-plane.md). */
  readonly localNetworks: readonly string[];
  /** charon runs and answers. */
  readonly isRunning: boolean;
  /** Loaded connections, and loaded secrets, by connection name: the fingerprint of what was loaded by this process. */
  readonly connections: ReadonlyMap<string, string>;
  readonly secrets: ReadonlyMap<string, string>;
  readonly ikeSas: readonly IkeSa[];
  /** CHILD_SAs that have ended or been replaced since the gateway was observed last, with what they had carried by then. Told once. */
  readonly ended: readonly ChildSa[];
  /** Why connections are not up, by name, as far as it is known; each the same object while nothing else is found. */
  readonly troubles: ReadonlyMap<string, Trouble>;
  /** Peers that knock and fit no connection; the same object while none has. */
  readonly unknownPeers: readonly UnknownPeer[];
}

/** One thing to do. Every step may be repeated, and may be cut in half by a crash and repeated. */
export type Step =
  | { readonly kind: "make-network" }
  | { readonly kind: "start-charon" }
  | { readonly kind: "add-local-network"; readonly network: string }
  | { readonly kind: "remove-local-network"; readonly network: string }
  | { readonly kind: "load-secret"; readonly connection: ConnectionSpec; readonly fingerprint: string }
  | { readonly kind: "load-connection"; readonly connection: ConnectionSpec; readonly fingerprint: string }
  | { readonly kind: "initiate-child"; readonly connection: string; readonly child: string }
  | { readonly kind: "rekey-child-sa"; readonly uniqueId: string; readonly child: string }
  | { readonly kind: "terminate-child-sa"; readonly uniqueId: string; readonly child: string }
  | { readonly kind: "terminate-ike-sa"; readonly uniqueId: string; readonly connection: string }
  | { readonly kind: "unload-connection"; readonly name: string }
  | { readonly kind: "unload-secret"; readonly name: string }
  | { readonly kind: "stop-charon" }
  | { readonly kind: "remove-network" };

/** A step that failed, or a gateway that cannot be observed. `message` is one sentence for a person and holds no secret. */
export class DataplaneError extends Error {
  readonly kind: "gateway" | "connection";

  /** @param kind whether the whole gateway is at fault, or one connection only */
  constructor(kind: "gateway" | "connection", message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DataplaneError";
    this.kind = kind;
  }
}

/** The hands. */
export interface Dataplane {
  readonly kind: "charon" | "simulated";
  /** Prepares what all gateways share. @throws DataplaneError when the machine cannot run it */
  start(): Promise<void>;
  /** Gateways of this instance that exist on the machine in any part, by numeric id; found at start, orphans too. */
  listGatewayIds(): Promise<readonly number[]>;
  /**
   * From the call on, and for so long, these gateways may send and receive; after that they are silent, ARP included, whatever has
   * become of this process. Resolves when the machine does so; where a gateway has no network yet it is made so. What fails is logged,
   * looked at and mended. Before the first call whatever there is stays; after one with an end, gateways that were never named are silent.
   * @param forMs milliseconds; 0: silent at once; Infinity: nothing on the machine could make them silent
   */
  permit(gatewayIds: readonly number[], forMs: number): Promise<void>;
  /**
   * What is there. `isThorough` looks at the machine itself; otherwise what this process knows to have made is trusted and
   * only charon is asked.
   */
  observe(gatewayId: number, isThorough: boolean): Promise<ActualGateway>;
  /**
   * Why this machine cannot carry a channel with these settings, in a sentence that names the algorithm; undefined when it can. Waits
   * while that is being found out, some seconds at most.
   */
  findRefusal(ike: IkeSettings, ipsec: IpsecSettings): Promise<string | undefined>;
  /** Does one step. @throws DataplaneError */
  apply(gateway: GatewaySpec, step: Step): Promise<void>;
  /** Calls `listener` with a gateway's id whenever charon reports a change, a cause is found, or it has gone. At most one listener. */
  onChange(listener: (gatewayId: number) => void): void;
  /** Lets go of sockets and timers. The gateways live on. */
  close(): Promise<void>;
}
