// Requests as more of the vendor's clients put them on the wire (api-v2.md 1.1, 4.1, 10): the command line, Python, Java. More of
// multipart is in test/contract/multipart.test.ts.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer } from "../support/local-server.ts";
import { vendorBody } from "../support/multipart-body.ts";
import { formType, sendRaw, v2Path } from "../support/raw-call.ts";
import { dataOf, rowAt, rowOf } from "../support/reply.ts";
import { findConn, makeConn, makePlace, makeUserGw, type Place, waitForTask } from "../support/scene.ts";
import { signPairs, signText } from "../support/sign.ts";

let server: LocalServer;
let place: Place;
beforeAll(async () => {
  server = await startLocalServer();
  place = await makePlace(server.client, "10.0.0.0/16");
});
afterAll(() => server.stop());

const seconds = () => Math.floor(Date.now() / 1_000);

/** Sorted `name=value` pairs as a string to sign has them, out of a query that is encoded. */
function sortPairs(wire: string, nameOf: (name: string) => string, compare: (a: string, b: string) => number): string {
  const pairs = wire.split("&").map((pair) => {
    const [name = "", value = ""] = pair.split("=").map((part) => decodeURIComponent(part.replaceAll("+", " ")));
    return [name, value] as const;
  });
  const sorted = pairs.toSorted(([a], [b]) => compare(a, b));
  return sorted.map(([name, value]) => `${nameOf(name)}=${value}`).join("&");
}

const byText = (a: string, b: string) => (a < b ? -1 : Number(a > b));
const dotted = (name: string) => name.replaceAll("_", ".");

/** qcloudcli 1.9.19: POST, SHA-1 without SignatureMethod, the vendor's host, everything flattened. */
async function sendAsCli(action: string, nonce: string, own: readonly string[]) {
  const { secretId, secretKey } = server.client;
  const wire = [
    ...own,
    `Action=${action}&Region=gz&SecretId=${secretId}&Nonce=${nonce}&Timestamp=${seconds()}`,
    "RequestSource=qcloudcli_1.9.19",
  ].join("&");
  const text = `POSTvpc.api.qcloud.com/v2/index.php?${sortPairs(wire, dotted, byText)}`;
  const signature = signText(text, secretKey.reveal(), "HmacSHA1");
  const body = `${wire}&Signature=${encodeURIComponent(signature)}`;
  const headers = { "content-type": formType };
  const { reply } = await sendRaw(server.endpoint, { method: "POST", path: v2Path, headers, body });
  return dataOf(reply);
}

