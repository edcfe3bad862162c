// Shared wires: a bridge in a namespace of its own, for the public network and for each VPC. A wire is made by whoever needs it
// first and goes with its last port, so the server and the lab may come and go in any order.
import { type CommandError, ipBatch, ipJson, listNamespaces, run } from "./ip.ts";

/** Switches IPv6 off before any link is up: the contract is IPv4, and so are the guards (architecture.md 7). */
export async function makeNamespace(namespace: string, sysctls: readonly string[] = []): Promise<void> {
  if (!(await listNamespaces(namespace)).includes(namespace)) {
    await run("ip", ["netns", "add", namespace]).catch(async (error: CommandError) => {
      if (!(await listNamespaces(namespace)).includes(namespace)) throw error;
    });
  }
  const off = ["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"];
  await run("ip", ["netns", "exec", namespace, "sysctl", "-qw", ...off, ...sysctls]);
  await ipBatch(namespace, ["link set lo up"]);
}

/** Removes a namespace with every link in it; fine when it is not there. */
export async function removeNamespace(namespace: string): Promise<void> {
  await run("ip", ["netns", "del", namespace]).catch(async (error: CommandError) => {
    if ((await listNamespaces(namespace)).includes(namespace)) throw error;
  });
}

interface Link {
  readonly ifname: string;
  readonly master?: string;
}

/** Names of the links in a namespace; none when the namespace is not there. */
export async function listLinks(namespace: string): Promise<Link[]> {
  if (!(await listNamespaces(namespace)).includes(namespace)) return [];
  return ipJson<Link[]>(namespace, ["link", "show"]);
}

/** Makes the wire if it is not there. */
export async function makeBridge(namespace: string, bridge: string): Promise<void> {
  const links = await listLinks(namespace);
  if (links.some((link) => link.ifname === bridge)) return;
  await makeNamespace(namespace);
  await ipBatch(namespace, [`link add ${bridge} type bridge`, `link set ${bridge} up`]);
}

/** Where a cable runs: from `port` on the wire's bridge to `link` in the namespace at the other end. */
export interface Cable {
  readonly bridgeNamespace: string;
  readonly bridge: string;
  readonly port: string;
  readonly namespace: string;
  readonly link: string;
}

/** Lays a cable; the link at the far end stays down, so that guards can be set first. Fine when it is laid already. */
export async function layCable(cable: Cable): Promise<void> {
  const [near, far] = await Promise.all([listLinks(cable.bridgeNamespace), listLinks(cable.namespace)]);
  const port = near.find((link) => link.ifname === cable.port);
  const isWhole = port?.master === cable.bridge && far.some((link) => link.ifname === cable.link);
  if (isWhole) return;
  if (port !== undefined) await ipBatch(cable.bridgeNamespace, [`link del ${cable.port}`]);
  await ipBatch(undefined, [
    `link add ${cable.link} netns ${cable.namespace} type veth peer name ${cable.port} netns ${cable.bridgeNamespace}`,
  ]);
  await ipBatch(cable.bridgeNamespace, [`link set ${cable.port} master ${cable.bridge}`, `link set ${cable.port} up`]);
}

/** Pulls the cable out of the wire, and takes the wire away when that was its last port. */
export async function pullCable(bridgeNamespace: string, bridge: string, port: string): Promise<void> {
  const links = await listLinks(bridgeNamespace);
  if (links.length === 0) return;
  if (links.some((link) => link.ifname === port)) await ipBatch(bridgeNamespace, [`link del ${port}`]);
  const isUsed = links.some((link) => link.master === bridge && link.ifname !== port);
  if (!isUsed) await removeNamespace(bridgeNamespace);
}
