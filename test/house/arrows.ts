// Which way imports may point (house-style.md, The plan), as one table, and the checker that reads it. A finer room wins over the
// one it is in: `dataplane/charon` over `dataplane`. Tests beside the code are visitors: they may import what they need.
import { posix } from "node:path";
import type { SourceFile } from "./tree.ts";

const anything = ["*"];

/** Each room of src, and what it may import from the other rooms. Its own files it always may. Nobody may import main.ts. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  vici: [],
  "errors.ts": [],
  "log.ts": [],
  health: [],
  vpn: ["errors.ts"],
  "peer-config": ["vpn"],
  "config.ts": ["config", "vpn"],
  config: ["vpn"],

  store: ["vpn", "errors.ts"],
  tasks: ["store", "vpn", "errors.ts"],

  diagnosis: ["vpn"],
  "dataplane/dataplane.ts": ["vpn", "diagnosis"],
  dataplane: ["vici", "vpn", "diagnosis"],

  "control/control.ts": ["vpn"],
  control: ["store", "tasks", "vpn", "errors.ts"],
  "control/remote": ["vpn", "errors.ts"],

  placement: ["control/control.ts", "control/direct/record.ts", "store", "vpn"],
  operations: ["store", "tasks", "peer-config", "vpn", "errors.ts", "config.ts"],
  reconcile: ["control/control.ts", "dataplane/dataplane.ts", "diagnosis", "vpn", "errors.ts"],

  host: ["reconcile", "control", "store", "dataplane", "vpn", "config.ts", "log.ts"],

  v2: ["operations", "vpn", "errors.ts"],
  http: ["v2", "control", "health", "vpn", "errors.ts", "config.ts"],

  lab: ["dataplane", "peer-config", "vpn", "config.ts"],
  doctor: ["dataplane", "vici", "store", "control", "host", "vpn", "errors.ts", "config.ts"],
  demo: ["cli", "lab", "dataplane", "v2/signature.ts", "vpn", "errors.ts", "config.ts"],
  cli: anything,
  roles: anything,
  "main.ts": anything,
};

/** What only some rooms may import from outside: packages and Node's own modules. */
const reserved: Readonly<Record<string, readonly string[]>> = {
  kysely: ["store"],
  "better-sqlite3": ["store"],
  pg: ["store"],
  fastify: ["http"],
  "@peculiar/x509": ["http/self-signed.ts"],
  "reflect-metadata": ["http/self-signed.ts"],
  "node:tls": ["http", "cli"],
  commander: ["cli"],
  "node:net": ["vici", "http", "lab", "doctor"], // the lab: does its charon listen; the doctor: is a port free
};

/** The only readers of the environment; the rest gets a config. */
const environmentReaders = ["config.ts", "cli", "main.ts"];

const importPatterns = [
  /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm,
  /^\s*import\s*["']([^"']+)["']/gm,
  /\b(?:import|require)\(\s*["']([^"']+)["']\s*[,)]/g,
];
const unreadableImport = /\bimport\(\s*[^"'\s]/;
const environment = /\bprocess\s*\.\s*env\b|\benv\b[^;]*\bfrom\s*["']node:process["']/;

/** Every wrong arrow of the files under src, as a sentence. */
export function findWrongArrows(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => !path.endsWith(".test.ts"))
    .flatMap(({ path, text }) => checkFile(path.slice("src/".length), text));
}

function checkFile(file: string, text: string): string[] {
  const room = roomOf(file);
  if (room === undefined) return [`src/${file} is in no known room: add the room to the table in test/house/arrows.ts`];
  const wrong = listImports(text)
    .filter((target) => !mayImport(file, room, target))
    .map((target) => `src/${file} must not import ${target}`);
  if (unreadableImport.test(text)) wrong.push(`src/${file} has an import() of something that is not a literal`);
  if (environment.test(text) && !isIn(file, environmentReaders))
    wrong.push(`src/${file} must not read the environment`);
  return wrong;
}

function listImports(text: string): string[] {
  return importPatterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, target = ""]) => target));
}

function mayImport(file: string, room: string, target: string): boolean {
  if (!target.startsWith(".")) {
    const owners = reserved[packageOf(target)];
    return owners === undefined || isIn(file, owners);
  }
  const imported = posix.normalize(posix.join(posix.dirname(file), target));
  if (imported.startsWith("..") || imported === "main.ts") return false;
  const allowed = rooms[room] ?? [];
  return allowed === anything || isIn(imported, [topOf(room), ...allowed]);
}

/** `@scope/name/deep` is package `@scope/name`; `node:net` and `net` are one. */
function packageOf(target: string): string {
  const name = target.split("/", target.startsWith("@") ? 2 : 1).join("/");
  return `node:${name}` in reserved ? `node:${name}` : name;
}

function isIn(file: string, places: readonly string[]): boolean {
  return places.some((place) => file === place || file.startsWith(`${place}/`));
}

function topOf(room: string): string {
  return room.split("/", 1)[0] ?? room;
}

function roomOf(file: string): string | undefined {
  return Object.keys(rooms)
    .filter((room) => isIn(file, [room]))
    .sort((a, b) => b.length - a.length)[0];
}
