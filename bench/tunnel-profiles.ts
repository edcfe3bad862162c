// The kinds of channels that the bench `tunnel` sets up: each in the API's words and in the data plane's, meaning the same.
import { type IkeSettings, type IpsecSettings, ikeDefaults, ipsecDefaults } from "../src/vpn/algorithms.ts";

export interface TunnelProfile {
  readonly name: string;
  /** Parameters of AddVpnConnEx. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly ike: Omit<IkeSettings, "localIdentity" | "remoteIdentity">;
  readonly ipsec: IpsecSettings;
}

const main = { exchangeMode: "main", lifetimeSeconds: ikeDefaults.lifetimeSeconds } as const;
const { lifetimeSeconds, lifetimeKilobytes } = ipsecDefaults;
const lifetimes = { lifetimeSeconds, lifetimeKilobytes } as const;

export const tunnelProfiles: readonly TunnelProfile[] = [
  {
    name: "group1, no PFS",
    parameters: parametersOf("3des-cbc", "md5", "group1", "null"),
    ike: { ...main, encryption: "3des", integrity: "md5", dhGroup: 1 },
    ipsec: { ...lifetimes, encryption: "3des", integrity: "md5", pfsGroup: undefined },
  },
  {
    name: "group2, no PFS",
    parameters: parametersOf("aes-cbc-128", "sha", "group2", "null"),
    ike: { ...main, encryption: "aes128", integrity: "sha1", dhGroup: 2 },
    ipsec: { ...lifetimes, encryption: "aes128", integrity: "sha1", pfsGroup: undefined },
  },
  {
    name: "group14, PFS 14",
    parameters: parametersOf("aes-cbc-256", "sha", "group14", "dh-group14"),
    ike: { ...main, encryption: "aes256", integrity: "sha1", dhGroup: 14 },
    ipsec: { ...lifetimes, encryption: "aes256", integrity: "sha1", pfsGroup: 14 },
  },
];

function parametersOf(encryption: string, integrity: string, group: string, pfs: string): Record<string, string> {
  return {
    "IKESet.exchangeMode": "main",
    "IKESet.propoEncryAlgorithm": encryption,
    "IKESet.propoAuthenAlgorithm": integrity,
    "IKESet.dhGroupName": group,
    "IPsecSet.encryptAlgorithm": encryption,
    "IPsecSet.integrityAlgorith": integrity,
    "IPsecSet.pfsDhGroup": pfs,
  };
}
