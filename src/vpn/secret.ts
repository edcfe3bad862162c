// A value that must not be seen: it prints as ***, whatever prints it. Only reveal() gives it out.

const hidden = "***";

/** A pre-shared key or a secret key. Printing, logging, JSON and inspection show `***` (house-style.md, Errors). */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it where the value is used, and hand it no further. */
  reveal(): string {
    return this.#value;
  }

  equals(other: Secret): boolean {
    return this.#value === other.#value;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return hidden;
  }
}
