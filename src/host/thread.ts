// The host's thread: what host-thread.ts starts. It ends by itself when nothing keeps it any more.
import { parentPort, workerData } from "node:worker_threads";
import { makeLog } from "../log.ts";
import { WriteTurn } from "../store/write-turn.ts";
import { startHost } from "./host.ts";
import type { FromHost, HostThreadData, ToHost } from "./messages.ts";

const port = parentPort;
if (port === null) throw new TypeError("this is the host's thread, and no program of its own");
const { config, turn, identity } = workerData as HostThreadData;
const log = makeLog(config.logLevel);
const say = (message: FromHost) => port.postMessage(message);

try {
  const host = await startHost(config, log, new WriteTurn(turn), identity);
  port.on("message", (message: ToHost) => {
    switch (message.kind) {
      case "nudge":
        for (const id of message.vpnGwIds) host.nudge(id);
        break;
      case "hear":
        host.hear(message.hint);
        break;
      case "ask":
        say({ kind: "here" });
        break;
      case "hand-over":
        void host.handOver().then(() => say({ kind: "handed-over" }));
        break;
      case "stop":
        void host.stop().finally(() => port.close());
    }
  });
  say({ kind: "started" });
} catch (error) {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  say({ kind: "failed", failure: { name, message, stack } });
  port.close();
}
