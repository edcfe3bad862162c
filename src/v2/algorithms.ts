// The vendor's words for algorithms, and ours: api-v2.md 4.2. Both ways from one table each.
import type {
  DhGroup,
  ExchangeMode,
  IdentityType,
  IkeEncryption,
  IkeSettings,
  Integrity,
  IpsecEncryption,
  IpsecSettings,
} from "../vpn/algorithms.ts";

export const ikeEncryptionWords = {
  "3des-cbc": "3des",
  "aes-cbc-128": "aes128",
  "aes-cbc-192": "aes192",
  "aes-cbc-256": "aes256",
  "des-cbc": "des",
} as const satisfies Record<string, IkeEncryption>;

export const ipsecEncryptionWords = { ...ikeEncryptionWords, null: "null" } as const satisfies Record<
  string,
  IpsecEncryption
>;

/** `sha1` is what the vendor's own replies say for `sha` in phase 2, so both are taken everywhere. */
export const integrityWords = { md5: "md5", sha: "sha1", sha1: "sha1" } as const satisfies Record<string, Integrity>;

export const exchangeModeWords = { main: "main", aggressive: "aggressive" } as const satisfies Record<
  string,
  ExchangeMode
>;

export const identityWords = { address: "address", fqdn: "fqdn" } as const satisfies Record<string, IdentityType>;

const groups = [1, 2, 5, 14, 24] as const satisfies readonly DhGroup[];

type GroupDigits = `${DhGroup}`;

function groupWords(prefix: string): Readonly<Record<string, GroupDigits>> {
  return Object.fromEntries(groups.map((group) => [`${prefix}${group}`, `${group}` as const]));
}

export const ikeGroupWords = groupWords("group");
export const pfsGroupWords: Readonly<Record<string, GroupDigits | "none">> = {
  null: "none",
  ...groupWords("dh-group"),
};

/** The group that a word's digits name. */
export function groupOf(digits: GroupDigits | undefined): DhGroup | undefined {
  return groups.find((group) => `${group}` === digits);
}

function wordOf<T extends string>(words: Readonly<Record<string, T>>, value: T): string {
  return Object.entries(words).find(([, ours]) => ours === value)?.[0] ?? value;
}

/** IKE settings as DescribeVpnConn shows them: lifetimes as strings, what is not set as null (api-v2.md 4.4). */
export function showIke(ike: IkeSettings): Record<string, string | null> {
  const { localIdentity, remoteIdentity } = ike;
  const valueIf = (identity: typeof localIdentity, type: IdentityType) =>
    identity.type === type ? identity.value : null;
  return {
    propoAuthenAlgorithm: wordOf(integrityWords, ike.integrity),
    propoEncryAlgorithm: wordOf(ikeEncryptionWords, ike.encryption),
    exchangeMode: ike.exchangeMode,
    localIdentity: localIdentity.type,
    remoteIdentity: remoteIdentity.type,
    localAddress: valueIf(localIdentity, "address"),
    remoteAddress: valueIf(remoteIdentity, "address"),
    localFqdnName: valueIf(localIdentity, "fqdn"),
    remoteFqdnName: valueIf(remoteIdentity, "fqdn"),
    dhGroupName: `group${ike.dhGroup}`,
    ikeSaLifetimeSeconds: String(ike.lifetimeSeconds),
  };
}

/** IPsec settings as DescribeVpnConn shows them: `sha1`, where phase 1 says `sha`; no PFS is the string `null`. */
export function showIpsec(ipsec: IpsecSettings): Record<string, string> {
  return {
    encryptAlgorithm: wordOf(ipsecEncryptionWords, ipsec.encryption),
    integrityAlgorith: ipsec.integrity,
    encapMode: "tunnel",
    securityProto: "ESP",
    pfsDhGroup: ipsec.pfsGroup === undefined ? "null" : `dh-group${ipsec.pfsGroup}`,
    ipsecSaLifetimeSeconds: String(ipsec.lifetimeSeconds),
    ipsecSaLifetimeTraffic: String(ipsec.lifetimeKilobytes),
  };
}
