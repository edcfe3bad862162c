// `culvert call`: one signed call, its parameters from arguments, files and standard input, and what its exit code says.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readParameter } from "../../src/cli/call.ts";
import { readKeyFile } from "../../src/operations/admin-key.ts";
import { type CommandOptions, runCulvert } from "../support/command.ts";
import { rowOf } from "../support/reply.ts";
import { findConn, makePlace, nextNetwork, type Place } from "../support/scene.ts";
import { ServerProcess } from "../support/server.ts";

let server: ServerProcess;
let place: Place;
let where: string[];
beforeAll(async () => {
  server = await ServerProcess.start();
  place = await makePlace(server.client);
  where = ["--endpoint", server.endpoint, "--key-file", server.keyFile];
});
afterAll(() => server.stop());

const culvertCall = (args: readonly string[], options: CommandOptions = {}) =>
  runCulvert(["call", ...args, ...where], options);

function write(name: string, text: string): string {
  const path = join(server.dataDir, name);
  writeFileSync(path, text);
  return path;
}

/** The parameters of a channel, without its key. */
const channel = () => [
  "AddVpnConnEx",
  ...Object.entries(place).map(([name, value]) => `${name}=${value}`),
  `userGwCidrBlock.0=${nextNetwork()}`,
];

describe("call", () => {
  it("prints the reply for people, and as one line with --json", async () => {
    const people = await culvertCall(["DescribeVpcEx", `vpcId=${place.vpcId}`]);
    expect({ code: people.code, stderr: people.stderr }).toEqual({ code: 0, stderr: "" });
    expect(people.stdout.split("\n").length).toBeGreaterThan(5);
    const json = await culvertCall(["DescribeVpcEx", `vpcId=${place.vpcId}`, "--json"]);
    expect(json.stdout).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(json.stdout)).toEqual(JSON.parse(people.stdout));
    expect(rowOf(JSON.parse(json.stdout)).unVpcId).toBe(place.vpcId);
  });

  it("takes the key from a file, and values with = and blanks from arguments", async () => {
    const key = `preSharedKey=@${write("psk.txt", "from a file\n")}`;
    const { code, stdout } = await culvertCall([...channel(), key, "vpnConnName=a = b & 办公室", "--json"]);
    expect(code).toBe(0);
    const conn = await findConn(server.client, { taskId: String(JSON.parse(stdout).data.taskId) });
    expect(conn).toMatchObject({ preSharedKey: "from a file", vpnConnName: "a = b & 办公室" });
  });

  it("takes the key from standard input, and other parameters from files", async () => {
    const spd = `spdAcl=@${write("spd.json", '{"10.0.77.0/24":["172.30.0.0/16"]}\n')}`;
    const toOtherPeer = channel().filter((each) => !each.startsWith("userGwId="));
    const own = [...toOtherPeer, "userGwAddr=203.0.113.77", spd, "preSharedKey=-", "--json"];
    const { code, stdout } = await culvertCall(own, { input: "from standard input\n" });
    expect(code).toBe(0);
    const conn = await findConn(server.client, { taskId: String(JSON.parse(stdout).data.taskId) });
    const spdAcl = { "10.0.77.0/24": ["172.30.0.0/16"] };
    expect(conn).toMatchObject({ preSharedKey: "from standard input", spdAcl });
  });

  it("refuses a key as an argument, and calls nobody", async () => {
    const before = await server.database.countRows();
    const { code, stdout, stderr } = await culvertCall([...channel(), "preSharedKey=in-the-process-list"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^culvert: preSharedKey is a secret .* give preSharedKey=@FILE or preSharedKey=-\n$/);
    expect(stderr).not.toContain("in-the-process-list");
    expect(await server.database.countRows()).toEqual(before);
  });

  it("calls in the region that is told", async () => {
    const { code, stdout } = await culvertCall(["DescribeVpcEx", "--json", "--region", "bj"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).totalCount).toBe(0);
  });
});

