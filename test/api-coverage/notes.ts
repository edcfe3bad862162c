// What a test exercised of the contract, as it is handed from the tests to the report.

/** Names the directory where notes go; nothing is noted where it is not set. */
export const directoryVariable = "API_COVERAGE_NOTES";

/** One line of the notes. */
export interface Note {
  readonly file: string;
  readonly test: string;
  /** Parts of the contract: see the makers of items below. */
  readonly items: readonly string[];
  readonly faults: readonly string[];
}

export const item = {
  success: (action: string) => `${action} carried out`,
  parameter: (action: string, name: string, form: string) => `${action} parameter ${name} ${form}`,
  field: (action: string, path: string) => `${action} field ${path}`,
  error: (action: string, codeDesc: string) => `${action} error ${codeDesc}`,
  commonParameter: (name: string, form: string) => `common parameter ${name} ${form}`,
  transport: (transport: string) => `request by ${transport}`,
  common: (codeDesc: string, code: number) => `common ${codeDesc} ${code}`,
  notOffered: (action: string) => `not offered ${action}`,
} as const;
