// What a test of control has around it: a control with the store behind it, two gateways of which it holds one, and a clock that stands
// still.
import { expect } from "vitest";
import { type Control, ControlError, type GatewayRead, type RoundOutcome } from "../../src/control/control.ts";
import type { LeaseBook } from "../../src/control/direct/lease-book.ts";
import type { CreateVpnConn } from "../../src/operations/create-vpn-conn.ts";
import { deleteVpnConn } from "../../src/operations/delete-vpn-conn.ts";
import { deleteVpnGw } from "../../src/operations/delete-vpn-gw.ts";
import type { Store } from "../../src/store/store.ts";
import type { DesiredVpnConn, Task, VpnGw } from "../../src/vpn/entities.ts";
import { makeConn, makeOperator, makePlace, type Operator, type Place } from "../support/operations.ts";
import { ScriptedLeases } from "../support/scripted-leases.ts";

/** A control with the store behind it, which is open for the test too. */
export interface ControlUnderTest {
  readonly control: Control;
  readonly store: Store;
  /** From now on nobody answers; undefined where that cannot be brought about. */
  readonly silence?: (() => Promise<void>) | undefined;
  remove(): Promise<void>;
}

/** What is behind the control that is to be made. */
export interface Backing {
  readonly leases: LeaseBook;
  /** Of control, not of the host. Milliseconds since 1970. */
  readonly clock: () => number;
}

export type MakeControl = (backing: Backing) => Promise<ControlUnderTest>;

export const startMs = Date.UTC(2026, 2, 1);
/** More than 32 bits hold. */
export const many = 5_000_000_000_000;
export const succeeded = { status: "succeeded", failure: undefined } as const;
/** A round that has nothing to say. */
export const nothing: RoundOutcome = {
  gatewayStatus: undefined,
  observedGeneration: undefined,
  conns: [],
  netStatuses: new Map(),
  diagnoses: new Map(),
  unknownPeers: undefined,
};

/** All that a report may touch. */
const tables = [
  "sa_counters",
  "spd_pairs",
  "tasks",
  "traffic_slots",
  "unknown_peers",
  "vpn_conn_diagnoses",
  "vpn_conn_fallbacks",
  "vpn_conn_observations",
  "vpn_conns",
  "vpn_gws",
] as const;

interface Parts extends ControlUnderTest {
  readonly operator: Operator;
  readonly place: Place;
  readonly other: Place;
}

export class ControlScene {
  nowMs = startMs;
  readonly leases = new ScriptedLeases();
  readonly #make: MakeControl;
  #parts: Parts | undefined;

  constructor(make: MakeControl) {
    this.#make = make;
  }

  /** Begins a test. */
  async begin(): Promise<void> {
    this.nowMs = startMs;
    const clock = () => this.nowMs;
    const tested = await this.#make({ leases: this.leases, clock });
    const operator = await makeOperator(tested.store, { clock });
    const [place, other] = [await makePlace(operator), await makePlace(operator)];
    this.#parts = { ...tested, operator, place, other };
    this.leases.reset();
    this.leases.hold(place.vpnGw.id);
  }

  async end(): Promise<void> {
    await this.#parts?.remove();
    this.#parts = undefined;
  }

  get #all(): Parts {
    if (this.#parts === undefined) throw new TypeError("no test has begun");
    return this.#parts;
  }

  get control(): Control {
    return this.#all.control;
  }

  get store(): Store {
    return this.#all.store;
  }

  get operator(): Operator {
    return this.#all.operator;
  }

  /** Where the gateway is that is held. */
  get place(): Place {
    return this.#all.place;
  }

  /** And where one is that is not. */
  get other(): Place {
    return this.#all.other;
  }

  /** From now on nobody answers. */
  async silence(): Promise<void> {
    if (this.#all.silence === undefined) throw new TypeError("this control cannot be silenced");
    await this.#all.silence();
  }

  /** The gateway with what changed after a generation. */
  async read(after = 0): Promise<GatewayRead> {
    const found = await this.control.readGateway(this.place.vpnGw.id, after);
    if (found === undefined) throw new Error("control knows no such gateway");
    return found;
  }

  /** The gateway as control has it. */
  async gw(): Promise<VpnGw> {
    return (await this.read()).vpnGw;
  }

  /** A channel as control has it. */
  async desired(connId: number): Promise<DesiredVpnConn> {
    const found = (await this.read()).changed.find(({ conn }) => conn.id === connId);
    if (found === undefined) throw new Error(`control knows no channel ${connId}`);
    return found;
  }

  /** Tells of a round. */
  async record(outcome: Partial<RoundOutcome>): Promise<void> {
    await this.control.recordRound(await this.gw(), { ...nothing, ...outcome });
  }

  /** A channel that was asked for. */
  async makeNew(given: Partial<CreateVpnConn> = {}, place = this.place): Promise<{ connId: number; taskId: number }> {
    const { taskId } = await makeConn(this.operator, place, given);
    const rows = this.store.db.sql.selectFrom("tasks").select("vpn_conn_id").where("id", "=", taskId);
    return { connId: (await rows.executeTakeFirstOrThrow()).vpn_conn_id ?? 0, taskId };
  }

  /** A channel that has been taken. */
  async makeRunning(place = this.place): Promise<{ connId: number; uid: string }> {
    const { connId } = await this.makeNew({}, place);
    const { uid, generation } = (await this.desired(connId)).conn;
    await this.record({ conns: [{ connId, generation, status: "running", failure: undefined }] });
    return { connId, uid };
  }

  /** Asks for a channel's removal. */
  deleteConn(uid: string): Promise<{ taskId: number }> {
    const { vpc, vpnGw } = this.place;
    const ids = { vpc: vpc.uid, vpnGw: vpnGw.uid, vpnConn: uid };
    return deleteVpnConn(this.operator.context, this.operator.caller, ids);
  }

  /** Asks for the gateway's removal. */
  deleteGw(): Promise<{ taskId: number }> {
    const { vpc, vpnGw } = this.place;
    return deleteVpnGw(this.operator.context, this.operator.caller, { vpc: vpc.uid, vpnGw: vpnGw.uid });
  }

  /** All rows that a report may touch, to be compared. */
  async picture(): Promise<string[]> {
    const rows: string[] = [];
    for (const table of tables) {
      const found = await this.store.db.sql.selectFrom(table).selectAll().execute();
      rows.push(...found.map((row) => `${table} ${JSON.stringify(row)}`));
    }
    return rows.toSorted();
  }

  async task(id: number): Promise<Pick<Task, "status" | "failure">> {
    const query = this.store.db.sql.selectFrom("tasks").select(["status", "failure"]).where("id", "=", id);
    const { status, failure } = await query.executeTakeFirstOrThrow();
    return { status: status as Task["status"], failure: failure ?? undefined };
  }

  connRow(id: number) {
    return this.store.db.sql.selectFrom("vpn_conns").selectAll().where("id", "=", id).executeTakeFirst();
  }

  gwRow(id = this.place.vpnGw.id) {
    return this.store.db.sql.selectFrom("vpn_gws").selectAll().where("id", "=", id).executeTakeFirst();
  }
}

/** Expects that control does not do something, for that reason. */
export async function expectRefused(work: Promise<unknown>, kind: ControlError["kind"]): Promise<void> {
  const [result] = await Promise.allSettled([work]);
  const reason = result.status === "rejected" ? result.reason : undefined;
  if (result.status === "rejected" && !(reason instanceof ControlError)) throw reason;
  expect(reason?.kind).toBe(kind);
}
