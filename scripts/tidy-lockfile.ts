// Puts package-lock.json right after `npm install` has changed it (npm run tidy-lockfile); test/house/lockfile.test.ts says when it is due.
// npm writes what suits the machine it runs on; a lockfile has to suit every machine.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  version?: string;
  resolved?: string;
  cpu?: string[];
  dev?: boolean;
  libc?: string[];
  optional?: boolean;
  os?: string[];
  engines?: Record<string, string>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

type Packages = Record<string, LockedPackage>;

/** The same packages without what ties them to one machine, and what would be changed, one line each. */
export function tidyPackages(packages: Readonly<Packages>): { tidy: Packages; changes: string[] } {
  const tidy = structuredClone(packages) as Packages;
  const changes: string[] = [];
  for (const [path, locked] of Object.entries(tidy)) {
    // Where packages come from is the matter of each machine's own configuration.
    if (locked.resolved !== undefined) {
      changes.push(`${path} names the address it came from`);
      delete locked.resolved;
    }
    // npm runs on the machine's Node and leaves out, in silence, optional packages that ask for a newer one: on Node 18 the
    // bundler's native half. Ours run on the carried Node, whatever npm runs on.
    if (locked.optional && locked.engines !== undefined) {
      changes.push(`${path} is optional and asks for a version of Node`);
      delete locked.engines;
    }
    // npm ci refuses a lockfile that lacks an optional package, even one for another platform; npm install leaves out those that
    // it cannot reach (https://github.com/npm/cli/issues/9846).
    for (const [name, version] of Object.entries(locked.optionalDependencies ?? {})) {
      if (isLocked(tidy, path, name)) continue;
      changes.push(`${path} has the optional package ${name}, which is missing`);
      tidy[`node_modules/${name}`] = lockByName(name, version, locked.dev === true);
    }
  }
  const sorted = Object.entries(tidy).sort(([a], [b]) => a.localeCompare(b, "en"));
  return { tidy: Object.fromEntries(sorted), changes };
}

function isLocked(packages: Readonly<Packages>, dependent: string, name: string): boolean {
  return `node_modules/${name}` in packages || `${dependent}/node_modules/${name}` in packages;
}

const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];
const libraries: Readonly<Record<string, string>> = { gnu: "glibc", musl: "musl" };

/** A package for one platform says in its name which one. Without the hash, which only those that can reach the package know. */
function lockByName(name: string, version: string, dev: boolean): LockedPackage {
  const words = name.split(/[-/]/);
  const cpu = words.filter((word) => processors.includes(word));
  const libc = words.flatMap((word) => libraries[word] ?? []);
  const os = words.filter((word) => systems.includes(word));
  return {
    version,
    ...(cpu.length > 0 && { cpu }),
    ...(dev && { dev }),
    ...(libc.length > 0 && { libc }),
    optional: true,
    ...(os.length > 0 && { os }),
  };
}

if (import.meta.main) {
  const file = join(import.meta.dirname, "..", "package-lock.json");
  const lockfile = JSON.parse(readFileSync(file, "utf8")) as { packages: Packages };
  const { tidy, changes } = tidyPackages(lockfile.packages);
  for (const change of changes) process.stdout.write(`put right: ${change}\n`);
  writeFileSync(file, `${JSON.stringify({ ...lockfile, packages: tidy }, undefined, 2)}\n`);
}
