// Algorithms through the API against a strongSwan that takes anything: both ends list exactly what was asked for, and a packet crosses.
// `npm test` takes few choices in which any two values meet; `npm run test:matrix` takes all of phase 1 and all of phase 2 besides, and
// writes what came of it as one line of JSON.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Client, call } from "../../src/cli/client.ts";
import type { Names } from "../../src/dataplane/charon/names.ts";
import { labDefaults } from "../../src/lab/lab.ts";
import { firstReply } from "../../src/lab/probe.ts";
import { allOfPhase1, allOfPhase2, type Choice, nameOf, pairwise, parametersOf, wanted } from "../matrix/choices.ts";
import { acceptAnything, chosenHere, chosenThere } from "../matrix/site.ts";
import { describeOnMachine } from "../support/machine.ts";
import { makeRealSite, type RealSite } from "../support/real-site.ts";
import { dataOf, rowOf, textAt } from "../support/reply.ts";
import { makeConn, type Place, waitForTask } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";

/** Set by `npm run test:matrix`. */
const isWhole = process.env.MATRIX === "whole";
const siteHost = "10.56.20.10";
const preSharedKey = "the same for all";
const timeoutMs = 30_000;

interface Result {
  readonly group: string;
  readonly choice: string;
  readonly failure: string | undefined;
}

const results: Result[] = [];
let names: Names;
let site: RealSite;
let client: Client;
let place: Place;

describeOnMachine("a channel with", () => {
  beforeAll(async () => {
    site = await makeRealSite();
    ({ names, client, place } = site);
    await acceptAnything(names, labDefaults, preSharedKey);
  });
  afterAll(async () => {
    await site?.remove();
    if (isWhole) process.stdout.write(`\n${JSON.stringify(summary())}\n`);
  });

  describeChoices("any two values of the API", pairwise);
  if (!isWhole) return;
  describeChoices("every choice of phase 1", allOfPhase1);
  describeChoices("every choice of phase 2", allOfPhase2);
});

function describeChoices(group: string, choices: readonly Choice[]): void {
  describe(group, () => {
    afterEach(({ task }) => {
      const failure = task.result?.errors?.[0]?.message;
      results.push({ group, choice: task.name, failure });
    });

    it.each(choices.map((choice) => [nameOf(choice), choice] as const))("%s", { timeout: timeoutMs }, (_, choice) =>
      meet(choice),
    );
  });
}

/** Brings one channel up, looks at both ends, sends a packet, takes it away. */
async function meet(choice: Choice): Promise<void> {
  const networks = { "userGwCidrBlock.0": labDefaults.siteNetwork };
  const conn = await makeConn(client, place, { ...parametersOf(choice), ...networks, preSharedKey });
  const vpnConnId = textAt(conn, "unVpnConnId");
  try {
    const isUp = async () => rowOf(await call(client, "DescribeVpnConn", { vpnConnId })).netStatus === "available";
    await waitFor(isUp, { what: "the channel to be available", timeoutMs: timeoutMs / 2 });
    const vpnGwNumber = 1;
    expect({ here: await chosenHere(names, vpnGwNumber), there: await chosenThere(names) }).toEqual({
      here: wanted(choice),
      there: wanted(choice),
    });
    await firstReply(names.labNamespace("host1"), siteHost, { timeoutMs: 5_000 });
  } finally {
    const { taskId } = dataOf(await call(client, "DeleteVpnConn", { ...place, vpnConnId }));
    await waitForTask(client, String(taskId));
    const hasGone = async () => (await chosenThere(names)) === undefined;
    await waitFor(hasGone, { what: "the end of the tunnel at the far end", timeoutMs: timeoutMs / 2 });
  }
}

function summary() {
  const groups = Object.entries(Object.groupBy(results, ({ group }) => group)).map(([group, all = []]) => [
    group,
    { choices: all.length, failed: all.filter(({ failure }) => failure !== undefined) },
  ]);
  return { matrix: Object.fromEntries(groups), isWhole };
}
