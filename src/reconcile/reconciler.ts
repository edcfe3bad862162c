// All the loops: one per gateway, made when it is first nudged. Finds at start what the machine has and the rows do not, and the reverse.
import { deleteExpiredStamps } from "../store/request-stamps.ts";
import { deleteTasksFinishedBefore } from "../store/tasks.ts";
import { deleteTrafficBefore } from "../store/traffic.ts";
import { listVpnGwIds } from "../store/vpn-gws.ts";
import { GatewayLoop } from "./gateway-loop.ts";
import type { LoopContext } from "./loop-context.ts";

/** Results of tasks are kept for a week; the contract asks for a day (api-v2.md 8). */
const taskRetentionMs = 7 * 24 * 3_600_000;
const housekeepingMs = 600_000;

/** The reconciler of one server. */
export class Reconciler {
  readonly #context: LoopContext;
  readonly #loops = new Map<number, GatewayLoop>();
  #housekeeping: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(context: LoopContext) {
    this.#context = context;
  }

  /** Looks at every gateway that there is or should be. @throws DataplaneError when this machine cannot run gateways */
  async start(): Promise<void> {
    const { dataplane, store } = this.#context;
    await dataplane.start();
    dataplane.onChange((gatewayId) => this.nudge(gatewayId));
    const known = await listVpnGwIds(store.db);
    const found = await dataplane.listGatewayIds();
    for (const id of new Set([...known, ...found])) this.nudge(id);
    await this.#keepHouse();
    this.#housekeeping = setInterval(() => void this.#keepHouse(), housekeepingMs).unref();
  }

  /** Says "look at this gateway". */
  nudge(gatewayId: number): void {
    if (this.#isStopped) return;
    let loop = this.#loops.get(gatewayId);
    if (loop === undefined) {
      loop = new GatewayLoop(gatewayId, this.#context, () => this.#loops.delete(gatewayId));
      this.#loops.set(gatewayId, loop);
    }
    loop.nudge();
  }

  /** Ends the loops; the gateways live on. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#housekeeping);
    await Promise.all([...this.#loops.values()].map((loop) => loop.stop()));
    await this.#context.dataplane.close();
  }

  async #keepHouse(): Promise<void> {
    const { store, clock, log, keepTrafficMs } = this.#context;
    try {
      await store.transaction(async (db) => {
        await deleteExpiredStamps(db, Math.floor(clock() / 1_000));
        await deleteTasksFinishedBefore(db, clock() - taskRetentionMs);
        await deleteTrafficBefore(db, clock() - keepTrafficMs);
      }, "later");
    } catch (error) {
      log.error({ err: error }, "housekeeping failed; it is tried again");
    }
  }
}
