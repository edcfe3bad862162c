// The forms in which clients send a parameter: api-v2.md 1.4, 4.1, 4.2.
import type { ActionContract, Form } from "./contract.ts";

type Parameters = ActionContract["parameters"];

function escapeDots(name: string): string {
  return name.replaceAll(".", "\\.");
}

/** Parameters that are one value each. */
export function texts(...names: readonly string[]): Parameters {
  return Object.fromEntries(
    names.map((name) => [name, [{ label: name, name: new RegExp(`^${escapeDots(name).replaceAll("\\.", "[._]")}$`) }]]),
  );
}

/** A parameter that is an array: by index under either sign, or one value alone. */
export function list(name: string): Parameters {
  return {
    [name]: [
      { label: `${name}.n`, name: new RegExp(`^${name}\\.\\d+$`) },
      { label: `${name}_n`, name: new RegExp(`^${name}_\\d+$`) },
      { label: name, name: new RegExp(`^${name}$`) },
    ],
  };
}

export const paging = texts("offset", "limit", "orderField", "orderDirection");

const cidr = "\\d+[._]\\d+[._]\\d+[._]\\d+/\\d+";

/** 4.1, Wire forms of spdAcl. */
export const spdAcl: Parameters = {
  spdAcl: [
    { label: 'spdAcl={"local":["peer"]}', name: /^spdAcl$/, value: /^\s*\{/ },
    { label: "spdAcl.local.n", name: new RegExp(`^spdAcl[._]${cidr}[._]\\d+$`) },
    { label: "spdAcl.n.local.n", name: new RegExp(`^spdAcl[._]\\d+[._]${cidr}[._]\\d+$`) },
    { label: 'spdAcl.n={"local":["peer"]}', name: /^spdAcl[._]\d+$/, value: /^\s*\{/ },
  ],
};

const ikeFields = [
  ..."propoEncryAlgorithm propoAuthenAlgorithm exchangeMode localIdentity remoteIdentity localAddress".split(" "),
  ..."remoteAddress localFqdnName remoteFqdnName dhGroupName ikeSaLifetimeSeconds".split(" "),
];
const ipsecFields = [
  ..."encryptAlgorithm integrityAlgorith integrityAlgorithm ipsecSaLifetimeSeconds ipsecSaLifetimeTraffic".split(" "),
  "pfsDhGroup",
];

/** 4.2: prefixes in any case, with and without an index, as one JSON text; encryptAlgorithm also with the other prefix, and bare. */
export const ikeAndIpsec: Parameters = {
  ...fields(ikeFields, "IKE(?:Set|Arr)"),
  ...fields(ipsecFields, "IPsec(?:Set|Arr)"),
  encryptAlgorithm: [
    { label: "IPsecSet.encryptAlgorithm", name: /^IPsec(?:Set|Arr)(?:[._]\d+)?[._]encryptAlgorithm$/i },
    { label: "IKESet.encryptAlgorithm", name: /^IKE(?:Set|Arr)(?:[._]\d+)?[._]encryptAlgorithm$/i },
    { label: "encryptAlgorithm", name: /^encryptAlgorithm$/ },
  ],
  ...prefixes("IKESet", "ikeSet", "IKEArr"),
  ...prefixes("IPsecSet", "ipsecSet", "IPSECArr"),
};

function fields(names: readonly string[], prefix: string): Parameters {
  const form = (name: string): Form => ({
    label: name,
    name: new RegExp(`^${prefix}(?:[._]\\d+)?[._]${name}$`, "i"),
  });
  return Object.fromEntries(names.map((name) => [name, [form(name)]]));
}

function prefixes(page: string, seed: string, output: string): Parameters {
  return {
    [page]: [
      { label: `${page}.field`, name: new RegExp(`^${page}[._][A-Za-z]`) },
      { label: `${page}.n.field`, name: new RegExp(`^${page}[._]\\d+[._][A-Za-z]`) },
      { label: `${page}={"field":…}`, name: new RegExp(`^${page}$`), value: /^\s*[[{]/ },
      { label: `${seed}.n.field`, name: new RegExp(`^${seed}[._]\\d+[._][A-Za-z]`) },
      { label: `${output}.field`, name: new RegExp(`^${output}[._][A-Za-z]`) },
    ],
  };
}
