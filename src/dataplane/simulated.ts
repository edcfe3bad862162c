// A data plane in memory: no root, no files, no packets. It answers as charon does when every peer agrees at once, except
// peers in 192.0.2.0/24 (TEST-NET-1, RFC 5737), which never answer.
import { randomBytes } from "node:crypto";
import type { Trouble } from "../diagnosis/diagnosis.ts";
import { contains, networkAt, parseAddress, storedNetwork } from "../vpn/network.ts";
import {
  type ActualGateway,
  type ChildSa,
  type ConnectionSpec,
  type Dataplane,
  DataplaneError,
  type GatewaySpec,
  type IkeSa,
  type Step,
} from "./dataplane.ts";

const silence = { cause: "peer-silent", said: "" } as const;
const silentPeers = storedNetwork("192.0.2.0/24");

interface SimulatedChild {
  readonly name: string;
  readonly uniqueId: string;
  readonly spi: string;
  state: "INSTALLING" | "INSTALLED";
  installedAtMs: number;
  bytesIn: number;
  bytesOut: number;
}

interface SimulatedIkeSa {
  readonly connection: string;
  readonly uniqueId: string;
  /** What its peer makes of it; undefined for one that answers. */
  readonly trouble: Trouble | undefined;
  state: "CONNECTING" | "ESTABLISHED";
  children: SimulatedChild[];
  /** As it was observed last; undefined when it has changed since. */
  observed?: IkeSa | undefined;
}

interface SimulatedCharon {
  readonly connections: Map<string, { spec: ConnectionSpec; fingerprint: string }>;
  readonly secrets: Map<string, string>;
  ikeSas: SimulatedIkeSa[];
}

interface SimulatedGateway {
  readonly localNetworks: Set<string>;
  charon: SimulatedCharon | undefined;
  ended: ChildSa[];
}

export class SimulatedDataplane implements Dataplane {
  readonly kind = "simulated";
  readonly #delayMs: number;
  readonly #gateways = new Map<number, SimulatedGateway>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #listener: (gatewayId: number) => void = () => {};
  #lastUniqueId = 0;
  readonly #deadlines = new Map<number, number>();
  #isLeased = false;

  /** @param options.delayMs from initiate-child to INSTALLED, 0 unless told */
  constructor(options: { delayMs?: number } = {}) {
    this.#delayMs = options.delayMs ?? 0;
  }

  async start(): Promise<void> {}