describe("a request of", () => {
  it("qcloudcli 1.9.19: POST, SHA-1 without SignatureMethod, the vendor's host, everything flattened", async () => {
    const data = await sendAsCli("AddVpnConnEx", "4613384016597700200", [
      "IKESet.propoEncryAlgorithm=aes-cbc-128&IKESet.encryptAlgorithm=aes-cbc-128&IPsecSet.0.integrityAlgorith=sha",
      "preSharedKey=dgdgd33&spdAcl.10.0.0.5%2F24.0=172.123.10.5%2F16&userGwCidrBlock.0=10.56.20.1%2F24",
      `userGwCidrBlock.1=10.57.0.0%2F16&userGwId=${place.userGwId}&vpcId=${place.vpcId}&vpnGwId=${place.vpnGwId}`,
    ]);
    expect(data).toMatchObject({ preSharedKey: "dgdgd33", userGwSubnetList: ["172.123.10.5/16"] });
    const conn = await findConn(server.client, { taskId: String(data.taskId) });
    expect(conn.spdAcl).toEqual({ "10.0.0.0/24": ["172.123.0.0/16"] });
    expect(rowAt(conn, "IKESet").propoEncryAlgorithm).toBe("aes-cbc-128");
    expect(conn.IPsecSet).toMatchObject({ encryptAlgorithm: "aes-cbc-128", integrityAlgorith: "sha1" });
  });

  it("qcloudcli 1.9.19 with a list for ModifyVpnConnEx: every rule has the number of its object before it", async () => {
    const own = { ...place, userGwId: await makeUserGw(server.client) };
    const before = await makeConn(server.client, own, { "userGwCidrBlock.0": "172.30.0.0/16" });
    const data = await sendAsCli("ModifyVpnConnEx", "5444289359514150950", [
      "spdAcl.0.10.0.0.0%2F24.0=172.16.0.0%2F16&spdAcl.0.10.0.0.0%2F24.1=172.17.0.0%2F16",
      `spdAcl.1.10.0.1.0%2F24.0=172.18.0.0%2F16&vpnConnId=${before.unVpnConnId}&vpcId=${own.vpcId}&vpnGwId=${own.vpnGwId}`,
    ]);
    expect(data).toMatchObject({ vpcConnStatus: 2, vpcConnId: before.unVpnConnId });
    expect(await waitForTask(server.client, String(data.taskId))).toEqual({ status: 0 });
    const conn = rowOf(await call(server.client, "DescribeVpnConn", { vpnConnId: String(before.unVpnConnId) }));
    expect(conn.spdAcl).toEqual({
      "10.0.0.0/24": ["172.16.0.0/16", "172.17.0.0/16"],
      "10.0.1.0/24": ["172.18.0.0/16"],
    });
    // The next capture wants these networks for itself.
    const { data: deletion } = await call(server.client, "DeleteVpnConn", {
      ...own,
      vpnConnId: String(conn.unVpnConnId),
    });
    await waitForTask(server.client, String((deletion as { taskId: number }).taskId));
  });

  it("the Java SDK 2.0.7: POST multipart after an empty line, spdAcl as the one text of the documents", async () => {
    const { endpoint } = server.client;
    const spdAcl = '{"10.0.0.5/24":["172.125.10.5/16"]}';
    const own = { ...place, userGwId: await makeUserGw(server.client), spdAcl, preSharedKey: "a+b c" };
    const options = { common: { Nonce: "1804289383", RequestClient: "SDK_JAVA_2.0.7" } };
    const boundary = `${"-".repeat(27)}5f4dcc3b5aa765d`;
    const body = vendorBody(signPairs(server.client, "AddVpnConnEx", own, options), boundary);
    const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
    const data = dataOf((await sendRaw(endpoint, { method: "POST", path: v2Path, headers, body })).reply);
    expect(data).toMatchObject({ preSharedKey: "a+b c", userGwSubnetList: ["172.125.10.5/16"] });
    const conn = await findConn(server.client, { taskId: String(data.taskId) });
    expect(conn.spdAcl).toEqual({ "10.0.0.0/24": ["172.125.0.0/16"] });
  });

  it("the Python SDK 2.0.15: GET, SHA-256, its own host with port, _ replaced before sorting, blanks as +", async () => {
    const { secretId, secretKey, endpoint } = server.client;
    const wire = [
      `vpcId=${place.vpcId}&vpnConnName=%E4%B8%AD%E6%96%87+a%2Bb%26c&spdAcl.10.0.0.0%2F24.0=172.16.0.0%2F16`,
      "spdAcl.10.0.0.0%2F24.1=172.17.0.0%2F16&userGwCidrBlock.0=10.56.20.1%2F24&IKESet.propoEncryAlgorithm=aes-cbc-128",
      `a_b=c_d&aZ=1&vpnGwId=${place.vpnGwId}&userGwId=${place.userGwId}&preSharedKey=dgdgd33`,
      `Action=AddVpnConnEx&RequestClient=SDK_PYTHON_2.0.15&Region=gz&SecretId=${secretId}&Nonce=2422787917776393449`,
      `Timestamp=${seconds()}&SignatureMethod=HmacSHA256`,
    ].join("&");
    const pairs = sortPairs(wire, dotted, (a, b) => byText(dotted(a), dotted(b)));
    const text = `GET${new URL(endpoint).host}/v2/index.php?${pairs}`;
    expect(pairs).not.toBe(sortPairs(wire, dotted, byText));
    const signature = signText(text, secretKey.reveal(), "HmacSHA256");
    const path = `${v2Path}?${wire}&Signature=${encodeURIComponent(signature)}`;
    const data = dataOf((await sendRaw(endpoint, { method: "GET", path })).reply);
    expect(data.userGwSubnetList).toEqual(["172.16.0.0/16", "172.17.0.0/16"]);
    const conn = await findConn(server.client, { taskId: String(data.taskId) });
    expect(conn).toMatchObject({
      vpnConnName: "中文 a+b&c",
      spdAcl: { "10.0.0.0/24": ["172.16.0.0/16", "172.17.0.0/16"] },
    });
  });
});
