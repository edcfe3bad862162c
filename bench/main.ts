// `npm run bench -- <bench>`: runs one bench. 0: it ran and its floor is met; 1: it failed, or the floor is not met; 2: not understood.
import { parseArgs } from "node:util";
import { runApiBench } from "./api.ts";
import { runConvergeBench } from "./converge.ts";
import { type DatabaseName, runScaleBench } from "./scale.ts";
import { Interrupted } from "./scope.ts";
import { runTunnelBench } from "./tunnel.ts";

const exitCodes = { failed: 1, unusable: 2 } as const;
const largestNumber = 3_600;

const help = `Usage: npm run bench -- <bench> [options]

Benches:
  api      signed AddVpnConnEx per second, beside a bare Fastify handler and the raw database
  tunnel   from AddVpnConnEx sent to CHILD_SA installed, beside raw VICI; needs root
  converge 50 gateways, and 1,000 channels on one: start, converge, steady state, beside raw VICI; needs root
  scale    what calls cost with a thousand channels in the store, and with a million

Options:
  --json         also print one JSON object, as the last line
  --sizes <N,..> scale: channels in the store (default 1k,10k,100k,1m)
  --database <D> api, scale: sqlite, postgres or both (default: api sqlite, scale both)
  --calls <N>    scale: calls of each kind at each size (default 300)
  --seconds <N>  api: how long each figure is measured (default 5); converge: how long the steady state is (default 60)
  --rounds <N>   tunnel: tunnels of each kind (default 30); converge: times that all is brought up (default 3)
  --gateways <N> converge: how many (default 50, 100 at most)
  --channels <N> converge: how many on one gateway (default 1000)
  --help         show this
`;

/** What was given; a bench knows what it does without. */
interface Flags {
  readonly seconds?: number;
  readonly rounds?: number;
  readonly gateways?: number;
  readonly channels?: number;
  readonly calls?: number;
  readonly sizes: readonly number[];
  readonly databases?: readonly DatabaseName[];
  readonly json: boolean;
}

/** Each answers whether its floor is met. */
const benches: Readonly<Record<string, (flags: Flags) => Promise<boolean>>> = {
  api: async ({ seconds = 5, databases = ["sqlite"], json }) => {
    const isMet = new Map<DatabaseName, boolean>();
    for (const database of databases) isMet.set(database, await runApiBench({ seconds, database, json }));
    return [...isMet.values()].every(Boolean);
  },
  tunnel: ({ rounds = 30, json }) => runTunnelBench({ rounds, json }),
  converge: ({ seconds = 60, rounds = 3, gateways = 50, channels = 1_000, json }) =>
    runConvergeBench({ seconds, rounds, gateways, channels, json }),
  scale: ({ sizes, databases = ["sqlite", "postgres"], calls = 300, json }) =>
    runScaleBench({ sizes, databases, calls, json }),
};

/** @throws Error that says what is not understood */
function readArguments(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      seconds: { type: "string" },
      rounds: { type: "string" },
      gateways: { type: "string" },
      channels: { type: "string" },
      calls: { type: "string" },
      sizes: { type: "string", default: "1k,10k,100k,1m" },
      database: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const [name, ...rest] = positionals;
  const bench = name === undefined ? undefined : benches[name];
  if (bench === undefined || rest.length > 0) throw new Error(`one of ${Object.keys(benches).join(", ")} is expected`);
  const flags: Flags = {
    json: values.json,
    ...readNumber("seconds", values.seconds),
    ...readNumber("rounds", values.rounds),
    ...readNumber("gateways", values.gateways, 100),
    ...readNumber("channels", values.channels),
    ...readNumber("calls", values.calls),
    sizes: readSizes(values.sizes),
    ...(values.database !== undefined && { databases: readDatabases(values.database) }),
  };
  return () => bench(flags);
}

function readNumber(name: keyof Flags, text: string | undefined, most = largestNumber): Partial<Flags> {
  if (text === undefined) return {};
  const number = Number(text);
  if (/^[0-9]+$/.test(text) && number >= 1 && number <= most) return { [name]: number };
  throw new Error(`--${name}: a whole number from 1 to ${most} is expected, not ${text}`);
}

/** Thousands, and thousands of thousands, up to ten million: rising, each once. */
function readSizes(text: string): number[] {
  const sizes = text.split(",").map((size) => {
    const [, count, unit] = /^([1-9][0-9]{0,3})([km])$/.exec(size) ?? [];
    const channels = Number(count) * (unit === "m" ? 1_000_000 : 1_000);
    if (channels <= 10_000_000) return channels;
    throw new Error(`--sizes: thousands such as 1k,100k,1m are expected, up to 10m, not ${size}`);
  });
  return [...new Set(sizes)].sort((a, b) => a - b);
}

function readDatabases(text: string): DatabaseName[] {
  if (text === "both") return ["sqlite", "postgres"];
  if (text === "sqlite" || text === "postgres") return [text];
  throw new Error(`--database: sqlite, postgres or both is expected, not ${text}`);
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