  async listGatewayIds(): Promise<readonly number[]> {
    return [...this.#gateways.keys()].sort((a, b) => a - b);
  }

  async permit(gatewayIds: readonly number[], forMs: number): Promise<void> {
    if (forMs !== Number.POSITIVE_INFINITY) this.#isLeased = true;
    for (const id of gatewayIds) this.#deadlines.set(id, performance.now() + forMs);
  }

  /** For tests: whether it may send and receive. */
  isPermitted(gatewayId: number): boolean {
    const deadline = this.#deadlines.get(gatewayId);
    return deadline === undefined ? !this.#isLeased : performance.now() < deadline;
  }

  async observe(gatewayId: number, _isThorough: boolean): Promise<ActualGateway> {
    return { ...this.peek(gatewayId), ended: this.#gateways.get(gatewayId)?.ended.splice(0) ?? [] };
  }

  async findRefusal(): Promise<undefined> {}

  /** For tests: what is there; what has ended is still to be told. */
  peek(gatewayId: number): ActualGateway {
    const gateway = this.#gateways.get(gatewayId);
    const charon = gateway?.charon;
    return {
      hasNetwork: gateway !== undefined,
      localNetworks: [...(gateway?.localNetworks ?? [])],
      isRunning: charon !== undefined,
      connections: new Map([...(charon?.connections ?? [])].map(([name, { fingerprint }]) => [name, fingerprint])),
      secrets: new Map(charon?.secrets),
      ikeSas: (charon?.ikeSas ?? []).map((ikeSa) => {
        ikeSa.observed ??= lookAt(ikeSa);
        return ikeSa.observed;
      }),
      ended: [],
      troubles: new Map(charon?.ikeSas.flatMap(({ connection, trouble }) => (trouble ? [[connection, trouble]] : []))),
      unknownPeers: [],
    };
  }

  async apply(gateway: GatewaySpec, step: Step): Promise<void> {
    switch (step.kind) {
      case "make-network":
        if (!this.#gateways.has(gateway.id)) {
          this.#gateways.set(gateway.id, { localNetworks: new Set(), charon: undefined, ended: [] });
        }
        return;
      case "start-charon":
        this.#network(gateway).charon ??= { connections: new Map(), secrets: new Map(), ikeSas: [] };
        return;
      case "add-local-network":
        this.#network(gateway).localNetworks.add(step.network);
        return;
      case "remove-local-network":
        this.#network(gateway).localNetworks.delete(step.network);
        return;
      case "load-secret":
        this.#charon(gateway).secrets.set(step.connection.name, step.fingerprint);
        return;
      case "load-connection": {
        const { connection: spec, fingerprint } = step;
        this.#charon(gateway).connections.set(spec.name, { spec, fingerprint });
        return;
      }
      case "initiate-child":
        this.#initiate(gateway, step.connection, step.child);
        return;
      case "rekey-child-sa":
        return this.#rekey(gateway, step.uniqueId);
      case "terminate-child-sa":
        for (const ikeSa of this.#charon(gateway).ikeSas) {
          this.#end(gateway, ikeSa, (child) => child.uniqueId === step.uniqueId);
        }
        return this.#reportLater(gateway.id);
      case "terminate-ike-sa": {
        const charon = this.#charon(gateway);
        for (const ikeSa of charon.ikeSas) {
          if (ikeSa.uniqueId === step.uniqueId) this.#end(gateway, ikeSa, () => true);
        }
        charon.ikeSas = charon.ikeSas.filter((ikeSa) => ikeSa.uniqueId !== step.uniqueId);
        return this.#reportLater(gateway.id);
      }
      case "unload-connection":
        this.#charon(gateway).connections.delete(step.name);
        return;
      case "unload-secret":
        this.#charon(gateway).secrets.delete(step.name);
        return;
      case "stop-charon": {
        const network = this.#gateways.get(gateway.id);
        if (network !== undefined) network.charon = undefined;
        return;
      }
      case "remove-network":
        this.#gateways.delete(gateway.id);
        return;
      default:
        step satisfies never;
    }
  }

  /** For tests: bytes go through a child. Nothing else ever does. @throws TypeError when it is not up */
  carry(gatewayId: number, child: string, { bytesIn, bytesOut }: { bytesIn: number; bytesOut: number }): void {
    const isIt = ({ name, state }: SimulatedChild) => name === child && state === "INSTALLED";
    const ikeSa = this.#gateways.get(gatewayId)?.charon?.ikeSas.find(({ children }) => children.some(isIt));
    const found = ikeSa?.children.find(isIt);
    if (ikeSa === undefined || found === undefined) throw new TypeError(`${child} is not up`);
    found.bytesIn += bytesIn;
    found.bytesOut += bytesOut;
    ikeSa.observed = undefined;
  }

  onChange(listener: (gatewayId: number) => void): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #network(gateway: GatewaySpec): SimulatedGateway {
    const network = this.#gateways.get(gateway.id);
    if (network === undefined) throw new DataplaneError("gateway", `${gateway.uid} has no network`);
    return network;
  }

  #charon(gateway: GatewaySpec): SimulatedCharon {
    const charon = this.#gateways.get(gateway.id)?.charon;
    if (charon === undefined) throw new DataplaneError("gateway", `charon of ${gateway.uid} does not run`);
    return charon;
  }

