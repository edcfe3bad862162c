// `npm run demo`: the product's main job on this machine, told step by step; then it stays up until Ctrl-C.
// `npm run demo -- --once`: the same, cleaned up, with one JSON object as the last line and 0 or 1 as the exit code.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientOf } from "../cli/client.ts";
import { checkMachine } from "../dataplane/charon/machine-check.ts";
import { instanceOf, type Names, namesOf } from "../dataplane/charon/names.ts";
import { removeInstance } from "../dataplane/charon/remove-instance.ts";
import { labDown } from "../lab/lab.ts";
import { checkPrerequisites } from "../lab/prerequisites.ts";
import { ApiStory } from "./api-story.ts";
import { makeNarrator, type Narrator } from "./narrator.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";
import { type DemoResult, type Made, tellReal, tellSimulated } from "./story.ts";

/** Ctrl-C in the middle of the story. */
class Interrupted extends Error {}

const given = process.argv.slice(2);
const known = ["--once", "--simulated"];
const isOnce = given.includes("--once");
const isSimulationWanted = given.includes("--simulated");
const unknown = given.filter((argument) => !known.includes(argument));
let isInterrupted = false;
let onInterrupt: () => void = () => {};
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    isInterrupted = true;
    onInterrupt();
  });
}

function checkInterrupted(): void {
  if (isInterrupted) throw new Interrupted("interrupted");
}

/** Why the real data plane cannot run here, in one sentence with the command that mends it; undefined when it can. */
async function findObstacle(names: Names): Promise<string | undefined> {
  if (isSimulationWanted) return "The simulated data plane was asked for (--simulated).";
  if (process.getuid?.() !== 0) return "Tunnels need root, and this is not root: run `sudo npm run demo`.";
  try {
    await checkPrerequisites();
    await checkMachine(names);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function run(dataDir: string): Promise<DemoResult | undefined> {
  const names = namesOf(instanceOf(dataDir));
  const obstacle = await findObstacle(names);
  const dataplane = obstacle === undefined ? "charon" : "simulated";
  const narrator = makeNarrator(obstacle === undefined ? "" : "[simulated] ", (text) => process.stdout.write(text));
  if (obstacle !== undefined) {
    narrator.line(obstacle);
    narrator.line("So this run is against the simulated data plane: the API is real, no packet crosses anything.");
  }
  const made: Made = { places: undefined, vpnConnId: undefined };
  let server: ServerProcess | undefined;
  let api: ApiStory | undefined;
  try {
    narrator.step(`A Culvert server on SQLite and the ${dataplane} data plane.`);
    server = await startServerProcess(dataDir, dataplane);
    narrator.line(`It answers at ${server.endpoint}/v2/index.php; its data is in ${dataDir}.`);
    const client = clientOf(server.keyFile, server.endpoint, "gz");
    api = new ApiStory(client, narrator, checkInterrupted);
    const result = await (obstacle === undefined ? tellReal(api, narrator, names, made) : tellSimulated(api, made));
    if (!isOnce) await stay(narrator, server, dataDir, names, dataplane);
    return result;
  } catch (error) {
    if (!(error instanceof Interrupted)) {
      narrator.line(`This did not work: ${error instanceof Error ? error.message : error}`);
      if (server !== undefined) narrator.line(`The server's log is in ${server.logFile}.`);
    }
    return undefined;
  } finally {
    isInterrupted = false;
    narrator.step("Cleaning up.");
    await cleanUp(api, made, server, dataplane === "charon" ? names : undefined);
    narrator.line("Nothing of it is left running.");
  }
}

async function stay(
  narrator: Narrator,
  server: ServerProcess,
  dataDir: string,
  names: Names,
  dataplane: "charon" | "simulated",
): Promise<void> {
  checkInterrupted();
  narrator.step(
    `It stays up. The API is at ${server.endpoint}/v2/index.php; Ctrl-C ends it and cleans up. In another terminal:`,
  );
  const options = `--endpoint ${server.endpoint} --key-file ${server.keyFile}`;
  narrator.line(`bin/culvert call DescribeVpnConn ${options}`);
  if (dataplane === "charon") {
    narrator.line(`bin/culvert lab status --data ${dataDir}`);
    narrator.line(`ip netns exec ${names.labNamespace("host1")} ping 10.56.20.10`);
    narrator.line(`ip netns exec ${names.publicNamespace} tcpdump -n -i ${names.bridge}`);
  }
  const forever = setInterval(() => {}, 3_600_000);
  await new Promise<void>((resolve) => {
    onInterrupt = resolve;
  });
  clearInterval(forever);
}

/** Through the API first, as a user would; then whatever is left, however far the story came. */
async function cleanUp(
  api: ApiStory | undefined,
  made: Made,
  server: ServerProcess | undefined,
  names: Names | undefined,
): Promise<void> {
  if (api !== undefined && made.places !== undefined) await api.removeAll(made.places, made.vpnConnId).catch(() => {});
  await server?.stop();
  if (names === undefined) return;
  await labDown(names);
  await removeInstance(names);
}

async function main(): Promise<void> {
  if (unknown.length > 0) {
    process.stderr.write(`demo: ${unknown.join(" ")} is not known; the options are ${known.join(" and ")}\n`);
    process.exitCode = 2;
    return;
  }
  const dataDir = mkdtempSync(join(tmpdir(), "culvert-demo-"));
  const result = await run(dataDir);
  if (result?.ok) rmSync(dataDir, { recursive: true, force: true });
  else process.stdout.write(`The data directory ${dataDir} is kept for a look.\n`);
  if (isOnce) process.stdout.write(`${JSON.stringify(result ?? { ok: false })}\n`);
  process.exitCode = result?.ok ? 0 : 1;
}

await main();
