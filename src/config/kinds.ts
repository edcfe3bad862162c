// The kinds of settings: how the text of one is read, and what is said of a text that does not fit.
import { parseAddress } from "../vpn/network.ts";

/** A setting of the table: what it is without being given, what it is about, and how its text is read. */
export interface Setting<T> {
  readonly fallback: T;
  readonly about: string;
  /** @throws Error with what was expected */
  readonly parse: (text: string) => T;
  /** In the file it may be an object; its text is `key=value,…`. */
  readonly isMap?: boolean;
}

export function text(fallback: string, about: string): Setting<string> {
  return { fallback, about, parse: (value) => value };
}

/** A text that has to be of a certain form. */
export function checked(
  isFit: (value: string) => boolean,
  expected: string,
  fallback: string,
  about: string,
): Setting<string> {
  const parse = (value: string): string => {
    if (!isFit(value)) throw new Error(`${expected} is expected`);
    return value;
  };
  return { fallback, about, parse };
}

/** A text that `read` can make something of: it throws with what is expected. */
export function readable(
  read: (value: string) => unknown,
  fallback: string,
  about: string,
  kind: Pick<Setting<string>, "isMap"> = {},
): Setting<string> {
  const parse = (value: string): string => {
    read(value);
    return value;
  };
  return { fallback, about, parse, ...kind };
}

export function choice<const T extends string>(values: readonly T[], fallback: NoInfer<T>, about: string): Setting<T> {
  const parse = (value: string): T => {
    const found = values.find((known) => known === value);
    if (found === undefined) throw new Error(`one of ${values.join(", ")} is expected`);
    return found;
  };
  return { fallback, about: `${about} (${values.join(" | ")})`, parse };
}

export function integer(fallback: number, [least, most]: readonly [number, number], about: string): Setting<number> {
  const parse = (value: string): number => {
    const number = /^-?[0-9]{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) throw new Error(`a whole number from ${least} to ${most} is expected`);
    return number;
  };
  return { fallback, about, parse };
}

export function flag(fallback: boolean, about: string): Setting<boolean> {
  const words = new Map([
    ["true", true],
    ["1", true],
    ["false", false],
    ["0", false],
  ]);
  const parse = (value: string): boolean => {
    const found = words.get(value.toLowerCase());
    if (found === undefined) throw new Error("true or false is expected");
    return found;
  };
  return { fallback, about, parse };
}

/** A range of public addresses, first and last as 32-bit numbers. */
export interface AddressPool {
  readonly first: number;
  readonly last: number;
}

export function pool(fallback: string, about: string): Setting<AddressPool> {
  const parse = (value: string): AddressPool => {
    const [first, last, ...rest] = value.split("-").map((part) => parseAddress(part.trim()));
    if (first === undefined || last === undefined || rest.length > 0 || first > last) {
      throw new Error("two IPv4 addresses such as 198.51.100.10-198.51.100.60 are expected");
    }
    return { first, last };
  };
  return { fallback: parse(fallback), about, parse };
}
