// An object parameter such as the IKE settings, in every form it has on the wire (api-v2.md 4.2):
// `IKESet.x`, `IKESet.0.x`, `ikeSet.0.x`, or one JSON text in `IKESet` or `IKESet.0`; and lists of such objects (api-v2.md 1.4).

import { refuseField } from "../errors.ts";
import { isObject, parseJson, refuseShape } from "./json-text.ts";
import { type Given, ScalarReader } from "./scalars.ts";

const example = '{"name":"value"}';

/** Reads the fields of one section; field names are compared without case. */
export class SectionReader extends ScalarReader {
  readonly #prefix: string;
  readonly #fields: ReadonlyMap<string, Given>;

  /** `prefix` names the section in refusals; `fields` is from unfoldSection. */
  constructor(prefix: string, fields: ReadonlyMap<string, Given>) {
    super();
    this.#prefix = prefix;
    this.#fields = fields;
  }

  /** True when not one field was given. */
  get isEmpty(): boolean {
    return this.#fields.size === 0;
  }

  protected override find(name: string): Given | undefined {
    return this.#fields.get(name.toLowerCase());
  }

  protected override nameMissing(name: string): string {
    return `${this.#prefix}.${name}`;
  }
}

/**
 * Fields by lower-case name out of the parameters of one section. A field given twice, under two prefixes or in two
 * forms, has its last value, like a parameter in two spellings (api-v2.md 1.4).
 */
export function unfoldSection(given: Iterable<Given>): Map<string, Given> {
  const fields = new Map<string, Given>();
  for (const { name, value } of given) {
    const { index, field } = splitName(name);
    // Tables call the section an array, in fact it is one object (4.1): a second element would be lost, so it is refused.
    if (index !== undefined && Number(index) !== 0) {
      throw refuseField(name, "Only one set can be given; its index is 0.");
    }
    if (field === undefined) unfoldJson(name, parseJson(name, value, 1, example), fields);
    else fields.set(field.toLowerCase(), { name, value });
  }
  return fields;
}

/** One object of a list. */
interface Element {
  readonly index: number;
  readonly fields: Map<string, Given>;
}

/** The same for a list of objects: `name.0.x`, a JSON object in `name.0`, or a JSON list in `name`. */
export function unfoldSections(given: Iterable<Given>): Element[] {
  const elements = new Map<number, Element>();
  const fieldsAt = (index: number): Map<string, Given> => {
    const element = elements.get(index) ?? { index, fields: new Map<string, Given>() };
    elements.set(index, element);
    return element.fields;
  };
  for (const { name, value } of given) {
    const { index, field } = splitName(name);
    if (field !== undefined) {
      fieldsAt(Number(index ?? 0)).set(field.toLowerCase(), { name, value });
      continue;
    }
    const parsed = parseJson(name, value, 2, `[${example}]`);
    const isWholeList = index === undefined && Array.isArray(parsed);
    for (const [position, members] of (isWholeList ? parsed : [parsed]).entries()) {
      const at = Number(index ?? position);
      unfoldJson(isWholeList ? `${name}.${at}` : name, members, fieldsAt(at));
    }
  }
  return [...elements.values()].toSorted((a, b) => a.index - b.index);
}

/** `IKESet.0.dhGroupName`: the index and the field, where they are there. */
function splitName(name: string): { readonly index: string | undefined; readonly field: string | undefined } {
  const [, index, field] = /^[^.]*(?:\.([0-9]+))?(?:\.(.*))?$/s.exec(name) ?? [];
  return { index, field };
}

function unfoldJson(name: string, members: unknown, fields: Map<string, Given>): void {
  if (!isObject(members)) throw refuseShape(name, example);
  for (const [field, value] of Object.entries(members)) {
    // As with parameters, nothing is "not given".
    if (value === null || value === "") continue;
    if (typeof value === "object") throw refuseShape(name, example);
    fields.set(field.toLowerCase(), { name: `${name}.${field}`, value: String(value) });
  }
}
