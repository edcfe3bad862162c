// How v2 shows why a channel is not up. The vendor's API has nothing of the kind: the names are ours
// (docs/decisions/0075-why-a-channel-is-not-up.md).
import type { Context } from "../operations/context.ts";
import { type Diagnosis, type DiagnosisSummary, sideOf, type UnknownPeer } from "../vpn/diagnosis.ts";
import { formatTime } from "./values.ts";

/** The field of a channel's row: absent where nothing is known to be wrong, so that such a row is the vendor's and no more. */
export function showSummary(context: Context, diagnosis: DiagnosisSummary | undefined) {
  return diagnosis === undefined ? {} : { diagnosis: fieldsOf(context, diagnosis) };
}

/** The same with its events, the newest last. */
export function showDiagnosis(context: Context, diagnosis: Diagnosis | undefined) {
  if (diagnosis === undefined) return {};
  const events = diagnosis.events.map(({ atMs, text }) => ({ time: formatTime(context, atMs), text }));
  return { diagnosis: { ...fieldsOf(context, diagnosis), events } };
}

function fieldsOf(context: Context, diagnosis: DiagnosisSummary): Record<string, string> {
  const { cause, sentence, fix, offered, said, sinceMs } = diagnosis;
  return { cause, sentence, side: sideOf(cause), fix, offered, said, sinceTime: formatTime(context, sinceMs) };
}

export function showUnknownPeer(context: Context, peer: UnknownPeer): Record<string, string | number> {
  const { address, identity, offered, said, firstMs, lastMs, count } = peer;
  const times = { firstTime: formatTime(context, firstMs), lastTime: formatTime(context, lastMs) };
  return { address, identity, offered, said, ...times, count };
}
