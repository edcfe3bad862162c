// The IKE and IPsec sets of a request in all their spellings: api-v2.md 4.2.
import { lifetimeRanges } from "../vpn/algorithms.ts";
import type { IkeRequest, IpsecRequest } from "../vpn/vpn-conn.ts";
import {
  exchangeModeWords,
  groupOf,
  identityWords,
  ikeEncryptionWords,
  ikeGroupWords,
  integrityWords,
  ipsecEncryptionWords,
  pfsGroupWords,
} from "./algorithms.ts";
import type { ParameterReader, SectionReader } from "./parameters.ts";

/** The API's parameter for each field of the settings that an operation may refuse. */
export const settingNames: Readonly<Record<string, string | readonly string[]>> = {
  spds: ["spdAcl", "userGwCidrBlock"],
  "ike.encryption": "IKESet.propoEncryAlgorithm",
  "ike.integrity": "IKESet.propoAuthenAlgorithm",
  "ike.exchangeMode": "IKESet.exchangeMode",
  "ike.dhGroup": "IKESet.dhGroupName",
  "ike.lifetimeSeconds": "IKESet.ikeSaLifetimeSeconds",
  "ike.localAddress": "IKESet.localAddress",
  "ike.remoteAddress": "IKESet.remoteAddress",
  "ike.localFqdn": "IKESet.localFqdnName",
  "ike.remoteFqdn": "IKESet.remoteFqdnName",
};

/** Reads both sets. `encryptAlgorithm` belongs to IPsec but stands in the IKE table of every page, so it may come anywhere. */
export function readSettings(parameters: ParameterReader): { ike: IkeRequest; ipsec: IpsecRequest } {
  const ikeSet = parameters.section(["IKESet", "IKEArr"]);
  const ipsecSet = parameters.section(["IPsecSet", "IPSECArr"]);
  const encryption = [ipsecSet, ikeSet, parameters].map((where) =>
    where.choice("encryptAlgorithm", ipsecEncryptionWords),
  );
  return {
    ike: readIke(ikeSet),
    ipsec: { ...readIpsec(ipsecSet), encryption: encryption.find((found) => found !== undefined) },
  };
}

function readIke(set: SectionReader): IkeRequest {
  return {
    encryption: set.choice("propoEncryAlgorithm", ikeEncryptionWords),
    integrity: set.choice("propoAuthenAlgorithm", integrityWords),
    exchangeMode: set.choice("exchangeMode", exchangeModeWords),
    localIdentity: set.choice("localIdentity", identityWords),
    remoteIdentity: set.choice("remoteIdentity", identityWords),
    localAddress: set.text("localAddress"),
    remoteAddress: set.text("remoteAddress"),
    localFqdn: set.text("localFqdnName"),
    remoteFqdn: set.text("remoteFqdnName"),
    dhGroup: groupOf(set.choice("dhGroupName", ikeGroupWords)),
    lifetimeSeconds: set.integer("ikeSaLifetimeSeconds", lifetimeRanges.ikeSeconds),
  };
}

function readIpsec(set: SectionReader): IpsecRequest {
  const pfs = set.choice("pfsDhGroup", pfsGroupWords);
  return {
    integrity: set.choice("integrityAlgorith", integrityWords) ?? set.choice("integrityAlgorithm", integrityWords),
    lifetimeSeconds: set.integer("ipsecSaLifetimeSeconds", lifetimeRanges.ipsecSeconds),
    lifetimeKilobytes: set.integer("ipsecSaLifetimeTraffic", lifetimeRanges.ipsecKilobytes),
    pfsGroup: pfs === "none" ? null : groupOf(pfs),
  };
}
