// Shared wires: a bridge in a namespace of its own, for the public network and for each VPC. A wire is made by whoever needs it
// first and goes with its last port, so the server and the lab may come and go in any order.
import { CommandError, findNamespace, ipBatch, ipJson, run } from "./ip.ts";
import { inTurn } from "./turns.ts";
import {
  type Cable,
  commandsForBridge,
  commandsForCable,
  commandsForNamespace,
  commandsForPulling,
  type Link,
  machineNamespace,
  type SeenNamespace,
  within,
} from "./wire-commands.ts";

export type { Cable, Link } from "./wire-commands.ts";

/** Another process may make or take away the same wire between our look and our commands: so often it is looked at anew. */
const attempts = 5;

/**
 * Makes a namespace if it is not there, and sets `sysctls` (`name=value`) in it either way, with IPv6 off; its lo is up.
 * @throws CommandError
 */
export async function makeNamespace(namespace: string, sysctls: readonly string[] = []): Promise<void> {
  await workOut(async () => [
    ...commandsForNamespace(await lookAt(namespace), sysctls),
    within(namespace, "ip link set lo up"),
  ]);
}

/** Removes a namespace with every link in it; fine when it is not there. @throws CommandError */
export async function removeNamespace(namespace: string): Promise<void> {
  await run("ip", ["netns", "del", namespace]).catch((error: CommandError) => {
    if (!/No such file/.test(error.stderr)) throw error;
  });
}

/** The links in a namespace; none when the namespace is not there. @throws CommandError */
export async function listLinks(namespace: string): Promise<readonly Link[]> {
  return (await lookAt(namespace)).links;
}

/** Makes the wire if it is not there. @throws CommandError */
export async function makeBridge(namespace: string, bridge: string): Promise<void> {
  await inTurn(namespace, () => workOut(async () => commandsForBridge(await lookAt(namespace), bridge)));
}

/**
 * Lays a cable, and makes the wire if it is not there; the link at the far end stays down, so that guards can be set first. Fine
 * when it is laid already. @throws CommandError
 */
export async function layCable(cable: Cable): Promise<void> {
  await inTurn(cable.bridgeNamespace, () =>
    workOut(async () => {
      const [near, far] = await Promise.all([lookAt(cable.bridgeNamespace), lookAt(cable.namespace)]);
      return [...commandsForBridge(near, cable.bridge), ...commandsForCable(cable, near.links, far.links)];
    }),
  );
}

/** Pulls the cable out of the wire, and takes the wire away when that was its last port. @throws CommandError */
export async function pullCable(bridgeNamespace: string, bridge: string, port: string): Promise<void> {
  await inTurn(bridgeNamespace, () =>
    workOut(async () => commandsForPulling(await lookAt(bridgeNamespace), bridge, port)),
  );
}

const showLinks = ["-details", "address", "show"] as const;

/** A namespace and its links. One process, none when the namespace is not there. @throws CommandError */
export async function lookAt(namespace: string): Promise<SeenNamespace> {
  if (namespace === machineNamespace) {
    return { name: namespace, state: "there", links: await ipJson<Link[]>(undefined, showLinks) };
  }
  const state = await findNamespace(namespace);
  if (state !== "there") return { name: namespace, state, links: [] };
  try {
    return { name: namespace, state, links: await ipJson<Link[]>(namespace, showLinks) };
  } catch (error) {
    // Taken away since, by another process.
    if ((await findNamespace(namespace)) === "there") throw error;
    return { name: namespace, state: "absent", links: [] };
  }
}

/**
 * Runs the commands that a look at the machine gives; when one fails, looks and runs anew. @throws CommandError at the last
 * failure
 */
export async function workOut(lookAndPlan: () => Promise<readonly string[]>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const commands = await lookAndPlan();
      if (commands.length > 0) await ipBatch(undefined, commands);
      return;
    } catch (error) {
      if (!(error instanceof CommandError) || attempt === attempts) throw error;
    }
  }
}
