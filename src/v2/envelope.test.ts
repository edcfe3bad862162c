import { describe, expect, it } from "vitest";
import { ApiError, refuseField } from "../errors.ts";
import { refuse, succeed } from "./envelope.ts";

describe("succeed", () => {
  it("is the shortest reply of the documents, and carries a payload", () => {
    expect(JSON.stringify(succeed())).toBe('{"code":0,"message":"","codeDesc":"Success"}');
    expect(JSON.stringify(succeed({ data: { status: 2 } }))).toBe(
      '{"code":0,"message":"","codeDesc":"Success","data":{"status":2}}',
    );
  });
});

describe("refuse", () => {
  it("repeats a number of the module in the message", () => {
    expect(refuse(new ApiError("vpc-not-found", "The VPC vpc-amhnnao5 does not exist."))).toEqual({
      code: -3047,
      message: "(-3047)The VPC vpc-amhnnao5 does not exist.",
      codeDesc: "InvalidVpc.NotFound",
    });
    expect(refuse(new ApiError("vpn-conn-not-found", "No such channel."))).toEqual({
      code: 5000,
      message: "No such channel.",
      codeDesc: "InvalidVpnConn.NotFound",
    });
  });

  it("names the parameter in square brackets", () => {
    const message = (error: ApiError) => refuse(error).message;
    expect(message(refuseField("vpcId", "The parameter is missing."))).toBe("The parameter is missing [vpcId].");
    expect(message(refuseField("vpcId", "is missing"))).toBe("Is missing [vpcId].");
    expect(message(refuseField("vpcId", "The parameter [vpcId] is missing."))).toBe(
      "The parameter [vpcId] is missing.",
    );
    expect(message(new ApiError("parameter-invalid", "GET or POST."))).toBe("GET or POST.");
    expect(message(new ApiError("signature-wrong", "Wrong.", { field: "Signature" }))).toBe("Wrong.");
  });

  it("makes every message a sentence, and leaves ids and networks as they are", () => {
    const message = (text: string) => refuse(new ApiError("signature-wrong", text)).message;
    expect(message("this key may only read")).toBe("This key may only read.");
    expect(message("vpc-amhnnao5 does not exist")).toBe("vpc-amhnnao5 does not exist.");
    expect(message("10.0.0.0/16 overlaps")).toBe("10.0.0.0/16 overlaps.");
    expect(message("What is this?")).toBe("What is this?");
  });

  it("puts the wire's name in place of the operation's", () => {
    const error = refuseField("peerNetworks", "They overlap.");
    expect(refuse(error, (field) => (field === "peerNetworks" ? "spdAcl" : field)).message).toBe(
      "They overlap [spdAcl].",
    );
  });

  it("echoes a name of any length shortened and well-formed", () => {
    const { message } = refuse(refuseField(`${"x".repeat(99)}😀${"y".repeat(1_000)}`, "Too long."));
    expect(message).toBe(`Too long [${"x".repeat(99)}\ufffd].`);
  });
});