  #initiate(gateway: GatewaySpec, connection: string, name: string): void {
    const charon = this.#charon(gateway);
    const spec = charon.connections.get(connection)?.spec;
    if (!spec?.children.some((child) => child.name === name)) {
      throw new DataplaneError("connection", `${name}: it is not loaded`);
    }
    if (!charon.secrets.has(connection)) throw new DataplaneError("connection", `${name}: no shared key found`);
    const ikeSa = this.#findOrAddIkeSa(charon, spec);
    const child: SimulatedChild = {
      name,
      uniqueId: this.#nextUniqueId(),
      spi: randomBytes(4).toString("hex"),
      state: "INSTALLING",
      installedAtMs: Date.now(),
      bytesIn: 0,
      bytesOut: 0,
    };
    ikeSa.children.push(child);
    if (isSilent(spec.remoteAddress)) return;
    this.#later(() => {
      ikeSa.state = "ESTABLISHED";
      child.state = "INSTALLED";
      child.installedAtMs = Date.now();
      ikeSa.observed = undefined;
      this.#listener(gateway.id);
    });
  }

  /** A new one in its place, whose counters begin anew. */
  #rekey(gateway: GatewaySpec, uniqueId: string): void {
    for (const ikeSa of this.#charon(gateway).ikeSas) {
      const old = ikeSa.children.find((child) => child.uniqueId === uniqueId && child.state === "INSTALLED");
      if (old === undefined) continue;
      this.#end(gateway, ikeSa, (child) => child === old);
      const made = { uniqueId: this.#nextUniqueId(), spi: randomBytes(4).toString("hex"), installedAtMs: Date.now() };
      ikeSa.children.push({ ...old, ...made, bytesIn: 0, bytesOut: 0 });
      this.#reportLater(gateway.id);
    }
  }

  /** As charon does, tells how far those that were up had counted. */
  #end(gateway: GatewaySpec, ikeSa: SimulatedIkeSa, isMeant: (child: SimulatedChild) => boolean): void {
    const ended = ikeSa.children.filter((child) => isMeant(child) && child.state === "INSTALLED");
    this.#network(gateway).ended.push(...ended.map((child) => ({ ...showChild(child), state: "DELETED" })));
    ikeSa.children = ikeSa.children.filter((child) => !isMeant(child));
    ikeSa.observed = undefined;
  }

  /** Silent peers are the only ones that ever fail here. */
  #findOrAddIkeSa(charon: SimulatedCharon, { name: connection, remoteAddress }: ConnectionSpec): SimulatedIkeSa {
    const known = charon.ikeSas.find((ikeSa) => ikeSa.connection === connection);
    if (known !== undefined) return known;
    const ikeSa: SimulatedIkeSa = {
      connection,
      uniqueId: this.#nextUniqueId(),
      trouble: isSilent(remoteAddress) ? { finding: silence, sinceMs: Date.now(), events: [] } : undefined,
      state: "CONNECTING",
      children: [],
    };
    charon.ikeSas.push(ikeSa);
    return ikeSa;
  }

  #nextUniqueId(): string {
    this.#lastUniqueId += 1;
    return String(this.#lastUniqueId);
  }

  #reportLater(gatewayId: number): void {
    this.#later(() => this.#listener(gatewayId));
  }

  #later(work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, this.#delayMs);
    timer.unref();
    this.#timers.add(timer);
  }
}

function lookAt({ connection, uniqueId, state, children }: SimulatedIkeSa): IkeSa {
  // charon lists no child before it is installed.
  const installed = children.filter((child) => child.state === "INSTALLED");
  return { connection, uniqueId, state, children: installed.map(showChild) };
}

function showChild({ installedAtMs, ...child }: SimulatedChild): ChildSa {
  return {
    ...child,
    get ageSeconds() {
      return Math.floor((Date.now() - installedAtMs) / 1_000);
    },
  };
}

function isSilent(address: string): boolean {
  const number = parseAddress(address);
  return number !== undefined && contains(silentPeers, networkAt(number, 32));
}