describe("the exit code of call", () => {
  it("is 1 for a call that was refused, and the reply is printed all the same", async () => {
    const { code, stdout, stderr } = await culvertCall(["DescribeVpcEx", "vpcId=vpc-zzzzzzzz", "--json"]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({ code: -3047, codeDesc: "InvalidVpc.NotFound" });
  });

  it("is 2 for a parameter without =", async () => {
    const stderr = "culvert: name=value is expected, not vpcId\n";
    expect(await culvertCall(["DescribeVpcEx", "vpcId"])).toEqual({ code: 2, stdout: "", stderr });
  });

  it("is 2 where nobody answers", async () => {
    const args = ["call", "DescribeVpcEx", "--endpoint", "http://127.0.0.1:9", "--key-file", server.keyFile];
    const stderr = "culvert: no API answers at http://127.0.0.1:9\n";
    expect(await runCulvert(args)).toEqual({ code: 2, stdout: "", stderr });
  });

  it("is 2 for an endpoint that is no URL, which is said by its name", async () => {
    const expected = "a URL such as http://127.0.0.1:8080 or https://vpn.example.org:8443 is expected";
    for (const endpoint of ["nonsense", "127.0.0.1:8080", "localhost:8080", "ftp://127.0.0.1", "http://"]) {
      const stderr = `culvert: option endpoint: ${expected}, not "${endpoint}"\n`;
      const args = ["call", "DescribeVpcEx", "--endpoint", endpoint, "--key-file", server.keyFile];
      expect(await runCulvert(args)).toEqual({ code: 2, stdout: "", stderr });
    }
  });

  it("is 0 for the URL that serve prints, path and all", async () => {
    const args = ["--endpoint", `${server.endpoint}/v2/index.php`, "--key-file", server.keyFile];
    expect((await runCulvert(["call", "DescribeVpcEx", ...args])).code).toBe(0);
  });

  it("is 2 for a key file that is none, and nothing of it is shown", async () => {
    const file = write("bad.key.json", '{"secretId":"AKID1","secretKey":"half-a-secret"');
    const args = ["call", "DescribeVpcEx", "--endpoint", server.endpoint, "--key-file", file];
    const stderr = `culvert: ${file} does not hold {"secretId","secretKey"}\n`;
    expect(await runCulvert(args)).toEqual({ code: 2, stdout: "", stderr });
  });
});

describe("a parameter", () => {
  const read = (text: string, file = "") => readParameter(text, () => file);

  it.each<[string, string, [string, string]]>([
    ["vpcId=vpc-1", "", ["vpcId", "vpc-1"]],
    ["vpcId=", "", ["vpcId", ""]],
    ["name=a=b", "", ["name", "a=b"]],
    ["name=-1", "", ["name", "-1"]],
    ["name=@file", "text", ["name", "text"]],
    ["name=@file", "text\n", ["name", "text"]],
    ["name=@file", "text\r\n", ["name", "text"]],
    ["name=@file", " two\nlines \n\n", ["name", " two\nlines \n"]],
    ["preSharedKey=-", "key\n", ["preSharedKey", "key"]],
    ["preSharedKey=", "", ["preSharedKey", ""]],
  ])("%s is read", (text, file, pair) => {
    expect(read(text, file)).toEqual(pair);
  });

  it.each(["vpcId", "=x", ""])("'%s' is none", (text) => {
    expect(() => read(text)).toThrow("name=value is expected");
  });

  it("that is a secret is refused where everybody sees it", () => {
    expect(() => read("preSharedKey=key")).toThrow("preSharedKey is a secret");
  });
});

describe("a key file", () => {
  it.each([
    "half-a-secret\n",
    '{"secretKey":["half-a-secret"]}',
    '{"secretId":1,"secretKey":"half-a-secret"}',
    '["half-a-secret"]',
    "null",
    "",
  ])("is not %s, and the refusal does not repeat it", (text) => {
    const file = write("other.key.json", text);
    expect(() => readKeyFile(file)).toThrow(`${file} does not hold {"secretId","secretKey"}`);
  });
});
