// What a VPN channel is when everything a caller left out has been filled in, and what is refused on the way there.
// api-v2.md 4.1, 4.2, 9.4. Pure.
import { type ApiError, refuseField } from "../errors.ts";
import {
  type DhGroup,
  type ExchangeMode,
  type Identity,
  type IdentityType,
  type IkeEncryption,
  type IkeSettings,
  type Integrity,
  type IpsecSettings,
  ikeDefaults,
  ipsecDefaults,
} from "./algorithms.ts";
import { parseAddress } from "./network.ts";
import type { Secret } from "./secret.ts";
import { isFqdn, isPreSharedKey, requireName } from "./text.ts";

/** Phase 1 as a caller gives it: any part may be missing. */
export interface IkeRequest {
  readonly encryption?: IkeEncryption | undefined;
  readonly integrity?: Integrity | undefined;
  readonly exchangeMode?: ExchangeMode | undefined;
  readonly dhGroup?: DhGroup | undefined;
  readonly lifetimeSeconds?: number | undefined;
  readonly localIdentity?: IdentityType | undefined;
  readonly remoteIdentity?: IdentityType | undefined;
  readonly localAddress?: string | undefined;
  readonly remoteAddress?: string | undefined;
  readonly localFqdn?: string | undefined;
  readonly remoteFqdn?: string | undefined;
}

/** Phase 2 as a caller gives it. `pfsGroup` null: the caller asked for none. */
export type IpsecRequest = {
  readonly [Key in Exclude<keyof IpsecSettings, "pfsGroup">]?: IpsecSettings[Key] | undefined;
} & { readonly pfsGroup?: DhGroup | null | undefined };

/** The identities of both ends of a channel's IKE_SA. */
export interface Identities {
  readonly local: Identity;
  readonly remote: Identity;
}

/**
 * Checks the texts in which a caller names the identities, used or not.
 * @throws ApiError parameter-invalid, naming field `ike.…`
 */
export function checkIdentityTexts(request: IkeRequest): void {
  for (const side of ["local", "remote"] as const) {
    const address = request[`${side}Address`];
    const fqdn = request[`${side}Fqdn`];
    // strongSwan reads 0.0.0.0 as %any (identification.c): it would let anybody in, and the key would be for every peer.
    if (address !== undefined && !parseAddress(address)) {
      throw refuseField(`ike.${side}Address`, "an IPv4 address in dotted decimal, not 0.0.0.0, is expected");
    }
    if (fqdn !== undefined && !isFqdn(fqdn)) {
      throw refuseField(
        `ike.${side}Fqdn`,
        "a domain name of letters, digits, - and _ is expected, at most 253 characters",
      );
    }
  }
}

/**
 * Checks what a caller says of the identities: the texts, and that a name is there where one is needed.
 * @throws ApiError parameter-invalid, naming field `ike.…`
 */
export function checkIdentities(request: IkeRequest): void {
  checkIdentityTexts(request);
  for (const side of ["local", "remote"] as const) {
    const fqdn = request[`${side}Fqdn`];
    if (fqdn === undefined && request[`${side}Identity`] === "fqdn") {
      throw refuseField(`ike.${side}Fqdn`, `needed when the ${side} identity is fqdn`);
    }
  }
}

export function identitiesOf({ localIdentity, remoteIdentity }: IkeSettings): Identities {
  return { local: localIdentity, remote: remoteIdentity };
}

/** Who both ends are. An address identity without an address is the gateway's own, and the peer gateway's. */
export function resolveIdentities(request: IkeRequest, publicAddress: string, peerAddress: string): Identities {
  return {
    local: resolveIdentity(request.localIdentity, request.localAddress ?? publicAddress, request.localFqdn),
    remote: resolveIdentity(request.remoteIdentity, request.remoteAddress ?? peerAddress, request.remoteFqdn),
  };
}

function resolveIdentity(type: IdentityType | undefined, address: string, fqdn: string | undefined): Identity {
  return type === "fqdn" && fqdn !== undefined ? { type, value: fqdn } : { type: "address", value: address };
}

/**
 * Channels of one gateway with the same key here share one IKE identity, and so one key and one phase 1 (api-v2.md 9.4). Domain names
 * count without case, as strongSwan compares them (identification.c, ID_FQDN).
 */
export function ikeIdentityKey(peerAddress: string, { local, remote }: Identities): string {
  const [ours, theirs] = [local, remote].map(({ type, value }) => `${type}:${value.toLowerCase()}`);
  return `${peerAddress}|${ours}|${theirs}`;
}

/** The fields of phase 1 beside the identities. */
export const ikeFields = ["encryption", "integrity", "exchangeMode", "dhGroup", "lifetimeSeconds"] as const;

