// Every choice of algorithms that the API has (api-v2.md 4.2), in its own spelling, with strongSwan's name of each as its listing shows it.

/** Values of the API, and what `swanctl --list-sas --raw` calls them. */
export const ikeEncryptions = {
  "3des-cbc": "3DES_CBC",
  "aes-cbc-128": "AES_CBC-128",
  "aes-cbc-192": "AES_CBC-192",
  "aes-cbc-256": "AES_CBC-256",
  "des-cbc": "DES_CBC",
} as const;
export const ipsecEncryptions = { ...ikeEncryptions, null: "NULL" } as const;
export const integrities = { md5: "HMAC_MD5_96", sha: "HMAC_SHA1_96" } as const;
export const groups = {
  group1: "MODP_768",
  group2: "MODP_1024",
  group5: "MODP_1536",
  group14: "MODP_2048",
  group24: "MODP_2048_256",
} as const;
/** undefined: no PFS, so no group of its own. */
export const pfsGroups = {
  null: undefined,
  "dh-group1": "MODP_768",
  "dh-group2": "MODP_1024",
  "dh-group5": "MODP_1536",
  "dh-group14": "MODP_2048",
  "dh-group24": "MODP_2048_256",
} as const;

const keysOf = <T extends object>(table: T) => Object.keys(table) as (keyof T & string)[];

const dimensions = {
  ikeEncryption: keysOf(ikeEncryptions),
  ikeIntegrity: keysOf(integrities),
  group: keysOf(groups),
  mode: ["main", "aggressive"],
  encryption: keysOf(ipsecEncryptions),
  integrity: keysOf(integrities),
  pfs: keysOf(pfsGroups),
} as const;

/** One value of each. */
export type Choice = { readonly [Name in keyof typeof dimensions]: (typeof dimensions)[Name][number] };

const usual: Choice = {
  ikeEncryption: "aes-cbc-128",
  ikeIntegrity: "sha",
  group: "group2",
  mode: "main",
  encryption: "aes-cbc-128",
  integrity: "sha",
  pfs: "null",
};

/** All choices of phase 1: 100. */
export const allOfPhase1 = product("ikeEncryption", "ikeIntegrity", "group", "mode");
/** All choices of phase 2: 72. */
export const allOfPhase2 = product("encryption", "integrity", "pfs");
/** Few choices in which any two values of any two dimensions meet. */
export const pairwise = coverPairs();

function product(...names: readonly (keyof Choice)[]): Choice[] {
  let all: Choice[] = [usual];
  for (const name of names)
    all = all.flatMap((choice) => dimensions[name].map((value) => ({ ...choice, [name]: value })));
  return all;
}

type Pair = `${string}=${string}&${string}=${string}`;

function pairsOf(choice: Choice): Pair[] {
  const names = keysOf(dimensions);
  return names.flatMap((a, index) => names.slice(index + 1).map((b): Pair => `${a}=${choice[a]}&${b}=${choice[b]}`));
}

/** Greedy: of all choices, always the one with most pairs that have not met yet. The same list every time. */
function coverPairs(): Choice[] {
  const candidates = product(...keysOf(dimensions)).map((choice) => ({ choice, pairs: pairsOf(choice) }));
  const open = new Set(candidates.flatMap(({ pairs }) => pairs));
  const chosen: Choice[] = [];
  while (open.size > 0) {
    let best = candidates[0];
    let most = 0;
    for (const candidate of candidates) {
      const count = candidate.pairs.reduce((sum, pair) => (open.has(pair) ? sum + 1 : sum), 0);
      if (count > most) [best, most] = [candidate, count];
    }
    if (best === undefined || most === 0) throw new Error("a pair that no choice has");
    for (const pair of best.pairs) open.delete(pair);
    chosen.push(best.choice);
  }
  return chosen;
}

/** Parameters of AddVpnConnEx. */
export function parametersOf(choice: Choice): Record<string, string> {
  return {
    "IKESet.propoEncryAlgorithm": choice.ikeEncryption,
    "IKESet.propoAuthenAlgorithm": choice.ikeIntegrity,
    "IKESet.dhGroupName": choice.group,
    "IKESet.exchangeMode": choice.mode,
    "IPsecSet.encryptAlgorithm": choice.encryption,
    "IPsecSet.integrityAlgorith": choice.integrity,
    "IPsecSet.pfsDhGroup": choice.pfs,
  };
}

/** What was chosen, as either end's listing tells it. */
export interface Chosen {
  readonly ike: string;
  readonly esp: string;
}

/** What either end must list. */
export function wanted(choice: Choice): Chosen {
  const pfs = pfsGroups[choice.pfs];
  return {
    ike: [ikeEncryptions[choice.ikeEncryption], integrities[choice.ikeIntegrity], groups[choice.group]].join(" "),
    esp: [ipsecEncryptions[choice.encryption], integrities[choice.integrity], ...(pfs ? [pfs] : [])].join(" "),
  };
}

export function nameOf(choice: Choice): string {
  return Object.values(choice).join(" ");
}
