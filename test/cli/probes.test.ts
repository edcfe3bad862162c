// What a server says of itself to machines, and how it stops with requests under way.
import { once } from "node:events";
import { renameSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { probe, untilUnready } from "../support/probe.ts";
import { formType, sendCall, signedText, v2Path } from "../support/raw-call.ts";
import { requireSuccess } from "../support/reply.ts";
import { nextNumber } from "../support/scene.ts";
import { type Environment, ServerProcess } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";

const servers: ServerProcess[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function start(env: Environment = {}): Promise<ServerProcess> {
  const server = await ServerProcess.start({ CULVERT_QUOTA_VPCS: "0", CULVERT_LOG_LEVEL: "error", ...env });
  servers.push(server);
  return server;
}

const newVpc = () => ({ vpcName: `vpc ${nextNumber()}`, cidrBlock: "10.0.0.0/16" });

describe("a server that is well", () => {
  it("is alive and ready, and names each check", async () => {
    const server = await start();
    expect(await probe(server.endpoint, "/livez")).toMatchObject({ ok: true, checks: { process: { ok: true } } });
    expect(await probe(server.endpoint)).toEqual({
      status: 200,
      ok: true,
      checks: {
        serving: { ok: true, message: "The server takes requests." },
        database: { ok: true, message: "The database answers." },
        writes: { ok: true, message: "The database takes changes." },
        host: { ok: true, message: "The loops run." },
      },
    });
  });

  it("says so over plain HTTP too where the API refuses that, and writes next to nothing however often it is asked", async () => {
    const server = await start({ CULVERT_PLAIN_HTTP: "off" });
    const plain = server.endpoint.replace("https:", "http:");
    await probe(plain);
    const before = await server.database.readVersion();
    await Promise.all(Array.from({ length: 200 }, () => probe(plain)));
    expect(await probe(plain, "/livez")).toMatchObject({ ok: true });
    expect((await server.database.readVersion()) - before).toBeLessThanOrEqual(1);
    expect(await (await fetch(new URL("/livez", plain), { method: "POST" })).json()).toMatchObject({ code: 4600 });
  });
});

describe("a server whose database was taken away", () => {
  it("is not ready, and takes no change that would be lost", async () => {
    const server = await start();
    const file = join(server.dataDir, "culvert.db");
    renameSync(file, `${file}.old`);
    const wrong = { database: "The database cannot be read.", writes: "The database takes no changes." };
    await waitFor(async () => !(await probe(server.endpoint)).ok, { what: "it to notice", timeoutMs: 10_000 });
    expect(await untilUnready(server.endpoint)).toMatchObject({ database: wrong.database });
    expect(await call(server.client, "CreateVpc", newVpc())).toMatchObject({ code: 6000 });
    await waitFor(async () => (await untilUnready(server.endpoint)).writes === wrong.writes, { what: "writes" });
    renameSync(`${file}.old`, file);
    requireSuccess(await call(server.client, "CreateVpc", newVpc()));
  });
});

/** A POST whose body is sent in two parts. */
async function beginCall(server: ServerProcess) {
  const { hostname, port } = new URL(server.endpoint);
  const body = signedText(server.client, "CreateVpc", newVpc());
  const socket = connect(Number(port), hostname).setEncoding("utf8");
  let answer = "";
  socket.on("data", (text: string) => {
    answer += text;
  });
  const closed = once(socket, "close");
  const head = `POST ${v2Path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: ${formType}`;
  socket.write(`${head}\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 50)}`);
  return {
    finish: async () => {
      socket.write(body.slice(50));
      await closed;
      return answer;
    },
  };
}

describe("a server that is told to stop", () => {
  it("says so first, goes on as long as it is told, then lets the requests under way end", async () => {
    const server = await start({ CULVERT_STOP_DELAY_SECONDS: "2" });
    const slow = await beginCall(server);
    const agent = new Agent({ keepAlive: true });
    const startedMs = performance.now();
    const exit = server.kill("SIGTERM");
    expect(await untilUnready(server.endpoint)).toEqual({ serving: "The server is stopping." });
    expect(await probe(server.endpoint, "/livez")).toMatchObject({ ok: true });
    // It still answers, and ends the connection.
    requireSuccess(await call(server.client, "CreateVpc", newVpc()));
    const asked = request(new URL("/livez", server.endpoint), { agent }).end();
    const [response] = await once(asked, "response");
    expect(response.headers.connection).toBe("close");
    response.resume();

    const isClosed = () =>
      fetch(server.endpoint).then(
        () => false,
        () => true,
      );
    await waitFor(isClosed, { what: "the port to be closed", timeoutMs: 10_000 });
    expect(performance.now() - startedMs).toBeGreaterThan(1_900);
    const answer = await slow.finish();
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(/connection: close/i);
    expect(answer).toContain('"code":0');
    expect(await exit).toBe(0);
  });

  it("under load has answered all that it has done, and closes the connections that nobody uses", async () => {
    const server = await start();
    const { hostname, port } = new URL(server.endpoint);
    const idle = connect(Number(port), hostname);
    const agent = new Agent({ keepAlive: true });
    const first = request(new URL("/livez", server.endpoint), { agent }).end();
    const [response] = await once(first, "response");
    response.resume();
    await once(response, "end");
    const closed = [idle, first.socket ?? idle].map((socket) => once(socket, "close"));
    let [acknowledged, exit] = [0, undefined as Promise<number | null> | undefined];
    const failures = new Set<unknown>();
    const work = async () => {
      for (;;) {
        try {
          requireSuccess((await sendCall(server.client, "CreateVpc", newVpc())).reply);
        } catch (error) {
          failures.add((error as { code?: unknown }).code ?? String(error));
          return;
        }
        acknowledged += 1;
        if (acknowledged === 100) exit = server.kill("SIGTERM");
      }
    };
    const { client } = server;
    await Promise.all(Array.from({ length: 12 }, work));
    await Promise.all(closed);
    expect(await exit).toBe(0);
    for (const failure of failures) expect(["ECONNREFUSED", "ECONNRESET"]).toContain(failure);
    await server.restart();
    const { totalCount } = await call({ ...client, endpoint: server.endpoint }, "DescribeVpcEx", {});
    expect(totalCount).toBe(acknowledged);
  });
});