/** A channel whose key and phase 1 another one of the same gateway must have. */
export interface IkeSibling {
  readonly uid: string;
  readonly ike: IkeSettings;
  readonly preSharedKey: Secret;
  /** Whether it has the same identities too: then both are one IKE_SA. */
  readonly isSameIdentity: boolean;
}

/** Another channel of the same gateway to the same peer address; whether it is a sibling is for siblingOf to say. */
export interface IkeNeighbour extends IkeSibling {
  readonly ikeGeneration: number;
}

/** The mode of a channel: what is given, else the one that its peer's other channels have, since no peer has both. */
export function completeMode(request: IkeRequest, neighbour: IkeNeighbour | undefined): ExchangeMode {
  return request.exchangeMode ?? neighbour?.ike.exchangeMode ?? ikeDefaults.exchangeMode;
}

/**
 * The neighbour as a sibling, if the channel must have the same key and phase 1. In main mode a responder has to choose both by the
 * peer's address alone (RFC 2409 5.4), so there all channels to one peer are siblings; identities tell channels apart in aggressive
 * mode only (api-v2.md 9.4).
 */
export function siblingOf(mode: ExchangeMode, neighbour: IkeNeighbour | undefined): IkeSibling | undefined {
  if (neighbour === undefined) return undefined;
  const isIndependent = mode === "aggressive" && neighbour.ike.exchangeMode === "aggressive";
  return neighbour.isSameIdentity || !isIndependent ? neighbour : undefined;
}

/**
 * Phase 1, complete: what is given, else what the sibling has, else the default.
 * @throws ApiError parameter-invalid when it differs from the sibling's
 */
export function completeIke(request: IkeRequest, identities: Identities, sibling: IkeSibling | undefined): IkeSettings {
  const base = sibling?.ike ?? ikeDefaults;
  const ike: IkeSettings = {
    encryption: request.encryption ?? base.encryption,
    integrity: request.integrity ?? base.integrity,
    exchangeMode: request.exchangeMode ?? base.exchangeMode,
    dhGroup: request.dhGroup ?? base.dhGroup,
    lifetimeSeconds: request.lifetimeSeconds ?? base.lifetimeSeconds,
    localIdentity: identities.local,
    remoteIdentity: identities.remote,
  };
  if (sibling !== undefined) {
    for (const key of ikeFields) {
      if (ike[key] !== sibling.ike[key]) throw refuseUnlikeSibling(`ike.${key}`, sibling);
    }
  }
  return ike;
}

function refuseUnlikeSibling(field: string, sibling: IkeSibling): ApiError {
  const reason = sibling.isSameIdentity
    ? "has the same gateway, peer and identities, so both share one IKE_SA and must have the same value"
    : "has the same gateway and peer, and in main mode the identities do not tell them apart, so both must have the same value";
  return refuseField(field, `VPN channel ${sibling.uid} ${reason}`);
}

/** @throws ApiError parameter-invalid */
export function checkPreSharedKey(key: Secret): void {
  if (!isPreSharedKey(key.reveal())) throw refuseField("preSharedKey", "1 to 128 printable characters are expected");
}

/**
 * The key of a channel: what is given, else what the sibling has; undefined when one has to be generated.
 * @throws ApiError parameter-invalid when it differs from the sibling's
 */
export function completeKey(given: Secret | undefined, sibling: IkeSibling | undefined): Secret | undefined {
  if (given === undefined) return sibling?.preSharedKey;
  if (sibling !== undefined && !given.equals(sibling.preSharedKey)) throw refuseUnlikeSibling("preSharedKey", sibling);
  return given;
}

export function completeIpsec(request: IpsecRequest): IpsecSettings {
  return {
    encryption: request.encryption ?? ipsecDefaults.encryption,
    integrity: request.integrity ?? ipsecDefaults.integrity,
    lifetimeSeconds: request.lifetimeSeconds ?? ipsecDefaults.lifetimeSeconds,
    lifetimeKilobytes: request.lifetimeKilobytes ?? ipsecDefaults.lifetimeKilobytes,
    pfsGroup: request.pfsGroup ?? undefined,
  };
}

/** @throws ApiError vpn-conn-name-invalid */
export function requireConnName(name: string): void {
  requireName("vpn-conn-name-invalid", name);
}

/** Name of a channel that was given none: `399_vpnconn`, and `399_vpnconn_1` … when that is taken (api-v2.md 4.1). */
export function generatedConnName(id: number, attempt: number): string {
  return attempt === 0 ? `${id}_vpnconn` : `${id}_vpnconn_${attempt}`;
}
