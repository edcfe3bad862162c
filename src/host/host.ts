// The gateway host that a server is itself: the data plane of its machine and the loops over it, with a store of their own. It runs where
// it is started; the server starts it on a thread of its own (host-thread.ts).
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { Control, Hint } from "../control/control.ts";
import { DirectControl } from "../control/direct/direct-control.ts";
import { type HostIdentity, HostLeases } from "../control/direct/host-leases.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import type { WriteTurn } from "../store/write-turn.ts";
import { DirectHost } from "./direct-host.ts";
import { LeasedHost } from "./leased-host.ts";
import type { Listener } from "./listener.ts";
import { makeLoopParts } from "./loop-parts.ts";

export interface Host extends Listener {
  /** Resolves as soon as whatever runs the loops takes its turn; for as long as it hangs, not. */
  ask(): Promise<void>;
  /** Before it stops: other hosts, if there are any, are to have its gateways, as far as the settings let it wait for that. */
  handOver(): Promise<void>;
  /** Ends the loops and lets go of the store; the gateways live on. */
  stop(): Promise<void>;
}

/** So few that it is the host, for whom nobody waits, and not the server who copies the log into the file. */
const checkpointPages = 20_000;
/** What is recorded is in no hurry; meanwhile the server may have its turn to write. */
const lingerMs = 4;
const longestLingerMs = 50;

/**
 * @param identity among the hosts of the installation; undefined: there are no others
 * @throws StoreError; DataplaneError when this machine cannot run gateways
 */
export async function startHost(
  config: Config,
  log: Logger,
  turn: WriteTurn,
  identity: HostIdentity | undefined,
): Promise<Host> {
  const { data, database, databasePasswordFile, masterKeyFile } = config;
  const store = await openStore({
    data,
    database,
    databasePasswordFile,
    masterKeyFile,
    turn,
    checkpointPages,
    lingerMs,
    longestLingerMs,
  });
  const context = makeLoopParts(config, log);
  const host =
    identity === undefined
      ? new DirectHost({ ...context, store, keepTrafficMs: config.trafficDays * 86_400_000 })
      : new LeasedHost({ ...context, control: makeControl(store, identity, config) });
  const stop = async () => {
    await host.stop();
    await store.close();
  };
  try {
    await host.start();
  } catch (error) {
    await stop();
    throw error;
  }
  const hear = (hint: Hint) => {
    // What nobody else could run nobody gives or takes.
    if (host instanceof LeasedHost) host.hear(hint);
  };
  const handOver = async () => {
    if (host instanceof LeasedHost) await host.handOver(config.handOverSeconds * 1_000);
  };
  return { nudge: (vpnGwId) => host.nudge(vpnGwId), hear, ask: async () => {}, handOver, stop };
}

function makeControl(store: Store, host: HostIdentity, config: Config): Control {
  const leases = new HostLeases({ store, host, termMs: config["lease.seconds"] * 1_000 });
  return new DirectControl({ store, clock: Date.now, leases });
}
