// A server inside the test's own process: the same parts as main.ts wires, with the clock and the data plane in the test's hand.
import { join } from "node:path";
import pino from "pino";
import type { Client } from "../../src/cli/client.ts";
import { readConfig, readListen, type SettingName, servesPlainHttp } from "../../src/config.ts";
import type { Dataplane } from "../../src/dataplane/dataplane.ts";
import { SimulatedDataplane } from "../../src/dataplane/simulated.ts";
import { Readiness } from "../../src/health/readiness.ts";
import { DirectHost } from "../../src/host/direct-host.ts";
import { loadCertificate } from "../../src/http/certificate.ts";
import { buildServer } from "../../src/http/server.ts";
import { TlsPort } from "../../src/http/tls-port.ts";
import { ensureAdminKey, readKeyFile } from "../../src/operations/admin-key.ts";
import { createKey, disableKey, KeyRing } from "../../src/operations/key-ring.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { RecordingApi } from "../api-coverage/recorder.ts";
import { type DatabaseView, viewDatabase } from "./database-view.ts";
import { makeDatabase } from "./postgres-cluster.ts";
import { makeTempDir } from "./temp-dir.ts";
import { TestClock } from "./test-clock.ts";

/** Settings by name; everything else has its default. */
export type TestSettings = Readonly<Partial<Record<SettingName, string>>>;

/** No limits, so that a file's tests do not get in each other's way. */
export const unlimited = {
  "quota.vpcs": "0",
  "quota.vpnGwsPerVpc": "0",
  "quota.userGws": "0",
  "quota.vpnConns": "0",
  "network.publicPool": "198.51.100.1-198.51.100.254",
} as const satisfies TestSettings;

export interface LocalServer {
  readonly endpoint: string;
  /** The administrator's, in region gz. */
  readonly client: Client;
  readonly dataDir: string;
  readonly clock: TestClock;
  readonly store: Store;
  readonly database: DatabaseView;
  addKey(options?: { account?: string; isReadOnly?: boolean; region?: string }): Promise<Client>;
  disableKey(client: Client): Promise<void>;
  /** Says "look at every gateway". */
  nudge(): Promise<void>;
  /** Everything goes, the data directory too. */
  stop(): Promise<void>;
}

/** On SQLite, unless TEST_DATABASE says `postgresql`. */
export async function startLocalServer(
  settings: TestSettings = {},
  dataplane: Dataplane = new SimulatedDataplane(),
): Promise<LocalServer> {
  const directory = makeTempDir();
  const own = process.env.TEST_DATABASE === "postgresql" ? await makeDatabase() : undefined;
  const options = {
    data: directory.path,
    database: own?.url,
    dataplane: "simulated",
    listen: "127.0.0.1:0",
    ...settings,
  };
  const config = readConfig({ options, env: {}, file: undefined });
  const clock = new TestClock();
  const log = pino({ level: "silent" });
  const keepTrafficMs = config.trafficDays * 86_400_000;
  const store = await openStore(config);
  const keyFile = join(directory.path, "admin.key.json");
  await ensureAdminKey(store, keyFile, clock.now());
  const host = new DirectHost({ store, dataplane, clock: clock.now, log, periodMs: 30_000, keepTrafficMs });
  const context = { store, config, clock: clock.now, nudge: (id: number) => host.nudge(id) };
  const api = new RecordingApi(context, new KeyRing(store, clock.now));
  // Only a test that speaks of plain HTTP needs another way in; making a certificate for each of the others takes its time.
  const tlsPort = settings.plainHttp && new TlsPort(await loadCertificate(config, clock.now()));
  const app = buildServer({
    api,
    log,
    tlsPort: tlsPort || undefined,
    isPlainServed: servesPlainHttp(config),
    readiness: new Readiness({}),
  });
  await host.start();
  const endpoint = await app.listen(readListen(config.listen));
  const database = viewDatabase(directory.path, own?.url);
  const gatewayIds = () => store.db.sql.selectFrom("vpn_gws").select("id").execute();
  return {
    endpoint,
    client: { ...readKeyFile(keyFile), endpoint, region: "gz" },
    dataDir: directory.path,
    clock,
    store,
    database,
    addKey: async ({ account = "default", isReadOnly = false, region = "gz" } = {}) => ({
      ...(await createKey(store, { account, isReadOnly }, clock.now())),
      endpoint,
      region,
    }),
    disableKey: async ({ secretId }) => {
      await disableKey(store, secretId, clock.now());
    },
    nudge: async () => {
      for (const { id } of await gatewayIds()) host.nudge(id);
    },
    stop: async () => {
      await app.close();
      await host.stop();
      await store.close();
      await database.close();
      await own?.remove();
      directory.remove();
    },
  };
}
