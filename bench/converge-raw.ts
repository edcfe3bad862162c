// The limit of the bench `converge`: the same gateways and channels by the data plane's steps and one VICI client, which know nothing of
// rows, tasks or statuses. The charons are of the same build and settings as the server's.
import { setTimeout as pause } from "node:timers/promises";
import { CharonDataplane } from "../src/dataplane/charon/charon-dataplane.ts";
import { findCharon } from "../src/dataplane/charon/charon-process.ts";
import { toLoadConn, toLoadShared } from "../src/dataplane/charon/connection-message.ts";
import { ownWires } from "../src/dataplane/charon/gateway-network.ts";
import type { Names } from "../src/dataplane/charon/names.ts";
import { readChildEvent } from "../src/dataplane/charon/sas.ts";
import type { ConnectionSpec, GatewaySpec } from "../src/dataplane/dataplane.ts";
import { ViciSession } from "../src/vici/session.ts";
import { connectionsOf, dpd, rawGateways, type Shape, wire } from "./converge-specs.ts";
import type { Scope } from "./scope.ts";

/** So many gateways are made at once: as many as there are cores, and as many that wait. */
const gatewaysAtOnce = 4;
/** As long as the server gives a quick mode. */
const standstillMs = 4_000;

export class RawEnd {
  readonly #names: Names;
  readonly #dataplane: CharonDataplane;
  readonly #gateways: readonly GatewaySpec[];
  readonly #first: GatewaySpec;

  constructor(scope: Scope, names: Names, gateways: number) {
    this.#names = names;
    const network = { ...ownWires, publicPrefixLength: wire.prefixLength, publicGateway: wire.router };
    const log = { info: () => {}, warn: () => {} };
    this.#dataplane = new CharonDataplane({ names, network, esp: "auto", dpd, log });
    scope.defer("the raw data plane", () => this.#dataplane.close());
    this.#gateways = rawGateways(gateways);
    const [first] = this.#gateways;
    if (first === undefined) throw new RangeError("one gateway at least");
    this.#first = first;
  }

  async makeGateways(): Promise<void> {
    await this.#dataplane.start();
    const waiting = [...this.#gateways];
    const work = async () => {
      for (let gateway = waiting.shift(); gateway !== undefined; gateway = waiting.shift()) await this.#make(gateway);
    };
    await Promise.all(Array.from({ length: gatewaysAtOnce }, work));
  }

  async #make(gateway: GatewaySpec): Promise<void> {
    await this.#dataplane.apply(gateway, { kind: "make-network" });
    await this.#dataplane.apply(gateway, { kind: "start-charon" });
    await this.#dataplane.apply(gateway, { kind: "add-local-network", network: gateway.vpcCidr });
  }

  /** The pid of the charon with the channels. */
  async pid(): Promise<number> {
    const { id } = this.#first;
    const place = { namespace: this.#names.gatewayNamespace(id), dir: this.#names.gatewayDir(id) };
    return (await findCharon(place)) ?? 0;
  }

  /** Kills that charon, so that nobody is told. */
  async kill(): Promise<void> {
    const pid = await this.pid();
    if (pid > 0) process.kill(pid, "SIGKILL");
    await this.#dataplane.apply(this.#first, { kind: "stop-charon" });
  }

  async start(): Promise<void> {
    await this.#dataplane.apply(this.#first, { kind: "start-charon" });
  }

  /** Loads all channels and initiates them, so many at once. @returns when all are up */
  async bringUp(shape: Shape, channels: number, concurrency: number): Promise<void> {
    await this.#initiate(connectionsOf(this.#first, shape, channels), concurrency);
  }

  /** Loads all that the last channel changes, and initiates it. */
  async bringUpLast(shape: Shape, channels: number): Promise<void> {
    const connection = connectionsOf(this.#first, shape, channels).at(-1);
    const child = connection?.children.at(-1);
    if (connection !== undefined && child !== undefined) await this.#initiate([connection], 1, [child.name]);
  }

  async #initiate(
    connections: readonly ConnectionSpec[],
    concurrency: number,
    children = connections.flatMap((connection) => connection.children.map(({ name }) => name)),
  ): Promise<void> {
    const socket = this.#names.viciSocket(this.#first.id);
    const commands = await ViciSession.connect(socket);
    const events = await ViciSession.connect(socket);
    try {
      await initiateAll(commands, events, connections, new Set(children), concurrency);
    } finally {
      commands.close();
      events.close();
    }
  }
}

/**
 * A connection's children are begun as soon as it is loaded, the next connection is loaded when there is room for its first child. What has
 * not come up when nothing has for a while is begun again.
 */
async function initiateAll(
  commands: ViciSession,
  events: ViciSession,
  connections: readonly ConnectionSpec[],
  wanted: ReadonlySet<string>,
  concurrency: number,
): Promise<void> {
  /** Connections of the children under way. */
  const underWay = new Map<string, string>();
  let wake = () => {};
  await events.subscribe("child-updown", (message) => {
    for (const { name } of readChildEvent(message).begun) underWay.delete(name);
    wake();
  });
  const initiate = async (ike: string, child: string) => {
    underWay.set(child, ike);
    await commands.request("initiate", { ike, child, "init-limits": "no", timeout: "-1" });
  };
  const waitForLessThan = async (count: number) => {
    while (underWay.size >= count) {
      const moved = new Promise<true>((resolve) => {
        wake = () => resolve(true);
      });
      const hasMoved = await Promise.race([moved, pause(standstillMs, false, { ref: false })]);
      if (!hasMoved) for (const [child, ike] of underWay) await initiate(ike, child);
    }
  };
  for (const connection of connections) {
    await commands.request("load-shared", toLoadShared(connection));
    await commands.request("load-conn", toLoadConn(connection, dpd));
    for (const { name: child } of connection.children) {
      if (!wanted.has(child)) continue;
      await waitForLessThan(concurrency);
      await initiate(connection.name, child);
    }
  }
  await waitForLessThan(1);
}
