// What has happened of late, for a person: a few lines of charon's log in fewer words.
import type { DiagnosisEvent } from "../vpn/diagnosis.ts";

const mostEvents = 20;
const longestText = 300;

/** A peer chooses its identity, so what it said may be long and may hold anything. */
export function clean(text: string): string {
  return text.replace(/\p{Cc}/gu, "?").slice(0, longestText);
}

/** Puts an event to the others. The oldest make room. */
export function addEvent(events: DiagnosisEvent[], atMs: number, text: string): void {
  events.push({ atMs, text: clean(text) });
  if (events.length > mostEvents) events.shift();
}

/** What a line says to have happened; undefined for most. What it says to be wrong is a finding. */
export function readEvent(text: string): string | undefined {
  const mode = /^initiating (\w+) Mode IKE_SA /.exec(text)?.[1];
  if (mode !== undefined) return `we begin in ${mode} Mode`;
  const theirs = /^\S+ is initiating an? (\w+) Mode IKE_SA$/.exec(text)?.[1];
  if (theirs !== undefined) return `the peer begins in ${theirs} Mode`;
  if (/^IKE_SA .* established between /.test(text)) return "phase 1 is up";
  const networks = /^CHILD_SA .* established with SPIs .* and TS (.+)$/.exec(text)?.[1];
  if (networks !== undefined) return `up: ${networks}`;
  const closed = /^closing CHILD_SA .* with SPIs .* and TS (.+)$/.exec(text)?.[1];
  if (closed !== undefined) return `down: ${closed}`;
  return /^giving up after \d+ retransmits/.test(text) ? "no answer: given up" : undefined;
}
