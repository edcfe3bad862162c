// `serve --role host`: a gateway host and nothing else. It needs no database and no master key, and answers probes at most.
import type { RunningHost } from "../cli/serve.ts";
import { type Config, formatEndpoint, readApiEndpoints, readListen } from "../config.ts";
import { type Finding, Readiness } from "../health/readiness.ts";
import { checkRemoteHost, RemoteHost } from "../host/remote-host.ts";
import { buildProbeServer } from "../http/probe-server.ts";
import { makeLog } from "../log.ts";
import { lockDataDir } from "../store/instance-lock.ts";
import { makeDataDir } from "../store/open.ts";
import { type Listener, listen } from "./listen.ts";

/** The loops are on the thread that answers: whoever hears this knows that they turn. */
async function checkLeases(host: RemoteHost): Promise<Finding> {
  if (host.isRenewed) return { isGood: true, sentence: "The API renews the leases." };
  return { isGood: false, sentence: "The leases are not renewed; the host's log may have the reason." };
}

/** @throws ConfigError, StoreError in-use, DataplaneError */
export async function startGatewayHost(config: Config): Promise<RunningHost> {
  checkRemoteHost(config);
  const log = makeLog(config.logLevel);
  makeDataDir(config.data);
  const unlock = lockDataDir(config.data);
  const parts: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    for (const part of parts.toReversed()) await part.stop();
    unlock();
  };
  try {
    const host = new RemoteHost(config, log);
    parts.push(host);
    await host.start();
    const readiness = new Readiness({ leases: () => checkLeases(host) }, { sentence: "The gateway host runs." });
    const probes = buildProbeServer(readiness, log);
    parts.push({ stop: () => probes.close() });
    const apiEndpoints = readApiEndpoints(config.apiEndpoints);
    log.info({ apiEndpoints, dataplane: config.dataplane, gateways: host.held?.length }, "running as a gateway host");
    return {
      kind: "host",
      apiEndpoints,
      gateways: host.held?.length,
      probeEndpoint: await openProbes(probes, config.probeListen),
      stop: async () => {
        readiness.stop();
        await host.handOver();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @returns where they are answered; undefined: the setting says nowhere. @throws ConfigError */
async function openProbes(probes: Listener, address: string): Promise<string | undefined> {
  if (address === "") return undefined;
  const port = await listen(probes, "probeListen", address);
  return formatEndpoint("http", { ...readListen(address), port });
}
