// `culvert serve` as it is, with all gateways of the database on its own host: what it takes to have read them all.
import { setTimeout as pause } from "node:timers/promises";
import { residentMiB } from "./process.ts";
import type { ScaleDatabase } from "./scale-fill.ts";
import { settingsOf } from "./scale-node.ts";
import type { Scope } from "./scope.ts";
import { startServe } from "./server.ts";

export interface Whole {
  /** From the process to the port. */
  readonly startMs: number;
  /** Until the loops have looked at every gateway, and all is still. */
  readonly settledMs: number;
  readonly residentMiB: number;
}

const boundMs = 600_000;
const lookMs = 500;
/** Still: so many looks, one after the other, with less than a tenth of a core. */
const stillLooks = 4;
const stillShare = 0.1;

/** @throws Error when it ends, or is not still in time */
export async function measureWhole(scope: Scope, place: ScaleDatabase): Promise<Whole> {
  const startedMs = performance.now();
  const env = { ...settingsOf(place), CULVERT_DATAPLANE: "simulated" };
  const { process } = await startServe(scope, place.data, env, boundMs);
  const startMs = performance.now() - startedMs;
  let still = 0;
  let [cpuMs, stillAtMs] = [process.cpuMs(), performance.now()];
  while (still < stillLooks) {
    if (performance.now() - startedMs > boundMs) throw new Error(`the loops were not still within ${boundMs} ms`);
    scope.check();
    await process.whileItRuns(pause(lookMs));
    const now = process.cpuMs();
    const isStill = now - cpuMs < lookMs * stillShare;
    still = isStill ? still + 1 : 0;
    if (!isStill) stillAtMs = performance.now();
    cpuMs = now;
  }
  const resident = residentMiB(process.pid);
  await process.stop();
  return { startMs, settledMs: stillAtMs - startedMs, residentMiB: resident };
}
