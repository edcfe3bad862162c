// The forms in which clients send a parameter: api-v2.md 1.4, 3.1, 3.2, 4.1, 4.2.
import type { Form, Parameters } from "./contract.ts";

/** Where a client may write either sign: 1.4. */
const dot = "[._]";

/** A pattern of a whole name, in which a dot is either sign. */
function whole(pattern: string, flags = ""): RegExp {
  return new RegExp(`^${pattern.replaceAll(".", dot)}$`, flags);
}

/** Parameters that are one value each, whatever it is. */
export function texts(...names: readonly string[]): Parameters {
  return Object.fromEntries(names.map((name) => [name, [{ label: name, name: whole(name) }]]));
}

/** A parameter that is one of a few words. */
export function words(name: string, ...values: readonly string[]): Parameters {
  return { [name]: wordForms(name, whole(name), values) };
}

function wordForms(label: string, name: RegExp, values: readonly string[]): Form[] {
  return values.map((value) => ({
    label: `${label}=${value}`,
    name,
    value: new RegExp(`^${value.replaceAll(".", "\\.")}$`),
  }));
}

/** 1.4: a number of the documents, and what the Node and the Python clients make of a boolean. */
export function flags(...names: readonly string[]): Parameters {
  return Object.fromEntries(
    names.map((name) => [
      name,
      [
        { label: `${name}=0|1`, name: whole(name), value: /^[01]$/ },
        { label: `${name}=true|false`, name: whole(name), value: /^(?:true|false)$/ },
        { label: `${name}=True|False`, name: whole(name), value: /^(?:True|False)$/ },
      ],
    ]),
  );
}

/** 3.1: every id is taken in its unified and in its old form; `vpcId` also as a bare number. */
const idForms: Readonly<Record<string, readonly (readonly [string, RegExp])[]>> = {
  vpcId: [
    ["vpc-…", /^vpc-[a-z0-9]{8}$/],
    ["gz_vpc_n", /^[a-z]+_vpc_\d+$/],
    ["n", /^\d+$/],
  ],
  vpnGwId: [
    ["vpngw-…", /^vpngw-[a-z0-9]{8}$/],
    ["n", /^\d+$/],
  ],
  userGwId: [
    ["cgw-…", /^cgw-[a-z0-9]{8}$/],
    ["n", /^\d+$/],
  ],
  vpnConnId: [
    ["vpnx-…", /^vpnx-[a-z0-9]{8}$/],
    ["n", /^\d+$/],
  ],
};

