// DescribeUserGwVendor: api-v2.md 6.5.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { requireSuccess, rowsOf, textAt } from "../support/reply.ts";
import { makeConn, makePlace } from "../support/scene.ts";

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer();
});
afterAll(() => server.stop());

/** The page's sample, row by row. */
const published = [
  { platform: "ios", software: "V15.4", vendorname: "cisco" },
  { platform: "comware", software: "V1.0", vendorname: "h3c" },
];

describe("DescribeUserGwVendor", () => {
  it("begins with the two devices of the published sample, in the published shape", async () => {
    const reply = await call(server.client, "DescribeUserGwVendor", {});
    expect(reply).toEqual({ code: 0, message: "", codeDesc: "Success", data: expect.any(Array) });
    expect(rowsOf(reply).slice(0, 2)).toEqual(published);
  });

  it("lists ours after them, each with the same three names", async () => {
    const rows = rowsOf(await call(server.client, "DescribeUserGwVendor", {}));
    expect(rows.map(({ vendorname }) => vendorname)).toEqual([
      ..."cisco h3c strongswan juniper huawei fortinet mikrotik vyos".split(" "),
    ]);
    for (const row of rows) expect(Object.keys(row).sort()).toEqual(["platform", "software", "vendorname"]);
  });

  it.each(["GET", "POST"] as const)("is read by %s, whatever else is sent", async (method) => {
    const { reply } = await sendCall(server.client, "DescribeUserGwVendor", { limit: "1" }, { method });
    expect(rowsOf(requireSuccess(reply))).toHaveLength(8);
  });

  it("lists devices that GetVpnConnConfig knows, every one", async () => {
    const { unVpnConnId } = await makeConn(server.client, await makePlace(server.client));
    for (const row of rowsOf(await call(server.client, "DescribeUserGwVendor", {}))) {
      const [vendorname, platform, software] = ["vendorname", "platform", "software"].map((name) => textAt(row, name));
      const asked = { vpnConnId: String(unVpnConnId), vendorname, platform, software } as Record<string, string>;
      requireSuccess(await call(server.client, "GetVpnConnConfig", asked));
    }
  });

  it("may be read with a read-only key, and writes nothing", async () => {
    const reader = await server.addKey({ isReadOnly: true });
    await server.database.settle();
    const before = await server.database.takeSnapshot();
    for (const client of [reader, server.client]) requireSuccess(await call(client, "DescribeUserGwVendor", {}));
    expect(await server.database.takeSnapshot()).toEqual(before);
  });
});
