// A plan that is cut off at any point by kill -9, and carried out by the next process: what it comes to is what it comes to undisturbed,
// and nothing is left over.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { listLinks } from "../../../src/dataplane/charon/bridges.ts";
import type { CharonDataplane } from "../../../src/dataplane/charon/charon-dataplane.ts";
import { ipJson, run } from "../../../src/dataplane/charon/ip.ts";
import { readIkeSas } from "../../../src/dataplane/charon/sas.ts";
import { ViciSession } from "../../../src/vici/session.ts";
import { environment } from "../../support/command.ts";
import { describeOnMachine } from "../../support/machine.ts";
import { waitFor } from "../../support/wait-for.ts";
import { applyAll, cleanUp, listTraces, makeCharonDataplane, makeNames, makeSteps } from "../instance.ts";
import { carryOut, connectionOf, gateway, type PlanName, peers, plans } from "./scenario.ts";

const names = makeNames();
const dir = names.gatewayDir(gateway.id);
/** All points by `npm run test:survival`. */
const stride = process.env.SURVIVAL === undefined ? 5 : 1;

interface Link {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
}

/** All there is of the gateway, without numbers that are different each time. */
async function picture(): Promise<unknown> {
  const namespace = names.gatewayNamespace(gateway.id);
  // Whether a link that is up has a carrier the kernel says a little later.
  const ask = async (...args: string[]) =>
    (await run("ip", ["-n", namespace, ...args]))
      .replaceAll(" linkdown", "")
      .split("\n")
      .map((line) => line.trim())
      .sort();
  const links = (await ipJson<Link[]>(namespace, ["address", "show"])).map(({ ifname, flags, addr_info }) => {
    const addresses = addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
    return [ifname, flags.includes("UP"), ...addresses.sort()];
  });
  const ports = async (wire: string) =>
    (await listLinks(wire)).map(({ ifname, master }) => `${ifname} ${master}`).sort();
  const session = await ViciSession.connect(names.viciSocket(gateway.id));
  try {
    const ikeSas = readIkeSas(await session.stream("list-sas", "list-sa"));
    return {
      inside: [links.sort(), await ask("rule"), await ask("route", "show", "table", "all")],
      wires: [await ports(names.publicNamespace), await ports(names.vpcNamespace(gateway.vpcId))],
      loaded: [await session.request("get-conns"), await session.request("get-shared")],
      sas: ikeSas
        .map(({ connection, state, children }) => [connection, state, ...children.map((child) => child.state)])
        .sort(),
      files: (await readdir(dir)).filter((name) => !name.startsWith("charon.log")),
      record: JSON.parse(await readFile(join(dir, "gateway.json"), "utf8")),
      processes: (await charons()).length,
    };
  } finally {
    session.close();
  }
}

/** Pids of everything that runs for the gateway. */
async function charons(): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const environments = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/environ`, "utf8").catch(() => "")));
  return pids.filter((_, index) => environments[index]?.includes(`STRONGSWAN_CONF=${dir}/`));
}

/** Whether it was cut off. */
async function carryOutUntil(plan: PlanName, limit: number): Promise<boolean> {
  const runRoot = `/run/culvert-test-${names.instance}`;
  const args = [join(import.meta.dirname, "child.ts"), names.instance, runRoot, plan, `${limit}`];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"], env: environment() });
  const [code, signal] = await once(child, "exit");
  if (code !== 0 && signal !== "SIGKILL") throw new Error(`the child ended with ${code ?? signal}`);
  return code !== 0;
}

describeOnMachine("a plan that is cut off by kill -9", () => {
  let others: CharonDataplane;

  beforeAll(async () => {
    others = makeCharonDataplane(names);
    await others.start();
    for (const peer of peers) {
      const connection = connectionOf(peer);
      await applyAll(others, peer, [
        ...makeSteps,
        { kind: "load-secret", connection, fingerprint: "s" },
        { kind: "load-connection", connection, fingerprint: "c" },
      ]);
    }
  });
  afterAll(async () => {
    await others.close();
    await cleanUp(names);
  });

  /** As a new server would, which knows nothing. */
  async function carryOutAnew(plan: PlanName): Promise<unknown> {
    const dataplane = makeCharonDataplane(names);
    try {
      await dataplane.start();
      await carryOut(dataplane, plan);
      const wanted = plans[plan]?.connections.size;
      if (wanted === undefined)
        return listTraces(names)
          .filter((trace) => /gw1$|vpc1$/.test(trace))
          .concat(await charons());
      await waitFor(
        async () => {
          const { ikeSas } = await dataplane.observe(gateway.id, false);
          return ikeSas.length === wanted && ikeSas.every(({ children }) => children[0]?.state === "INSTALLED");
        },
        { what: `${plan}: ${wanted} tunnels` },
      );
      return await picture();
    } finally {
      await dataplane.close();
    }
  }

  it("comes to the same when it is carried out by the next process", { timeout: 300_000 }, async () => {
    const names = Object.keys(plans) as PlanName[];
    const undisturbed = new Map<PlanName, unknown>();
    for (const plan of names) undisturbed.set(plan, await carryOutAnew(plan));
    expect(undisturbed.get("removed")).toEqual([]);
    const points = new Map<PlanName, number>();
    for (let limit = 0; points.size < names.length; limit += stride) {
      for (const plan of names) {
        // What was changed at every point need not be changed any more; but what was made has to be removed.
        if (points.has(plan) && plan === "changed") continue;
        if (!points.has(plan) && !(await carryOutUntil(plan, limit))) points.set(plan, limit);
        expect(await carryOutAnew(plan), `${plan}, cut off after ${limit}`).toEqual(undisturbed.get(plan));
      }
    }
    process.stdout.write(`\n${JSON.stringify({ cutOffUpTo: Object.fromEntries(points) })}\n`);
    expect(Math.min(...points.values())).toBeGreaterThan(3);
  });
});