export function ids(...names: readonly string[]): Parameters {
  return Object.fromEntries(
    names.map((name) => {
      const forms = idForms[name];
      if (forms === undefined) throw new Error(`no forms of ${name} are known`);
      return [name, forms.map(([form, value]) => ({ label: `${name}=${form}`, name: whole(name), value }))];
    }),
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

/** An array whose elements are a few words: each form, and each word in any of them. */
export function listOf(name: string, ...values: readonly string[]): Parameters {
  return { ...list(name), [`${name} as a word`]: wordForms(name, new RegExp(`^${name}(?:${dot}\\d+)?$`), values) };
}

/** 3.2. */
export function paging(nameField: string): Parameters {
  return {
    ...texts("offset", "limit"),
    ...words("orderField", "createTime", nameField),
    ...words("orderDirection", "asc", "desc"),
  };
}

const cidr = `\\d+${dot}\\d+${dot}\\d+${dot}\\d+/\\d+`;

/** 4.1, Wire forms of spdAcl. */
export const spdAcl: Parameters = {
  spdAcl: [
    { label: 'spdAcl={"local":"peer"}', name: /^spdAcl$/, value: /^\s*\{.*:\s*"/s },
    { label: 'spdAcl={"local":["peer"]}', name: /^spdAcl$/, value: /^\s*\{/ },
    { label: "spdAcl.local.n", name: new RegExp(`^spdAcl${dot}${cidr}${dot}\\d+$`) },
    { label: "spdAcl.n.local.n", name: new RegExp(`^spdAcl${dot}\\d+${dot}${cidr}${dot}\\d+$`) },
    { label: 'spdAcl.n={"local":["peer"]}', name: whole("spdAcl.\\d+"), value: /^\s*\{/ },
  ],
};

const groups = ["1", "2", "5", "14", "24"];
const ciphers = ["3des-cbc", "aes-cbc-128", "aes-cbc-192", "aes-cbc-256", "des-cbc"];
const hashes = ["md5", "sha", "sha1"];

/** 4.2: the fields that stand behind one of the IKE prefixes, with their words; none where the value is free. */
const ikeFields: Readonly<Record<string, readonly string[]>> = {
  propoEncryAlgorithm: ciphers,
  propoAuthenAlgorithm: hashes,
  exchangeMode: ["main", "aggressive"],
  localIdentity: ["address", "fqdn"],
  remoteIdentity: ["address", "fqdn"],
  localAddress: [],
  remoteAddress: [],
  localFqdnName: [],
  remoteFqdnName: [],
  dhGroupName: groups.map((group) => `group${group}`),
  ikeSaLifetimeSeconds: [],
};
const ipsecFields: Readonly<Record<string, readonly string[]>> = {
  integrityAlgorith: hashes,
  integrityAlgorithm: hashes,
  ipsecSaLifetimeSeconds: [],
  ipsecSaLifetimeTraffic: [],
  pfsDhGroup: ["null", ...groups.map((group) => `dh-group${group}`)],
};

const ike = "IKE(?:Set|Arr)(?:.\\d+)?";
const ipsec = "IPsec(?:Set|Arr)(?:.\\d+)?";

/** 4.2: prefixes in any case, with and without an index, as one JSON text; encryptAlgorithm also with the other prefix, and bare. */
export const ikeAndIpsec: Parameters = {
  ...fields(ikeFields, ike),
  ...fields(ipsecFields, ipsec),
  encryptAlgorithm: [
    ...wordForms("IPsecSet.encryptAlgorithm", whole(`${ipsec}.encryptAlgorithm`, "i"), [...ciphers, "null"]),
    { label: "IKESet.encryptAlgorithm", name: whole(`${ike}.encryptAlgorithm`, "i") },
    { label: "encryptAlgorithm", name: /^encryptAlgorithm$/ },
  ],
  ...prefixes("IKESet", "ikeSet", "IKEArr"),
  ...prefixes("IPsecSet", "ipsecSet", "IPSECArr"),
};

function fields(table: Readonly<Record<string, readonly string[]>>, prefix: string): Parameters {
  return Object.fromEntries(
    Object.entries(table).map(([field, values]) => {
      const name = whole(`${prefix}.${field}`, "i");
      return [field, values.length === 0 ? [{ label: field, name }] : wordForms(field, name, values)];
    }),
  );
}

function prefixes(page: string, seed: string, output: string): Parameters {
  const capitals = page.toUpperCase();
  return {
    [page]: [
      { label: `${page}.field`, name: new RegExp(`^${page}\\.[A-Za-z]`) },
      { label: `${page}_field`, name: new RegExp(`^${page}(?:_\\d+)?_[A-Za-z]`, "i") },
      { label: `${page}.n.field`, name: new RegExp(`^${page}${dot}\\d+${dot}[A-Za-z]`) },
      { label: `${page}={"field":…}`, name: new RegExp(`^${page}$`), value: /^\s*[[{]/ },
      { label: `${seed}.n.field`, name: new RegExp(`^${seed}${dot}\\d+${dot}[A-Za-z]`) },
      { label: `${output}.field`, name: new RegExp(`^${output}${dot}[A-Za-z]`) },
      { label: `${capitals}.field`, name: new RegExp(`^${capitals}(?:${dot}\\d+)?${dot}[A-Za-z]`) },
    ],
  };
}
