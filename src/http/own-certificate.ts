// The server's own certificate in <data>/tls: made at the first start, kept as long as it serves, made anew when it does not.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { getSystemErrorMessage } from "node:util";
import { ConfigError } from "../config.ts";
import { makeSelfSigned, type PemPair } from "./self-signed.ts";

const dayMs = 86_400_000;
/** So long before it expires a certificate is replaced. */
const renewBeforeMs = 30 * dayMs;

/** Where the pair of a directory lies. */
export function pathsIn(dir: string): { readonly certFile: string; readonly keyFile: string } {
  return { certFile: join(dir, "cert.pem"), keyFile: join(dir, "key.pem") };
}

/**
 * Reads the pair in `dir`, or makes one: when there is none, it is damaged, near its end, or lacks a name that clients use.
 * @param listenHost address or name that the server listens on
 * @param hosts further names, as the setting has them: perhaps with a port
 * @throws ConfigError when it cannot be written
 */
export async function ensureOwnPair(
  dir: string,
  { listenHost, hosts, nowMs }: { listenHost: string; hosts: readonly string[]; nowMs: number },
): Promise<PemPair> {
  const isEverywhere = listenHost === "0.0.0.0" || listenHost === "::";
  const asked = [...(isEverywhere ? [] : [listenHost]), ...hosts.map(withoutPort)];
  const names = ["localhost", "127.0.0.1", "::1", ...asked].filter(isName);
  const found = readPair(dir);
  if (found !== undefined && serves(found, names, nowMs)) return found;
  // What the machine is called today is a convenience: a change of it is no reason for another certificate.
  const made = await makeSelfSigned([...new Set([...names, ...(isEverywhere ? ownNames() : [])])], nowMs);
  writePair(dir, made);
  return made;
}

function withoutPort(host: string): string {
  if (isIP(host) !== 0) return host;
  return host.replace(/:[0-9]{1,5}$/, "").replace(/^\[(.*)\]$/, "$1");
}

/** What a certificate can be made out to. */
function isName(name: string): boolean {
  return isIP(name) !== 0 || /^(?=.{1,253}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/i.test(name);
}

function ownNames(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const reachable = addresses.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address);
  return [hostname(), ...reachable].filter(isName);
}

function readPair(dir: string): PemPair | undefined {
  const { certFile, keyFile } = pathsIn(dir);
  try {
    return { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
  } catch {
    return undefined;
  }
}

function serves({ cert, key }: PemPair, names: readonly string[], nowMs: number): boolean {
  try {
    const parsed = new X509Certificate(cert);
    const hasName = (name: string) => (isIP(name) === 0 ? parsed.checkHost(name) : parsed.checkIP(name)) !== undefined;
    return (
      parsed.checkPrivateKey(createPrivateKey(key)) &&
      parsed.validFromDate.getTime() <= nowMs &&
      parsed.validToDate.getTime() - renewBeforeMs > nowMs &&
      names.every(hasName)
    );
  } catch {
    return false; // damaged: it is ours, and nothing is lost with it
  }
}

/** Each file appears whole or not at all. Cut off between the two they do not belong together, and the next start makes both anew. */
function writePair(dir: string, { cert, key }: PemPair): void {
  const { certFile, keyFile } = pathsIn(dir);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const [path, text, mode] of [
      [keyFile, key, 0o600],
      [certFile, cert, 0o644],
    ] as const) {
      // A file that is there would keep its mode.
      rmSync(`${path}.new`, { force: true });
      writeFileSync(`${path}.new`, text, { mode, flag: "wx", flush: true });
      renameSync(`${path}.new`, path);
    }
    const directory = openSync(dir, "r");
    fsyncSync(directory);
    closeSync(directory);
  } catch (cause) {
    throw new ConfigError(`the server's certificate cannot be written to ${dir}: ${reasonOf(cause)}`, { cause });
  }
}

/** In the words of the system. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error && "errno" in error && typeof error.errno === "number")) return String(error);
  return getSystemErrorMessage(error.errno);
}
