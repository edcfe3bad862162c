// `culvert call`: one signed call of any action.
import { readFileSync } from "node:fs";
import type { Config } from "../config.ts";
import { call, clientOfConfig } from "./client.ts";
import { exitCodes } from "./exit-codes.ts";

/** Parameters that must not stand in the process list. */
const secretNames: readonly string[] = ["preSharedKey"];

/** `name=value`, `name=@FILE`, `name=-`. @throws Error that names what is wrong */
export function readParameter(text: string, readInput: (file: string | 0) => string): [string, string] {
  const mark = text.indexOf("=");
  if (mark < 1) throw new Error(`name=value is expected, not ${text}`);
  const name = text.slice(0, mark);
  const value = text.slice(mark + 1);
  if (value === "-") return [name, withoutNewline(readInput(0))];
  if (value.startsWith("@")) return [name, withoutNewline(readInput(value.slice(1)))];
  if (secretNames.includes(name) && value !== "") {
    throw new Error(`${name} is a secret and would be seen in the process list; give ${name}=@FILE or ${name}=-`);
  }
  return [name, value];
}

/** Files end with a line break that is not part of the value. */
function withoutNewline(text: string): string {
  return text.replace(/\r?\n$/, "");
}

export async function runCall(
  action: string,
  parameters: readonly string[],
  config: Config,
  options: { json?: boolean },
): Promise<void> {
  try {
    const readInput = (file: string | 0) => readFileSync(file, "utf8");
    const pairs = parameters.map((text) => readParameter(text, readInput));
    const reply = await call(clientOfConfig(config), action, Object.fromEntries(pairs));
    process.stdout.write(`${options.json ? JSON.stringify(reply) : JSON.stringify(reply, undefined, 2)}\n`);
    if (reply.code !== 0) process.exitCode = exitCodes.failed;
  } catch (error) {
    process.stderr.write(`culvert: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = exitCodes.unusable;
  }
}
