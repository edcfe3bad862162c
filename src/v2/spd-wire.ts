// The SPD rules of a channel in their four wire forms, and nothing of what the networks mean (api-v2.md 4.1):
//   spdAcl={"10.0.0.5/24":["172.123.10.5/16"]}      spdAcl.10.0.0.5/24.0=172.123.10.5/16
//   spdAcl.0={"10.0.0.5/24":["172.123.10.5/16"]}    spdAcl.0.10.0.0.5/24.0=172.123.10.5/16

import { refuseField } from "../errors.ts";
import { isObject, parseJson, refuseShape } from "./json-text.ts";
import type { Given } from "./scalars.ts";

const example = '{"10.0.0.0/24":["172.16.0.0/16"]}';

/** As many as a request can have parameters, so that JSON text and flattened parameters carry the same. */
const maxPeers = 2_000;

/** One local network and the peer networks it may talk to, as text. */
export interface LocalNetworks {
  local: string;
  peers: string[];
}

interface Rule extends LocalNetworks {
  /** The element of the list the rule stood in; 0 without a list. */
  readonly listIndex: number;
  readonly peerIndex: number;
}

/** Reads the rules out of the parameter `name` and all `name.*`, in order of entry; equal locals are put together. */
export function unfoldNetworks(name: string, given: readonly Given[]): LocalNetworks[] {
  if (given.length > 1 && given.some((parameter) => parameter.name === name)) {
    throw refuseField(name, "The rules must be given in one form, as JSON text or one by one.");
  }
  const rules = given.flatMap((parameter) => readRules(name, parameter));
  let peerCount = 0;
  for (const rule of rules) peerCount += rule.peers.length;
  if (peerCount > maxPeers) throw refuseField(name, `At most ${maxPeers} peer networks can be given.`);
  return joinByLocal(rules);
}

function readRules(name: string, given: Given): Rule[] {
  const rest = given.name.slice(name.length + 1);
  if (rest === "") return readJsonRules(name, given.value, 0);
  if (/^[0-9]{1,6}$/.test(rest)) return readJsonRules(name, given.value, Number(rest));
  // The dots of the network itself are in the name: [list index .] a.b.c.d/len [. peer index]
  const match = /^(?:([0-9]{1,6})\.)?((?:[0-9]{1,3}\.){3}[0-9]{1,3}\/[0-9]{1,2})(?:\.([0-9]{1,6}))?$/.exec(rest);
  const [, listIndex = "0", local, peerIndex = "0"] = match ?? [];
  if (local === undefined) {
    throw refuseField(name, `The rules must be JSON like ${example}, or ${name}.10.0.0.0/24.0 and so on.`);
  }
  return [{ listIndex: Number(listIndex), peerIndex: Number(peerIndex), local, peers: [given.value] }];
}

/** One object, or (a list given as one text) an array of them. */
function readJsonRules(name: string, text: string, listIndex: number): Rule[] {
  const value = parseJson(name, text, 3, example);
  const elements: unknown[] = Array.isArray(value) ? value : [value];
  const rules = elements.flatMap((element) => {
    const entries = isObject(element) ? Object.entries(element) : [];
    if (entries.length === 0) throw refuseShape(name, example);
    return entries.map(([local, peers]) => ({ listIndex, peerIndex: 0, local, peers: readPeers(name, peers) }));
  });
  if (rules.length === 0) throw refuseShape(name, example);
  return rules;
}

/** A list of networks, or one network without the list. */
function readPeers(name: string, value: unknown): string[] {
  const peers: unknown[] = Array.isArray(value) ? value : [value];
  if (peers.length === 0) throw refuseShape(name, example);
  return peers.map((peer) => {
    if (typeof peer !== "string" || peer === "") throw refuseShape(name, example);
    return peer;
  });
}

/** A client may flatten in any order: elements of the list and peers go by index, everything else by arrival. */
function joinByLocal(rules: readonly Rule[]): LocalNetworks[] {
  const byLocal = new Map<string, Rule[]>();
  for (const rule of rules.toSorted((a, b) => a.listIndex - b.listIndex)) {
    const known = byLocal.get(rule.local);
    if (known === undefined) byLocal.set(rule.local, [rule]);
    else known.push(rule);
  }
  return Array.from(byLocal, ([local, parts]) => ({
    local,
    peers: parts
      .toSorted((a, b) => a.listIndex - b.listIndex || a.peerIndex - b.peerIndex)
      .flatMap((part) => part.peers),
  }));
}
