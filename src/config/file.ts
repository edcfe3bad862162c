// The settings' file: JSON, with sections as nested objects or names with dots.
import { readFileSync } from "node:fs";
import { ConfigError } from "./error.ts";

/**
 * The settings of a JSON file, each as the text that the environment would have.
 * @param isMap whether a setting may be an object, whose text is `key=value,…`
 * @throws ConfigError
 */
export function readSettingsFile(path: string, isMap: (name: string) => boolean): Map<string, string> {
  const found = new Map<string, string>();
  const value = parseFile(path);
  if (!isSection(value)) throw new ConfigError(`${path}: an object of settings is expected`);
  collect({ path, isMap, found }, value, "");
  return found;
}

function parseFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new ConfigError(`${path}: cannot be read as JSON`, { cause });
  }
}

function isSection(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface Reading {
  readonly path: string;
  readonly isMap: (name: string) => boolean;
  readonly found: Map<string, string>;
}

function collect(reading: Reading, section: object, prefix: string): void {
  const { path, isMap, found } = reading;
  for (const [key, value] of Object.entries(section)) {
    const name = `${prefix}${key}`;
    if (value === null) throw new ConfigError(`${path}: ${name}: a value is expected, not null`);
    if (isSection(value) && isMap(name)) found.set(name, joinEntries(value));
    else if (isSection(value)) collect(reading, value, `${name}.`);
    else found.set(name, Array.isArray(value) ? value.join(",") : String(value));
  }
}

/** A setting that is a map, as the text that the environment would have. */
function joinEntries(map: object): string {
  return Object.entries(map)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}
