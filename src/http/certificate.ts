// The certificate that HTTPS shows: the operator's, or the server's own. Whatever is wrong with the operator's is one sentence.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { type Config, ConfigError, readListen } from "../config.ts";
import { listHosts } from "../v2/signature.ts";
import { Secret } from "../vpn/secret.ts";
import { ensureOwnPair, pathsIn } from "./own-certificate.ts";

export interface Certificate {
  /** PEM, with the chain. */
  readonly cert: string;
  /** PEM. */
  readonly key: Secret;
  /** Where `cert` came from. */
  readonly file: string;
  /** SHA-256 in hexadecimal pairs, as browsers and openssl show it. */
  readonly fingerprint: string;
  /** A sentence for the operator about a certificate that clients will not take. */
  readonly warning: string | undefined;
}

/** @throws ConfigError */
export async function loadCertificate(config: Config, nowMs: number): Promise<Certificate> {
  const { "tls.certFile": certFile, "tls.keyFile": keyFile } = config;
  if ((certFile === "") !== (keyFile === "")) {
    throw new ConfigError("tls.certFile and tls.keyFile belong together: give both or neither");
  }
  if (certFile !== "") return readGiven(certFile, keyFile, nowMs);
  const dir = join(config.data, "tls");
  const { host: listenHost } = readListen(config.listen);
  const pair = await ensureOwnPair(dir, { listenHost, hosts: listHosts(config.hosts), nowMs });
  return describe(pair.cert, new Secret(pair.key), pathsIn(dir).certFile, nowMs);
}

function readGiven(certFile: string, keyFile: string, nowMs: number): Certificate {
  const cert = readText("tls.certFile", certFile);
  const key = new Secret(readText("tls.keyFile", keyFile));
  const parsed = attempt(() => new X509Certificate(cert), `tls.certFile: ${certFile} holds no certificate in PEM`);
  const privateKey = attempt(
    () => createPrivateKey(key.reveal()),
    `tls.keyFile: ${keyFile} holds no private key in PEM, or one with a passphrase`,
  );
  if (!parsed.checkPrivateKey(privateKey)) {
    throw new ConfigError(`tls.keyFile: the key in ${keyFile} does not belong to the certificate in ${certFile}`);
  }
  attempt(() => createSecureContext({ cert, key: key.reveal() }), `tls.certFile: OpenSSL does not take ${certFile}`);
  return describe(cert, key, certFile, nowMs);
}

function readText(setting: string, path: string): string {
  return attempt(() => readFileSync(path, "utf8"), `${setting}: ${path} cannot be read`);
}

/** Without the words of whoever failed: they might quote the key. */
function attempt<T>(work: () => T, sentence: string): T {
  try {
    return work();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? ` (${cause.code})` : "";
    throw new ConfigError(`${sentence}${code}`, { cause });
  }
}

function describe(cert: string, key: Secret, file: string, nowMs: number): Certificate {
  const { fingerprint256, validFromDate, validToDate } = new X509Certificate(cert);
  return {
    cert,
    key,
    file,
    fingerprint: fingerprint256,
    warning: findWarning(file, validFromDate, validToDate, nowMs),
  };
}

function findWarning(file: string, from: Date, to: Date, nowMs: number): string | undefined {
  if (to.getTime() < nowMs) return `the certificate in ${file} expired on ${to.toISOString()}`;
  if (from.getTime() > nowMs) return `the certificate in ${file} is not valid before ${from.toISOString()}`;
  return undefined;
}
