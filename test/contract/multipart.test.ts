// Bodies of type multipart/form-data, as the vendor's Java and .NET clients and everybody's curl send them: signed, read and refused
// as forms are. api-v2.md 1.1, 1.5, 10.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { curlBody, type Pairs, vendorBody } from "../support/multipart-body.ts";
import { sendRaw, v2Path } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { dataOf, requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { findConn, makePlace, nextNetwork, nextNumber } from "../support/scene.ts";
import { type SignOptions, signPairs } from "../support/sign.ts";

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
});
afterAll(() => server.stop());

const writers = [
  ["the Java SDK", vendorBody, `${"-".repeat(27)}5f4dcc3b5aa765d`, "SDK_JAVA_2.0.7"],
  ["the .NET SDK", vendorBody, `${"-".repeat(15)}8d3f1e5c2b7a900`, "SDK_DOTNET_1.1"],
  ["curl -F", curlBody, `${"-".repeat(24)}d74496d66958873e`, undefined],
] as const;

async function send(body: string | Buffer, boundary: string, path = v2Path) {
  const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
  const { status, contentType, reply } = await sendRaw(server.endpoint, { method: "POST", path, headers, body });
  expect([status, contentType]).toEqual([200, "application/json"]);
  return reply;
}

const newVpc = (name = "vpc") => ({ vpcName: `${name} ${nextNumber()}`, cidrBlock: "10.0.0.0/16" });
const signVpc = (options: SignOptions = {}) => signPairs(server.client, "CreateVpc", newVpc(), options);

describe.each(writers)("a body of %s", (_who, write, boundary, RequestClient) => {
  const common = { RequestClient };

  it.each(["HmacSHA1", "HmacSHA256"] as const)("is signed with %s", async (algorithm) => {
    const parameters = newVpc("办公室 a+b&c=%41 é");
    const pairs = signPairs(server.client, "CreateVpc", parameters, { algorithm, common });
    const reply = requireSuccess(await send(write(pairs, boundary), boundary));
    const look = signPairs(server.client, "DescribeVpcEx", { vpcId: textAt(reply, "unVpcId") }, { algorithm, common });
    expect(rowOf(await send(write(look, boundary), boundary)).vpcName).toBe(parameters.vpcName);
  });

  it("carries a channel: names with _ and ., and a key that begins with @, signed with it and without it", async () => {
    const place = await makePlace(server.client);
    for (const isSigned of [true, false]) {
      const own = { ...place, userGwCidrBlock_0: nextNetwork(), "IKESet.exchangeMode": "aggressive" };
      const key = ["preSharedKey", "@home"] as const;
      const signed = isSigned ? { ...own, [key[0]]: key[1] } : own;
      const pairs: Pairs = signPairs(server.client, "AddVpnConnEx", signed, { common });
      const data = dataOf(await send(write(isSigned ? pairs : [key, ...pairs], boundary), boundary));
      const conn = await findConn(server.client, { taskId: String(data.taskId) });
      expect(conn).toMatchObject({ preSharedKey: "@home", IKESet: { exchangeMode: "aggressive" } });
    }
  });

  it("is refused with a value that was changed, and when it comes again", async () => {
    const changed = signVpc({ tamper: (pairs) => pairs.map(([n, v]) => [n, n === "vpcName" ? `${v}!` : v]) });
    await expectRefusal(server, "signature-wrong", () => send(write(changed, boundary), boundary));
    const body = write(signVpc(), boundary);
    requireSuccess(await send(body, boundary));
    await expectRefusal(server, "request-replayed", () => send(body, boundary));
  });
});

describe("a multipart body", () => {
  const boundary = "x";
  const pairsOf = (body: string) => send(body, boundary);

  it("lets its query count for nothing", async () => {
    requireSuccess(await send(curlBody(signVpc(), boundary), boundary, `${v2Path}?Action=DeleteVpc&%zz`));
  });

  it("is the same request as the form with the same signature", async () => {
    const pairs = signVpc();
    requireSuccess(await send(curlBody(pairs, boundary), boundary));
    const body = new URLSearchParams(pairs).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    await expectRefusal(
      server,
      "request-replayed",
      async () => (await sendRaw(server.endpoint, { method: "POST", path: v2Path, headers, body })).reply,
    );
  });

  it("is refused with a file in it, by the parameter's name", async () => {
    const body = curlBody(signVpc(), boundary).replace('name="vpcName"', 'name="vpcName"; filename="name.txt"');
    await expectRefusal(server, "parameter-invalid", () => pairsOf(body), ["[vpcName]", "file"]);
  });

  it("is refused when it is cut off, wherever that is", async () => {
    const body = curlBody(signVpc(), boundary);
    for (const length of [0, 1, 10, body.length >> 1, body.length - 5]) {
      await expectRefusal(server, "parameter-invalid", () => pairsOf(body.slice(0, length)), ["boundary"]);
    }
  });

  it("is refused with bytes that are not UTF-8, or are NUL, by the parameter's name", async () => {
    for (const byte of ["\xe9", "\xff", "\0"]) {
      const body = Buffer.from(curlBody([["vpcName", `a${byte}`]], boundary), "latin1");
      await expectRefusal(server, "parameter-invalid", () => send(body, boundary), ["[vpcName]"]);
    }
  });

  it("is refused with more than 2000 parts", async () => {
    const extra = Array.from({ length: 2_001 }, (_, index): [string, string] => [`p.${index}`, ""]);
    await expectRefusal(server, "parameter-invalid", () => pairsOf(curlBody(extra, boundary)), ["2000"]);
  });

  it("is refused without an Action", async () => {
    await expectRefusal(server, "parameter-invalid", () => pairsOf("--x--\r\n"), ["[Action]"]);
  });
});
