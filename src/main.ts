// The program: builds every part from the config, wires them, starts and stops them. The only file that may import everything.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import pino from "pino";
import { runCommandLine } from "./cli/command-line.ts";
import type { RunningServer } from "./cli/serve.ts";
import { type Config, ConfigError, readListen } from "./config.ts";
import { CharonDataplane } from "./dataplane/charon/charon-dataplane.ts";
import { instanceOf, namesOf } from "./dataplane/charon/names.ts";
import type { Dataplane } from "./dataplane/dataplane.ts";
import { SimulatedDataplane } from "./dataplane/simulated.ts";
import { buildServer, type HttpServer } from "./http/server.ts";
import { ensureAdminKey } from "./operations/admin-key.ts";
import { KeyRing } from "./operations/key-ring.ts";
import { Reconciler } from "./reconcile/reconciler.ts";
import { lockDataDir } from "./store/instance-lock.ts";
import { openStore } from "./store/open.ts";
import { V2Api } from "./v2/api.ts";

function makeDataplane(config: Config, log: pino.Logger): Dataplane {
  switch (config.dataplane) {
    case "simulated":
      return new SimulatedDataplane({ delayMs: config.simulatedDelayMs });
    case "charon": {
      const publicGateway = config["network.publicGateway"];
      const network = {
        publicPrefixLength: config["network.publicPrefixLength"],
        publicGateway: publicGateway === "" ? undefined : publicGateway,
      };
      return new CharonDataplane({ names: namesOf(instanceOf(config.data)), network, log });
    }
  }
}

/** @throws ConfigError when the address is not free */
async function listen(app: HttpServer, address: string): Promise<string> {
  const { host, port } = readListen(address);
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? cause.code : cause;
    throw new ConfigError(`listen: ${address} cannot be listened on (${reason})`, { cause });
  }
}

/** @throws ConfigError, StoreError, DataplaneError */
async function startServer(config: Config): Promise<RunningServer> {
  const log = pino({ level: config.logLevel, base: null });
  const clock = Date.now;
  mkdirSync(config.data, { recursive: true, mode: 0o700 });
  const unlock = lockDataDir(config.data);
  const store = await openStore(config);
  const adminKeyFile = join(config.data, "admin.key.json");
  const isNewAdminKey = await ensureAdminKey(store, adminKeyFile, clock());
  const dataplane = makeDataplane(config, log);
  const periodMs = config.reconcilePeriodSeconds * 1_000;
  const keepTrafficMs = config.trafficDays * 86_400_000;
  const reconciler = new Reconciler({ store, dataplane, clock, log, periodMs, keepTrafficMs });
  const context = { store, config, clock, nudge: (vpnGwId: number) => reconciler.nudge(vpnGwId) };
  const app = buildServer({ api: new V2Api(context, new KeyRing(store, clock)), log });
  const stop = async () => {
    await app.close();
    await reconciler.stop();
    await store.close();
    unlock();
  };
  try {
    await reconciler.start();
    const endpoint = await listen(app, config.listen);
    log.info({ endpoint, dataplane: config.dataplane }, "listening");
    return { endpoint, adminKeyFile, isNewAdminKey, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

await runCommandLine(process.argv, startServer);
