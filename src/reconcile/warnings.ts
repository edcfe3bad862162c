// What there is to say of channels that are up, from what goes through them.
import type { Trouble } from "../diagnosis/diagnosis.ts";
import type { DesiredConns } from "./desired.ts";
import type { Flows } from "./flows.ts";

const mostEvents = 20;

/** By channel; of two that could be said, that nothing comes back. */
export function warningsOf(flows: Flows, conns: DesiredConns, nowMs: number): Map<number, Trouble> {
  const warnings = new Map<number, Trouble>();
  for (const child of flows.told) {
    const connId = conns.connIdOf(child);
    if (connId === undefined) continue;
    const oneWay = oneWayOf(flows, child);
    const tooFast: Trouble = { finding: { cause: "volume-lifetime", said: "" }, sinceMs: nowMs, events: [] };
    if (oneWay !== undefined || !warnings.has(connId)) warnings.set(connId, oneWay ?? tooFast);
  }
  return warnings;
}

function oneWayOf(flows: Flows, child: string): Trouble | undefined {
  const sinceMs = flows.oneWaySinceMs(child);
  if (sinceMs === undefined) return undefined;
  const cures = flows.curesMs(child).map((atMs) => ({ atMs, text: "negotiated anew" }));
  const events = [{ atMs: sinceMs, text: "packets go out, and none come in from here on" }, ...cures];
  return { finding: { cause: "one-way", said: "" }, sinceMs, events: events.slice(-mostEvents) };
}
