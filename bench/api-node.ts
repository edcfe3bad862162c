// A server without a host: what it costs to answer calls, apart from what it costs to run gateways. The same parts as src/roles/server.ts builds,
// on the settings of the environment; it says where it listens as `culvert serve` does.
import { readConfig } from "../src/config.ts";
import { Readiness } from "../src/health/readiness.ts";
import { buildServer } from "../src/http/server.ts";
import { makeLog } from "../src/log.ts";
import { KeyRing } from "../src/operations/key-ring.ts";
import { openStore } from "../src/store/open.ts";
import { V2Api } from "../src/v2/api.ts";

const config = readConfig({ options: {}, env: process.env, file: undefined });
const log = makeLog(config.logLevel);
const clock = Date.now;
const store = await openStore(config);
const context = { store, config, clock, nudge: () => {} };
const api = new V2Api(context, new KeyRing(store, clock));
const app = buildServer({ api, log, tlsPort: undefined, isPlainServed: true, readiness: new Readiness({}) });
const endpoint = await app.listen({ host: "127.0.0.1", port: 0 });
process.stderr.write(`listening at ${endpoint}\n`);

const stop = () => void app.close().then(() => store.close().then(() => process.exit()));
process.on("SIGTERM", stop);
process.on("disconnect", stop);
