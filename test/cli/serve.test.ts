// `culvert serve` as a process: signals, files and their rights, and what it refuses to start with.
import { readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { openStore } from "../../src/store/open.ts";
import { runCulvert } from "../support/command.ts";
import { sendCall } from "../support/raw-call.ts";
import { requireSuccess } from "../support/reply.ts";
import { makeVpc, makeVpnGw, nextNumber } from "../support/scene.ts";
import { type Environment, ServerProcess } from "../support/server.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

const directory = makeTempDir();
afterAll(() => directory.remove());

/** Runs `serve`, which must end at once with one sentence and no stack. */
async function expectNoStart(options: readonly string[], env: Environment, sentence: RegExp): Promise<void> {
  const args = ["serve", "--dataplane", "simulated", "--data", directory.path, "--listen", "127.0.0.1:0", ...options];
  const { code, stdout, stderr } = await runCulvert(args, { env });
  expect({ code, stdout: stdout.replaceAll(/^\{.*\}\n/gm, "") }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(sentence);
  expect(
    stderr
      .replace(/^culvert: the administrator's key .*\n/, "")
      .trimEnd()
      .split("\n"),
  ).toHaveLength(1);
}

describe("a server", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await ServerProcess.start();
  });
  afterAll(() => server.stop());

  it("says on stderr where it is and where the administrator's key is", () => {
    expect(server.output).toContain(`the administrator's key is in ${server.keyFile}`);
    const path = `${new URL(server.endpoint).host}/v2/index.php`;
    expect(server.output).toContain(`the API is at http://${path} and https://${path} (simulated data plane)`);
  });

  it.runIf(process.platform === "linux")("is the process that was started: no shell stands before it", () => {
    expect(readlinkSync(`/proc/${server.pid}/exe`)).toMatch(/\/node$/);
    expect(readFileSync(`/proc/${server.pid}/cmdline`, "utf8")).toContain("main.ts");
  });

  it("keeps its files to itself", () => {
    const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect(modeOf(server.dataDir)).toBe("700");
    for (const name of ["admin.key.json", "master.key", "culvert.db", "culvert.db-wal", "tls/key.pem"]) {
      expect([name, modeOf(join(server.dataDir, name))]).toEqual([name, "600"]);
    }
  });

  it("makes a data directory that is not there, with the same rights", async () => {
    const data = join(directory.path, "a", "b");
    await (await openStore({ data, database: "", masterKeyFile: "" })).close();
    expect((statSync(data).mode & 0o777).toString(8)).toBe("700");
  });

  it("is the only one on its data directory, and has its port to itself", async () => {
    await expectNoStart(["--data", server.dataDir], {}, /^culvert: another server runs on \S+\n$/);
    const { host } = new URL(server.endpoint);
    await expectNoStart(["--listen", host], {}, new RegExp(`^culvert: .*${host}.*\\n$`));
    requireSuccess(await call(server.client, "DescribeVpcEx", {}));
  });
});

describe("a signal", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "%s ends a server with exit code 0, and the next one goes on",
    async (signal) => {
      const server = await ServerProcess.start();
      try {
        const { client } = server;
        const vpcId = await makeVpc(client);
        const vpnGwId = await makeVpnGw(client, vpcId);
        const create = () => sendCall(client, "CreateVpc", { vpcName: `v ${nextNumber()}`, cidrBlock: "10.0.0.0/16" });
        const underWay = Promise.allSettled([create(), create(), create()]);
        const startedMs = performance.now();
        expect(await server.kill(signal)).toBe(0);
        expect(performance.now() - startedMs).toBeLessThan(5_000);
        expect(server.output).toContain(`${signal}, stopping; the gateways live on`);
        await expect(call(client, "DescribeVpcEx", {})).rejects.toThrow("no API answers");

        await server.restart();
        expect(server.client.secretId).toBe(client.secretId);
        expect(server.output.match(/administrator's key/g)).toHaveLength(1);
        expect(await call(server.client, "DescribeVpnGw", { vpnGwId })).toMatchObject({ totalCount: 1 });
        const { totalCount } = await call(server.client, "DescribeVpcEx", {});
        const answers = await underWay;
        const acknowledged = answers.filter((answer) => answer.status === "fulfilled" && answer.value.reply.code === 0);
        expect(totalCount).toBeGreaterThanOrEqual(1 + acknowledged.length);
      } finally {
        await server.stop();
      }
    },
  );

  it("that comes twice ends a server at once", async () => {
    const server = await ServerProcess.start({ CULVERT_STOP_DELAY_SECONDS: "300" });
    try {
      const { pid } = server;
      if (pid === undefined) throw new TypeError("it runs");
      process.kill(pid, "SIGTERM");
      await waitFor(() => server.output.includes("SIGTERM, stopping"), { what: "the server to hear the first" });
      requireSuccess(await call(server.client, "DescribeVpcEx", {}));
      expect(await server.kill("SIGINT")).toBe(0);
      expect(server.output).toContain("SIGINT again, ending at once");
    } finally {
      await server.stop();
    }
  });
});

describe("serve does not start", () => {
  it("with a setting that there is not", async () => {
    const file = join(directory.path, "culvert.json");
    writeFileSync(file, '{"quota":{"vpc":1}}');
    await expectNoStart(["--config", file], {}, /^culvert: .*culvert\.json: there is no setting quota\.vpc\n$/);
  });

  it("with a value that makes no sense", async () => {
    await expectNoStart(
      [],
      { CULVERT_QUOTA_VPCS: "many" },
      /^culvert: CULVERT_QUOTA_VPCS: a whole number .* not "many"\n$/,
    );
  });

  it("with words that it does not know", async () => {
    const { code, stdout, stderr } = await runCulvert(["serve", "--nonsense"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error: unknown option '--nonsense'\n/);
  });
});

describe("a setting", () => {
  it("comes from the command line, the environment, the file, in this order", async () => {
    const file = join(directory.path, "first.json");
    writeFileSync(file, JSON.stringify({ quota: { vpcs: 1, userGws: 1 }, region: "sh", listen: "127.0.0.1:1" }));
    const other = join(directory.path, "other.json");
    writeFileSync(other, JSON.stringify({ quota: { vpcs: 1_000 } }));
    const env = {
      CULVERT_CONFIG: other,
      CULVERT_QUOTA_VPCS: "2",
      CULVERT_LISTEN: "127.0.0.1:2",
      CULVERT_DATA: "/nowhere",
      CULVERT_DATAPLANE: "charon",
    };
    const server = await ServerProcess.start(env, ["--config", file]);
    try {
      expect(server.output).toContain("(simulated data plane)");
      const client = { ...server.client, region: undefined };
      await makeVpc(client);
      await makeVpc(client);
      const third = await call(client, "CreateVpc", { vpcName: "third", cidrBlock: "10.0.0.0/16" });
      expect(third.codeDesc).toBe("VpcLimitExceeded");
      const { data } = await call(client, "DescribeVpcEx", { limit: "1" });
      expect(data).toMatchObject([{ vpcId: expect.stringMatching(/^sh_vpc_/) }]);
      const add = (userGwAddr: string) => call(client, "AddUserGw", { userGwName: "p", userGwAddr });
      requireSuccess(await add("203.0.113.1"));
      expect((await add("203.0.113.2")).codeDesc).toBe("UserGwLimitExceeded");
    } finally {
      await server.stop();
    }
  });
});
