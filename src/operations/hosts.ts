// Gateway hosts: made, listed, emptied and removed on the store directly, and found by the token that they come with.
import { hash, randomBytes } from "node:crypto";
import { countHeld } from "../store/gateway-leases.ts";
import * as rows from "../store/hosts.ts";
import type { Db, Store } from "../store/store.ts";
import { type GatewayHost, type HostLabels, type HostState, isHostName } from "../vpn/gateway-host.ts";
import { Secret } from "../vpn/secret.ts";

/** What cannot be done with hosts: one sentence, without a secret. */
export class HostError extends Error {
  readonly kind: "name-invalid" | "name-in-use" | "not-found" | "in-use" | "without-token" | "with-token";

  constructor(kind: HostError["kind"], message: string) {
    super(message);
    this.name = "HostError";
    this.kind = kind;
  }
}

export interface CreateHost {
  readonly name: string;
  readonly labels: HostLabels;
  /** How many gateways it may run; 0: as many as there are. */
  readonly capacity: number;
}

/** A new host: the only time that its token is shown. @throws HostError name-invalid, name-in-use */
export async function createHost(store: Store, input: CreateHost, nowMs: number): Promise<Secret> {
  const token = generateToken();
  const row = { ...input, tokenDigest: digestOf(token.reveal()), createdAtMs: nowMs };
  await decide(store, (db) => insertHost(db, row));
  return token;
}

/**
 * The host that a server is itself, made when it is not there: without a token, since it speaks to no other server.
 * @returns its number
 * @throws HostError with-token when the name is that of a host which comes with one, name-invalid
 */
export function ensureOwnHost(store: Store, name: string, nowMs: number): Promise<number> {
  return decide(store, async (db) => {
    const found = await rows.findHost(db, name);
    if (found === undefined) {
      return insertHost(db, { name, tokenDigest: undefined, labels: {}, capacity: 0, createdAtMs: nowMs });
    }
    if (!found.hasToken) return found.id;
    throw new HostError(
      "with-token",
      `${name} is a gateway host with a token; a server of that name cannot be one too`,
    );
  });
}

async function insertHost(db: Db, host: rows.NewHost): Promise<number> {
  const { name } = host;
  if (!isHostName(name))
    throw new HostError("name-invalid", `${JSON.stringify(name)} is not a name such as vpn1.example.org`);
  if ((await rows.findHost(db, name)) !== undefined) {
    throw new HostError("name-in-use", `there is a gateway host ${name} already`);
  }
  return rows.insertHost(db, host);
}

/** A host as an administrator sees it: without its token. */
export interface HostListing extends Omit<GatewayHost, "id" | "session" | "isStopping"> {
  readonly gateways: number;
  /** Whether it has a session: one that stops to renew loses it after a term, where a server is there to see that. */
  readonly isJoined: boolean;
}

export async function listHosts({ db }: Store): Promise<HostListing[]> {
  const hosts = await rows.listHosts(db);
  return Promise.all(
    hosts.map(async ({ id, session, isStopping: _, ...host }) => {
      return { ...host, gateways: await countHeld(db, id), isJoined: session !== undefined };
    }),
  );
}

/** @throws HostError not-found */
export async function getHost({ db }: Store, name: string): Promise<Pick<HostListing, "state" | "gateways">> {
  const { id, state } = await requireHost(db, name);
  return { state, gateways: await countHeld(db, id) };
}

/** @throws HostError not-found */
export function setHostState(store: Store, name: string, state: HostState): Promise<void> {
  return decide(store, async (db) => rows.setHostState(db, (await requireHost(db, name)).id, state));
}

/** A new token; the old one is void. @throws HostError not-found, without-token */
export async function replaceHostToken(store: Store, name: string): Promise<Secret> {
  const token = generateToken();
  await decide(store, async (db) => {
    const { id, hasToken } = await requireHost(db, name);
    if (!hasToken) throw new HostError("without-token", `${name} is a server, and comes without a token`);
    await rows.setHostToken(db, id, digestOf(token.reveal()));
  });
  return token;
}

/** @throws HostError not-found, in-use while it holds gateways */
export function removeHost(store: Store, name: string): Promise<void> {
  return decide(store, async (db) => {
    const { id } = await requireHost(db, name);
    const gateways = await countHeld(db, id);
    if (gateways > 0) {
      throw new HostError(
        "in-use",
        `${name} holds ${gateways} gateways; culvert host drain ${name} moves them to others`,
      );
    }
    await rows.deleteHost(db, id);
  });
}

/** @returns undefined: there is no host of that token */
export function findHostByToken(store: Store, token: string): Promise<GatewayHost | undefined> {
  return rows.findHostByDigest(store.db, digestOf(token));
}

async function requireHost(db: Db, name: string) {
  const host = await rows.findHost(db, name);
  if (host === undefined) throw new HostError("not-found", `there is no gateway host ${name}`);
  return host;
}

/** In turn with placement, so that nothing is given to a host that goes. */
function decide<T>(store: Store, work: (db: Db) => Promise<T>): Promise<T> {
  return store.transaction(work, "at-once", rows.placementTurn);
}

/** 256 random bits: enough that their digest can be kept, and looked up, as it is. */
function generateToken(): Secret {
  return new Secret(randomBytes(32).toString("hex"));
}

function digestOf(token: string): string {
  return hash("sha256", token, "hex");
}
