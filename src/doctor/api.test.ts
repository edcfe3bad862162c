import { describe, expect, it } from "vitest";
import { judgeApiNode } from "./api.ts";

const endpoint = "https://192.0.2.11:8443";

describe("an API node of a gateway host", () => {
  it("that lets the host in is well", () => {
    expect(judgeApiNode(endpoint, { kind: "admitted" })).toMatchObject({
      status: "ok",
      found: expect.stringContaining(endpoint),
    });
  });

  it("that refuses the token is mended by a token", () => {
    const check = judgeApiNode(endpoint, { kind: "refused", reason: "the token is no gateway host's" });
    expect(check).toMatchObject({ status: "fail", fix: expect.stringContaining("culvert host token") });
    expect(check.found).toBe(`${endpoint} does not let this host in: the token is no gateway host's.`);
  });

  it.each([
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "caFile"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "caFile"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "caFile"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "apiEndpoints"],
    ["ECONNREFUSED", "firewall"],
    ["HTTP status 503", "database"],
  ])("that gives %s is mended by %s", (reason, cure) => {
    expect(judgeApiNode(endpoint, { kind: "away", reason })).toMatchObject({
      status: "fail",
      found: expect.stringContaining(reason),
      fix: expect.stringContaining(cure),
    });
  });
});
