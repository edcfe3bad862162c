// Notes which parts of the contract each test exercises: the server of a contract test answers through here. What a reply has and the
// contract has not, or has with another type or number, is noted as a fault.
import { appendFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect } from "vitest";
import type { Reply } from "../../src/cli/client.ts";
import { V2Api, type V2Outcome } from "../../src/v2/api.ts";
import { type FlatParameters, type RawRequest, readParameters } from "../../src/v2/request.ts";
import {
  type ActionContract,
  commonErrors,
  commonParameters,
  contract,
  type FieldType,
  notOffered,
  type Parameters,
} from "./contract.ts";
import { directoryVariable, item, type Note } from "./notes.ts";

/** The API of a contract test's server. */
export class RecordingApi extends V2Api {
  override async answer(raw: RawRequest): Promise<V2Outcome> {
    const outcome = await super.answer(raw);
    record(outcome.reply, raw);
    return outcome;
  }
}

/** Notes a reply; without its request, where the server answered before there was a call. */
export function record(reply: Reply, raw?: RawRequest): void {
  const directory = process.env[directoryVariable];
  const { currentTestName: test, testPath = "" } = expect.getState();
  if (directory === undefined || test === undefined) return;
  const { items, faults } = examine(raw === undefined ? new Map() : readLoosely(raw), reply);
  const transport = raw === undefined || reply.code !== 0 ? [] : [item.transport(transportOf(raw))];
  const covered = isCounted(testPath) ? [...transport, ...items].filter((each) => !isChance(each, testPath)) : [];
  const note: Note = { file: basename(testPath), test, items: covered, faults };
  appendFileSync(join(directory, `${process.pid}.jsonl`), `${JSON.stringify(note)}\n`);
}

/** Tests of what is drawn at random, and of what the order of events decides. */
const changing: ReadonlySet<string> = new Set(["fuzz.test.ts", "concurrency.test.ts"]);

/** What differs from run to run, or is no contract test, covers nothing; its faults are faults. */
function isCounted(testPath: string): boolean {
  return basename(dirname(testPath)) === "contract" && !changing.has(basename(testPath));
}

/** A silent peer is found out at its own time, whatever the test that sees it is about; one file's tests are about that. */
function isChance(key: string, testPath: string): boolean {
  return / field data\[\]\.diagnosis\./.test(key) && basename(testPath) !== "describe-vpn-conn-diagnosis.test.ts";
}

function transportOf({ method, contentType = "" }: RawRequest): string {
  return method === "GET" ? method : `${method} ${contentType.split(";", 1)[0]}`;
}

function readLoosely(raw: RawRequest): FlatParameters {
  try {
    return readParameters(raw);
  } catch {
    return new Map();
  }
}

function examine(parameters: FlatParameters, reply: Reply): { items: string[]; faults: string[] } {
  const action = parameters.get("Action") ?? "";
  const known = Object.hasOwn(contract, action) ? contract[action] : undefined;
  if (reply.code !== 0) return examineRefusal(action, known, parameters, reply);
  if (known === undefined) return { items: [], faults: [`${action} is in no contract and was carried out`] };
  const { code: _code, message: _message, codeDesc: _codeDesc, ...payload } = reply;
  const leaves = leavesOf(payload, "");
  return {
    items: [
      item.success(action),
      ...formsOf(commonParameters, parameters).map(([name, form]) => item.commonParameter(name, form)),
      ...formsOf(known.parameters, parameters).map(([name, form]) => item.parameter(action, name, form)),
      ...leaves.flatMap(([path]) => (path in known.output ? [item.field(action, path)] : [])),
    ],
    faults: [
      ...leaves.flatMap(([path, value]) => {
        const type = known.output[path];
        if (type === undefined) return [`${action} replies with ${path}, which the contract has not`];
        return isOfType(value, type) ? [] : [`${action}: ${path} is ${JSON.stringify(value)}, not ${type}`];
      }),
      ...missingOf(payload, "", known).map((path) => `${action} replies without ${path}`),
    ],
  };
}

function examineRefusal(
  action: string,
  known: ActionContract | undefined,
  parameters: FlatParameters,
  { code, codeDesc = "", message }: Reply,
): { items: string[]; faults: string[] } {
  const named = (name: string) => message.includes(`[${name}`);
  const refused = formsOf(known?.parameters ?? {}, parameters, named).map(([name, form]) =>
    item.parameter(action, name, form),
  );
  if (known?.errors[codeDesc] === code) return { items: [item.error(action, codeDesc), ...refused], faults: [] };
  if (commonErrors[codeDesc]?.includes(code)) {
    const lacking = notOffered.includes(action) && code === 6100 ? [item.notOffered(action)] : [];
    return { items: [item.common(codeDesc, code), ...lacking, ...refused], faults: [] };
  }
  return { items: refused, faults: [`${action} refuses with ${code} ${codeDesc}, which the contract has not`] };
}

/** Which of the parameters came, and in which form: what is empty counts as not given. */
function formsOf(
  known: Parameters,
  given: FlatParameters,
  isCounted: (name: string) => boolean = () => true,
): (readonly [parameter: string, form: string])[] {
  const sent = [...given].filter(([name, value]) => value !== "" && isCounted(name));
  return sent.flatMap(([name, value]) =>
    Object.entries(known).flatMap(([parameter, forms]) => {
      const form = forms.find((each) => each.name.test(name) && (each.value?.test(value) ?? true));
      return form === undefined ? [] : [[parameter, form.label] as const];
    }),
  );
}

/** Objects whose names are data and not fields. */
const maps: ReadonlySet<string> = new Set(["data[].spdAcl", "data.limit"]);

/** Every value that is neither an object nor an array, with its path. */
function leavesOf(value: unknown, path: string): (readonly [string, unknown])[] {
  if (Array.isArray(value)) return value.flatMap((each) => leavesOf(each, `${path}[]`));
  if (typeof value !== "object" || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([name, each]) => {
    const step = maps.has(path) ? "*" : name;
    return leavesOf(each, path === "" ? step : `${path}.${step}`);
  });
}

/** What the objects of a reply should have, and have not. */
function missingOf(value: unknown, path: string, known: ActionContract): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => missingOf(each, `${path}[]`, known));
  if (typeof value !== "object" || value === null || maps.has(path)) return [];
  const prefix = path === "" ? "" : `${path}.`;
  const below = Object.keys(known.output).filter((each) => each.startsWith(prefix));
  const names = new Set(below.map((each) => each.slice(prefix.length).replace(/[.[].*$/, "")));
  const missing = [...names].filter((name) => !Object.hasOwn(value, name) && !known.optional?.includes(prefix + name));
  const inner = Object.entries(value).flatMap(([name, each]) => missingOf(each, prefix + name, known));
  return [...missing.map((name) => prefix + name), ...inner];
}

function isOfType(value: unknown, type: FieldType): boolean {
  if (value === null) return type.endsWith("?");
  const own = Number.isInteger(value) ? "integer" : typeof value;
  return type.replace("?", "").split("|").includes(own);
}
