// What a channel asks of strongSwan's algorithms, and what has to be tried so that every such wish has been. Pure.
import {
  type DhGroup,
  dhGroups,
  type IkeSettings,
  type IpsecEncryption,
  type IpsecSettings,
  ikeEncryptions,
  integrities,
  ipsecEncryptions,
} from "../../../vpn/algorithms.ts";

/** One thing that a build can do or not, in words for a person: `des-cbc in phase 1`, `des-cbc with md5 in phase 2`, `group14`. */
export type Ability = `${string} in phase ${1 | 2}` | `group${DhGroup}`;

export type Phase1Choice = Pick<IkeSettings, "encryption" | "integrity" | "dhGroup">;
export type Phase2Choice = Pick<IpsecSettings, "encryption" | "integrity">;

/** The usual names of ciphers (RFC 2405, 2451, 3602, 2410). */
const names = {
  "3des": "3des-cbc",
  aes128: "aes-cbc-128",
  aes192: "aes-cbc-192",
  aes256: "aes-cbc-256",
  des: "des-cbc",
  null: "null",
} as const satisfies Record<IpsecEncryption, string>;

/** Anybody's strongSwan can do that. What is tried in phase 1 differs from it in one thing. */
export const usual = { encryption: "aes128", integrity: "sha1", dhGroup: 2 } as const satisfies Phase1Choice;

/** The usual, and each other value of phase 1 beside what is usual. PFS takes the same groups. */
export const phase1Choices: readonly Phase1Choice[] = [
  usual,
  ...except(ikeEncryptions, usual.encryption).map((encryption) => ({ ...usual, encryption })),
  ...except(integrities, usual.integrity).map((integrity) => ({ ...usual, integrity })),
  ...except(dhGroups, usual.dhGroup).map((dhGroup) => ({ ...usual, dhGroup })),
];

/** Every pair of cipher and hash of ESP. */
export const phase2Choices: readonly Phase2Choice[] = ipsecEncryptions.flatMap((encryption) =>
  integrities.map((integrity) => ({ encryption, integrity })),
);

export function phase1Abilities({ encryption, integrity, dhGroup }: Phase1Choice): Ability[] {
  return [`${names[encryption]} in phase 1`, `${integrity} in phase 1`, `group${dhGroup}`];
}

export function phase2Ability({ encryption, integrity }: Phase2Choice): Ability {
  return `${names[encryption]} with ${integrity} in phase 2`;
}

/** All that a channel needs. */
export function abilitiesFor(ike: Phase1Choice, ipsec: Phase2Choice & Pick<IpsecSettings, "pfsGroup">): Ability[] {
  const pfs = ipsec.pfsGroup === undefined ? [] : [`group${ipsec.pfsGroup}` as const];
  return [...phase1Abilities(ike), phase2Ability(ipsec), ...pfs];
}

/** All that there is. */
export const allAbilities: readonly Ability[] = [
  ...new Set([...phase1Choices.flatMap(phase1Abilities), ...phase2Choices.map(phase2Ability)]),
];

/** Whether what anybody can do works; where it does not, something else is wrong than an algorithm. */
export function hasUsual(proved: ReadonlySet<Ability>): boolean {
  return [...phase1Abilities(usual), phase2Ability(usual)].every((ability) => proved.has(ability));
}

export function missingOf(proved: ReadonlySet<Ability>): Ability[] {
  return allAbilities.filter((ability) => !proved.has(ability));
}

function except<T>(values: readonly T[], value: T): T[] {
  return values.filter((each) => each !== value);
}
