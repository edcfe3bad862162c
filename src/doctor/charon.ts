// Starts a real charon with the configuration that gateways get, and asks it what it can do. No packet is sent.
import { readFile } from "node:fs/promises";
import { charonConf } from "../dataplane/charon/charon-conf.ts";
import { type CharonPlace, startCharon, viciSocketOf } from "../dataplane/charon/charon-process.ts";
import type { Esp } from "../dataplane/charon/esp.ts";
import { ipJson } from "../dataplane/charon/ip.ts";
import type { DecodedMessage, DecodedValue } from "../vici/codec.ts";
import { ViciSession } from "../vici/session.ts";
import {
  type DhGroup,
  dhGroups,
  type Integrity,
  type IpsecEncryption,
  integrities,
  ipsecEncryptions,
} from "../vpn/algorithms.ts";
import { type Check, fail, ok, reasonOf } from "./check.ts";
import { installPackages } from "./programs.ts";

/** A charon that came up, as it describes itself. */
export interface SeenCharon {
  readonly version: string;
  readonly startMs: number;
  readonly plugins: readonly string[];
  /** charon's names of algorithms: `DES_CBC`, `MODP_768`. */
  readonly algorithms: ReadonlySet<string>;
  /** Whether OpenSSL's legacy provider is in its memory. */
  readonly hasLegacyProvider: boolean;
  /** Whether it has made the TUN that ESP in userspace goes through. */
  readonly hasTun: boolean;
}

/** @returns why it did not come up, when it did not */
export async function probeCharon(place: CharonPlace, esp: Esp = "userspace"): Promise<SeenCharon | string> {
  const startedMs = performance.now();
  try {
    const pid = await startCharon(place, esp);
    const startMs = Math.round(performance.now() - startedMs);
    const session = await ViciSession.connect(viciSocketOf(place));
    try {
      const version = await session.request("version");
      const stats = await session.request("stats");
      const algorithms = await session.request("get-algorithms");
      const maps = await readFile(`/proc/${pid}/maps`, "utf8").catch(() => "");
      const links = await ipJson<{ ifname: string }[]>(place.namespace, ["link", "show"]);
      return {
        version: String(version.version),
        startMs,
        plugins: Array.isArray(stats.plugins) ? stats.plugins : [],
        algorithms: readAlgorithms(algorithms),
        hasLegacyProvider: maps.includes("/ossl-modules/legacy.so"),
        hasTun: links.some(({ ifname }) => ifname.startsWith("ipsec")),
      };
    } finally {
      session.close();
    }
  } catch (error) {
    return reasonOf(error);
  }
}

/** The answer to get-algorithms: a section for each kind, whose keys are the names. */
export function readAlgorithms(message: DecodedMessage): Set<string> {
  const isSection = (value: DecodedValue | undefined): value is DecodedMessage =>
    typeof value === "object" && !Array.isArray(value);
  return new Set(Object.values(message).filter(isSection).flatMap(Object.keys));
}

export function judgeCharon(seen: SeenCharon | string): Check {
  if (typeof seen !== "string") {
    return ok(
      "charon",
      `strongSwan ${seen.version} came up in a namespace and answered over VICI in ${seen.startMs} ms.`,
    );
  }
  return fail("charon", `No charon comes up: ${seen}.`, installPackages);
}

/** The plugins that our configuration asks for. */
export function wantedPlugins(esp: Esp = "userspace"): string[] {
  return /^ *load = (.*)$/m.exec(charonConf("", esp))?.[1]?.split(" ") ?? [];
}

export function judgePlugins(plugins: readonly string[], esp: Esp = "userspace"): Check {
  const wanted = wantedPlugins(esp);
  const missing = wanted.filter((plugin) => !plugins.includes(plugin));
  if (missing.length === 0) return ok("plugins", `All ${wanted.length} that gateways need are loaded.`);
  return fail("plugins", `charon did not load ${missing.join(", ")}.`, installPackages);
}

/** charon's names of what the contract has (api-v2.md 4.2): ciphers, ESP and IKE integrity, groups. */
const encryptionNames = {
  "3des": "3DES_CBC",
  aes128: "AES_CBC",
  aes192: "AES_CBC",
  aes256: "AES_CBC",
  des: "DES_CBC",
  null: "NULL",
} as const satisfies Record<IpsecEncryption, string>;
const integrityNames = {
  md5: ["HMAC_MD5_96", "PRF_HMAC_MD5", "HASH_MD5"],
  sha1: ["HMAC_SHA1_96", "PRF_HMAC_SHA1", "HASH_SHA1"],
} as const satisfies Record<Integrity, readonly string[]>;
const groupNames = {
  1: "MODP_768",
  2: "MODP_1024",
  5: "MODP_1536",
  14: "MODP_2048",
  24: "MODP_2048_256",
} as const satisfies Record<DhGroup, string>;

export function wantedAlgorithms(): Set<string> {
  return new Set([
    ...ipsecEncryptions.map((name) => encryptionNames[name]),
    ...integrities.flatMap((name) => integrityNames[name]),
    ...dhGroups.map((group) => groupNames[group]),
  ]);
}

export function judgeAlgorithms(algorithms: ReadonlySet<string>): Check {
  const missing = [...wantedAlgorithms()].filter((name) => !algorithms.has(name));
  if (missing.length === 0) {
    return ok(
      "algorithms",
      "charon lists every cipher, hash and group of the contract: DES to AES-256, MD5, SHA1, groups 1 to 24.",
    );
  }
  return fail("algorithms", `charon lacks ${missing.join(", ")}.`, installPackages);
}
