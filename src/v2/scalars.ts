// Reads single values out of text: strictly, and with refusals that say what was expected, never what was given:
// a value may be a secret.

import { refuseField } from "../errors.ts";

/** One parameter as it arrived: its name on the wire (dots for underscores) and its value, never empty. */
export interface Given {
  readonly name: string;
  readonly value: string;
}

/** The readings every place with named values has; where the values lie is the subclass's business. */
export abstract class ScalarReader {
  protected abstract find(name: string): Given | undefined;
  /** The name to refuse a missing value by. */
  protected abstract nameMissing(name: string): string;

  text(name: string): string | undefined {
    return this.find(name)?.value;
  }

  requireText(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw refuseField(this.nameMissing(name), "The parameter is missing or empty.");
    return value;
  }

  /** A whole number, `-?[0-9]+` and nothing else (api-v2.md 1.4), within the range when there is one. */
  integer(name: string, range?: readonly [number, number]): number | undefined {
    const given = this.find(name);
    if (given === undefined) return undefined;
    const value = /^-?[0-9]+$/.test(given.value) ? Number(given.value) : Number.NaN;
    const [low, high] = range ?? [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    if (value >= low && value <= high) return value + 0; // never NaN here, and -0 becomes 0
    const bounds = range === undefined ? "" : ` from ${low} to ${high}`;
    throw refuseField(given.name, `The value must be a whole number${bounds}.`);
  }

  requireInteger(name: string, range?: readonly [number, number]): number {
    const value = this.integer(name, range);
    if (value === undefined) throw refuseField(this.nameMissing(name), "The parameter is missing or empty.");
    return value;
  }

  /** `0`, `1`, `true`, `false` in any case: Python clients write `True`, Node clients `true` (api-v2.md 1.4). */
  flag(name: string): boolean | undefined {
    return this.choice(name, { "0": false, "1": true, false: false, true: true });
  }

  /** One of the table's keys, in any case (api-v2.md 4.2), as the table's value. */
  choice<T extends string | boolean>(name: string, table: Readonly<Record<string, T>>): T | undefined {
    const given = this.find(name);
    if (given === undefined) return undefined;
    const wanted = given.value.toLowerCase();
    for (const [spelling, value] of Object.entries(table)) {
      if (spelling.toLowerCase() === wanted) return value;
    }
    throw refuseField(given.name, `The value must be one of ${Object.keys(table).join(", ")}.`);
  }
}
