// Somebody else's reading of ESP: tshark, given the keys of two SAs and what was on the wire, decrypts and authenticates each packet.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/dataplane/charon/ip.ts";
import type { integrities, ipsecEncryptions } from "./choices.ts";

/** One direction of a tunnel. */
export interface EspSa {
  readonly from: string;
  readonly to: string;
  /** Eight hex digits. */
  readonly spi: string;
  /** In hex; empty for the null cipher. */
  readonly encryptionKey: string;
  readonly integrityKey: string;
}

export interface EspAlgorithms {
  readonly encryption: keyof typeof ipsecEncryptions;
  readonly integrity: keyof typeof integrities;
}

/** An ESP packet as tshark reads it. */
export interface ReadPacket {
  readonly spi: string;
  readonly isAuthentic: boolean;
  /** `echo 10.0.0.2 > 10.56.20.10`; undefined where no ICMP packet comes of the decryption. */
  readonly inside: string | undefined;
  /** What the packet carries, in hex. */
  readonly data: string;
}

/** The names in Wireshark's table of ESP SAs (https://wiki.wireshark.org/ESP_Preferences). */
const encryptionNames = {
  "3des-cbc": "TripleDES-CBC [RFC2451]",
  "aes-cbc-128": "AES-CBC [RFC3602]",
  "aes-cbc-192": "AES-CBC [RFC3602]",
  "aes-cbc-256": "AES-CBC [RFC3602]",
  "des-cbc": "DES-CBC [RFC2405]",
  null: "NULL",
} as const satisfies Record<EspAlgorithms["encryption"], string>;
const integrityNames = {
  md5: "HMAC-MD5-96 [RFC2403]",
  sha: "HMAC-SHA-1-96 [RFC2404]",
} as const satisfies Record<EspAlgorithms["integrity"], string>;

const fields = ["esp.spi", "esp.icv_good", "icmp.type", "ip.src", "ip.dst", "data.data"];
const options = ["esp.enable_encryption_decode:TRUE", "esp.enable_authentication_check:TRUE"];

/** Reads every ESP packet of a capture. The keys go by a file of this call's own. @throws CommandError */
export async function readEsp(pcap: Buffer, algorithms: EspAlgorithms, sas: readonly EspSa[]): Promise<ReadPacket[]> {
  const dir = await mkdtemp(join(tmpdir(), "culvert-tshark-"));
  try {
    const captureFile = join(dir, "wire.pcap");
    await writeFile(captureFile, pcap, { mode: 0o600 });
    await writeFile(join(dir, "esp_sa"), sas.map((sa) => rowOfTable(algorithms, sa)).join(""), { mode: 0o600 });
    const set = options.flatMap((option) => ["-o", option]);
    const shown = fields.flatMap((field) => ["-e", field]);
    const tshark = ["tshark", "-r", captureFile, "-Y", "esp", ...set, "-T", "fields", ...shown];
    const said = await run("env", [`WIRESHARK_CONFIG_DIR=${dir}`, ...tshark]);
    return said
      .split("\n")
      .filter((line) => line !== "")
      .map(readLine);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function rowOfTable({ encryption, integrity }: EspAlgorithms, sa: EspSa): string {
  const hex = (key: string) => (key === "" ? "" : `0x${key}`);
  const ciphers = [encryptionNames[encryption], hex(sa.encryptionKey), integrityNames[integrity], hex(sa.integrityKey)];
  const row = ["IPv4", sa.from, sa.to, `0x${sa.spi}`, ...ciphers, "32-bit"];
  return `${row.map((value) => `"${value}"`).join(",")}\n`;
}

/** Of addresses the first is outside of the tunnel, the second inside. */
function readLine(line: string): ReadPacket {
  const [spi = "", icv, type = "", sources = "", targets = "", data = ""] = line.split("\t");
  const kind = { 0: "reply", 8: "echo" }[type];
  const [source, target] = [sources.split(",")[1], targets.split(",")[1]];
  const inside = kind && source && target ? `${kind} ${source} > ${target}` : undefined;
  return { spi: spi.replace(/^0x/, ""), isAuthentic: icv === "1" || icv === "True", inside, data };
}
