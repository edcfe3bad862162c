// Unfolds the flattened parameters of an action: scalars, lists, sections, SPD rules (api-v2.md 1.4, 4.1, 4.2).
// Names arrive with dots for underscores and without empty values (request.ts). What the values mean is the action's business.

import { refuseField } from "../errors.ts";
import { type Given, ScalarReader } from "./scalars.ts";
import { SectionReader, unfoldSection, unfoldSections } from "./section.ts";
import { type LocalNetworks, unfoldNetworks } from "./spd-wire.ts";

export type { SectionReader } from "./section.ts";
export type { LocalNetworks } from "./spd-wire.ts";

const maxListLength = 1_000;

/** Reads an action's parameters by name and remembers which were read. */
export class ParameterReader extends ScalarReader {
  readonly #parameters: ReadonlyMap<string, string>;
  readonly #read = new Set<string>();

  constructor(parameters: ReadonlyMap<string, string>) {
    super();
    this.#parameters = parameters;
  }

  /** Parameters nobody has asked for, in order of arrival. They are no error: clients add their own (api-v2.md 1.2). */
  unread(): string[] {
    return [...this.#parameters.keys()].filter((name) => !this.#read.has(name));
  }

  /**
   * `name.0`, `name.1`, ... in order of index, gaps allowed; or a bare `name=` as a list of one (api-v2.md 1.4).
   * Of both, the numbered ones count.
   */
  list(name: string): string[] | undefined {
    const scalar = this.text(name);
    const items = this.#take((own) => own.startsWith(`${name}.`)).map((item) => {
      const index = item.name.slice(name.length + 1);
      if (!/^[0-9]{1,9}$/.test(index)) throw refuseField(item.name, `The list must be ${name}.0, ${name}.1 and so on.`);
      return { index: Number(index), value: item.value };
    });
    if (items.length > maxListLength) throw refuseField(name, `The list can have at most ${maxListLength} elements.`);
    if (items.length > 0) return items.toSorted((a, b) => a.index - b.index).map((item) => item.value);
    return scalar === undefined ? undefined : [scalar];
  }

  /** An object parameter under any of its names, compared without case (api-v2.md 4.2). The first name is used in refusals. */
  section(prefixes: readonly string[]): SectionReader {
    const wanted = new Set(prefixes.map((prefix) => prefix.toLowerCase()));
    const given = this.#take((name) => wanted.has(firstPart(name).toLowerCase()));
    return new SectionReader(prefixes[0] ?? "", unfoldSection(given));
  }

  /** A list of objects in all its wire forms (section.ts), in order of index, gaps allowed; without an index it is a list of one. */
  sections(name: string): SectionReader[] {
    const sets = unfoldSections(this.#take((own) => own === name || own.startsWith(`${name}.`)));
    if (sets.length > maxListLength) throw refuseField(name, `The list can have at most ${maxListLength} elements.`);
    return sets.map(({ index, fields }) => new SectionReader(`${name}.${index}`, fields));
  }

  /** SPD rules in all their wire forms (api-v2.md 4.1). Networks are text: whether they are networks is not asked here. */
  networksByLocal(name: string): LocalNetworks[] | undefined {
    const given = this.#take((own) => own === name || own.startsWith(`${name}.`));
    return given.length === 0 ? undefined : unfoldNetworks(name, given);
  }

  protected override find(name: string): Given | undefined {
    const value = this.#parameters.get(name);
    if (value === undefined) return undefined;
    this.#read.add(name);
    return { name, value };
  }

  protected override nameMissing(name: string): string {
    return name;
  }

  /** Walks all parameters: an action asks for a few lists and sections, never for a number the caller chooses. */
  #take(isWanted: (name: string) => boolean): Given[] {
    const taken: Given[] = [];
    for (const [name, value] of this.#parameters) {
      if (!isWanted(name)) continue;
      this.#read.add(name);
      taken.push({ name, value });
    }
    return taken;
  }
}

function firstPart(name: string): string {
  const dot = name.indexOf(".");
  return dot === -1 ? name : name.slice(0, dot);
}
