import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { catchRefusal } from "../../test/support/caught.ts";
import {
  dhGroups,
  exchangeModes,
  type IkeSettings,
  ikeEncryptions,
  integrities,
  ipsecEncryptions,
  lifetimeRanges,
} from "./algorithms.ts";
import { Secret } from "./secret.ts";
import {
  checkIdentities,
  checkPreSharedKey,
  completeIke,
  completeIpsec,
  completeKey,
  completeMode,
  generatedConnName,
  type IkeRequest,
  type IkeSibling,
  ikeIdentityKey,
  requireConnName,
  resolveIdentities,
  siblingOf,
} from "./vpn-conn.ts";

const ours = "198.51.100.10";
const theirs = "183.60.249.39";

/** What an operation does with the phase 1 of a new channel. */
function complete(request: IkeRequest, sibling?: IkeSibling): IkeSettings {
  checkIdentities(request);
  return completeIke(request, resolveIdentities(request, ours, theirs), sibling);
}

describe("phase 1", () => {
  test("of nothing but defaults", () => {
    expect(complete({})).toEqual({
      encryption: "3des",
      integrity: "md5",
      exchangeMode: "main",
      dhGroup: 1,
      lifetimeSeconds: 86_400,
      localIdentity: { type: "address", value: ours },
      remoteIdentity: { type: "address", value: theirs },
    });
  });

  test("keeps whatever is given, and fills in the rest", () => {
    const given = fc.record(
      {
        encryption: fc.constantFrom(...ikeEncryptions),
        integrity: fc.constantFrom(...integrities),
        exchangeMode: fc.constantFrom(...exchangeModes),
        dhGroup: fc.constantFrom(...dhGroups),
        lifetimeSeconds: fc.integer({ min: lifetimeRanges.ikeSeconds[0], max: lifetimeRanges.ikeSeconds[1] }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(given, (request) => {
        expect(complete(request)).toEqual({ ...complete({}), ...request });
      }),
    );
  });
});

describe("identities", () => {
  test("are the addresses given, where some are given", () => {
    const request = { localAddress: "10.9.8.7", remoteIdentity: "address", remoteAddress: "10.1.2.3" } as const;
    expect(complete(request)).toMatchObject({
      localIdentity: { type: "address", value: "10.9.8.7" },
      remoteIdentity: { type: "address", value: "10.1.2.3" },
    });
  });

  test("are domain names where asked for, whatever addresses are given", () => {
    const request = {
      localIdentity: "fqdn",
      localFqdn: "vpn86",
      localAddress: "10.9.8.7",
      remoteIdentity: "fqdn",
      remoteFqdn: "idc.example",
    } as const;
    expect(complete(request)).toMatchObject({
      localIdentity: { type: "fqdn", value: "vpn86" },
      remoteIdentity: { type: "fqdn", value: "idc.example" },
    });
  });

  test("are addresses when a domain name is given but not asked for", () => {
    expect(complete({ remoteFqdn: "idc.example" }).remoteIdentity).toEqual({ type: "address", value: theirs });
  });

  test.each<[string, IkeRequest, string]>([
    ["an address that is none, local", { localAddress: "10.0.0.256" }, "ike.localAddress"],
    ["an address that is none, remote", { remoteAddress: "peer" }, "ike.remoteAddress"],
    ["an address that is none beside a name", { ...fqdn("remote", "a"), remoteAddress: "x" }, "ike.remoteAddress"],
    ["a name that is none, local", fqdn("local", "a b"), "ike.localFqdn"],
    ["a name that is none, remote", fqdn("remote", "-"), "ike.remoteFqdn"],
    ["a name that is none and not asked for", { localFqdn: "a b" }, "ike.localFqdn"],
    ["fqdn without a name, local", { localIdentity: "fqdn" }, "ike.localFqdn"],
    ["fqdn without a name, remote", { remoteIdentity: "fqdn", localFqdn: "a" }, "ike.remoteFqdn"],
    ["fqdn with an empty name", fqdn("remote", ""), "ike.remoteFqdn"],
  ])("%s is refused", (_what, request, field) => {
    expect(catchRefusal(() => checkIdentities(request))).toMatchObject({ kind: "parameter-invalid", field });
  });

  function fqdn(side: "local" | "remote", name: string): IkeRequest {
    return { [`${side}Identity`]: "fqdn", [`${side}Fqdn`]: name };
  }
});

describe("the key of an IKE identity", () => {
  const anyIdentity = fc.oneof(
    fc.record({ type: fc.constant("address" as const), value: fc.constantFrom("10.0.0.1", "10.0.0.2") }),
    fc.record({ type: fc.constant("fqdn" as const), value: fc.constantFrom("a", "b", "10.0.0.1", "A") }),
  );
  const any = fc.record({ peer: fc.constantFrom(theirs, "1.2.3.4"), local: anyIdentity, remote: anyIdentity });

  test("is the same for the same peer and identities, and for no others; domain names count without case", () => {
    fc.assert(
      fc.property(any, any, (a, b) => {
        const isSame = JSON.stringify(a).toLowerCase() === JSON.stringify(b).toLowerCase();
        expect(ikeIdentityKey(a.peer, a) === ikeIdentityKey(b.peer, b)).toBe(isSame);
      }),
      { numRuns: 1_000 },
    );
  });

  test("is the same whether an address is left out or spelt out", () => {
    const keys = [{}, { localAddress: ours, remoteAddress: theirs, localFqdn: "unused" }].map((request) =>
      ikeIdentityKey(theirs, resolveIdentities(request, ours, theirs)),
    );
    expect(keys[0]).toBe(keys[1]);
  });
});

describe("a channel beside another one of the same IKE identity", () => {
  const sibling: IkeSibling = {
    uid: "vpnx-sibling0",
    ike: {
      ...complete({}),
      encryption: "aes256",
      integrity: "sha1",
      exchangeMode: "aggressive",
      dhGroup: 14,
      lifetimeSeconds: 7_200,
    },
    preSharedKey: new Secret("of both"),
    isSameIdentity: true,
  };

  test("inherits all of phase 1, and the key", () => {
    expect(complete({}, sibling)).toEqual(sibling.ike);
    expect(completeKey(undefined, sibling)?.reveal()).toBe("of both");
  });

  test("may say the same", () => {
    const { localIdentity, remoteIdentity, ...same } = sibling.ike;
    expect(
      complete({ ...same, localAddress: localIdentity.value, remoteAddress: remoteIdentity.value }, sibling),
    ).toEqual(sibling.ike);
    expect(completeKey(new Secret("of both"), sibling)?.reveal()).toBe("of both");
  });

  test.each<[string, IkeRequest]>([
    ["ike.encryption", { encryption: "3des" }],
    ["ike.integrity", { integrity: "md5" }],
    ["ike.exchangeMode", { exchangeMode: "main" }],
    ["ike.dhGroup", { dhGroup: 1 }],
    ["ike.lifetimeSeconds", { lifetimeSeconds: 86_400 }],
  ])("may not differ in %s, not even by naming the default", (field, request) => {
    const refusal = catchRefusal(() => complete(request, sibling));
    expect(refusal).toMatchObject({ kind: "parameter-invalid", field });
    expect(refusal.message).toContain("vpnx-sibling0");
  });

  test("may not have another key; neither key is in the refusal", () => {
    const refusal = catchRefusal(() => completeKey(new Secret("another"), sibling));
    expect(refusal).toMatchObject({ kind: "parameter-invalid", field: "preSharedKey" });
    expect(refusal.message).toContain("vpnx-sibling0");
    for (const key of ["another", "of both"]) expect(JSON.stringify(refusal) + refusal.message).not.toContain(key);
  });
});

describe("a channel beside another one to the same peer", () => {
  const neighbour = (exchangeMode: IkeSettings["exchangeMode"], isSameIdentity: boolean) => ({
    uid: "vpnx-neighbour",
    ike: { ...complete({}), exchangeMode },
    preSharedKey: new Secret("theirs"),
    ikeGeneration: 1,
    isSameIdentity,
  });

  test.each([
    // its mode, the neighbour's, whether their identities are the same: whether they must agree
    ["main", "main", true, true],
    ["main", "main", false, true],
    ["main", "aggressive", true, true],
    ["main", "aggressive", false, true],
    ["aggressive", "main", true, true],
    ["aggressive", "main", false, true],
    ["aggressive", "aggressive", true, true],
    ["aggressive", "aggressive", false, false],
  ] as const)("in %s mode beside %s, same identities %s, must agree: %s", (mode, theirMode, isSame, mustAgree) => {
    expect(siblingOf(mode, neighbour(theirMode, isSame)) !== undefined).toBe(mustAgree);
  });

  test("has the mode that is given, else the neighbour's, else main; and no sibling without a neighbour", () => {
    expect(completeMode({ exchangeMode: "main" }, neighbour("aggressive", false))).toBe("main");
    expect(completeMode({}, neighbour("aggressive", false))).toBe("aggressive");
    expect(completeMode({}, undefined)).toBe("main");
    expect(siblingOf("main", undefined)).toBeUndefined();
  });

  test("is refused for what really is the reason", () => {
    const reasonOf = (isSame: boolean) =>
      catchRefusal(() => complete({ dhGroup: 14 }, siblingOf("main", neighbour("main", isSame)))).message;
    expect(reasonOf(true)).toContain("share one IKE_SA");
    expect(reasonOf(false)).toContain("in main mode");
  });
});

describe("the key of a channel that has no sibling", () => {
  test("is the one given; with none given, one has to be made", () => {
    expect(completeKey(new Secret("given"), undefined)?.reveal()).toBe("given");
    expect(completeKey(undefined, undefined)).toBeUndefined();
  });

  test("is 1 to 128 printable characters, and is not told when it is refused", () => {
    expect(() => checkPreSharedKey(new Secret("d!@#12d"))).not.toThrow();
    for (const key of ["", "tab\there", "longer".repeat(30)]) {
      const refusal = catchRefusal(() => checkPreSharedKey(new Secret(key)));
      expect(refusal).toMatchObject({ kind: "parameter-invalid", field: "preSharedKey" });
      if (key !== "") expect(refusal.message).not.toContain(key);
    }
  });
});

describe("phase 2", () => {
  test("of nothing but defaults", () => {
    expect(completeIpsec({})).toEqual({
      encryption: "3des",
      integrity: "md5",
      lifetimeSeconds: 3_600,
      lifetimeKilobytes: 1_843_200,
      pfsGroup: undefined,
    });
  });

  test("keeps whatever is given; null is no PFS", () => {
    const given = {
      encryption: "null",
      integrity: "sha1",
      lifetimeSeconds: 180,
      lifetimeKilobytes: 4_294_967_295,
      pfsGroup: 24,
    } as const;
    expect(completeIpsec(given)).toEqual(given);
    expect(completeIpsec({ ...given, pfsGroup: null }).pfsGroup).toBeUndefined();
    expect(ipsecEncryptions).toContain("null");
  });
});

describe("a channel's name", () => {
  test("is refused by the channel's own kind of refusal", () => {
    expect(() => requireConnName("北京 1")).not.toThrow();
    for (const name of ["", "a\nb", "x".repeat(61)]) {
      expect(catchRefusal(() => requireConnName(name))).toMatchObject({ kind: "vpn-conn-name-invalid", field: "name" });
    }
  });

  test("comes from its number when none is given, and then from the next free one", () => {
    expect([0, 1, 2].map((attempt) => generatedConnName(399, attempt))).toEqual([
      "399_vpnconn",
      "399_vpnconn_1",
      "399_vpnconn_2",
    ]);
  });
});
