// `npm run bench -- <bench>`: runs one bench. 0: it ran and its floor is met; 1: it failed, or the floor is not met; 2: not understood.
import { parseArgs } from "node:util";
import { runApiBench } from "./api.ts";
import { Interrupted } from "./scope.ts";
import { runTunnelBench } from "./tunnel.ts";

const exitCodes = { failed: 1, unusable: 2 } as const;
const longestSeconds = 3_600;

const help = `Usage: npm run bench -- <bench> [options]

Benches:
  api      signed AddVpnConnEx per second, beside a bare Fastify handler and raw SQLite commits
  tunnel   from AddVpnConnEx sent to CHILD_SA installed, beside raw VICI; needs root

Options:
  --json         also print one JSON object, as the last line
  --seconds <N>  api: how long each figure is measured (default 5)
  --rounds <N>   tunnel: tunnels of each kind (default 30)
  --help         show this
`;

interface Flags {
  readonly seconds: number;
  readonly rounds: number;
  readonly json: boolean;
}

/** Each answers whether its floor is met. */
const benches: Readonly<Record<string, (flags: Flags) => Promise<boolean>>> = {
  api: runApiBench,
  tunnel: runTunnelBench,
};

/** @throws Error that says what is not understood */
function readArguments(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      seconds: { type: "string", default: "5" },
      rounds: { type: "string", default: "30" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const [name, ...rest] = positionals;
  const bench = name === undefined ? undefined : benches[name];
  if (bench === undefined || rest.length > 0) throw new Error(`one of ${Object.keys(benches).join(", ")} is expected`);
  const flags = {
    json: values.json,
    seconds: readNumber("seconds", values.seconds),
    rounds: readNumber("rounds", values.rounds),
  };
  return () => bench(flags);
}

function readNumber(name: string, text: string): number {
  const number = Number(text);
  if (/^[0-9]+$/.test(text) && number >= 1 && number <= longestSeconds) return number;
  throw new Error(`--${name}: a whole number from 1 to ${longestSeconds} is expected, not ${text}`);
}

async function main(): Promise<number> {
  let run: ReturnType<typeof readArguments>;
  try {
    run = readArguments(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n\n${help}`);
    return exitCodes.unusable;
  }
  if (run === undefined) {
    process.stdout.write(help);
    return 0;
  }
  try {
    return (await run()) ? 0 : exitCodes.failed;
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
    return error instanceof Interrupted ? error.exitCode : exitCodes.failed;
  }
}

// Whoever read us may be gone when we clean up.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
const exitCode = await main();
// What an interrupted bench left waiting must not hold us up.
process.exit(process.exitCode ?? exitCode);
