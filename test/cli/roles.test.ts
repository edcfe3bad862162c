// The roles of `culvert serve` as processes: API nodes, gateway hosts that ask them over HTTPS, and servers that are both, on one PostgreSQL.
import { once } from "node:events";
import { statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { createHost, listHosts } from "../../src/operations/hosts.ts";
import { openStore } from "../../src/store/open.ts";
import { vpnGwStatusNumbers } from "../../src/v2/status.ts";
import { runCulvert } from "../support/command.ts";
import { makeDatabase, postgresReason } from "../support/postgres-cluster.ts";
import { probe, untilReady, untilUnready } from "../support/probe.ts";
import { dataOf } from "../support/reply.ts";
import { makeConn, makePlace, makeUserGw, waitForTask } from "../support/scene.ts";
import { type Environment, ServerProcess } from "../support/server.ts";
import { makeTempDir } from "../support/temp-dir.ts";

const directory = makeTempDir();
afterAll(() => directory.remove());

/** Short terms, and periods so long that nothing is found by them. */
const quick = { CULVERT_LEASE_SECONDS: "5", CULVERT_RECONCILE_PERIOD_SECONDS: "600", CULVERT_LOG_LEVEL: "info" };
const isHostUp = /a gateway host of (https:\S+?)[: ]/;

/** One that nobody listens on. */
async function findPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** As culvert host create does, beside a server. @returns the file of the token */
async function makeToken(data: string, database: string, name: string): Promise<string> {
  const store = await openStore({ data, database, masterKeyFile: "" });
  try {
    const token = await createHost(store, { name, labels: {}, capacity: 0 }, Date.now());
    const file = join(directory.path, `${name}.token`);
    writeFileSync(file, `${token.reveal()}\n`, { mode: 0o600 });
    return file;
  } finally {
    await store.close();
  }
}

const httpsOf = ({ endpoint }: ServerProcess) => endpoint.replace(/^http:/, "https:");

/** @param nodes whose certificates are given, or else that of the first */
function hostSettings(nodes: readonly ServerProcess[], tokenFile: string, caFile?: string): Environment {
  return {
    ...quick,
    CULVERT_API_ENDPOINTS: nodes.map(httpsOf).join(","),
    CULVERT_HOST_TOKEN_FILE: tokenFile,
    CULVERT_CA_FILE: caFile ?? join(nodes[0]?.dataDir ?? "", "tls", "cert.pem"),
  };
}

const probed = { CULVERT_PROBE_LISTEN: "127.0.0.1:0" };
/** Where its last process answers probes. */
const probesOf = ({ output }: ServerProcess) =>
  [...output.matchAll(/probes are answered at (\S+)\/livez/g)].at(-1)?.[1] ?? "";

const startHost = (env: Environment) => ServerProcess.start(env, ["--role", "host"], isHostUp);

describe("an API node on SQLite and a gateway host beside it", () => {
  let api: ServerProcess;
  let host: ServerProcess;
  let tokenFile: string;
  beforeAll(async () => {
    // The same port after a restart: it is what the host knows.
    api = await ServerProcess.start(quick, ["--role", "api", "--listen", `127.0.0.1:${await findPort()}`]);
    tokenFile = await makeToken(api.dataDir, "", "vpn1");
    host = await startHost({ ...hostSettings([api], tokenFile), ...probed });
  });
  afterAll(async () => {
    await host?.stop();
    await api?.stop();
  });

  it("say what they are", () => {
    expect(api.output).toMatch(/the API is at \S+ and \S+ \(no data plane\)/);
    expect(host.output).toContain(`a gateway host of ${httpsOf(api)}: 0 gateways (simulated data plane)`);
    expect(host.output).not.toContain("administrator's key");
  });

  it("the host has no database, no key and no certificate, and keeps its session to itself", () => {
    for (const name of ["culvert.db", "master.key", "admin.key.json", "tls"]) {
      expect(statSync(join(host.dataDir, name), { throwIfNoEntry: false })).toBeUndefined();
    }
    expect((statSync(join(host.dataDir, "host.session")).mode & 0o777).toString(8)).toBe("600");
  });

  it("a channel comes up on the host, and what is changed is looked at at once", async () => {
    const place = await makePlace(api.client);
    const { vpnConnId } = await makeConn(api.client, place);
    const change = { ...place, vpnConnId: String(vpnConnId), preSharedKey: "another-key-1" };
    const { taskId } = dataOf(await call(api.client, "ModifyVpnConnEx", change));
    expect(await waitForTask(api.client, String(taskId))).toMatchObject({ status: 0 });
    await makeConn(api.client, { ...place, userGwId: await makeUserGw(api.client) });
  });

  it("a host that is killed and started anew goes on at once: it is the same session", async () => {
    await host.kill("SIGKILL");
    await host.restart();
    expect(host.output).toMatch(/: 1 gateways \(simulated data plane\)[^:]*$/m);
    await makeConn(api.client, await makePlace(api.client, "10.1.0.0/16"));
  });

  it("the host answers probes on loopback, and nothing else", async () => {
    const at = probesOf(host);
    expect(await probe(at, "/livez")).toMatchObject({ ok: true });
    await untilReady(at);
    expect((await fetch(new URL("/v2/index.php", at))).status).toBe(404);
  });

  it("the token is good for one data directory at a time; a host that is refused is alive, and not ready", async () => {
    const second = await startHost({ ...hostSettings([api], tokenFile), ...probed });
    try {
      expect(second.output).toContain("no answer yet, asking again");
      expect(second.output).toContain("its token is in use from another data directory");
      expect(await probe(probesOf(second), "/livez")).toMatchObject({ ok: true });
      expect(await untilUnready(probesOf(second))).toEqual({
        leases: "The leases are not renewed; the host's log may have the reason.",
      });
    } finally {
      await second.stop();
    }
  });

  it("an API node that is started anew is found again", async () => {
    const place = await makePlace(api.client, "10.2.0.0/16");
    await api.restart();
    await makeConn(api.client, place);
  });

  it("ends with code 0 and soon when it is told to, answered or not", async () => {
    const began = performance.now();
    expect(await host.kill("SIGTERM")).toBe(0);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(host.output).toContain("SIGTERM, stopping; the gateways live on");
  });
});

it("a gateway host does not start with a database", async () => {
  const env = { CULVERT_DATABASE: "postgres://culvert@db.example.org/culvert" };
  const args = ["serve", "--role", "host", "--dataplane", "simulated", "--data", join(directory.path, "none")];
  const { code, stderr } = await runCulvert(args, { env });
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: "culvert: database: a gateway host has none; it is the servers' of its API\n",
  });
});

