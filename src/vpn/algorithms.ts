// The algorithms and lifetimes of the contract (api-v2.md 4.2) in the field's own words, with their defaults and ranges.
// One table; a dialect maps its spelling to these words, the data plane maps these words to strongSwan's.

export const ikeEncryptions = ["3des", "aes128", "aes192", "aes256", "des"] as const;
export const ipsecEncryptions = [...ikeEncryptions, "null"] as const;
export const integrities = ["md5", "sha1"] as const;
export const exchangeModes = ["main", "aggressive"] as const;
export const identityTypes = ["address", "fqdn"] as const;
/** IANA numbers of the MODP groups the contract has (RFC 2409 6.1-6.2, RFC 3526 2-3, RFC 5114 2.3). */
export const dhGroups = [1, 2, 5, 14, 24] as const;

export type IkeEncryption = (typeof ikeEncryptions)[number];
export type IpsecEncryption = (typeof ipsecEncryptions)[number];
export type Integrity = (typeof integrities)[number];
export type ExchangeMode = (typeof exchangeModes)[number];
export type IdentityType = (typeof identityTypes)[number];
export type DhGroup = (typeof dhGroups)[number];

/** Who one end says it is in phase 1 (RFC 2407 4.6.2.1): ID_IPV4_ADDR or ID_FQDN. */
export interface Identity {
  readonly type: IdentityType;
  /** Dotted IPv4, or a fully qualified domain name. */
  readonly value: string;
}

/** Phase 1 of a connection, complete. */
export interface IkeSettings {
  readonly encryption: IkeEncryption;
  readonly integrity: Integrity;
  readonly exchangeMode: ExchangeMode;
  readonly dhGroup: DhGroup;
  /** 60-604800 s. */
  readonly lifetimeSeconds: number;
  readonly localIdentity: Identity;
  readonly remoteIdentity: Identity;
}

/** Phase 2 of a connection, complete. */
export interface IpsecSettings {
  readonly encryption: IpsecEncryption;
  readonly integrity: Integrity;
  /** 180-604800 s. */
  readonly lifetimeSeconds: number;
  /** 2560-4294967295 KB of 1000 bytes (api-v2.md 4.2, docs/dev/data-plane.md). */
  readonly lifetimeKilobytes: number;
  /** undefined: no PFS. */
  readonly pfsGroup: DhGroup | undefined;
}

export const ikeDefaults = {
  encryption: "3des",
  integrity: "md5",
  exchangeMode: "main",
  dhGroup: 1,
  lifetimeSeconds: 86_400,
} as const satisfies Partial<IkeSettings>;

export const ipsecDefaults = {
  encryption: "3des",
  integrity: "md5",
  lifetimeSeconds: 3_600,
  lifetimeKilobytes: 1_843_200,
  pfsGroup: undefined,
} as const satisfies IpsecSettings;

export const lifetimeRanges = {
  ikeSeconds: [60, 604_800],
  ipsecSeconds: [180, 604_800],
  ipsecKilobytes: [2_560, 4_294_967_295],
} as const;
