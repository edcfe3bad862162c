// One instance of its own for each test file, and the two bodies of the data plane that the shared tests run over.
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmdirSync } from "node:fs";
import { expect } from "vitest";
import { CharonDataplane } from "../../src/dataplane/charon/charon-dataplane.ts";
import type { NetworkSettings } from "../../src/dataplane/charon/gateway-network.ts";
import { namespaceDir } from "../../src/dataplane/charon/ip.ts";
import { type Names, namesOf } from "../../src/dataplane/charon/names.ts";
import { removeInstance } from "../../src/dataplane/charon/remove-instance.ts";
import type { Dataplane, GatewaySpec, Step } from "../../src/dataplane/dataplane.ts";
import { SimulatedDataplane } from "../../src/dataplane/simulated.ts";
import { dpd, publicNetwork } from "./specs.ts";

const silentLog = { info: () => {}, warn: () => {} };

/** Names of an instance that nobody else has. */
export function makeNames(): Names {
  const instance = randomBytes(4).toString("hex");
  return namesOf(instance, `/run/culvert-test-${instance}`);
}

export function makeCharonDataplane(names: Names, changes: Partial<NetworkSettings> = {}): CharonDataplane {
  const network = { ...publicNetwork, ...changes };
  return new CharonDataplane({ names, network, esp: "auto", dpd, log: silentLog });
}

/** Removes the instance and its run root, and proves that nothing is left. */
export async function cleanUp(names: Names): Promise<void> {
  await removeInstance(names);
  expect(listTraces(names)).toEqual([]);
  rmdirSync(`/run/culvert-test-${names.instance}`);
}

/** Namespaces, processes and directories of the instance. */
export function listTraces(names: Names): string[] {
  const namespaces = readdirSync(namespaceDir).filter((name) => name.startsWith(names.prefix));
  const pids = readdirSync("/proc").filter(
    (entry) => /^\d+$/.test(entry) && environmentOf(entry).includes(names.runDir),
  );
  const dirs = readdirSync(`/run/culvert-test-${names.instance}`);
  return [...namespaces, ...pids, ...dirs];
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return "";
  }
}

/** A body of the data plane with what it takes to make and to remove it. */
export interface Body {
  readonly dataplane: Dataplane;
  cleanUp(): Promise<void>;
}

export const bodies = {
  simulated: async (): Promise<Body> => {
    const dataplane = new SimulatedDataplane({ delayMs: 0 });
    return { dataplane, cleanUp: () => dataplane.close() };
  },
  charon: async (): Promise<Body> => {
    const names = makeNames();
    const dataplane = makeCharonDataplane(names);
    await dataplane.start();
    return {
      dataplane,
      cleanUp: async () => {
        await dataplane.close();
        await cleanUp(names);
      },
    };
  },
} as const satisfies Record<Dataplane["kind"], () => Promise<Body>>;

/** Does the steps in order. */
export async function applyAll(dataplane: Dataplane, gateway: GatewaySpec, steps: readonly Step[]): Promise<void> {
  for (const step of steps) await dataplane.apply(gateway, step);
}

export const makeSteps = [{ kind: "make-network" }, { kind: "start-charon" }] as const satisfies Step[];
export const removeSteps = [{ kind: "stop-charon" }, { kind: "remove-network" }] as const satisfies Step[];

/** Ends and forgets all that a gateway has. */
export async function clearGateway(dataplane: CharonDataplane, gateway: GatewaySpec): Promise<void> {
  const actual = await dataplane.observe(gateway.id, true);
  for (const name of actual.connections.keys()) await dataplane.apply(gateway, { kind: "unload-connection", name });
  for (const name of actual.secrets.keys()) await dataplane.apply(gateway, { kind: "unload-secret", name });
  for (const { uniqueId, connection } of actual.ikeSas) {
    await dataplane.apply(gateway, { kind: "terminate-ike-sa", uniqueId, connection });
  }
}
