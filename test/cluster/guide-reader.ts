// A reader of docs/guide/scale-out.md: runs its blocks on machines that are namespaces, each with directories of its own for what is under
// /etc, /var and /opt on a real one. What `systemctl` says is done by the reader: there is no systemd in a namespace.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Block, readBlocks } from "../support/checkout.ts";
import { environment } from "../support/command.ts";
import { waitFor } from "../support/wait-for.ts";

const startTimeoutMs = 30_000;
const root = join(import.meta.dirname, "..", "..");

/** A block, and the machines that it says it is run on. */
export interface GuideStep extends Block {
  readonly machines: readonly string[];
}

/** Blocks that begin with `# on MACHINE`, or `# on MACHINE and MACHINE`. */
export function readSteps(path: string): GuideStep[] {
  return readBlocks(path).flatMap((block) => {
    const named = /^# on (.*)\n/.exec(block.text)?.[1];
    return block.kind === "sh" && named !== undefined ? [{ ...block, machines: named.split(" and ") }] : [];
  });
}

/** The machines of the guide, by their names in it. Every path that the guide names is in a directory of the machine's. */
export class GuideReader {
  readonly #directory: string;
  readonly #namespaces: Readonly<Record<string, string>>;
  readonly #servers = new Map<string, ChildProcess>();

  /** @param namespaces by machine */
  constructor(directory: string, namespaces: Readonly<Record<string, string>>) {
    this.#directory = directory;
    this.#namespaces = namespaces;
  }

  /** Where what the guide calls `path` is. */
  pathOf(machine: string, path: string): string {
    return join(this.#directory, machine, path);
  }

  /** A machine with the sources where deploy.md has them; settings in them are where they are read from here. */
  prepare(machine: string, settings: Readonly<Record<string, (text: string) => string>>): void {
    const deploy = this.pathOf(machine, "/opt/culvert/deploy");
    for (const path of [deploy, this.pathOf(machine, "/etc"), this.pathOf(machine, "/var/lib")]) {
      mkdirSync(path, { recursive: true, mode: 0o755 });
    }
    symlinkSync(join(root, "bin"), this.pathOf(machine, "/opt/culvert/bin"));
    for (const [name, adapt] of Object.entries(settings)) {
      const text = readFileSync(join(root, "deploy", name), "utf8");
      writeFileSync(join(deploy, name), this.here(machine, adapt(text)));
    }
  }

  /** Paths are the machine's, and `scp` copies from one machine's to another's. */
  here(machine: string, text: string): string {
    return text
      .replaceAll(
        /(?<![\w/.-])(?:(db|api-\d|vpn-\d):)?(\/(?:etc|var|opt)\/)/g,
        (_, from: string | undefined, path: string) => this.pathOf(from ?? machine, path),
      )
      .replaceAll(/^scp -p /gm, "cp -p ");
  }

  /**
   * Runs commands in a shell that stops at the first which fails.
   * @param env besides what the guide exports
   * @returns what they printed
   * @throws Error with what they said
   */
  async run(machine: string, text: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
    const child = this.#spawn(machine, ["sh", "-euc", this.here(machine, text)], env, "pipe");
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.setEncoding("utf8").on("data", (part: string) => {
        output[name] += part;
      });
    }
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`on ${machine}, exit code ${code}:\n${text}${output.stdout}${output.stderr}`);
    return output.stdout;
  }

  /** As the unit does. @throws Error with its log, when it does not come up */
  async start(machine: string): Promise<void> {
    const config = this.pathOf(machine, "/etc/culvert/culvert.json");
    const logFile = this.pathOf(machine, "/serve.log");
    const log = openSync(logFile, "w", 0o600);
    const server = this.#spawn(machine, ["culvert", "serve", "--config", config], {}, log);
    closeSync(log);
    this.#servers.set(machine, server);
    const isUp = () => {
      const said = readFileSync(logFile, "utf8");
      if (server.exitCode !== null) throw new Error(`${machine} did not start: ${said}`);
      return /the API is at |a gateway host of .*: \d+ gateways/.test(said);
    };
    await waitFor(isUp, { what: `the server of ${machine}`, timeoutMs: startTimeoutMs });
  }

  /** Ends it, if it runs. */
  async stop(machine: string): Promise<void> {
    const server = this.#servers.get(machine);
    this.#servers.delete(machine);
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const exit = once(server, "exit");
    server.kill("SIGTERM");
    await exit;
  }

  #spawn(machine: string, command: readonly string[], env: Readonly<Record<string, string>>, output: "pipe" | number) {
    const base = environment(env);
    const culvertConfig = this.pathOf(machine, "/etc/culvert/culvert.json");
    return spawn("nsenter", [`--net=/run/netns/${this.#namespaces[machine]}`, ...command], {
      cwd: this.#directory,
      env: { ...base, CULVERT_CONFIG: culvertConfig, PATH: `${this.pathOf(machine, "/opt/culvert/bin")}:${base.PATH}` },
      stdio: ["ignore", output, output],
    });
  }
}
