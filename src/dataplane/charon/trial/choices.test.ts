import { describe, expect, it } from "vitest";
import { dhGroups, ikeEncryptions, integrities, ipsecEncryptions } from "../../../vpn/algorithms.ts";
import { abilitiesFor, allAbilities, hasUsual, missingOf, phase1Choices, phase2Choices } from "./choices.ts";

const aes = { encryption: "aes128", integrity: "sha1" } as const;

describe("what is tried", () => {
  it("has every cipher, hash and group of phase 1, and every pair of cipher and hash of phase 2", () => {
    expect(new Set(phase1Choices.map(({ encryption }) => encryption))).toEqual(new Set(ikeEncryptions));
    expect(new Set(phase1Choices.map(({ integrity }) => integrity))).toEqual(new Set(integrities));
    expect(new Set(phase1Choices.map(({ dhGroup }) => dhGroup))).toEqual(new Set(dhGroups));
    expect(phase2Choices).toHaveLength(ipsecEncryptions.length * integrities.length);
  });

  it("covers whatever a channel can ask for", () => {
    const all = new Set(allAbilities);
    for (const encryption of ikeEncryptions)
      for (const integrity of integrities)
        for (const dhGroup of dhGroups)
          for (const pfsGroup of [undefined, ...dhGroups])
            for (const cipher of ipsecEncryptions) {
              const ipsec = { encryption: cipher, integrity, pfsGroup };
              for (const ability of abilitiesFor({ encryption, integrity, dhGroup }, ipsec))
                expect(all).toContain(ability);
            }
  });
});

describe("what a channel needs", () => {
  it("is named in both phases, and PFS by its group", () => {
    const needed = abilitiesFor({ ...aes, dhGroup: 2 }, { encryption: "des", integrity: "md5", pfsGroup: 14 });
    expect(needed).toEqual([
      "aes-cbc-128 in phase 1",
      "sha1 in phase 1",
      "group2",
      "des-cbc with md5 in phase 2",
      "group14",
    ]);
  });
});

describe("what is missing", () => {
  it("is what has not been proved", () => {
    const proved = new Set(allAbilities.filter((ability) => !ability.startsWith("des-cbc")));
    expect(missingOf(proved)).toEqual([
      "des-cbc in phase 1",
      "des-cbc with md5 in phase 2",
      "des-cbc with sha1 in phase 2",
    ]);
  });

  it("can be told only when what anybody can do works", () => {
    expect(hasUsual(new Set(abilitiesFor({ ...aes, dhGroup: 2 }, { ...aes, pfsGroup: undefined })))).toBe(true);
    expect(
      hasUsual(new Set(abilitiesFor({ ...aes, dhGroup: 2 }, { encryption: "des", integrity: "md5", pfsGroup: 14 }))),
    ).toBe(false);
  });
});
