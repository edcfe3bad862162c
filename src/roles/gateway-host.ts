// `serve --role host`: a gateway host and nothing else. It needs no database and no master key, and listens nowhere.
import type { RunningHost } from "../cli/serve.ts";
import { type Config, readApiEndpoints } from "../config.ts";
import { checkRemoteHost, RemoteHost } from "../host/remote-host.ts";
import { makeLog } from "../log.ts";
import { lockDataDir } from "../store/instance-lock.ts";
import { makeDataDir } from "../store/open.ts";

/** @throws ConfigError, StoreError in-use, DataplaneError */
export async function startGatewayHost(config: Config): Promise<RunningHost> {
  checkRemoteHost(config);
  const log = makeLog(config.logLevel);
  makeDataDir(config.data);
  const unlock = lockDataDir(config.data);
  let host: RemoteHost | undefined;
  const stop = async () => {
    await host?.stop();
    unlock();
  };
  try {
    host = new RemoteHost(config, log);
    await host.start();
  } catch (error) {
    await stop();
    throw error;
  }
  const apiEndpoints = readApiEndpoints(config.apiEndpoints);
  log.info({ apiEndpoints, dataplane: config.dataplane, gateways: host.held?.length }, "running as a gateway host");
  const handOver = async () => {
    await host.handOver();
    await stop();
  };
  return { kind: "host", apiEndpoints, gateways: host.held?.length, stop: handOver };
}
