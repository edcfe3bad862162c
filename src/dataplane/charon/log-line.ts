// Lines of charon's log file, read once and nowhere else: `2026-11-22T10:20:30.123 05[IKE] <name|7> text` (charon-conf.ts).
import type { LogLine } from "../../diagnosis/diagnosis.ts";

const form = /^(\S+) \d+\[([A-Z]{3})\] (?:<(?:([^<>|]+)\|)?(\d+)> )?(.*)$/;
/** Of what is said about packets, this tells what no other line does: that none gets out. */
const sending = /^(sending packet: |error writing to socket: )/;

/** @returns undefined for a line that is about no IKE_SA, and for packets, of which the next line tells what was in them */
export function readLogLine(line: string): LogLine | undefined {
  const [, time, group, connection, uniqueId, text] = form.exec(line) ?? [];
  if (time === undefined || text === undefined) return undefined;
  if (group === "NET" ? !sending.test(text) : uniqueId === undefined) return undefined;
  // Local time, as charon has the server's zone.
  return { connection, uniqueId, text, atMs: Date.parse(time) };
}
