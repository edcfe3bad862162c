// kill -9 at random moments under load: what was acknowledged is there after the next start, once, and nothing that was not; what was not
// answered was done or not, and the same request never does it twice. A few rounds here; `npm run test:soak` has two hundred.
import { randomInt } from "node:crypto";
import { dirname, join } from "node:path";
import BetterSqlite from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Client, call } from "../../src/cli/client.ts";
import { Secret } from "../../src/vpn/secret.ts";
import { runCulvert } from "../support/command.ts";
import { viewDatabase } from "../support/database-view.ts";
import { command, PostgresServer } from "../support/postgres-server.ts";
import { untilReady } from "../support/probe.ts";
import { numberAt } from "../support/reply.ts";
import {
  makeUserGw,
  makeVpc,
  makeVpnGw,
  nextNetwork,
  nextNumber,
  nextPeerAddress,
  type Place,
} from "../support/scene.ts";
import { ServerProcess } from "../support/server.ts";
import { makeTally, SoakClient } from "../support/soak-client.ts";

const rounds = Number(process.env.SOAK_ROUNDS ?? 4);
const isPostgres = process.env.SOAK_DATABASE === "postgresql";
const roundTimeoutMs = 60_000;
/** After the first acknowledgement of a round. */
const killWithinMs = 400;
const accounts = 3;
const gateways = 3;
/** Of each account; its clients have names for more. */
const quota = 20;
const namesOfClient = 12;

/** What is killed in a round. */
type Victim = "server" | "database" | "both";

const tally = makeTally();
let postgres: PostgresServer | undefined;
let server: ServerProcess;
const keys: Client[] = [];
const places: Place[][] = [];
const clients: SoakClient[] = [];

beforeAll(async () => {
  postgres = isPostgres ? await PostgresServer.start() : undefined;
  if (postgres !== undefined) await command(postgres.urlOf("postgres"), "create database soak");
  server = await ServerProcess.start({
    CULVERT_QUOTA_VPN_CONNS: String(quota),
    CULVERT_NETWORK_PUBLIC_POOL: "198.51.100.10-198.51.100.99",
    CULVERT_LOG_LEVEL: "fatal",
    CULVERT_DATABASE: postgres?.urlOf("soak") ?? "",
  });
  for (let account = 0; account < accounts; account += 1) await addAccount(`account ${account}`);
});
afterAll(async () => {
  await server?.stop();
  await postgres?.remove();
});

/** An account with two clients. */
async function addAccount(name: string): Promise<void> {
  const env = { CULVERT_DATABASE: postgres?.urlOf("soak") ?? "" };
  const args = ["key", "create", "--json", "--account", name, "--data", server.dataDir];
  const { stdout } = await runCulvert(args, { env });
  const { secretId, secretKey } = JSON.parse(stdout) as { secretId: string; secretKey: string };
  const key = { ...server.client, secretId, secretKey: new Secret(secretKey) };
  const vpcId = await makeVpc(key);
  const userGwId = await makeUserGw(key, nextPeerAddress());
  const ids = await Promise.all(Array.from({ length: gateways }, () => makeVpnGw(key, vpcId)));
  const own = ids.map((vpnGwId) => ({ vpcId, vpnGwId, userGwId }));
  keys.push(key);
  places.push(own);
  for (const client of ["a", "b"]) {
    const names = Array.from({ length: namesOfClient }, (_, number) => `${client}${number}`);
    clients.push(new SoakClient(key, own, names, tally));
  }
}

function chooseVictim(): Victim {
  const victims = ["server", "server", "database", "both"] as const;
  return isPostgres ? (victims[randomInt(victims.length)] ?? "server") : "server";
}

async function kill(victim: Victim): Promise<void> {
  await Promise.all([victim !== "database" && server.kill("SIGKILL"), victim !== "server" && postgres?.kill()]);
}

async function bringBack(victim: Victim): Promise<void> {
  if (victim !== "server") await postgres?.restart();
  if (victim !== "database") await server.restart();
  await untilReady(server.endpoint);
}

/** All clients at work until the victim is gone, which happens at a random moment after the first acknowledgement. */
async function loadAndKill(victim: Victim): Promise<void> {
  let killed: Promise<void> | undefined;
  const tell = () => {
    killed ??= new Promise((resolve) => setTimeout(resolve, randomInt(killWithinMs))).then(() => kill(victim));
  };
  await Promise.all(clients.map((client) => client.work(server.endpoint, tell)));
  expect(killed).toBeDefined();
  await killed;
}

async function countChannels(key: Client): Promise<number> {
  return numberAt(await call({ ...key, endpoint: server.endpoint }, "DescribeVpnConn", {}), "totalCount");
}

describe("after kill -9", () => {
  it(`every acknowledged change is there once, ${rounds} times`, { timeout: rounds * roundTimeoutMs }, async () => {
    const startedMs = performance.now();
    const kills: Record<Victim, number> = { server: 0, database: 0, both: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const victim = chooseVictim();
      kills[victim] += 1;
      await loadAndKill(victim);
      await bringBack(victim);
      const { endpoint } = server;
      await Promise.all(clients.map((client) => client.awaitTasks(endpoint)));
      for (const client of clients) await client.settle(endpoint, victim === "database");
      await Promise.all(clients.map((client) => client.awaitTasks(endpoint)));
      await Promise.all(clients.map((client) => client.check(endpoint)));
      for (const key of keys) expect(await countChannels(key)).toBeLessThanOrEqual(quota);
    }
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    process.stderr.write(
      `${JSON.stringify({ database: isPostgres ? "PostgreSQL" : "SQLite", seconds, kills, ...tally })}\n`,
    );
    expect(tally.unanswered).toBeGreaterThan(0);
  });

  it("each account may have as many channels as before, and each channel has its networks", async () => {
    const { endpoint } = server;
    for (const [number, key] of keys.entries()) {
      let [reply, added] = [{ code: 0 } as { code: number; codeDesc?: string }, await countChannels(key)];
      for (; reply.code === 0; added += reply.code === 0 ? 1 : 0) {
        const own = { ...places[number]?.[0], "userGwCidrBlock.0": nextNetwork(), vpnConnName: `more ${nextNumber()}` };
        reply = await call({ ...key, endpoint }, "AddVpnConnEx", own);
      }
      expect([reply.codeDesc, added]).toEqual(["VpnConnLimitExceeded", quota]);
    }
    const view = viewDatabase(server.dataDir, postgres?.urlOf("soak"));
    await view.settle();
    const { vpn_conns, spd_pairs } = await view.countRows();
    await view.close();
    expect({ vpn_conns, spd_pairs }).toEqual({ vpn_conns: accounts * quota, spd_pairs: accounts * quota });
  });

  it.skipIf(isPostgres)("the file is sound", async () => {
    await server.kill("SIGKILL");
    const file = new BetterSqlite(join(dirname(server.keyFile), "culvert.db"));
    try {
      expect(file.pragma("integrity_check", { simple: true })).toBe("ok");
      expect(file.pragma("foreign_key_check")).toEqual([]);
    } finally {
      file.close();
    }
  });
});
