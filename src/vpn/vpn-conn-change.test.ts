import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  dhGroups,
  exchangeModes,
  type IkeSettings,
  type IpsecSettings,
  ikeEncryptions,
  integrities,
  ipsecDefaults,
  ipsecEncryptions,
} from "./algorithms.ts";
import { completeIke, completeIpsec, type IkeRequest, type IpsecRequest, resolveIdentities } from "./vpn-conn.ts";
import { changedIke, changedIpsec, isSameIke, isSameIpsec } from "./vpn-conn-change.ts";

const ours = "198.51.100.10";
const theirs = "183.60.249.39";

function complete(request: IkeRequest): IkeSettings {
  return completeIke(request, resolveIdentities(request, ours, theirs), undefined);
}

const before = complete({
  encryption: "aes256",
  exchangeMode: "aggressive",
  remoteIdentity: "fqdn",
  remoteFqdn: "one",
});
const changeIke = (change: IkeRequest) => complete(changedIke(before, change));
const changeIpsec = (settings: IpsecSettings, change: IpsecRequest) => completeIpsec(changedIpsec(settings, change));

describe("a change of phase 1", () => {
  test("of nothing changes nothing, also where fields are undefined", () => {
    expect(changeIke({})).toEqual(before);
    expect(changeIke({ encryption: undefined, localIdentity: undefined, remoteFqdn: undefined })).toEqual(before);
  });

  test("changes what it names, and nothing else", () => {
    const change = fc.record(
      {
        encryption: fc.constantFrom(...ikeEncryptions),
        integrity: fc.constantFrom(...integrities),
        exchangeMode: fc.constantFrom(...exchangeModes),
        dhGroup: fc.constantFrom(...dhGroups),
        lifetimeSeconds: fc.integer({ min: 60, max: 604_800 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(change, (given) => {
        const after = changeIke(given);
        expect(after).toEqual({ ...before, ...given });
        expect(isSameIke(before, after)).toBe(JSON.stringify(before) === JSON.stringify(after));
      }),
    );
  });

  test.each<[string, IkeRequest, Partial<IkeSettings>]>([
    ["another name", { remoteFqdn: "two" }, { remoteIdentity: { type: "fqdn", value: "two" } }],
    ["the name in capitals", { remoteFqdn: "ONE" }, { remoteIdentity: { type: "fqdn", value: "ONE" } }],
    ["the peer's address", { remoteIdentity: "address" }, { remoteIdentity: { type: "address", value: theirs } }],
    ["another address", { localAddress: "10.0.0.1" }, { localIdentity: { type: "address", value: "10.0.0.1" } }],
  ])("to %s changes that identity", (_what, change, wanted) => {
    const after = changeIke(change);
    expect(after).toEqual({ ...before, ...wanted });
    expect(isSameIke(before, after)).toBe(false);
  });

  test("of a name counts for nothing where the identity is an address, and the reverse", () => {
    expect(changeIke({ localFqdn: "unused", remoteAddress: "10.0.0.1" })).toEqual(before);
  });
});

describe("a change of phase 2", () => {
  const pfs = { ...ipsecDefaults, pfsGroup: 14 } as const;

  test("changes what it names, and nothing else", () => {
    const change = fc.record(
      {
        encryption: fc.constantFrom(...ipsecEncryptions),
        integrity: fc.constantFrom(...integrities),
        lifetimeSeconds: fc.constantFrom(180, 3_600),
        lifetimeKilobytes: fc.constantFrom(2_560, 1_843_200),
        pfsGroup: fc.constantFrom(...dhGroups),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.constantFrom<IpsecSettings>(ipsecDefaults, pfs), change, (settings, given) => {
        const after = changeIpsec(settings, given);
        expect(after).toEqual({ ...settings, ...given });
        expect(isSameIpsec(settings, after)).toBe(
          Object.entries(given).every(([key, value]) => settings[key as keyof IpsecSettings] === value),
        );
      }),
    );
  });

  test("keeps PFS when it does not speak of it, and takes it away when it says none", () => {
    expect(changeIpsec(pfs, { pfsGroup: undefined }).pfsGroup).toBe(14);
    expect(changeIpsec(pfs, { pfsGroup: null }).pfsGroup).toBeUndefined();
    expect(changeIpsec(ipsecDefaults, {}).pfsGroup).toBeUndefined();
  });

  test("sees that settings are the same when they come from the store, where none is left out", () => {
    expect(isSameIpsec(JSON.parse(JSON.stringify(ipsecDefaults)), ipsecDefaults)).toBe(true);
  });
});
