// Reads charon's list-sas answer. Pure.
import type { DecodedMessage, DecodedValue } from "../../vici/codec.ts";
import type { ChildSa, IkeSa } from "../dataplane.ts";

/** charon's name for an IKE_SA whose peer has not said yet who it is (ike_sa.c, get_name). */
const unnamed = "(unnamed)";

/**
 * The IKE_SAs of a list-sas answer (README of the vici plugin, list-sa): one message for each. One that a peer has begun and that
 * belongs to no connection yet is left out: it is nobody's to judge until it has a name.
 */
export function readIkeSas(messages: readonly DecodedMessage[]): IkeSa[] {
  return messages.flatMap((message) =>
    sectionsOf(message)
      .filter(([connection]) => connection !== unnamed)
      .map(([connection, section]) => ({
        connection,
        uniqueId: textOf(section.uniqueid),
        state: textOf(section.state),
        // The keys are `name-uniqueid`: after a rekeying the same child is there twice.
        children: sectionsOf(section["child-sas"]).map(([, child]) => readChildSa(child)),
      })),
  );
}

/** The networks behind the peers, of CHILD_SAs that are installed, in a list-sas answer. */
export function readPeerNetworks(messages: readonly DecodedMessage[]): Set<string> {
  const children = messages
    .flatMap(sectionsOf)
    .flatMap(([, ikeSa]) => sectionsOf(ikeSa["child-sas"]))
    .map(([, child]) => child)
    .filter((child) => child.state === "INSTALLED");
  return new Set(children.flatMap((child) => (Array.isArray(child["remote-ts"]) ? child["remote-ts"] : [])));
}

/** What a `child-updown` or `child-rekey` event tells. */
export interface ChildEvent {
  /** Without its other children; undefined when the event is about none that has a name. */
  readonly ikeSa: IkeSa | undefined;
  /** CHILD_SAs that have ended or been replaced, with their last counters. */
  readonly ended: readonly ChildSa[];
  readonly begun: readonly ChildSa[];
}

/** Of a replaced CHILD_SA nothing is said any more when it goes. */
export function readChildEvent(event: DecodedMessage): ChildEvent {
  const sections = sectionsOf(event).flatMap(([, ikeSa]) => sectionsOf(ikeSa["child-sas"]));
  const ended: ChildSa[] = [];
  const begun: ChildSa[] = [];
  for (const [, child] of sections) {
    if (isSection(child.old)) ended.push(readChildSa(child.old));
    if (isSection(child.new)) begun.push(readChildSa(child.new));
    if (typeof child.name === "string") (event.up === "yes" ? begun : ended).push(readChildSa(child));
  }
  return { ikeSa: readIkeSas([event])[0], ended, begun };
}

function readChildSa(child: DecodedMessage): ChildSa {
  return {
    name: textOf(child.name),
    uniqueId: textOf(child.uniqueid),
    state: textOf(child.state),
    spi: textOf(child["spi-in"]),
    ageSeconds: numberOf(child["install-time"]),
    bytesIn: numberOf(child["bytes-in"]),
    bytesOut: numberOf(child["bytes-out"]),
  };
}

/** The sections of a message by name; none when there is none. */
function sectionsOf(value: DecodedValue | undefined): [string, DecodedMessage][] {
  if (!isSection(value)) return [];
  return Object.entries(value).flatMap(([name, section]) => (isSection(section) ? [[name, section]] : []));
}

function isSection(value: DecodedValue | undefined): value is DecodedMessage {
  return typeof value === "object" && !Array.isArray(value);
}

function numberOf(value: DecodedValue | undefined): number {
  return Number(textOf(value) || 0);
}

function textOf(value: DecodedValue | undefined): string {
  return typeof value === "string" ? value : "";
}
