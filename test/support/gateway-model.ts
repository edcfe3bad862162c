// A gateway in memory, for the planner: it can be put into any state at all, does a step as charon and the machine would, and lets
// time pass for what is on its way.
import type { ActualGateway, ChildSa, ConnectionSpec, IkeSa, Step } from "../../src/dataplane/dataplane.ts";

interface ModelIkeSa {
  readonly connection: string;
  readonly uniqueId: string;
  state: string;
  children: ChildSa[];
  /** Children that were asked for and are on their way. */
  coming: string[];
}

/** What a model begins with; what is left out is not there. */
export interface ModelState {
  readonly hasNetwork?: boolean;
  readonly isRunning?: boolean;
  readonly localNetworks?: readonly string[];
  readonly connections?: ReadonlyMap<string, string>;
  readonly secrets?: ReadonlyMap<string, string>;
  readonly ikeSas?: readonly IkeSa[];
}

export class GatewayModel {
  hasNetwork: boolean;
  isRunning: boolean;
  readonly localNetworks: Set<string>;
  readonly connections: Map<string, string>;
  readonly secrets: Map<string, string>;
  readonly #specs = new Map<string, ConnectionSpec>();
  readonly #isSilent: (connection: string) => boolean;
  #ikeSas: ModelIkeSa[];
  #lastUniqueId = 1_000_000;

  constructor(state: ModelState = {}, isSilent: (connection: string) => boolean = () => false) {
    this.hasNetwork = state.hasNetwork ?? false;
    this.isRunning = state.isRunning ?? false;
    this.localNetworks = new Set(state.localNetworks);
    this.connections = new Map(state.connections);
    this.secrets = new Map(state.secrets);
    this.#ikeSas = (state.ikeSas ?? []).map((sa) => ({ ...sa, children: [...sa.children], coming: [] }));
    this.#isSilent = isSilent;
  }

  observe(): ActualGateway {
    return {
      hasNetwork: this.hasNetwork,
      isRunning: this.isRunning,
      localNetworks: [...this.localNetworks],
      connections: new Map(this.connections),
      secrets: new Map(this.secrets),
      ikeSas: this.#ikeSas.map(({ coming: _, ...sa }) => ({ ...sa, children: [...sa.children] })),
      ended: [],
      troubles: new Map(),
      unknownPeers: [],
    };
  }

  /** Does a step. @throws Error where charon or the machine would refuse it */
  apply(step: Step): void {
    switch (step.kind) {
      case "make-network":
        this.hasNetwork = true;
        return;
      case "start-charon":
        this.isRunning = true;
        return;
      case "add-local-network":
        this.localNetworks.add(step.network);
        return;
      case "remove-local-network":
        this.localNetworks.delete(step.network);
        return;
      case "load-secret":
        this.secrets.set(step.connection.name, step.fingerprint);
        return;
      case "load-connection":
        this.connections.set(step.connection.name, step.fingerprint);
        this.#specs.set(step.connection.name, step.connection);
        return;
      case "unload-connection":
        this.connections.delete(step.name);
        return;
      case "unload-secret":
        this.secrets.delete(step.name);
        return;
      case "initiate-child":
        this.#initiate(step.connection, step.child);
        return;
      case "rekey-child-sa":
        return;
      case "terminate-child-sa":
        for (const sa of this.#ikeSas) sa.children = sa.children.filter((child) => child.uniqueId !== step.uniqueId);
        return;
      case "terminate-ike-sa":
        this.#ikeSas = this.#ikeSas.filter((sa) => sa.uniqueId !== step.uniqueId);
        return;
      case "stop-charon":
        this.dieOut();
        return;
      case "remove-network":
        this.dieOut();
        this.hasNetwork = false;
        this.localNetworks.clear();
        return;
      default:
        step satisfies never;
    }
  }

  /** charon has gone, with all that it had loaded. */
  dieOut(): void {
    this.isRunning = false;
    this.connections.clear();
    this.secrets.clear();
    this.#ikeSas = [];
  }

  /** A link of it has gone, or a guard. */
  loseNetwork(): void {
    this.hasNetwork = false;
  }

  /** What is on its way arrives: deletions are done, negotiations come to their end. */
  passTime(): void {
    this.#ikeSas = this.#ikeSas.filter((sa) => sa.state !== "DELETING");
    for (const sa of this.#ikeSas) {
      if (this.#isSilent(sa.connection)) continue;
      sa.state = "ESTABLISHED";
      const there = sa.children.filter((child) => child.state !== "DELETING" && child.state !== "REKEYED");
      const come = sa.coming.map((name) => this.#makeChild(name));
      sa.children = [...there.map((child) => ({ ...child, state: "INSTALLED" })), ...come];
      sa.coming = [];
    }
  }

  #initiate(connection: string, child: string): void {
    if (!this.connections.has(connection) || !this.secrets.has(connection))
      throw new Error(`${connection} is not loaded`);
    const isKnown = this.#specs.get(connection)?.children.some(({ name }) => name === child) ?? true;
    if (!isKnown) throw new Error(`${child} is not loaded`);
    let sa = this.#ikeSas.find((each) => each.connection === connection && each.state !== "DELETING");
    if (sa === undefined) {
      sa = { connection, uniqueId: this.#nextId(), state: "CONNECTING", children: [], coming: [] };
      this.#ikeSas.push(sa);
    }
    sa.coming.push(child);
  }

  #makeChild(name: string): ChildSa {
    return { name, uniqueId: this.#nextId(), state: "INSTALLED", spi: "", ageSeconds: 0, bytesIn: 0, bytesOut: 0 };
  }

  #nextId(): string {
    this.#lastUniqueId += 1;
    return String(this.#lastUniqueId);
  }
}
