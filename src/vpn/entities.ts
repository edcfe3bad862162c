// The nouns of the service, as every layer names them. Types only.
import type { IkeSettings, IpsecSettings } from "./algorithms.ts";
import type { DiagnosisSummary } from "./diagnosis.ts";
import type { Secret } from "./secret.ts";
import type { StoredSpd } from "./spd.ts";
import type { NetStatus, TaskStatus, VpnConnStatus, VpnGwStatus } from "./status.ts";

/** What every resource has. */
export interface Resource {
  /** The old, numeric id: per kind, rising, never used again. */
  readonly id: number;
  /** The unified id: `vpc-2ari9m7h`. */
  readonly uid: string;
  readonly accountId: number;
  readonly region: string;
  readonly name: string;
  readonly createdAtMs: number;
}

/** A private network. */
export interface Vpc extends Resource {
  /** Network address and length. */
  readonly cidr: string;
}

/** A part of a VPC. A record only: hosts are not this service's business. */
export interface Subnet extends Resource {
  readonly vpcId: number;
  /** Network address and length. */
  readonly cidr: string;
  /** What the caller called its zone: a number or a name. */
  readonly zone: string;
}

export type ChargeType = "prepaid" | "postpaid";

/** A VPN gateway: our end of the tunnels of one VPC. */
export interface VpnGw extends Resource {
  readonly vpcId: number;
  readonly bandwidthMbps: number;
  readonly chargeType: ChargeType;
  readonly isAutoRenew: boolean;
  readonly publicAddress: string;
  readonly vpcAddress: string;
  readonly status: VpnGwStatus;
  /** Raised by every change to the gateway or to a channel on it. */
  readonly generation: number;
  /** Why it is not running, in one sentence. */
  readonly failure: string | undefined;
  /** Bookkeeping only: nothing is destroyed at that time. undefined: paid by the hour. */
  readonly expiresAtMs: number | undefined;
}

/** A peer gateway: the far end's public address. */
export interface UserGw extends Resource {
  readonly address: string;
}

/** What the data plane needs to know of a VPN channel. */
export interface VpnConnSettings {
  readonly preSharedKey: Secret;
  readonly ike: IkeSettings;
  readonly ipsec: IpsecSettings;
  readonly spds: readonly StoredSpd[];
  /** The gateway's generation since which key and phase 1 are what they are; one for all channels of an IKE identity. */
  readonly ikeGeneration: number;
  /** The gateway's generation since which phase 2 is what it is. */
  readonly ipsecGeneration: number;
}

/** A VPN channel. */
export interface VpnConn extends Resource, VpnConnSettings {
  readonly vpcId: number;
  readonly vpnGwId: number;
  readonly userGwId: number;
  readonly status: VpnConnStatus;
  /** The gateway's generation at this channel's latest change. */
  readonly generation: number;
  readonly failure: string | undefined;
}

/** A channel as its gateway needs it. */
export interface DesiredVpnConn {
  readonly conn: VpnConn;
  readonly ikeIdentity: string;
  readonly peerAddress: string;
  /** While it is being modified: the channel as it is to be if charon refuses the change; undefined when no setting changes. */
  readonly fallback?: DesiredVpnConn | undefined;
}

/** A channel with all that it refers to. */
export interface VpnConnView {
  readonly conn: VpnConn;
  readonly vpc: Vpc;
  readonly vpnGw: VpnGw;
  readonly userGw: UserGw;
  readonly netStatus: NetStatus;
  /** Why it is not up, or carries nothing; undefined when it is, and when nothing is known. */
  readonly diagnosis: DiagnosisSummary | undefined;
}

/** Work that the API reports on: one change of one resource. */
export interface Task {
  readonly id: number;
  readonly status: TaskStatus;
  readonly failure: string | undefined;
}

/** A key pair of the API. */
export interface ApiKey {
  readonly secretId: string;
  readonly secretKey: Secret;
  readonly accountId: number;
  readonly isReadOnly: boolean;
  readonly isDisabled: boolean;
}
