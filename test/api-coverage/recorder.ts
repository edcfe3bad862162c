// Notes which parts of the contract each test exercises: the server of a contract test answers through here. What a reply has and the
// contract has not, or has with another type or number, is noted as a fault.
import { appendFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect } from "vitest";
import { V2Api, type V2Outcome } from "../../src/v2/api.ts";
import type { V2Reply } from "../../src/v2/envelope.ts";
import { type FlatParameters, type RawRequest, readParameters } from "../../src/v2/request.ts";
import { type ActionContract, commonErrors, contract, type FieldType, notOffered } from "./contract.ts";
import { directoryVariable, item, type Note } from "./notes.ts";

/** The API of a contract test's server. */
export class RecordingApi extends V2Api {
  override async answer(raw: RawRequest): Promise<V2Outcome> {
    const outcome = await super.answer(raw);
    record(raw, outcome.reply);
    return outcome;
  }
}

function record(raw: RawRequest, reply: V2Reply): void {
  const directory = process.env[directoryVariable];
  const { currentTestName: test, testPath = "" } = expect.getState();
  if (directory === undefined || test === undefined) return;
  const { items, faults } = examine(readLoosely(raw), reply);
  // What is drawn at random covers nothing for certain; its faults are faults.
  const note: Note = { file: basename(testPath), test, items: isRandom(testPath) ? [] : items, faults };
  appendFileSync(join(directory, `${process.pid}.jsonl`), `${JSON.stringify(note)}\n`);
}

function isRandom(testPath: string): boolean {
  return testPath.endsWith("fuzz.test.ts");
}

function readLoosely(raw: RawRequest): FlatParameters {
  try {
    return readParameters(raw);
  } catch {
    return new Map();
  }
}

function examine(parameters: FlatParameters, reply: V2Reply): { items: string[]; faults: string[] } {
  const action = parameters.get("Action") ?? "";
  const known = Object.hasOwn(contract, action) ? contract[action] : undefined;
  if (reply.code !== 0) return examineRefusal(action, known, parameters, reply);
  if (known === undefined) return { items: [], faults: [`${action} is in no contract and was carried out`] };
  const { code: _code, message: _message, codeDesc: _codeDesc, ...payload } = reply;
  const leaves = leavesOf(payload, "");
  return {
    items: [
      item.success(action),
      ...parametersOf(action, known, parameters),
      ...leaves.flatMap(([path]) => (path in known.output ? [item.field(action, path)] : [])),
    ],
    faults: leaves.flatMap(([path, value]) => {
      const type = known.output[path];
      if (type === undefined) return [`${action} replies with ${path}, which the contract has not`];
      return isOfType(value, type) ? [] : [`${action}: ${path} is ${JSON.stringify(value)}, not ${type}`];
    }),
  };
}

function examineRefusal(
  action: string,
  known: ActionContract | undefined,
  parameters: FlatParameters,
  { code, codeDesc, message }: V2Reply,
): { items: string[]; faults: string[] } {
  const named = (name: string) => message.includes(`[${name}`);
  const refused = known === undefined ? [] : parametersOf(action, known, parameters, named);
  if (known?.errors[codeDesc] === code) return { items: [item.error(action, codeDesc), ...refused], faults: [] };
  if (commonErrors[codeDesc]?.includes(code)) {
    const lacking = notOffered.includes(action) && code === 6100 ? [item.notOffered(action)] : [];
    return { items: [item.common(codeDesc, code), ...lacking, ...refused], faults: [] };
  }
  return { items: refused, faults: [`${action} refuses with ${code} ${codeDesc}, which the contract has not`] };
}

function parametersOf(
  action: string,
  known: ActionContract,
  parameters: FlatParameters,
  isCounted: (name: string) => boolean = () => true,
): string[] {
  const items = new Set<string>();
  for (const [name, value] of parameters) {
    if (value === "" || !isCounted(name)) continue;
    for (const [parameter, forms] of Object.entries(known.parameters)) {
      const form = forms.find((each) => each.name.test(name) && (each.value?.test(value) ?? true));
      if (form !== undefined) items.add(item.parameter(action, parameter, form.label));
    }
  }
  return [...items];
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

function isOfType(value: unknown, type: FieldType): boolean {
  if (value === null) return type.endsWith("?");
  const own = Number.isInteger(value) ? "integer" : typeof value;
  return type.replace("?", "").split("|").includes(own);
}
