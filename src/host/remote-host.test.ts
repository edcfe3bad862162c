import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pino from "pino";
import { afterAll, describe, expect, test } from "vitest";
import { makeTempDir } from "../../test/support/temp-dir.ts";
import { type ConfigSources, readConfig } from "../config.ts";
import { RemoteHost } from "./remote-host.ts";
import { ensureSession } from "./session.ts";

const directory = makeTempDir();
afterAll(() => directory.remove());

const tokenFile = join(directory.path, "token");
const token = "a-token-of-some-length";
writeFileSync(tokenFile, `${token}\n`);

function make(options: ConfigSources["options"]): RemoteHost {
  const good = { apiEndpoints: "https://127.0.0.1:1", hostTokenFile: tokenFile, dataplane: "simulated" };
  const all = { data: directory.path, role: "host", ...good, ...options };
  return new RemoteHost(readConfig({ options: all, env: {}, file: undefined }), pino({ level: "silent" }));
}

describe("a gateway host", () => {
  test.each<[string, ConfigSources["options"], RegExp]>([
    ["has no database", { database: "postgres://culvert@db/culvert" }, /^database: a gateway host has none/],
    ["needs an API", { apiEndpoints: "" }, /^apiEndpoints: a gateway host needs /],
    ["needs a token", { hostTokenFile: "" }, /^hostTokenFile: a gateway host needs /],
    ["needs one that is there", { hostTokenFile: "/nowhere" }, /^hostTokenFile: \/nowhere cannot be read \(ENOENT\)$/],
    ["takes no other file for one", { hostTokenFile: "/etc/passwd" }, /^hostTokenFile: \/etc\/passwd holds no token$/],
    ["takes no other file for certificates", { caFile: tokenFile }, /^caFile: \S+ holds no certificate in PEM$/],
  ])("%s", (_what, options, sentence) => {
    expect(() => make(options)).toThrow(expect.objectContaining({ name: "ConfigError" }));
    expect(() => make(options)).toThrow(sentence);
    expect(() => make(options)).not.toThrow(token);
  });

  test("starts where no API answers, and ends", async () => {
    const host = make({});
    await host.start();
    expect(host.held).toBeUndefined();
    await host.stop();
  });
});

describe("a session", () => {
  const file = join(directory.path, "host.session");

  test("is the data directory's for good, in a file of its user's own", () => {
    const session = ensureSession(directory.path);
    expect(session).toMatch(/^[0-9a-f-]{36}$/);
    expect(ensureSession(directory.path)).toBe(session);
    expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
    expect(readFileSync(file, "utf8")).toBe(`${session}\n`);
    expect(existsSync(`${file}.new`)).toBe(false);
  });

  test("is made anew where its file was damaged", () => {
    writeFileSync(file, "");
    const session = ensureSession(directory.path);
    expect(readFileSync(file, "utf8")).toBe(`${session}\n`);
  });
});
