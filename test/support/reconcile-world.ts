// A host with all that it needs and nothing else: a store in a file, a scripted data plane, operations, and a clock that stands
// still unless it is told to go on. Timers are vitest's, so that no test waits for one.
import { expect, vi } from "vitest";
import { DirectHost, type DirectHostOptions } from "../../src/host/direct-host.ts";
import type { Host } from "../../src/host/host.ts";
import { deleteVpnConn } from "../../src/operations/delete-vpn-conn.ts";
import { deleteVpnGw } from "../../src/operations/delete-vpn-gw.ts";
import type { Store } from "../../src/store/store.ts";
import type { Task, VpnConn, VpnGw } from "../../src/vpn/entities.ts";
import { makeSqlite, type TestDatabase } from "../store/databases.ts";
import { makeOperator, type Operator, type Place } from "./operations.ts";
import { ScriptedDataplane } from "./scripted-dataplane.ts";

export interface LogEntry {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly fields: object;
}

export interface WorldHost extends Pick<Host, "nudge" | "stop"> {
  start(): Promise<void>;
}

export interface WorldOptions {
  /** The host that has everything for good unless told. */
  readonly makeHost?: (options: DirectHostOptions) => WorldHost;
  readonly periodMs?: number;
  /** From initiate to INSTALLED. */
  readonly delayMs?: number;
}

const patienceMs = 5_000;
export const keepTrafficMs = 31 * 86_400_000;

export class ReconcileWorld {
  readonly database: TestDatabase;
  readonly store: Store;
  readonly dataplane: ScriptedDataplane;
  readonly operator: Operator;
  readonly log: LogEntry[] = [];
  readonly periodMs: number;
  host: WorldHost;
  readonly #options: WorldOptions;
  isStarted = false;

  /** Takes the timers and the clock until it is removed. */
  static async make(options: WorldOptions = {}): Promise<ReconcileWorld> {
    const database = await makeSqlite();
    vi.useFakeTimers({
      toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"],
      now: Date.UTC(2026, 0, 1),
    });
    const holder: { world?: ReconcileWorld } = {};
    // As in the program: who asks for something before the reconciler has begun asks nobody.
    const nudge = (id: number) => {
      if (holder.world?.isStarted) holder.world.host.nudge(id);
    };
    holder.world = new ReconcileWorld(database, await makeOperator(database.store, { nudge }), options);
    return holder.world;
  }

  private constructor(database: TestDatabase, operator: Operator, options: WorldOptions) {
    this.database = database;
    this.store = database.store;
    this.operator = operator;
    this.#options = options;
    this.periodMs = options.periodMs ?? 30_000;
    this.dataplane = new ScriptedDataplane({ delayMs: options.delayMs ?? 0 });
    this.host = this.#makeHost();
  }

  async remove(): Promise<void> {
    this.dataplane.onApply = () => {};
    this.dataplane.onObserve = () => {};
    await this.host.stop();
    vi.useRealTimers();
    await this.database.remove();
  }

  async start(): Promise<void> {
    await this.host.start();
    this.isStarted = true;
  }

  async stop(): Promise<void> {
    this.isStarted = false;
    await this.host.stop();
  }

  /** The server ends and a new one begins; what is on the machine lives on. */
  async restart(meanwhile: () => Promise<void> | void = () => {}): Promise<void> {
    await this.stop();
    await meanwhile();
    this.dataplane.isClosed = false;
    this.host = this.#makeHost();
    await this.start();
  }

