// What a server has beside the API when others may run its gateways: hosts that come to its desk and are given gateways, other nodes that
// it tells of changes, and, with the role all, the host that it is itself.
import { hostname } from "node:os";
import { type Config, ConfigError } from "../config.ts";
import type { HostIdentity } from "../control/direct/host-leases.ts";
import { Housekeeping } from "../control/direct/housekeeping.ts";
import { NudgeBoard } from "../control/nudge-board.ts";
import { NudgeLine } from "../control/nudge-line.ts";
import type { Host } from "../host/host.ts";
import { tell } from "../host/listener.ts";
import { ensureSession } from "../host/session.ts";
import type { HostDesk } from "../http/host-api.ts";
import { ensureOwnHost, HostError } from "../operations/hosts.ts";
import { Placer, type PlacerOptions } from "../placement/placer.ts";
import { sqlitePath } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { isHostName } from "../vpn/gateway-host.ts";
import { makeDesk } from "./desk.ts";

/** Whether nobody else could run the gateways of a server: it has them for good, and needs no leases. */
export function isAlone(config: Config): boolean {
  return config.role === "all" && sqlitePath(config) !== undefined;
}

export interface NeighbourParts {
  readonly config: Config;
  readonly store: Store;
  readonly clock: () => number;
  readonly log: PlacerOptions["log"];
}

export class Neighbours {
  readonly desk: HostDesk;
  readonly #board = new NudgeBoard();
  readonly #line: NudgeLine;
  readonly #housekeeping: Housekeeping;
  readonly #placer: Placer;
  readonly #stopping = new AbortController();
  #newest = 0;
  #following: Promise<void> | undefined;

  constructor({ config, store, clock, log }: NeighbourParts) {
    const board = this.#board;
    const termMs = config["lease.seconds"] * 1_000;
    this.desk = makeDesk({ store, clock, board, termMs, onFree: () => this.#placer.nudge() });
    this.#line = new NudgeLine({ board, open: (listener) => store.openLine(listener) });
    const keepTrafficMs = config.trafficDays * 86_400_000;
    this.#housekeeping = new Housekeeping({ store, clock, log, keepTrafficMs });
    const onGranted = (hostIds: readonly number[]) => this.#line.say({ kind: "leases", hostIds });
    this.#placer = new Placer({ store, monotonic: () => performance.now(), clock, log, termMs, onGranted });
  }

  async start(): Promise<void> {
    await this.#housekeeping.start();
    this.#placer.start();
  }

  /** A gateway has changed. One that is new has no host yet: numbers only rise. */
  nudge(vpnGwId: number): void {
    this.#line.say({ kind: "gateways", ids: [vpnGwId] });
    if (vpnGwId <= this.#newest) return;
    this.#newest = vpnGwId;
    this.#placer.nudge();
  }

  /** Has the server's own host hear what the others do. */
  follow(hostId: number, host: Host): void {
    this.#following = this.#board.follow(hostId, (nudged) => tell(host, nudged), this.#stopping.signal);
  }

  /** Before the store is closed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#following;
    await this.#placer.stop();
    await this.#line.close();
    await this.#housekeeping.stop();
  }
}

/** The gateway host that a server is itself, made at its first start. @throws ConfigError, StoreError */
export async function identifyOwnHost(store: Store, config: Config, nowMs: number): Promise<HostIdentity> {
  const name = config.hostName === "" ? hostname() : config.hostName;
  if (!isHostName(name)) throw new ConfigError(`hostName: the machine is called ${name}; give the gateway host a name`);
  try {
    return { hostId: await ensureOwnHost(store, name, nowMs), session: ensureSession(config.data) };
  } catch (cause) {
    if (cause instanceof HostError) throw new ConfigError(`hostName: ${cause.message}`, { cause });
    throw cause;
  }
}
