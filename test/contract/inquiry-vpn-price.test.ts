// InquiryVpnPrice: api-v2.md 5.1.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { requireSuccess } from "../support/reply.ts";

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer();
});
afterAll(() => server.stop());

const ask = (period: string, bandwidth: string) => call(server.client, "InquiryVpnPrice", { period, bandwidth });

describe("InquiryVpnPrice", () => {
  // The page's own call.
  it.each(["GET", "POST"] as const)("answers as the page says, by %s", async (method) => {
    const { reply } = await sendCall(server.client, "InquiryVpnPrice", { period: "1", bandwidth: "5" }, { method });
    expect(reply).toEqual({ code: 0, message: "", codeDesc: "Success", price: 380 });
  });

  it.each([
    ["5", "1", 380],
    ["10", "1", 880],
    ["20", "1", 1_880],
    ["50", "1", 4_880],
    ["100", "1", 9_880],
    ["5", "12", 4_560],
    ["100", "36", 355_680],
  ])("%s Mb/s for %s months are %d yuan", async (bandwidth, period, price) => {
    expect(requireSuccess(await ask(period, bandwidth)).price).toBe(price);
  });

  it.each(["0", "-1", "37", "1.5", "a month"])("refuses a period of %s", async (period) => {
    await expectRefusal(server, "parameter-invalid", () => ask(period, "5"), ["[period]"]);
  });

  it.each(["0", "-5", "1", "6", "200", "5M"])("refuses a bandwidth of %s", async (bandwidth) => {
    await expectRefusal(server, "parameter-invalid", () => ask("1", bandwidth), ["[bandwidth]"]);
  });

  it("refuses a call without either", async () => {
    await expectRefusal(server, "parameter-invalid", () => ask("", "5"), ["[period]"]);
    await expectRefusal(server, "parameter-invalid", () => ask("1", ""), ["[bandwidth]"]);
  });

  it("may be asked with a read-only key, and has the prices of the settings", async () => {
    const reader = await server.addKey({ isReadOnly: true });
    expect(await call(reader, "InquiryVpnPrice", { period: "1", bandwidth: "5" })).toMatchObject({ price: 380 });
    const own = await startLocalServer({ "price.5": "7", "price.100": "0" });
    try {
      const askOwn = (bandwidth: string) => call(own.client, "InquiryVpnPrice", { period: "3", bandwidth });
      expect(await askOwn("5")).toMatchObject({ code: 0, price: 21 });
      expect(await askOwn("100")).toMatchObject({ code: 0, price: 0 });
      expect(await askOwn("10")).toMatchObject({ code: 0, price: 2_640 });
    } finally {
      await own.stop();
    }
  });
});
