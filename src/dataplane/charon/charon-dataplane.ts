// The data plane on this machine: what is there of each gateway, and one step at a time. It decides nothing and retries
// nothing: that is the reconciler's. One object for all gateways of an instance.
import { readdir } from "node:fs/promises";
import type { Trouble } from "../../diagnosis/diagnosis.ts";
import { ViciError } from "../../vici/errors.ts";
import type { IkeSettings, IpsecSettings } from "../../vpn/algorithms.ts";
import {
  type ActualGateway,
  type ChildSa,
  type Dataplane,
  DataplaneError,
  type GatewaySpec,
  type Step,
} from "../dataplane.ts";
import type { CharonClient } from "./charon-client.ts";
import { CharonClients } from "./charon-clients.ts";
import { type CharonPlace, logOf, startCharon, stopCharon, trimLog } from "./charon-process.ts";
import type { DeadPeerDetection } from "./connection-message.ts";
import { Diagnoses } from "./diagnoses.ts";
import { chooseEsp, type Esp } from "./esp.ts";
import {
  addLocalNetwork,
  findEsp,
  inspectNetwork,
  type MachineNetwork,
  makeNetwork,
  type NetworkSettings,
  removeLocalNetwork,
  removeNetwork,
  type SeenNetwork,
} from "./gateway-network.ts";
import { tunLink } from "./gateway-network-plan.ts";
import { Gather } from "./gather.ts";
import { CommandError, ipBatch, listNamespaces } from "./ip.ts";
import { LeaseGuards } from "./lease-guards.ts";
import { checkMachine, checkTun } from "./machine-check.ts";
import { tunnelMtu } from "./mtu.ts";
import type { Names } from "./names.ts";
import { removeStrays } from "./strays.ts";
import { abilitiesFor } from "./trial/choices.ts";
import { Trials } from "./trial/trials.ts";
import { findRouteless, listTunnelRoutes } from "./tunnel-routes.ts";
import { inTurn } from "./turns.ts";

/** The part of a logger that is used here (pino's shape). */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface CharonDataplaneOptions {
  readonly names: Names;
  readonly network: NetworkSettings;
  /** Who is to do ESP; what comes of `auto` is found out at start. */
  readonly esp: Esp | "auto";
  readonly dpd: DeadPeerDetection;
  readonly log: Log;
}

/**
 * Of a thousand channels that come up together each raises an event, and a look at a gateway costs more the more it has. Short beside
 * what a peer takes to answer.
 */
const eventsPauseMs = 25;

/**
 * An inspection is four processes, and the gateways of a server that was started are all looked at in the same moment: with 50 of them
 * nothing else would get to run for a second.
 */
const inspectionsAtOnce = 2;

const noCharon = {
  isRunning: false,
  connections: new Map<string, string>(),
  secrets: new Map<string, string>(),
  ikeSas: [],
} as const;

const nothingKnown = { troubles: new Map<string, Trouble>(), unknownPeers: [] } as const;

export class CharonDataplane implements Dataplane {
  readonly kind = "charon";
  readonly #names: Names;
  readonly #wishedEsp: Esp | "auto";
  #network: MachineNetwork;
  readonly #dpd: DeadPeerDetection;
  readonly #log: Log;
  readonly #clients: CharonClients;
  readonly #trials: Trials;
  /** What this object has seen; a gateway that is not in here is looked at before anything is said about it. */
  readonly #networks = new Map<number, SeenNetwork>();
  /** Gateways whose charon runs and cannot go on as it is. */
  readonly #spoilt = new Set<number>();
  /** CHILD_SAs that have ended and have not been told of. */
  readonly #ended = new Map<number, ChildSa[]>();
  readonly #diagnoses: Diagnoses;
  readonly #leases: LeaseGuards;
  readonly #events = new Gather(eventsPauseMs, (gatewayId) => this.#listener(gatewayId));
  #listener: (gatewayId: number) => void = () => {};

