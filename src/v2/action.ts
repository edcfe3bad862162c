// What an action of the v2 API is: a name, whether it writes, and how it maps to an operation and back.
import type { Caller, Context } from "../operations/context.ts";
import type { ParameterReader } from "./parameters.ts";

export interface Action {
  readonly name: string;
  readonly isWrite: boolean;
  /** The API's parameter for a field that an operation names in its own words; of several, the first that was given. */
  readonly parameterOf?: Readonly<Record<string, string | readonly string[]>>;
  /** Gives the payload of the reply. @throws ApiError */
  readonly run: (context: Context, caller: Caller, parameters: ParameterReader) => Promise<Record<string, unknown>>;
}
