// From SQLite to PostgreSQL without losing anything, by the commands: backup, import, migrate, serve.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { migrations } from "../../src/store/migrations/index.ts";
import { runCulvert } from "../support/command.ts";
import { makeBareDatabase, type OwnDatabase, postgresReason } from "../support/postgres-cluster.ts";
import { sendCall } from "../support/raw-call.ts";
import { requireSuccess } from "../support/reply.ts";
import { ServerProcess } from "../support/server.ts";

/** Up to a dozen processes one after the other. */
const timeout = 90_000;

describe.skipIf(postgresReason !== undefined)("a server's database", { timeout }, () => {
  let own: OwnDatabase;
  const servers: ServerProcess[] = [];

  beforeEach(async () => {
    own = await makeBareDatabase();
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    await own.remove();
  });

  async function start(env: Record<string, string> = {}): Promise<ServerProcess> {
    const server = await ServerProcess.start(env);
    servers.push(server);
    return server;
  }

  async function makeVpc(server: ServerProcess, vpcName: string, client = server.client): Promise<unknown> {
    const parameters = { vpcName, cidrBlock: "10.0.0.0/16" };
    const { reply } = await sendCall({ ...client, endpoint: server.endpoint }, "CreateVpc", parameters);
    return requireSuccess(reply).vpcId;
  }

  async function listNames(server: ServerProcess, client = server.client): Promise<unknown> {
    const { reply } = await sendCall({ ...client, endpoint: server.endpoint }, "DescribeVpcEx", {});
    const { data } = requireSuccess(reply) as unknown as { data: { vpcName: string }[] };
    return data.map(({ vpcName }) => vpcName).toSorted();
  }

  it("is moved with the keys, the ids and all, once the server is stopped", async () => {
    const first = await start();
    const { client } = first;
    expect(await makeVpc(first, "one")).toBe("gz_vpc_1");
    const from = `sqlite:${join(first.dataDir, "culvert.db")}`;
    const move = ["import", "--from", from, "--to", own.url];
    const early = await runCulvert(move);
    expect(early).toMatchObject({ code: 2, stderr: `culvert: another server runs on ${first.dataDir}\n` });

    const file = join(first.dataDir, "backup.db");
    expect(await runCulvert(["backup", file, "--data", first.dataDir])).toMatchObject({ code: 0 });
    expect(existsSync(file)).toBe(true);
    expect(await first.kill("SIGTERM")).toBe(0);
    const moved = await runCulvert(move);
    expect(moved).toMatchObject({ code: 0, stderr: "" });
    expect(moved.stdout).toContain("vpcs: 1 rows\n");

    const masterKeyFile = join(first.dataDir, "master.key");
    const second = await start({ CULVERT_DATABASE: own.url, CULVERT_MASTER_KEY_FILE: masterKeyFile });
    expect(await listNames(second, client)).toEqual(["one"]);
    expect(await makeVpc(second, "two", client)).toBe("gz_vpc_2");
  });

  it("on PostgreSQL has what was acknowledged when the server was killed, and takes two servers at once", async () => {
    const one = await start({ CULVERT_DATABASE: own.url });
    const { client } = one;
    const names = ["a", "b", "c"];
    for (const name of names) await makeVpc(one, name);
    await one.kill("SIGKILL");
    await one.restart();
    expect(await listNames(one)).toEqual(names);
    const masterKeyFile = join(one.dataDir, "master.key");
    const other = await start({ CULVERT_DATABASE: own.url, CULVERT_MASTER_KEY_FILE: masterKeyFile });
    await Promise.all([makeVpc(one, "d"), makeVpc(other, "e", client)]);
    expect(await listNames(other, client)).toEqual([...names, "d", "e"]);
  });

  it("is brought up to date once, however many ask for it at the same moment", async () => {
    const one = await start();
    const args = ["migrate", "--json", "--data", one.dataDir, "--database", own.url];
    const results = await Promise.all([1, 2, 3].map(() => runCulvert(args)));
    expect(results.map(({ code, stderr }) => ({ code, stderr }))).toEqual(Array(3).fill({ code: 0, stderr: "" }));
    const done = results.flatMap(({ stdout }) => JSON.parse(stdout).migrated as string[]);
    expect(done).toEqual(Object.keys(migrations));
  });

  it.each([
    ["database", ["migrate", "--database", "postgres://me:pass-word@127.0.0.1/db"]],
    ["from", ["import", "--from", "postgres://me:pass-word@127.0.0.1/db", "--to", "sqlite:x.db"]],
  ])("is not asked for with a password on the command line: --%s", async (option, args) => {
    const { code, stdout, stderr } = await runCulvert(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^culvert: option ${option}: a password is not taken from the command line`));
    expect(stderr).not.toContain("pass-word");
  });
});