  constructor(options: CharonDataplaneOptions) {
    this.#names = options.names;
    this.#wishedEsp = options.esp;
    this.#network = { ...options.network, esp: "userspace" };
    this.#dpd = options.dpd;
    this.#log = options.log;
    this.#trials = new Trials(options.names, options.log);
    this.#leases = new LeaseGuards({
      namespaceOf: (gatewayId) => this.#names.gatewayNamespace(gatewayId),
      clock: () => performance.now(),
      onDue: (gatewayId) => void this.#applyLease(gatewayId),
    });
    this.#clients = new CharonClients(
      (gatewayId) => this.#place(gatewayId),
      (gatewayId, ended) => {
        if (ended.length > 0) this.#ended.set(gatewayId, (this.#ended.get(gatewayId) ?? []).concat(ended));
        this.#events.hear(gatewayId);
      },
      (gatewayId) => {
        this.#log.warn({ gatewayId }, "charon has gone");
        this.#listener(gatewayId);
      },
    );
    this.#diagnoses = new Diagnoses((gatewayId) => logOf(this.#place(gatewayId)), {
      onNews: (gatewayId) => this.#listener(gatewayId),
      onFailure: (gatewayId, err) => this.#log.warn({ gatewayId, err }, "charon's log cannot be read"),
    });
  }

  async start(): Promise<void> {
    await translateErrors(async () => {
      await checkMachine(this.#names);
      const strays = await removeStrays(this.#names);
      if (strays.pids.length + strays.wires.length > 0) this.#log.warn(strays, "removed what belonged to no gateway");
      const esp = await chooseEsp(this.#names, this.#wishedEsp);
      if (esp === "userspace") await checkTun();
      this.#network = { ...this.#network, esp };
      this.#log.info({ esp }, "who does ESP is chosen");
      this.#trials.begin(esp);
    });
  }

  async listGatewayIds(): Promise<readonly number[]> {
    const namespaces = await listNamespaces(this.#names.prefix);
    const dirs = await readdir(this.#names.runDir).catch(() => []);
    const parts = [...namespaces.map((namespace) => namespace.slice(this.#names.prefix.length)), ...dirs];
    const ids = parts.flatMap((part) => /^gw(\d+)$/.exec(part)?.[1] ?? []).map(Number);
    return [...new Set(ids)].sort((a, b) => a - b);
  }

  async permit(gatewayIds: readonly number[], forMs: number): Promise<void> {
    for (const id of this.#leases.record(gatewayIds, forMs)) this.#lookAnew(id);
    await Promise.all(gatewayIds.map((id) => this.#applyLease(id)));
  }

  async observe(gatewayId: number, isThorough: boolean): Promise<ActualGateway> {
    return await translateErrors(async () => {
      const network = await this.#seeNetwork(gatewayId, isThorough);
      const charon = await this.#seeCharon(gatewayId, isThorough);
      const known = this.#diagnose(gatewayId, charon);
      const ended = this.#ended.get(gatewayId) ?? [];
      this.#ended.delete(gatewayId);
      return { hasNetwork: network.isWhole, localNetworks: network.localNetworks, ...charon, ended, ...known };
    });
  }

  async findRefusal(ike: IkeSettings, ipsec: IpsecSettings): Promise<string | undefined> {
    const missing = await this.#trials.findMissing(abilitiesFor(ike, ipsec));
    if (missing.length === 0) return undefined;
    return `this machine's strongSwan cannot do ${missing.join(", ")}: \`culvert doctor\` tells why`;
  }

  async apply(gateway: GatewaySpec, step: Step): Promise<void> {
    await translateErrors(async () => {
      switch (step.kind) {
        case "make-network":
          return await this.#makeNetwork(gateway);
        case "add-local-network":
          return await this.#changeNetwork(gateway, () => addLocalNetwork(this.#names, gateway, step.network));
        case "remove-local-network":
          return await this.#changeNetwork(gateway, () => removeLocalNetwork(this.#names, gateway, step.network));
        case "start-charon":
          return await this.#startCharon(gateway);
        case "load-secret":
          await (await this.#client(gateway)).loadSecret(step.connection, step.fingerprint);
          return this.#diagnoses.follow(gateway.id).expect(step.connection, Date.now());
        case "load-connection":
          await (await this.#client(gateway)).loadConnection(step.connection, step.fingerprint, this.#dpd);
          return this.#diagnoses.follow(gateway.id).expect(step.connection, Date.now());
        case "initiate-child":
          return await (await this.#client(gateway)).initiateChild(step.connection, step.child);
        case "rekey-child-sa":
          return await (await this.#client(gateway)).rekeyChildSa(step.uniqueId);
        case "terminate-child-sa":
          return await (await this.#client(gateway)).terminateChildSa(step.uniqueId);
        case "terminate-ike-sa":
          return await (await this.#client(gateway)).terminateIkeSa(step.uniqueId);
        case "unload-connection":
          await (await this.#client(gateway)).unloadConnection(step.name);
          return this.#diagnoses.follow(gateway.id).forget(step.name);
        case "unload-secret":
          return await (await this.#client(gateway)).unloadSecret(step.name);
        case "stop-charon":
          return await this.#stopCharon(gateway);
        case "remove-network":
          // charon first: its pid is in the directory that goes.
          await this.#stopCharon(gateway);
          this.#ended.delete(gateway.id);
          this.#diagnoses.forget(gateway.id);
          return await this.#changeNetwork(gateway, () => removeNetwork(this.#names, gateway));
        default:
          step satisfies never;
      }
    });
  }

  onChange(listener: (gatewayId: number) => void): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    this.#listener = () => {};
    this.#events.stop();
    this.#diagnoses.close();
    this.#leases.close();
    await this.#trials.close();
    await this.#clients.dropAll();
  }

  #place(gatewayId: number): CharonPlace {
    return { namespace: this.#names.gatewayNamespace(gatewayId), dir: this.#names.gatewayDir(gatewayId) };
  }

  /** Why what is not up is not, now that this is there. */
  #diagnose(
    gatewayId: number,
    { isRunning, ikeSas }: Pick<ActualGateway, "isRunning" | "ikeSas">,
  ): Pick<ActualGateway, "troubles" | "unknownPeers"> {
    if (!isRunning) {
      this.#diagnoses.find(gatewayId)?.seeStopped();
      return nothingKnown;
    }
    const diagnosis = this.#diagnoses.follow(gatewayId);
    const children = ikeSas.flatMap((ikeSa) => ikeSa.children);
    // Being renewed, it still carries.
    const up = children.filter(({ state }) => state === "INSTALLED" || state === "REKEYING");
    diagnosis.seeInstalled(new Set(up.map(({ name }) => name)));
    return { troubles: diagnosis.troubles(), unknownPeers: diagnosis.unknownPeers };
  }

  async #seeNetwork(gatewayId: number, isThorough: boolean): Promise<SeenNetwork> {
    const known = isThorough ? undefined : this.#networks.get(gatewayId);
    if (known !== undefined) return known;
    const lane = `inspection ${gatewayId % inspectionsAtOnce}`;
    const seen = await inTurn(lane, () => inspectNetwork(this.#names, this.#networkOf(gatewayId), gatewayId));
    this.#networks.set(gatewayId, seen);
    return seen;
  }

  async #seeCharon(
    gatewayId: number,
    isThorough: boolean,
  ): Promise<Pick<ActualGateway, "isRunning" | "connections" | "secrets" | "ikeSas">> {
    try {
      const client = await (isThorough ? this.#clients.findProved(gatewayId) : this.#clients.find(gatewayId));
      if (client === undefined) return noCharon;
      if (isThorough) {
        await client.refreshLoaded();
        await trimLog(this.#place(gatewayId), client.session);
        if (await this.#hasLostRoutes(gatewayId, client)) return noCharon;
      }
      const ikeSas = await client.listSas(isThorough);
      return { isRunning: true, connections: new Map(client.connections), secrets: new Map(client.secrets), ikeSas };
    } catch (error) {
      if (!(error instanceof ViciError)) throw error;
      // It has gone meanwhile, or does not answer: start-charon will ask it again, and replace it if need be.
      this.#log.warn({ gatewayId, reason: error.message }, "charon does not answer");
      await this.#clients.drop(gatewayId);
      return noCharon;
    }
  }

  /** charon never makes a route into its TUN again: a new one has to be started. Twice, as tunnels come and go while we look. */
  async #hasLostRoutes(gatewayId: number, client: CharonClient): Promise<boolean> {
    if (this.#network.esp === "kernel") return false;
    const namespace = this.#names.gatewayNamespace(gatewayId);
    const look = async () => {
      const networks = await client.listPeerNetworks();
      return networks.size === 0 ? [] : findRouteless(networks, await listTunnelRoutes(namespace));
    };
    const routeless = await look();
    if (routeless.length === 0) return false;
    const still = new Set(await look());
    const networks = routeless.filter((network) => still.has(network));
    if (networks.length === 0) return false;
    this.#log.warn({ gatewayId, networks }, "routes into the tunnels are missing");
    this.#spoilt.add(gatewayId);
    return true;
  }

  async #makeNetwork(gateway: GatewaySpec): Promise<void> {
    this.#networks.delete(gateway.id);
    // The guards are different ones: no charon may see the others.
    const former = await findEsp(this.#names, gateway.id);
    if (former !== undefined && former !== this.#network.esp) await this.#stopCharon(gateway);
    this.#networks.set(gateway.id, await makeNetwork(this.#names, this.#networkOf(gateway.id), gateway));
    await this.#leases.applyAnew(gateway.id);
  }

  #networkOf(gatewayId: number): MachineNetwork {
    return { ...this.#network, leaseGuard: this.#leases.wishOf(gatewayId) };
  }

  /** One that has no guard is mended as whatever else is missing is. Until then it is in the state in which nobody has permitted anything. */
  async #applyLease(gatewayId: number): Promise<void> {
    try {
      await this.#leases.apply(gatewayId);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.#log.warn({ gatewayId, reason: error.message }, "the guard of the lease is not in place");
      this.#lookAnew(gatewayId);
    }
  }

  #lookAnew(gatewayId: number): void {
    if (this.#networks.delete(gatewayId)) this.#listener(gatewayId);
  }

  /** Whatever a change comes to, the next observe looks for itself. */
  async #changeNetwork(gateway: GatewaySpec, change: () => Promise<void>): Promise<void> {
    this.#networks.delete(gateway.id);
    await change();
  }

  async #startCharon(gateway: GatewaySpec): Promise<void> {
    if (this.#spoilt.has(gateway.id)) await this.#stopCharon(gateway);
    this.#spoilt.delete(gateway.id);
    const place = this.#place(gateway.id);
    const { esp, publicMtu } = this.#network;
    const pid = await startCharon(place, esp);
    // charon makes its TUN before it answers.
    if (esp === "userspace") await ipBatch(place.namespace, [`link set ${tunLink} mtu ${tunnelMtu(publicMtu)}`]);
    await this.#clients.findProved(gateway.id);
    this.#log.info({ gatewayId: gateway.id, pid }, "charon is up");
  }

  async #stopCharon(gateway: GatewaySpec): Promise<void> {
    await this.#clients.drop(gateway.id);
    await stopCharon(this.#place(gateway.id));
  }

  async #client(gateway: GatewaySpec): Promise<CharonClient> {
    const client = await this.#clients.find(gateway.id);
    if (client === undefined) throw new DataplaneError("gateway", `charon of ${gateway.uid} does not run`);
    return client;
  }
}

/** Failures of the machine and of charon leave here as the gateway's. */
async function translateErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const isExpected = cause instanceof CommandError || cause instanceof ViciError;
    throw isExpected || isSystemError(cause) ? new DataplaneError("gateway", cause.message, { cause }) : cause;
  }
}

/** A file or process that the machine refused (no space, no memory). */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}
