// A gateway host: the data plane of a machine and the loops over it, with a store of their own. It runs where it is started; the server
// starts it on a thread of its own (host-thread.ts).
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { CharonDataplane } from "../dataplane/charon/charon-dataplane.ts";
import { tunnelMss } from "../dataplane/charon/mtu.ts";
import { instanceOf, namesOf } from "../dataplane/charon/names.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { SimulatedDataplane } from "../dataplane/simulated.ts";
import { openStore } from "../store/open.ts";
import type { WriteTurn } from "../store/write-turn.ts";
import { parsePublicAttachment, parseVpcAttachments } from "../vpn/attachment.ts";
import { DirectHost } from "./direct-host.ts";

export interface Host {
  /** Says "look at this gateway". */
  nudge(vpnGwId: number): void;
  /** Resolves as soon as whatever runs the loops takes its turn; for as long as it hangs, not. */
  ask(): Promise<void>;
  /** Ends the loops and lets go of the store; the gateways live on. */
  stop(): Promise<void>;
}

/** So few that it is the host, for whom nobody waits, and not the server who copies the log into the file. */
const checkpointPages = 20_000;
/** What is recorded is in no hurry; meanwhile the server may have its turn to write. */
const lingerMs = 4;
const longestLingerMs = 50;

/** @throws StoreError; DataplaneError when this machine cannot run gateways */
export async function startHost(config: Config, log: Logger, turn: WriteTurn): Promise<Host> {
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
  const host = new DirectHost({
    store,
    dataplane: makeDataplane(config, log),
    clock: Date.now,
    log,
    periodMs: config.reconcilePeriodSeconds * 1_000,
    oneWayMs: config.oneWaySeconds * 1_000,
    keepTrafficMs: config.trafficDays * 86_400_000,
  });
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
  return { nudge: (vpnGwId) => host.nudge(vpnGwId), ask: async () => {}, stop };
}

function makeDataplane(config: Config, log: Logger): Dataplane {
  switch (config.dataplane) {
    case "simulated":
      return new SimulatedDataplane({ delayMs: config.simulatedDelayMs });
    case "charon": {
      const publicGateway = config["network.publicGateway"];
      const publicMtu = config["network.publicMtu"];
      const network = {
        publicPrefixLength: config["network.publicPrefixLength"],
        publicGateway: publicGateway === "" ? undefined : publicGateway,
        publicMtu,
        publicAttachment: parsePublicAttachment(config["network.public"]),
        vpcAttachments: parseVpcAttachments(config["network.vpcs"]),
        mss: readMss(config["network.mss"], publicMtu),
      };
      const esp = config["network.esp"];
      const dpd = { delaySeconds: config["dpd.delaySeconds"], timeoutSeconds: config["dpd.timeoutSeconds"] };
      return new CharonDataplane({ names: namesOf(instanceOf(config.data)), network, esp, dpd, log });
    }
  }
}

/** Bytes; undefined: no limit is set. */
function readMss(text: string, publicMtu: number): number | undefined {
  if (text === "off") return undefined;
  return text === "auto" ? tunnelMss(publicMtu) : Number(text);
}
