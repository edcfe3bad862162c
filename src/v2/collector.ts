// Gathers what the readers of forms and multipart bodies decode; keeps the rules that hold for both (api-v2.md 1.1, 1.4).

import { ApiError } from "../errors.ts";

/** PHP, the original's platform, stops at 1000 (`max_input_vars`); twice that leaves room for long SPD lists. */
const maxParameters = 2_000;

/** Names to values in order of arrival; of a name sent twice only the later one stays. */
export class ParameterCollector {
  readonly parameters = new Map<string, string>();
  #count = 0;

  /** Makes room for one more, before it is decoded. @throws ApiError when a request has too many */
  count(): void {
    this.#count += 1;
    if (this.#count > maxParameters) {
      throw new ApiError("parameter-invalid", `A request can have at most ${maxParameters} parameters.`);
    }
  }

  put(name: string, value: string): void {
    // A name sent again moves to its new place, so that "last wins" also holds between `a_b` and `a.b`.
    if (this.parameters.has(name)) this.parameters.delete(name);
    this.parameters.set(name, value);
  }
}
