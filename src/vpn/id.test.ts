import { describe, expect, test } from "vitest";
import { idPrefixes, isRegion, normaliseRegion, readRef } from "./id.ts";

describe("an id", () => {
  test.each(["vpc-2ari9m7h", "vpngw-dystbrkv", "cgw-e098slul", "vpnx-ol6bcqp0"])("%s is a unified one", (text) => {
    expect(readRef(text, "vpc")).toEqual({ uid: text });
  });

  test.each([
    ["7", 7],
    ["399", 399],
    ["999999999999999", 999_999_999_999_999],
  ])("%s is a number", (text, number) => {
    expect(readRef(text, "vpc")).toEqual({ number });
  });

  test.each([
    ["gz_vpc_266", 266, "gz"],
    ["ap-guangzhou_vpc_266", 266, "gz"],
    ["my-own-place_vpc_1", 1, "my-own-place"],
  ])("%s is a number in a region", (text, number, region) => {
    expect(readRef(text, "vpc")).toEqual({ number, region });
  });

  // None of these exists; it is enough that none of them means another resource.
  test.each([
    "",
    "0",
    "007",
    "-7",
    "+7",
    "7.0",
    "1e3",
    " 7",
    "7 ",
    "٧",
    "9999999999999999",
    "gz_vpc_0",
    "gz_vpc_07",
    "gz_vpc_",
    "_vpc_7",
    "GZ_vpc_7",
    "gz_subnet_7",
    "gz_vpc_7_vpc_8",
    "VPC-2ari9m7h",
  ])("%j is a unified id that nothing has", (text) => {
    expect(readRef(text, "vpc")).toEqual({ uid: text });
  });

  test("is a number in a region for VPCs only", () => {
    for (const kind of ["vpn-gw", "user-gw", "vpn-conn"] as const) {
      expect(readRef("gz_vpc_266", kind)).toEqual({ uid: "gz_vpc_266" });
      expect(readRef("266", kind)).toEqual({ number: 266 });
    }
  });

  test("every kind of resource has a prefix of its own", () => {
    const prefixes = Object.values(idPrefixes);
    expect(new Set(prefixes).size).toBe(prefixes.length);
  });
});

describe("a region", () => {
  test.each([
    ["ap-guangzhou", "gz"],
    ["ap-beijing", "bj"],
    ["ap-guangzhou-open", "gzopen"],
    ["na-siliconvalley", "usw"],
    ["gz", "gz"],
    ["my-own-place", "my-own-place"],
  ])("%s is %s", (text, code) => {
    expect(normaliseRegion(text)).toBe(code);
    expect(normaliseRegion(code)).toBe(code);
  });

  test.each(["constructor", "valueof", "__proto__", "toString", "hasOwnProperty"])(
    "called %s is nothing but a name",
    (name) => {
      expect(normaliseRegion(name)).toBe(name);
      expect(readRef(`${name.toLowerCase().replaceAll("_", "")}_vpc_1`, "vpc")).toMatchObject({ number: 1 });
    },
  );

  test.each(["gz", "ap-guangzhou", "x", "a".repeat(32), "r1"])("may be %s", (text) => {
    expect(isRegion(text)).toBe(true);
  });

  test.each(["", "GZ", "1gz", "-gz", "gz_1", "gz 1", "gz\n", "a".repeat(33), "广州"])("may not be %j", (text) => {
    expect(isRegion(text)).toBe(false);
  });
});
