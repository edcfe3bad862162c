// How values of ours become JSON and are had back from it: small codecs, put together to greater ones. What is read is checked, so that
// nothing goes on into the program that is not of its type. Pure.
import { Secret } from "../vpn/secret.ts";

/** What came over the wire is not what was expected: one sentence that says where, and repeats nothing of it. */
export class WireError extends Error {
  readonly #expected: string;
  readonly #path: readonly string[];

  constructor(expected: string, path: readonly string[] = []) {
    super(`${path.length === 0 ? "the body" : path.join("")}: ${expected} is expected`);
    this.name = "WireError";
    this.#expected = expected;
    this.#path = path;
  }

  /** The same, seen from what holds it. */
  within(step: string): WireError {
    return new WireError(this.#expected, [step, ...this.#path]);
  }
}

/** A type on the wire. */
export interface Codec<T> {
  /** @returns what JSON has; undefined: nothing is written */
  readonly encode: (value: T) => unknown;
  /** @throws WireError */
  readonly decode: (json: unknown) => T;
  /** As a field it may be missing, in what is written and in what is read. */
  readonly mayMiss?: true;
}

function scalar<T>(is: (json: unknown) => json is T, expected: string): Codec<T> {
  const decode = (json: unknown): T => {
    if (!is(json)) throw new WireError(expected);
    return json;
  };
  return { encode: (value) => value, decode };
}

/** Without the character 0, which PostgreSQL has no place for. */
export const text = scalar((json): json is string => typeof json === "string" && !json.includes("\0"), "a text");
export const flag = scalar((json): json is boolean => typeof json === "boolean", "true or false");
/** From 0 to 2^53 - 1. */
export const count = scalar(
  (json): json is number => Number.isSafeInteger(json) && Number(json) >= 0,
  "a whole number from 0",
);
/** From -(2^53 - 1) to 2^53 - 1. */
export const integer = scalar((json): json is number => Number.isSafeInteger(json), "a whole number");

/** Milliseconds, with fractions; null stands for infinity, which JSON has not. */
export const duration: Codec<number> = {
  encode: (value) => (Number.isFinite(value) ? value : null),
  decode: (json) => {
    if (json === null) return Number.POSITIVE_INFINITY;
    if (typeof json !== "number" || json < 0) throw new WireError("a number from 0, or null");
    return json;
  },
};

export function oneOf<const T extends string | number>(values: readonly T[]): Codec<T> {
  return scalar((json): json is T => values.some((value) => value === json), `one of ${values.join(", ")}`);
}

/** It is revealed here: who encodes it hands it to the one it is for. */
export const secret: Codec<Secret> = {
  encode: (value) => value.reveal(),
  decode: (json) => new Secret(text.decode(json)),
};

/** Whatever JSON has: somebody else looks at it. */
export const anything: Codec<unknown> = { encode: (value) => value, decode: (json) => json };

/** Nothing at all: what a method gives that only does something. */
export const nothing: Codec<void> = { encode: () => undefined, decode: () => undefined };

/** undefined is left out of objects, and null elsewhere. */
export function maybe<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    encode: (value) => (value === undefined ? undefined : codec.encode(value)),
    decode: (json) => (json === undefined || json === null ? undefined : codec.decode(json)),
  };
}

/** A field that is not there when it is undefined. */
export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return { ...maybe(codec), mayMiss: true };
}

/** For a type that holds itself. */
export function lazy<T>(codecOf: () => Codec<T>): Codec<T> {
  return { encode: (value) => codecOf().encode(value), decode: (json) => codecOf().decode(json) };
}

export function list<T>(codec: Codec<T>): Codec<readonly T[]> {
  return {
    encode: (values) => values.map(codec.encode),
    decode: (json) => {
      if (!Array.isArray(json)) throw new WireError("a list");
      return json.map((each, index) => inside(`[${index}]`, () => codec.decode(each)));
    },
  };
}

type Codecs<T extends readonly unknown[]> = { readonly [K in keyof T]: Codec<T[K]> };

/** A list of this length, each with a type of its own: arguments, for one. */
export function tuple<T extends unknown[]>(...codecs: Codecs<T>): Codec<T> {
  return {
    encode: (values) => codecs.map((codec, index) => codec.encode(values[index])),
    decode: (json) => {
      if (!Array.isArray(json) || json.length !== codecs.length) throw new WireError(`a list of ${codecs.length}`);
      return codecs.map((codec, index) => inside(`[${index}]`, () => codec.decode(json[index]))) as T;
    },
  };
}

/** A map as the list of its entries. */
export function mapOf<V>(codec: Codec<V>): Codec<ReadonlyMap<number, V>> {
  const entries = list(tuple<[number, V]>(count, codec));
  return {
    encode: (map) => entries.encode([...map]),
    decode: (json) => new Map(entries.decode(json)),
  };
}

/** Fields that are not known are left alone, so that programs of two releases understand each other. */
export function record<T extends object>(fields: { readonly [K in keyof T]-?: Codec<T[K]> }): Codec<T> {
  const all = Object.entries(fields) as [string, Codec<unknown>][];
  return {
    encode: (value) =>
      Object.fromEntries(
        all.flatMap(([name, codec]) => {
          const field = value[name as keyof T];
          return field === undefined && codec.mayMiss ? [] : [[name, codec.encode(field)]];
        }),
      ),
    decode: (json) => {
      if (typeof json !== "object" || json === null || Array.isArray(json)) throw new WireError("an object");
      const given = json as Readonly<Record<string, unknown>>;
      const read = all.flatMap(([name, codec]) => {
        const field = Object.hasOwn(given, name) ? given[name] : undefined;
        if (codec.mayMiss && (field === undefined || field === null)) return [];
        return [[name, inside(`.${name}`, () => codec.decode(field))]];
      });
      return Object.fromEntries(read) as T;
    },
  };
}

function inside<T>(step: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw error instanceof WireError ? error.within(step) : error;
  }
}
