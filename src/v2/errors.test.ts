import { describe, expect, it } from "vitest";
import { refusalKinds } from "../errors.ts";
import { v2Errors } from "./errors.ts";

describe("v2Errors", () => {
  it("has a row for each refusal and no other", () => {
    expect(Object.keys(v2Errors).sort()).toEqual([...refusalKinds].sort());
  });

  it.each(Object.entries(v2Errors))("%s follows the tables of numbers", (_, { code, codeDesc }) => {
    expect(code).not.toBe(0);
    expect(codeDesc).toMatch(/^[A-Z][A-Za-z]*(\.[A-Z][A-Za-z]*)?$/);
    if (codeDesc.endsWith(".NotFound")) expect([-3047, 5000]).toContain(code);
    if (/InUse$|CannotDelete$|State$|.LimitExceeded$|^ActionLocked$/.test(codeDesc)) expect(code).toBe(5100);
    if (/^InvalidParameter$|^Invalid[A-Za-z]*(Name|Cidr)$/.test(codeDesc)) expect(code).toBe(4000);
    if (codeDesc === "AuthFailure") expect([4100, 4101, 4104]).toContain(code);
  });

  it("has the numbers that a page or a real reply gives", () => {
    expect(v2Errors["signature-wrong"]).toEqual({ code: 4100, codeDesc: "AuthFailure" });
    expect(v2Errors["secret-id-unknown"]).toEqual({ code: 4104, codeDesc: "AuthFailure" });
    expect(v2Errors["token-wrong"]).toEqual({ code: 4105, codeDesc: "TokenCheckFailed" });
    expect(v2Errors["request-replayed"]).toEqual({ code: 4500, codeDesc: "ReplayAttack" });
    expect(v2Errors["protocol-unsupported"]).toEqual({ code: 4600, codeDesc: "UnsupportedProtocol" });
    expect(v2Errors["action-not-offered"]).toEqual({ code: 6100, codeDesc: "NotFound" });
    expect(v2Errors.internal).toEqual({ code: 6000, codeDesc: "InternalError" });
  });
});
