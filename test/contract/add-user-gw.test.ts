// AddUserGw: api-v2.md 6.1, 9.5.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { nextPeerAddress } from "../support/scene.ts";
import { shapeOf } from "../support/shape.ts";

const sample = { code: 0, message: "", codeDesc: "Success", userGwId: "cgw-e098slul" };

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
});
afterAll(() => server.stop());

function addUserGw(userGwAddr: string, userGwName = "peer") {
  return call(server.client, "AddUserGw", { userGwName, userGwAddr });
}

describe("AddUserGw", () => {
  it.each(["GET", "POST"] as const)("answers as the page says, by %s", async (method) => {
    const parameters = { userGwName: "peer", userGwAddr: nextPeerAddress() };
    const { reply } = await sendCall(server.client, "AddUserGw", parameters, { method });
    expect(shapeOf(reply)).toEqual(shapeOf(sample));
    expect(reply).toEqual({ ...sample, userGwId: expect.stringMatching(/^cgw-[a-z0-9]{8}$/) });
  });

  it.each([
    ["a public address", "121.0.23.51"],
    ["an address of a private network, for a laboratory", "192.168.1.2"],
    ["the first host of a class A network", "1.0.0.1"],
    ["the last host of a class A network", "126.255.255.254"],
    ["zeros in the middle of a class A host", "8.1.0.0"],
    ["the first host of a class B network", "128.1.0.1"],
    ["ones at the end of a class B host", "172.20.1.255"],
    ["the last host of a class C network", "223.255.255.254"],
  ])("takes %s", async (_what, userGwAddr) => {
    const userGwId = textAt(requireSuccess(await addUserGw(userGwAddr)), "userGwId");
    expect(rowOf(await call(server.client, "DescribeUserGw", { userGwId })).userGwAddr).toBe(userGwAddr);
  });

  it.each([
    ["0.0.0.0"],
    ["0.1.2.3"],
    ["255.255.255.255"],
    ["127.0.0.1"],
    ["169.254.1.1"],
    ["224.0.0.1"],
    ["239.255.255.250"],
    ["240.0.0.1"],
    ["10.0.0.0"],
    ["10.255.255.255"],
    ["126.0.0.0"],
    ["172.20.0.0"],
    ["172.20.255.255"],
    ["191.255.0.0"],
    ["192.168.1.0"],
    ["192.168.1.255"],
    ["203.0.113.256"],
    ["203.0.113"],
    ["203.0.113.1/32"],
    ["203.0.113.01"],
    ["0xcb.0.113.1"],
    ["3405803777"],
    ["2001:db8::1"],
    ["::ffff:203.0.113.1"],
    ["vpn.example.org"],
    [" 203.0.113.1"],
  ])("refuses the address %s", async (address) => {
    await expectRefusal(server, "parameter-invalid", () => addUserGw(address), ["[userGwAddr]"]);
  });

  it.each([
    ["60 letters", "n".repeat(60)],
    ["60 characters beyond the basic plane", "🛣".repeat(60)],
    ["an address", "183.60.249.12"],
  ])("takes a name of %s", async (_what, userGwName) => {
    const userGwId = textAt(requireSuccess(await addUserGw(nextPeerAddress(), userGwName)), "userGwId");
    expect(rowOf(await call(server.client, "DescribeUserGw", { userGwId })).userGwName).toBe(userGwName);
  });

  it.each([
    ["61 letters", "n".repeat(61)],
    ["61 characters beyond the basic plane", "🛣".repeat(61)],
    ["a control character", "a\u001bb"],
  ])("refuses a name of %s", async (_what, userGwName) => {
    await expectRefusal(server, "user-gw-name-invalid", () => addUserGw(nextPeerAddress(), userGwName));
  });

  it("takes a name twice, but an address once in an account and region", async () => {
    const address = nextPeerAddress();
    const first = textAt(requireSuccess(await addUserGw(address, "twin")), "userGwId");
    requireSuccess(await addUserGw(nextPeerAddress(), "twin"));
    await expectRefusal(server, "user-gw-address-in-use", () => addUserGw(address, "another"), [address, first]);
    const parameters = { userGwName: "twin", userGwAddr: address };
    requireSuccess(await call({ ...server.client, region: "bj" }, "AddUserGw", parameters));
    requireSuccess(await call(await server.addKey({ account: "other" }), "AddUserGw", parameters));
  });

  it.each(["userGwName", "userGwAddr"])("refuses a call without %s", async (missing) => {
    const parameters = { userGwName: "peer", userGwAddr: nextPeerAddress(), [missing]: "" };
    await expectRefusal(server, "parameter-invalid", () => call(server.client, "AddUserGw", parameters), [
      `[${missing}]`,
    ]);
  });
});

describe("with other settings", () => {
  it("20 peer gateways fit into a region", async () => {
    const limited = await startLocalServer();
    try {
      const add = (number: number, region: string) =>
        call({ ...limited.client, region }, "AddUserGw", { userGwName: "p", userGwAddr: `203.0.113.${number}` });
      for (let number = 1; number <= 20; number += 1) requireSuccess(await add(number, "gz"));
      await expectRefusal(limited, "user-gw-limit-exceeded", () => add(21, "gz"), ["20"]);
      requireSuccess(await add(21, "sh"));
    } finally {
      await limited.stop();
    }
  });

  it("private addresses are refused, and an address may be used twice", async () => {
    const other = await startLocalServer({ allowPrivatePeers: "false", "unique.userGwAddresses": "false" });
    try {
      const add = (userGwAddr: string) => call(other.client, "AddUserGw", { userGwName: "p", userGwAddr });
      for (const address of ["10.1.2.3", "172.16.0.1", "192.168.1.2"]) {
        await expectRefusal(other, "parameter-invalid", () => add(address), ["[userGwAddr]"]);
      }
      requireSuccess(await add("203.0.113.1"));
      requireSuccess(await add("203.0.113.1"));
    } finally {
      await other.stop();
    }
  });
});
