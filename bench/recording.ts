// What the store really sends for one AddVpnConnEx, caught at the driver: so that the limit it is held against sends the same, whatever
// becomes of the store.
import { randomBytes } from "node:crypto";
import BetterSqlite from "better-sqlite3";
import pg from "pg";
import { readConfig } from "../src/config.ts";
import { createUserGw } from "../src/operations/create-user-gw.ts";
import { createVpc } from "../src/operations/create-vpc.ts";
import { createVpnConn } from "../src/operations/create-vpn-conn.ts";
import { createVpnGw } from "../src/operations/create-vpn-gw.ts";
import { ensureAccount } from "../src/store/accounts.ts";
import { openStore } from "../src/store/open.ts";
import { formatAddress } from "../src/vpn/network.ts";
import { worldSettings } from "./api-world.ts";
import type { ScaleDatabase } from "./scale-fill.ts";

export interface Sent {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

export interface Recording {
  /** The settings that SQLite was opened with. */
  readonly pragmas: readonly string[];
  /** The statements of each call, in order, with those that begin and end its transaction. */
  readonly calls: readonly (readonly Sent[])[];
}

const vpcCount = 10;
const gatewaysPerVpc = 10;
const userGwCount = 10;
/** 11.0.0.0: as the load has it, each channel takes the next 16 addresses. */
const firstPeerAddress = 11 * 2 ** 24;
const peerNetworkSize = 16;

/**
 * Makes gateways as those of the load, and channels on them, one call after the other.
 * @param snapshot called between the two, when nothing is open
 */
export async function record(
  place: ScaleDatabase,
  count: number,
  snapshot: () => Promise<unknown>,
): Promise<Recording> {
  const world = await makeWorld(place);
  await snapshot();
  const catcher = new Catcher();
  const { context, caller, close } = await open(place);
  const calls: Sent[][] = [];
  catcher.take();
  try {
    for (let n = 0; n < count; n += 1) {
      const gateway = world.gateways[n % world.gateways.length];
      const userGw = world.userGws[Math.floor(n / world.gateways.length) % userGwCount];
      if (gateway === undefined || userGw === undefined) throw new TypeError("the world has both");
      const network = `${formatAddress(firstPeerAddress + n * peerNetworkSize)}/28`;
      const mac = randomBytes(32).toString("base64");
      const stamp = { secretId: "AKID", mac, expiresAt: Math.floor(Date.now() / 1_000) + 600 };
      await createVpnConn(context, { ...caller, stamp }, { ...gateway, ...channel(n, network), peer: { userGw } });
      calls.push(catcher.take());
    }
  } finally {
    catcher.stop();
    await close();
  }
  return { pragmas: catcher.pragmas, calls };
}

function channel(n: number, network: string) {
  const spds = [{ local: undefined, peers: [network] }];
  return { name: `bench-${n}`, preSharedKey: undefined, spds, ike: {}, ipsec: {} };
}

async function open(place: ScaleDatabase) {
  const store = await openStore({ ...place, masterKeyFile: "" });
  const config = readConfig({ options: {}, env: worldSettings, file: undefined });
  const accountId = await store.transaction((db) => ensureAccount(db, "bench", Date.now()));
  const context = { store, config, clock: Date.now, nudge: () => {} };
  const caller = { accountId, region: config.region, isReadOnly: false, stamp: undefined };
  return { context, caller, close: () => store.close() };
}

async function makeWorld(place: ScaleDatabase) {
  const { context, caller, close } = await open(place);
  const order = { bandwidthMbps: 100, chargeType: "postpaid", isAutoRenew: false, periodMonths: undefined } as const;
  const gateways: { vpc: string; vpnGw: string }[] = [];
  const userGws: string[] = [];
  for (let index = 0; index < vpcCount; index += 1) {
    const vpc = await createVpc(context, caller, { name: `bench-${index}`, cidr: `10.${index}.0.0/16` });
    for (let slot = 0; slot < gatewaysPerVpc; slot += 1) {
      const { uid } = await createVpnGw(context, caller, { ...order, vpc: vpc.uid, name: `bench-${index}-${slot}` });
      gateways.push({ vpc: vpc.uid, vpnGw: uid });
    }
  }
  for (let index = 0; index < userGwCount; index += 1) {
    const address = `203.0.113.${index + 1}`;
    userGws.push((await createUserGw(context, caller, { name: `bench-${index}`, address })).uid);
  }
  await close();
  return { gateways, userGws };
}

/** A statement as src/store/postgres-dialect.ts gives it to pg. */
interface Prepared {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Hears every statement that either driver is given, until it is stopped. */
class Catcher {
  readonly pragmas: string[] = [];
  #sent: Sent[] = [];
  readonly #real = {
    prepare: BetterSqlite.prototype.prepare,
    pragma: BetterSqlite.prototype.pragma,
    query: pg.Client.prototype.query,
  };

  constructor() {
    const { prepare, pragma, query } = this.#real;
    const note = (sql: string, parameters: readonly unknown[]) => this.#sent.push({ sql, parameters });
    const { pragmas } = this;
    BetterSqlite.prototype.pragma = function (this: BetterSqlite.Database, source: string) {
      pragmas.push(source);
      return pragma.call(this, source);
    };
    BetterSqlite.prototype.prepare = function (this: BetterSqlite.Database, sql: string) {
      const statement: BetterSqlite.Statement<unknown[]> = prepare.call(this, sql) as never;
      const { run, all } = statement;
      statement.run = (...parameters) => {
        note(sql, parameters);
        return run.apply(statement, parameters);
      };
      statement.all = (...parameters) => {
        note(sql, parameters);
        return all.apply(statement, parameters);
      };
      return statement;
    } as never;
    pg.Client.prototype.query = function (
      this: pg.Client,
      ...given: [statement: string | Prepared, ...rest: unknown[]]
    ) {
      const [statement] = given;
      if (typeof statement === "string") note(statement, []);
      else note(statement.text, statement.values);
      return (query as (...all: unknown[]) => unknown).apply(this, given);
    } as never;
  }

  /** What was sent since it was asked last. */
  take(): Sent[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  stop(): void {
    BetterSqlite.prototype.prepare = this.#real.prepare;
    BetterSqlite.prototype.pragma = this.#real.pragma;
    pg.Client.prototype.query = this.#real.query;
  }
}
