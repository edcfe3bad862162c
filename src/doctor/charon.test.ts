import { describe, expect, it } from "vitest";
import {
  judgeAlgorithms,
  judgeCharon,
  judgePlugins,
  readAlgorithms,
  type SeenCharon,
  wantedAlgorithms,
  wantedPlugins,
} from "./charon.ts";

const charon: SeenCharon = {
  version: "5.9.8",
  startMs: 12,
  plugins: ["charon-systemd", ...wantedPlugins()],
  algorithms: new Set([...wantedAlgorithms(), "CAMELLIA_CBC"]),
  hasLegacyProvider: true,
  hasTun: true,
};

describe("charon", () => {
  it("came up", () => {
    expect(judgeCharon(charon)).toMatchObject({ status: "ok", found: expect.stringContaining("strongSwan 5.9.8") });
  });

  it("did not, for the reason it gave", () => {
    const check = judgeCharon("charon did not start in cv-1-doctor: no such plugin");
    expect(check).toMatchObject({ status: "fail", found: expect.stringContaining("no such plugin") });
  });
});

describe("plugins", () => {
  it("are those of our own configuration", () => {
    expect(wantedPlugins()).toEqual(expect.arrayContaining(["openssl", "kernel-libipsec", "vici"]));
    expect(judgePlugins(charon.plugins)).toMatchObject({ status: "ok" });
  });

  it("fail when one is not loaded", () => {
    const plugins = charon.plugins.filter((plugin) => plugin !== "kernel-libipsec");
    expect(judgePlugins(plugins)).toMatchObject({ status: "fail", found: "charon did not load kernel-libipsec." });
  });
});

describe("algorithms", () => {
  it("are read from every section of the answer", () => {
    const answer = { encryption: { DES_CBC: "openssl", AES_CBC: "openssl" }, dh: { MODP_768: "gmp" }, drbg: {} };
    expect(readAlgorithms(answer)).toEqual(new Set(["DES_CBC", "AES_CBC", "MODP_768"]));
  });

  it("are all there", () => {
    expect(judgeAlgorithms(charon.algorithms)).toMatchObject({ status: "ok" });
  });

  it.each([...wantedAlgorithms()])("fail without %s", (name) => {
    const algorithms = new Set([...charon.algorithms].filter((each) => each !== name));
    expect(judgeAlgorithms(algorithms)).toMatchObject({ status: "fail", found: `charon lacks ${name}.` });
  });
});
