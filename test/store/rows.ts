// Rows for tests of the store and of those who build on it: made by the store's own functions, with values that are in nobody's way.
import { ensureAccount } from "../../src/store/accounts.ts";
import type { Db } from "../../src/store/store.ts";
import { insertUserGw } from "../../src/store/user-gws.ts";
import { insertVpc } from "../../src/store/vpcs.ts";
import { insertVpnConn } from "../../src/store/vpn-conns.ts";
import { insertVpnGw } from "../../src/store/vpn-gws.ts";
import { ikeDefaults, ipsecDefaults } from "../../src/vpn/algorithms.ts";
import type { UserGw, Vpc } from "../../src/vpn/entities.ts";
import type { Owner } from "../../src/vpn/listing.ts";
import { parseAddress } from "../../src/vpn/network.ts";
import { Secret } from "../../src/vpn/secret.ts";

let lastNumber = 0;

/** A number for each thing of this process that must be unlike the others. */
export function nextNumber(): number {
  lastNumber += 1;
  return lastNumber;
}

export const createdAtMs = Date.UTC(2026, 0, 1);

/** @returns the account of that name, in a region */
export async function makeOwner(db: Db, name = "account", region = "gz"): Promise<Owner> {
  return { accountId: await ensureAccount(db, name, createdAtMs), region };
}

export async function addVpc(
  db: Db,
  owner: Owner,
  given: { name?: string; createdAtMs?: number; isNameUnique?: boolean } = {},
): Promise<Vpc> {
  const number = nextNumber();
  const vpc = {
    ...owner,
    uid: `vpc-${number}`,
    name: given.name ?? `vpc ${number}`,
    createdAtMs: given.createdAtMs ?? createdAtMs,
    cidr: "10.0.0.0/16",
  };
  return insertVpc(db, vpc, given.isNameUnique ?? true);
}

/** @returns its number */
export async function addVpnGw(
  db: Db,
  owner: Owner,
  vpc: Vpc,
  given: { name?: string; publicAddress?: number; createdAtMs?: number } = {},
): Promise<number> {
  const number = nextNumber();
  return insertVpnGw(db, {
    uid: `vpngw-${number}`,
    owner,
    name: given.name ?? `gateway ${number}`,
    vpc,
    slot: number,
    publicAddress: given.publicAddress ?? (parseAddress("198.18.0.0") ?? 0) + number,
    bandwidthMbps: 5,
    chargeType: "postpaid",
    isAutoRenew: false,
    createdAtMs: given.createdAtMs ?? createdAtMs,
    expiresAtMs: undefined,
  });
}

export async function addUserGw(
  db: Db,
  owner: Owner,
  given: { name?: string; address?: string; createdAtMs?: number; isAddressUnique?: boolean } = {},
): Promise<UserGw> {
  const number = nextNumber();
  const userGw = {
    ...owner,
    uid: `cgw-${number}`,
    name: given.name ?? `peer ${number}`,
    createdAtMs: given.createdAtMs ?? createdAtMs,
    address: given.address ?? `203.0.${113 + (number >> 8)}.${number & 255}`,
  };
  return insertUserGw(db, userGw, given.isAddressUnique ?? true);
}

/** @returns its number */
export async function addVpnConn(
  db: Db,
  owner: Owner,
  place: { readonly vpc: Vpc; readonly vpnGwId: number; readonly userGw: UserGw },
  given: {
    name?: string;
    createdAtMs?: number;
    isNameUnique?: boolean;
    ikeIdentity?: string;
    generation?: number;
  } = {},
): Promise<number> {
  const number = nextNumber();
  const identity = { type: "address", value: "192.0.2.1" } as const;
  const conn = {
    ...owner,
    uid: `vpnx-${number}`,
    name: given.name ?? `channel ${number}`,
    createdAtMs: given.createdAtMs ?? createdAtMs,
    vpcId: place.vpc.id,
    vpnGwId: place.vpnGwId,
    userGwId: place.userGw.id,
    preSharedKey: new Secret(`key ${number}`),
    ike: { ...ikeDefaults, localIdentity: identity, remoteIdentity: identity },
    ipsec: ipsecDefaults,
    spds: [{ local: "10.0.0.0/24", peers: ["192.168.0.0/24"] }],
    ikeGeneration: 1,
    ipsecGeneration: 1,
    status: "creating",
    generation: given.generation ?? 1,
  } as const;
  const rule = { isUnique: given.isNameUnique ?? true };
  return insertVpnConn(db, conn, given.ikeIdentity ?? `identity ${number}`, rule);
}

/** Runs `work` in a transaction and takes back whatever it did. */
export async function runAndTakeBack(
  store: { transaction(work: (db: Db) => Promise<void>): Promise<void> },
  work: (db: Db) => Promise<void>,
): Promise<void> {
  const takeBack = new Error("take back");
  await store
    .transaction(async (db) => {
      await work(db);
      throw takeBack;
    })
    .catch((error: unknown) => {
      if (error !== takeBack) throw error;
    });
}
