// Messages of charon's log as VICI tells them (README of the vici plugin, event `log`), read once and nowhere else.
import type { LogLine } from "../../diagnosis/diagnosis.ts";
import type { DecodedMessage } from "../../vici/codec.ts";

/** @returns undefined for a message that is about no IKE_SA, and for packets, of which the next message tells what was in them */
export function readLogLine(event: DecodedMessage, atMs: number): LogLine | undefined {
  const { group, msg: text, "ikesa-name": connection, "ikesa-uniqueid": uniqueId } = event;
  if (group === "NET" || typeof text !== "string" || typeof uniqueId !== "string") return undefined;
  return { connection: typeof connection === "string" ? connection : undefined, uniqueId, text, atMs };
}
