// The host on a thread of its own, so that what the loops do takes no time from the calls (docs/decisions/0015-loops-on-a-thread.md).
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Config } from "../config.ts";
import type { HostIdentity } from "../control/direct/host-leases.ts";
import { DataplaneError } from "../dataplane/dataplane.ts";
import type { WriteTurn } from "../store/write-turn.ts";
import type { Host } from "./host.ts";
import type { Failure, FromHost, HostThreadData, ToHost } from "./messages.ts";

/** Nudges that follow each other faster are told together: waking a thread costs as much as a dozen statements, and it wants a core. */
const gatherMs = 10;

/**
 * Starts it and waits until it has looked at what is on the machine.
 * A thread that fails later takes the process with it, as a failure of the server's own thread does.
 * @param identity among the hosts of the installation; undefined: there are no others
 * @throws DataplaneError when this machine cannot run gateways
 */
export async function startHostThread(
  config: Config,
  turn: WriteTurn,
  identity: HostIdentity | undefined,
): Promise<Host> {
  const workerData: HostThreadData = { config, turn: turn.shared, identity };
  const worker = new Worker(new URL("thread.ts", import.meta.url), { name: "host", workerData });
  const exit = once(worker, "exit");
  const [answer] = (await Promise.race([once(worker, "message"), exit.then(() => [silence])])) as [FromHost];
  if (answer.kind === "failed") {
    await exit;
    throw revive(answer.failure);
  }
  let isStopping = false;
  worker.once("exit", (code) => {
    if (!isStopping) throw new Error(`the host's thread ended with ${code}`);
  });
  const say = (message: ToHost) => worker.postMessage(message);
  const nudged = new Set<number>();
  let quietAtMs = 0;
  const asking: (() => void)[] = [];
  const handedOver = Promise.withResolvers<void>();
  worker.on("message", ({ kind }: FromHost) => {
    if (kind === "handed-over") handedOver.resolve();
    else for (const tell of asking.splice(0)) tell();
  });
  const tell = () => {
    quietAtMs = performance.now() + gatherMs;
    say({ kind: "nudge", vpnGwIds: drain(nudged) });
  };
  return {
    nudge(vpnGwId) {
      const isAboutToTell = nudged.size > 0;
      nudged.add(vpnGwId);
      if (isAboutToTell) return;
      const waitMs = quietAtMs - performance.now();
      // The replies of this turn of the event loop go out first.
      if (waitMs <= 0) setImmediate(tell);
      else setTimeout(tell, waitMs);
    },
    hear: (hint) => say({ kind: "hear", hint }),
    ask() {
      const { promise, resolve } = Promise.withResolvers<void>();
      asking.push(resolve);
      say({ kind: "ask" });
      return promise;
    },
    handOver() {
      say({ kind: "hand-over" });
      return handedOver.promise;
    },
    async stop() {
      isStopping = true;
      say({ kind: "stop" });
      await exit;
    },
  };
}

function drain(ids: Set<number>): number[] {
  const all = [...ids];
  ids.clear();
  return all;
}

const silence: FromHost = {
  kind: "failed",
  failure: { name: "Error", message: "the host's thread ended before it began", stack: undefined },
};

function revive({ name, message, stack }: Failure): Error {
  const error = name === "DataplaneError" ? new DataplaneError("gateway", message) : new Error(message);
  error.stack = stack ?? error.stack ?? "";
  return error;
}
