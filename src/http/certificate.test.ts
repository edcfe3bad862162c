import { execFileSync } from "node:child_process";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { makeTempDir, type TempDir } from "../../test/support/temp-dir.ts";
import { ConfigError, readConfig, type SettingName } from "../config.ts";
import { type Certificate, loadCertificate } from "./certificate.ts";
import { makeSelfSigned } from "./self-signed.ts";

const dayMs = 86_400_000;
const nowMs = Date.UTC(2030, 0, 1);
const directories: TempDir[] = [];
let data: string;
beforeEach(() => {
  const directory = makeTempDir();
  directories.push(directory);
  data = directory.path;
});
afterAll(() => {
  for (const directory of directories) directory.remove();
});

type Settings = Readonly<Partial<Record<SettingName, string>>>;

const load = (settings: Settings = {}, atMs = nowMs): Promise<Certificate> =>
  loadCertificate(readConfig({ options: { data, ...settings }, env: {}, file: undefined }), atMs);
const pathOf = (name: string) => join(data, "tls", name);
const namesOf = ({ cert }: Certificate) => new X509Certificate(cert).subjectAltName?.split(", ") ?? [];

describe("the server's own certificate", () => {
  it("is made at the first start, for its owner alone", async () => {
    const { cert, key, file, fingerprint, warning } = await load();
    expect({ file, warning }).toEqual({ file: pathOf("cert.pem"), warning: undefined });
    expect(readFileSync(file, "utf8")).toBe(cert);
    expect(readFileSync(pathOf("key.pem"), "utf8")).toBe(key.reveal());
    const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect([modeOf(join(data, "tls")), modeOf(pathOf("key.pem"))]).toEqual(["700", "600"]);
    expect(readdirSync(join(data, "tls")).toSorted()).toEqual(["cert.pem", "key.pem"]);
    const parsed = new X509Certificate(cert);
    expect(fingerprint).toBe(parsed.fingerprint256);
    expect(fingerprint).toMatch(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(parsed.ca).toBe(false);
    expect(parsed.validToDate.getTime() - nowMs).toBeGreaterThan(3_600 * dayMs);
  });

  it("says nothing of its key when it is printed", async () => {
    const certificate = await load();
    expect(JSON.stringify(certificate)).not.toContain("PRIVATE KEY");
  });

  it("is made out to loopback, the address that is listened on and the configured hosts", async () => {
    const hosts = "vpn.example.org, other.example.org:8443,[2001:db8::7]:9,192.0.2.7, not a name, büro.example";
    const certificate = await load({ listen: "192.0.2.1:443", hosts });
    expect(namesOf(certificate)).toEqual([
      "DNS:localhost",
      "IP Address:127.0.0.1",
      "IP Address:0:0:0:0:0:0:0:1",
      "IP Address:192.0.2.1",
      "DNS:vpn.example.org",
      "DNS:other.example.org",
      "IP Address:2001:DB8:0:0:0:0:0:7",
      "IP Address:192.0.2.7",
    ]);
  });

  it.each(["0.0.0.0:443", "[::]:443"])(
    "is made out to the machine's own names when it listens on %s",
    async (listen) => {
      const names = namesOf(await load({ listen }));
      expect(names.slice(0, 2)).toEqual(["DNS:localhost", "IP Address:127.0.0.1"]);
      expect(names).not.toContain("IP Address:0.0.0.0");
      expect(new Set(names).size).toBe(names.length);
    },
  );

  it("is kept as long as it serves", async () => {
    const first = await load({ hosts: "a.example,b.example" });
    for (const [settings, atMs] of [
      [{ hosts: "a.example,b.example" }, nowMs],
      [{ hosts: "b.example:8443" }, nowMs],
      [{ listen: "localhost:1" }, nowMs + 3_000 * dayMs],
      [{ listen: "0.0.0.0:1" }, nowMs],
    ] as const) {
      expect((await load(settings, atMs)).fingerprint).toBe(first.fingerprint);
    }
  });

  it.each<[string, () => Promise<Certificate>]>([
    ["is near its end", () => load({}, nowMs + 3_625 * dayMs)],
    ["lacks the address", () => load({ listen: "192.0.2.1:1" })],
    ["lacks a host", () => load({ hosts: "a.example" })],
    ["is of a time to come", () => load({}, nowMs - 10 * dayMs)],
  ])("is made anew when it %s", async (_what, again) => {
    const first = await load();
    const second = await again();
    expect(second.fingerprint).not.toBe(first.fingerprint);
    expect(new X509Certificate(readFileSync(pathOf("cert.pem"))).fingerprint256).toBe(second.fingerprint);
    expect((statSync(pathOf("key.pem")).mode & 0o777).toString(8)).toBe("600");
  });

  it.each([
    ["cert.pem", "-----BEGIN"],
    ["key.pem", ""],
    ["key.pem", undefined],
  ])("is made anew when its %s is damaged or another's", async (name, text) => {
    const first = await load();
    writeFileSync(pathOf(name), text ?? (await makeSelfSigned(["a"], nowMs)).key);
    const second = await load();
    expect(second.fingerprint).not.toBe(first.fingerprint);
    expect((await load()).fingerprint).toBe(second.fingerprint);
  });

  it("goes over what a start that was cut off has left", async () => {
    mkdirSync(join(data, "tls"));
    writeFileSync(pathOf("key.pem.new"), "half", { mode: 0o644 });
    chmodSync(pathOf("key.pem.new"), 0o644);
    await load();
    expect((statSync(pathOf("key.pem")).mode & 0o777).toString(8)).toBe("600");
  });

  it("that cannot be written is refused in a sentence", async () => {
    writeFileSync(join(data, "tls"), "in the way");
    await expect(load()).rejects.toThrow(
      new ConfigError(`the server's certificate cannot be written to ${join(data, "tls")}: file already exists`),
    );
  });

  it.runIf(existsSync("/usr/bin/openssl"))("is well-formed in the eyes of OpenSSL", async () => {
    await load({}, Date.now());
    const args = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", pathOf("cert.pem"), pathOf("cert.pem")];
    expect(execFileSync("/usr/bin/openssl", args, { encoding: "utf8" })).toContain(": OK");
  });
});

describe("a certificate that is given", () => {
  let other: Settings;
  const write = (name: string, text: string) => {
    const path = join(data, name);
    writeFileSync(path, text);
    return path;
  };
  const give = (cert: string, key: string): Settings => ({
    "tls.certFile": write("given.crt", cert),
    "tls.keyFile": write("given.key", key),
  });
  const made = () => makeSelfSigned(["vpn.example.org"], nowMs);
  const refusal = async (settings: Settings): Promise<string> => {
    const error = await load(settings).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  };
  beforeEach(async () => {
    const { cert, key } = await made();
    other = give(cert, key);
  });

  it("is shown, and none is made", async () => {
    const { cert, key } = await made();
    const certificate = await load(give(`${cert}${(await made()).cert}`, key));
    expect(certificate).toMatchObject({ file: join(data, "given.crt"), warning: undefined });
    expect(certificate.fingerprint).toBe(new X509Certificate(cert).fingerprint256);
    expect(certificate.key.reveal()).toBe(key);
    expect(existsSync(join(data, "tls"))).toBe(false);
  });

  it.each(["tls.certFile", "tls.keyFile"] as const)("needs both files: %s alone is refused", async (name) => {
    expect(await refusal({ [name]: other[name] ?? "" })).toBe(
      "tls.certFile and tls.keyFile belong together: give both or neither",
    );
  });

  it.each(["tls.certFile", "tls.keyFile"] as const)("whose %s is not there is refused", async (name) => {
    const path = join(data, "absent");
    expect(await refusal({ ...other, [name]: path })).toBe(`${name}: ${path} cannot be read (ENOENT)`);
  });

  it("that is none is refused, and nothing of a key is repeated", async () => {
    const { cert, key } = await made();
    expect(await refusal(give(key, cert))).toMatch(/^tls\.certFile: \S+given\.crt holds no certificate in PEM/);
    const half = key.slice(0, 100);
    const sentence = await refusal(give(cert, half));
    expect(sentence).toMatch(/^tls\.keyFile: \S+given\.key holds no private key in PEM/);
    expect(sentence).not.toContain(half.slice(40, 60));
  });

  it("whose key has a passphrase is refused", async () => {
    const privateKeyEncoding = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "p" } as const;
    const publicKeyEncoding = { type: "spki", format: "pem" } as const;
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256", privateKeyEncoding, publicKeyEncoding });
    expect(await refusal(give((await made()).cert, privateKey))).toContain("passphrase");
  });

  it("with another's key is refused", async () => {
    const sentence = await refusal(give((await made()).cert, (await made()).key));
    expect(sentence).toMatch(/^tls\.keyFile: the key in \S+ does not belong to the certificate in \S+$/);
  });

  it.each([
    [3_651 * dayMs, "expired on 2039-12-30T00:00:00.000Z"],
    [-2 * dayMs, "is not valid before 2029-12-31T00:00:00.000Z"],
  ])("out of its time by %i ms is shown, with a warning", async (offsetMs, words) => {
    expect((await load(other, nowMs + offsetMs)).warning).toBe(`the certificate in ${other["tls.certFile"]} ${words}`);
  });
});
