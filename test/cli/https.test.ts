// HTTPS from outside: what `serve` says and does about its certificate, and whom `call` trusts.
import { X509Certificate } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { makeSelfSigned } from "../../src/http/self-signed.ts";
import { type CommandOptions, runCulvert } from "../support/command.ts";
import { sendRaw } from "../support/raw-call.ts";
import { requireSuccess } from "../support/reply.ts";
import { ServerProcess } from "../support/server.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

const directory = makeTempDir();
afterAll(() => directory.remove());

function write(name: string, text: string): string {
  const path = join(directory.path, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

const ownCertificateOf = (server: ServerProcess) => join(server.dataDir, "tls", "cert.pem");
const fingerprintOf = (pem: string) => new X509Certificate(pem).fingerprint256;
const local = (endpoint: string) => endpoint.replace("0.0.0.0", "127.0.0.1");

describe("a server that listens beyond this machine", () => {
  let server: ServerProcess;
  let keyFile: string;
  beforeAll(async () => {
    server = await ServerProcess.start({}, ["--listen", "0.0.0.0:0"]);
    keyFile = join(directory.path, "copied.key.json");
    copyFileSync(server.keyFile, keyFile);
  });
  afterAll(() => server.stop());

  const culvertCall = (args: readonly string[], options: CommandOptions = {}) =>
    runCulvert(["call", "DescribeVpcEx", "--json", "--endpoint", local(server.endpoint), ...args], options);

  it("says that it is HTTPS, where the certificate is and its fingerprint", () => {
    expect(server.endpoint).toMatch(/^https:\/\/0\.0\.0\.0:[0-9]+$/);
    expect(server.output).toContain(`the API is at ${server.endpoint}/v2/index.php (simulated data plane)\n`);
    const file = ownCertificateOf(server);
    const fingerprint = fingerprintOf(readFileSync(file, "utf8"));
    expect(server.output).toContain(`the certificate is in ${file}, SHA-256 ${fingerprint}\n`);
    expect(server.output).not.toContain("http://");
  });

  it("is trusted by the key's side, and by --ca-file and its variable", async () => {
    const success = { code: 0, stderr: "" };
    expect(await culvertCall(["--key-file", server.keyFile])).toMatchObject(success);
    const caFile = ownCertificateOf(server);
    expect(await culvertCall(["--key-file", keyFile, "--ca-file", caFile])).toMatchObject(success);
    expect(await culvertCall(["--key-file", keyFile], { env: { CULVERT_CA_FILE: caFile } })).toMatchObject(success);
  });

  it("is trusted by nobody else", async () => {
    const { code, stdout, stderr } = await culvertCall(["--key-file", keyFile]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(
      /^culvert: the certificate of https:\S+ is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\); .*--ca-file.*\n$/,
    );
    const another = write("another.pem", (await makeSelfSigned(["127.0.0.1"], Date.now())).cert);
    for (const file of [another, "/nowhere.pem", keyFile]) {
      const answer = await culvertCall(["--key-file", server.keyFile, "--ca-file", file]);
      expect(answer).toMatchObject({ code: 2, stdout: "" });
      expect(answer.stderr.split("\n")).toHaveLength(2);
      expect(answer.stderr).not.toContain(server.client.secretKey.reveal());
    }
  });

  it("is trusted under the names in its certificate alone", async () => {
    const { port } = new URL(server.endpoint);
    const trusted = [readFileSync(ownCertificateOf(server), "utf8")];
    const client = { ...server.client, trusted };
    requireSuccess(await call({ ...client, endpoint: `https://localhost:${port}` }, "DescribeVpcEx", {}));
    const elsewhere = call({ ...client, endpoint: `https://127.0.0.2:${port}` }, "DescribeVpcEx", {});
    await expect(elsewhere).rejects.toThrow("is not trusted (ERR_TLS_CERT_ALTNAME_INVALID)");
  });

  it("answers plain HTTP with 4600, which call prints as every refusal", async () => {
    const endpoint = local(server.endpoint).replace("https:", "http:");
    const { code, stdout } = await runCulvert(["call", "DescribeVpcEx", "--endpoint", endpoint, "--key-file", keyFile]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ code: 4600, codeDesc: "UnsupportedProtocol" });
  });

  it("is known to the doctor as a Culvert", async () => {
    const { host } = new URL(local(server.endpoint));
    const args = ["doctor", "--json", "--dataplane", "simulated", "--data", server.dataDir, "--listen", host];
    const { checks } = JSON.parse((await runCulvert(args)).stdout);
    expect(checks).toContainEqual({ name: "listen", status: "ok", found: `A Culvert answers at ${host}.` });
  });

  it("keeps its certificate over a restart", async () => {
    const before = readFileSync(ownCertificateOf(server), "utf8");
    await server.restart();
    expect(readFileSync(ownCertificateOf(server), "utf8")).toBe(before);
    expect(await culvertCall(["--key-file", server.keyFile])).toMatchObject({ code: 0 });
  });
});

describe("a given certificate", () => {
  const give = async (names = ["127.0.0.1"], nowMs = Date.now()) => {
    const { cert, key } = await makeSelfSigned(names, nowMs);
    return { cert, CULVERT_TLS_CERT_FILE: write("given.crt", cert), CULVERT_TLS_KEY_FILE: write("given.key", key) };
  };

  it("is read anew on SIGHUP; one that is no good leaves the old one", async () => {
    const { cert: first, ...env } = await give();
    const server = await ServerProcess.start({ ...env, CULVERT_PLAIN_HTTP: "off" });
    const { pid } = server;
    if (pid === undefined) throw new Error("the server does not run");
    const hangUp = async (answer: RegExp) => {
      const start = server.output.length;
      process.kill(pid, "SIGHUP");
      await waitFor(() => answer.test(server.output.slice(start)), { what: `${answer} on stderr` });
    };
    // Each on a connection of its own: one that is open keeps the certificate it has.
    const isTrusted = (ca: string) =>
      sendRaw(server.endpoint, { method: "GET", path: "/livez", ca }).then(
        () => true,
        () => false,
      );
    try {
      expect(server.endpoint).toMatch(/^https:/);
      expect(await isTrusted(first)).toBe(true);
      const { cert: second } = await give();
      expect([await isTrusted(first), await isTrusted(second)]).toEqual([true, false]);
      await hangUp(new RegExp(`SIGHUP, the certificate was read anew\n.*${fingerprintOf(second)}\n`));
      expect([await isTrusted(first), await isTrusted(second)]).toEqual([false, true]);
      write("given.key", (await makeSelfSigned(["a"], Date.now())).key);
      await hangUp(/SIGHUP, the old certificate stays: tls\.keyFile: the key in \S+ does not belong to .*\n/);
      expect(await isTrusted(second)).toBe(true);
    } finally {
      await server.stop();
    }
  });

  it("that has expired is shown, with a warning", async () => {
    const { cert: _cert, ...env } = await give(["127.0.0.1"], Date.UTC(2000, 0, 1));
    const server = await ServerProcess.start(env);
    try {
      expect(server.output).toMatch(/culvert: warning: the certificate in \S+ expired on 2009-/);
      requireSuccess(await call(server.client, "DescribeVpcEx", {}));
    } finally {
      await server.stop();
    }
  });

  it("that is no good stops the start with one sentence", async () => {
    const { cert: _cert, ...env } = await give();
    const other = write("other.key", (await makeSelfSigned(["a"], Date.now())).key);
    for (const [settings, sentence] of [
      [{ CULVERT_TLS_KEY_FILE: "" }, "tls.certFile and tls.keyFile belong together"],
      [{ CULVERT_TLS_CERT_FILE: "/nowhere.crt" }, "tls.certFile: /nowhere.crt cannot be read"],
      [{ CULVERT_TLS_KEY_FILE: other }, "tls.keyFile: the key in "],
    ] as const) {
      const args = ["serve", "--dataplane", "simulated", "--data", directory.path, "--listen", "127.0.0.1:0"];
      const { code, stdout, stderr } = await runCulvert(args, { env: { ...env, ...settings } });
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(/^culvert: [^\n]+\n$/);
      expect(stderr).toContain(sentence);
    }
  });
});
