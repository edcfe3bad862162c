// The data plane that the settings name, and how its loops are to run.
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { CharonDataplane } from "../dataplane/charon/charon-dataplane.ts";
import { tunnelMss } from "../dataplane/charon/mtu.ts";
import { instanceOf, namesOf } from "../dataplane/charon/names.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import { SimulatedDataplane } from "../dataplane/simulated.ts";
import { parsePublicAttachment, parseVpcAttachments } from "../vpn/attachment.ts";

/** What the loops of a host are given by the settings, whoever tells them what to run. */
export function makeLoopParts(config: Config, log: Logger) {
  return {
    dataplane: makeDataplane(config, log),
    clock: Date.now,
    log,
    periodMs: config.reconcilePeriodSeconds * 1_000,
    oneWayMs: config.oneWaySeconds * 1_000,
  };
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