  #makeHost(): WorldHost {
    const note = (level: LogEntry["level"]) => (fields: object, message: string) => {
      this.log.push({ level, message, fields });
    };
    const log = { info: note("info"), warn: note("warn"), error: note("error") };
    const { store, dataplane, periodMs } = this;
    const { makeHost = (given) => new DirectHost(given) } = this.#options;
    return makeHost({ store, dataplane, clock: Date.now, log, periodMs, keepTrafficMs });
  }

  /** Lets everything go on that needs no time, until it is so. */
  async until(condition: () => unknown, what: string): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!(await condition())) {
      if (performance.now() > deadline) throw new Error(`waited ${patienceMs} ms in vain for ${what}`);
      await step();
    }
  }

  /** Lets everything go on that needs no time, until nothing happens any more. @param turns how long nothing must have happened */
  async settle(turns = 10): Promise<void> {
    const count = () => this.dataplane.steps.length + this.dataplane.looks.length + this.log.length;
    let wanted = turns;
    for (let quiet = 0, before = count(); quiet < wanted; quiet += 1) {
      await step();
      if (count() === before) continue;
      before = count();
      quiet = 0;
      wanted = 10;
    }
  }

  /** The clock goes on, and whatever is due on the way comes to its end. */
  async advance(ms: number): Promise<void> {
    const pieceMs = 250;
    for (let left = ms; left > 0; left -= pieceMs) {
      vi.advanceTimersByTime(Math.min(pieceMs, left));
      await this.settle(2);
    }
  }

  async gateway(
    id: number,
  ): Promise<Pick<VpnGw, "status" | "generation"> & { failure: string | null; observed: number }> {
    const columns = ["status", "failure", "generation", "observed_generation as observed"] as const;
    const row = await this.store.db.sql.selectFrom("vpn_gws").select(columns).where("id", "=", id).executeTakeFirst();
    if (row === undefined) throw new Error(`gateway ${id} has gone`);
    return { ...row, status: row.status as VpnGw["status"] };
  }

  async hasGateway(id: number): Promise<boolean> {
    const query = this.store.db.sql.selectFrom("vpn_gws").select("id").where("id", "=", id);
    return (await query.executeTakeFirst()) !== undefined;
  }

  /** Rows of channels, in order. */
  async conns() {
    const rows = await this.store.db.sql
      .selectFrom("vpn_conns")
      .leftJoin("vpn_conn_observations", "vpn_conn_id", "vpn_conns.id")
      .select(["id", "uid", "status", "failure", "net_status as netStatus", "changed_at as changedAt"])
      .orderBy("id")
      .execute();
    return rows.map((row) => ({ ...row, status: row.status as VpnConn["status"] }));
  }

  async statuses(): Promise<string[]> {
    return (await this.conns()).map(({ status, netStatus }) => `${status}, ${netStatus ?? "never up"}`);
  }

  async task(id: number): Promise<Pick<Task, "status" | "failure">> {
    const query = this.store.db.sql.selectFrom("tasks").select(["status", "failure"]).where("id", "=", id);
    const row = await query.executeTakeFirstOrThrow();
    return { status: row.status as Task["status"], failure: row.failure ?? undefined };
  }

  async untilTask(id: number, status: Task["status"]): Promise<void> {
    await this.until(async () => (await this.task(id)).status === status, `task ${id} to be ${status}`);
  }

  async untilUp(count: number): Promise<void> {
    const isUp = (text: string) => text === "running, available";
    await this.until(async () => (await this.statuses()).filter(isUp).length === count, `${count} channels to be up`);
  }

  async deleteConn({ vpc, vpnGw }: Place, uid?: string): Promise<{ taskId: number }> {
    const vpnConn = uid ?? (await this.conns())[0]?.uid ?? "";
    return deleteVpnConn(this.operator.context, this.operator.caller, { vpc: vpc.uid, vpnGw: vpnGw.uid, vpnConn });
  }

  deleteGw({ vpc, vpnGw }: Place): Promise<{ taskId: number }> {
    return deleteVpnGw(this.operator.context, this.operator.caller, { vpc: vpc.uid, vpnGw: vpnGw.uid });
  }

  /** What was logged, as a text: no key may be in it. */
  logText(): string {
    return JSON.stringify(this.log, (_, value) =>
      value instanceof Error ? { message: value.message, stack: value.stack, cause: value.cause } : value,
    );
  }

  expectNoErrors(): void {
    expect(this.log.filter(({ level }) => level !== "info")).toEqual([]);
  }
}

async function step(): Promise<void> {
  vi.advanceTimersByTime(0);
  await new Promise(setImmediate);
}

/** A gate that holds back whoever waits at it until it is opened. */
export function makeGate(): {
  readonly reached: Promise<void>;
  readonly pass: () => Promise<void>;
  readonly open: () => void;
} {
  const arrival = Promise.withResolvers<void>();
  const opening = Promise.withResolvers<void>();
  return {
    reached: arrival.promise,
    pass: () => {
      arrival.resolve();
      return opening.promise;
    },
    open: opening.resolve,
  };
}
