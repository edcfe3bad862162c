// What operations need to run over a store alone: a context with settings, a caller, and who was nudged.
import { type Config, readConfig, type SettingName } from "../../src/config.ts";
import type { Caller, Context } from "../../src/operations/context.ts";
import { createUserGw } from "../../src/operations/create-user-gw.ts";
import { createVpc } from "../../src/operations/create-vpc.ts";
import { type CreatedVpnConn, type CreateVpnConn, createVpnConn } from "../../src/operations/create-vpn-conn.ts";
import { createVpnGw } from "../../src/operations/create-vpn-gw.ts";
import { type ModifiedVpnConn, type ModifyVpnConn, modifyVpnConn } from "../../src/operations/modify-vpn-conn.ts";
import { ensureAccount } from "../../src/store/accounts.ts";
import type { RequestStamp } from "../../src/store/request-stamps.ts";
import type { Store } from "../../src/store/store.ts";
import type { UserGw, Vpc, VpnGw } from "../../src/vpn/entities.ts";

/** An account's hand on the operations. */
export interface Operator {
  readonly context: Context;
  readonly caller: Caller;
  /** Gateways that were nudged, in order. */
  readonly nudged: readonly number[];
  /** The same caller with a signed request. */
  stamped(stamp: RequestStamp): Caller;
}

export interface OperatorOptions {
  readonly settings?: Readonly<Partial<Record<SettingName, string>>>;
  readonly clock?: () => number;
  readonly nudge?: (vpnGwId: number) => void;
  readonly account?: string;
}

const unlimited = { "quota.vpcs": "0", "quota.vpnGwsPerVpc": "0", "quota.userGws": "0", "quota.vpnConns": "0" };

/** No quota is in force unless told. */
export function testConfig(settings: OperatorOptions["settings"] = {}): Config {
  return readConfig({ options: { ...unlimited, ...settings }, env: {}, file: undefined });
}

export async function makeOperator(store: Store, options: OperatorOptions = {}): Promise<Operator> {
  const { settings, clock = Date.now, nudge, account = "account" } = options;
  const nudged: number[] = [];
  const context = {
    store,
    config: testConfig(settings),
    clock,
    nudge: (vpnGwId: number) => {
      nudged.push(vpnGwId);
      nudge?.(vpnGwId);
    },
  };
  const accountId = await store.transaction((db) => ensureAccount(db, account, clock()));
  const caller = { accountId, region: "gz", isReadOnly: false, stamp: undefined };
  return { context, caller, nudged, stamped: (stamp) => ({ ...caller, stamp }) };
}

/** Where a channel goes. */
export interface Place {
  readonly vpc: Vpc;
  readonly vpnGw: VpnGw;
  readonly userGw: UserGw;
}

let lastNumber = 0;

export async function makePlace(operator: Operator, peerAddress?: string): Promise<Place> {
  lastNumber += 1;
  const { context, caller } = operator;
  const vpc = await createVpc(context, caller, { name: `vpc ${lastNumber}`, cidr: "10.0.0.0/16" });
  const vpnGw = await makeVpnGw(operator, vpc);
  return { vpc, vpnGw, userGw: await makeUserGw(operator, peerAddress) };
}

export function makeVpnGw({ context, caller }: Operator, vpc: Vpc): Promise<VpnGw> {
  const order = { bandwidthMbps: 5, chargeType: "postpaid", isAutoRenew: false, periodMonths: undefined } as const;
  return createVpnGw(context, caller, { ...order, vpc: vpc.uid, name: "gateway" });
}

export function makeUserGw({ context, caller }: Operator, address?: string): Promise<UserGw> {
  lastNumber += 1;
  const free = `203.0.${113 + (lastNumber >> 8)}.${1 + (lastNumber & 127)}`;
  return createUserGw(context, caller, { name: `peer ${lastNumber}`, address: address ?? free });
}

/** Asks for a channel to `peers`, networks of its own unless told. */
export function makeConn(
  { context, caller }: Operator,
  { vpc, vpnGw, userGw }: Place,
  given: Partial<CreateVpnConn> & { readonly peers?: readonly string[] } = {},
): Promise<CreatedVpnConn> {
  lastNumber += 1;
  const { peers = [`100.${64 + (lastNumber >> 8)}.${lastNumber & 255}.0/24`], ...rest } = given;
  return createVpnConn(context, caller, {
    vpc: vpc.uid,
    vpnGw: vpnGw.uid,
    peer: { userGw: userGw.uid },
    name: undefined,
    preSharedKey: undefined,
    spds: [{ local: undefined, peers }],
    ike: {},
    ipsec: {},
    ...rest,
  });
}

/** Changes a channel in what is given. */
export function modifyConn(
  { context, caller }: Operator,
  { vpc, vpnGw }: Place,
  uid: string,
  given: Partial<ModifyVpnConn>,
): Promise<ModifiedVpnConn> {
  const nothing = { name: undefined, preSharedKey: undefined, spds: undefined, ike: {}, ipsec: {} };
  return modifyVpnConn(context, caller, { vpc: vpc.uid, vpnGw: vpnGw.uid, vpnConn: uid, ...nothing, ...given });
}
