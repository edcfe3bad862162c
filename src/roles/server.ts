// `serve` with the roles all and api: the API on the store, and with the role all the loops over this machine's gateways.
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunningServer } from "../cli/serve.ts";
import { type Config, formatEndpoint, readListen, servesPlainHttp } from "../config.ts";
import { type Checks, type Finding, Readiness } from "../health/readiness.ts";
import type { Host } from "../host/host.ts";
import { startHostThread } from "../host/host-thread.ts";
import { loadCertificate } from "../http/certificate.ts";
import { buildServer } from "../http/server.ts";
import { TlsPort } from "../http/tls-port.ts";
import { makeLog } from "../log.ts";
import { ensureAdminKey } from "../operations/admin-key.ts";
import { KeyRing } from "../operations/key-ring.ts";
import { checkReads, checkWrites } from "../store/checks.ts";
import { lockDataDir } from "../store/instance-lock.ts";
import { makeDataDir, openStore } from "../store/open.ts";
import { WriteTurn } from "../store/write-turn.ts";
import { V2Api } from "../v2/api.ts";
import { listen } from "./listen.ts";
import { identifyOwnHost, isAlone, Neighbours } from "./neighbours.ts";

async function checkHost(host: Host | undefined): Promise<Finding> {
  await host?.ask();
  return {
    isGood: host !== undefined,
    sentence: host === undefined ? "The loops are not there yet." : "The loops run.",
  };
}

/** @throws ConfigError, StoreError, DataplaneError */
export async function startServer(config: Config): Promise<RunningServer> {
  const log = makeLog(config.logLevel);
  const clock = Date.now;
  makeDataDir(config.data);
  const unlock = lockDataDir(config.data);
  const certificate = await loadCertificate(config, clock());
  const turn = new WriteTurn();
  const { data, database, databasePasswordFile, masterKeyFile } = config;
  const store = await openStore({ data, database, databasePasswordFile, masterKeyFile, turn });
  const adminKeyFile = join(config.data, "admin.key.json");
  const isNewAdminKey = await ensureAdminKey(store, adminKeyFile, clock());
  let host: Host | undefined;
  const neighbours = isAlone(config) ? undefined : new Neighbours({ config, store, clock, log });
  const nudge = (vpnGwId: number) => (neighbours ?? host)?.nudge(vpnGwId);
  const tlsPort = new TlsPort(certificate);
  const isPlainServed = servesPlainHttp(config);
  const checks: Checks = { database: () => checkReads(store), writes: () => checkWrites(store) };
  const isHost = config.role === "all";
  const readiness = new Readiness(isHost ? { ...checks, host: () => checkHost(host) } : checks);
  const api = new V2Api({ store, config, clock, nudge }, new KeyRing(store, clock));
  const app = buildServer({ api, desk: neighbours?.desk, log, tlsPort, isPlainServed, readiness });
  const stop = async () => {
    await app.close();
    await neighbours?.stop();
    await host?.stop();
    await store.close();
    unlock();
  };
  try {
    await neighbours?.start();
    if (isHost) {
      const identity = neighbours && (await identifyOwnHost(store, config, clock()));
      host = await startHostThread(config, turn, identity);
      if (identity !== undefined) neighbours?.follow(identity.hostId, host);
    }
    const port = await listen(app, "listen", config.listen);
    const endpoints = (isPlainServed ? ["http", "https"] : ["https"]).map((scheme) =>
      formatEndpoint(scheme, { ...readListen(config.listen), port }),
    );
    log.info({ endpoints, role: config.role, dataplane: config.dataplane }, "listening");
    const reloadCertificate = async () => {
      const reloaded = await loadCertificate(config, clock());
      tlsPort.replaceCertificate(reloaded);
      return reloaded;
    };
    const drain = async () => {
      readiness.stop();
      // Others come to this server meanwhile for what its host leaves.
      await Promise.all([sleep(config.stopDelaySeconds * 1_000), host?.handOver()]);
      await stop();
    };
    return { kind: "server", endpoints, certificate, reloadCertificate, adminKeyFile, isNewAdminKey, stop: drain };
  } catch (error) {
    await stop();
    throw error;
  }
}