describe.skipIf(postgresReason !== undefined)("on one PostgreSQL", () => {
  it("a host that is told to stop hands its gateways over first, and a server with the role all does, too", async () => {
    const database = await makeDatabase();
    const env = { ...quick, CULVERT_DATABASE: database.url };
    // Renewals are so rare that nothing is found by them.
    const long = { CULVERT_LEASE_SECONDS: "60" };
    const one = await ServerProcess.start({ ...env, ...long, CULVERT_HOST_NAME: "one" });
    const started: ServerProcess[] = [one];
    const holder = async () => {
      const store = await openStore({ data: one.dataDir, database: database.url, masterKeyFile: "" });
      const held = (await listHosts(store)).filter(({ gateways }) => gateways > 0).map(({ name }) => name);
      await store.close();
      return held.join();
    };
    try {
      const place = await makePlace(one.client);
      await makeConn(one.client, place);
      const tokenFile = await makeToken(one.dataDir, database.url, "vpn1");
      const masterKeyFile = join(one.dataDir, "master.key");
      const api = { ...env, ...long, CULVERT_MASTER_KEY_FILE: masterKeyFile };
      const two = await ServerProcess.start(api, ["--role", "api"]);
      started.push(two);
      const other = { ...one.client, endpoint: two.endpoint };
      const host = await startHost(hostSettings([two], tokenFile));
      started.push(host);

      expect(await one.kill("SIGTERM")).toBe(0);
      // Its leases would have lasted for a minute: what runs now, runs on the other host.
      const [row] = (await call(other, "DescribeVpnGw", {})).data as { vpnGwStatus: number }[];
      expect(row?.vpnGwStatus).toBe(vpnGwStatusNumbers.running);
      expect(await holder()).toBe("vpn1");
      await makeConn(other, { ...place, userGwId: await makeUserGw(other) });
      expect(host.output).not.toContain("is silent");
      await one.restart();
      expect(await host.kill("SIGTERM")).toBe(0);
      expect(await holder()).toBe("one");
      await makeConn(other, { ...place, userGwId: await makeUserGw(other) });
    } finally {
      await Promise.all(started.map((process) => process.stop()));
      await database.remove();
    }
  }, 90_000);

  it("two servers with the role all are two hosts, and a nudge at one reaches the gateway at the other", async () => {
    const database = await makeDatabase();
    const env = { ...quick, CULVERT_DATABASE: database.url };
    const one = await ServerProcess.start({ ...env, CULVERT_HOST_NAME: "one" });
    const masterKeyFile = join(one.dataDir, "master.key");
    const two = await ServerProcess.start({
      ...env,
      CULVERT_HOST_NAME: "two",
      CULVERT_MASTER_KEY_FILE: masterKeyFile,
    });
    try {
      const clients = [one.client, { ...one.client, endpoint: two.endpoint }] as const;
      const places = [await makePlace(clients[0]), await makePlace(clients[1], "10.1.0.0/16")] as const;
      for (const client of clients) for (const place of places) await makeConn(client, place);
      expect(one.output + two.output).toContain("a gateway is given to a host");
    } finally {
      await Promise.all([one.stop(), two.stop()]);
      await database.remove();
    }
  }, 60_000);
});
