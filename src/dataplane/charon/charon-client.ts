// The server's side of one running charon: two VICI sessions, and what is loaded. It ends with the first of its sessions and
// is not opened again: nothing is known then, and a new one begins by asking.
import { setTimeout as pause } from "node:timers/promises";
import type { DecodedMessage, ViciMessage } from "../../vici/codec.ts";
import { ViciError } from "../../vici/errors.ts";
import { ViciSession } from "../../vici/session.ts";
import { type ChildSa, type ConnectionSpec, DataplaneError, type IkeSa } from "../dataplane.ts";
import { catchAll, catchAllName } from "./catch-all.ts";
import { type DeadPeerDetection, toLoadConn, toLoadShared } from "./connection-message.ts";
import { listIkeSas } from "./list-ike-sas.ts";
import { changeEvents, SaTable } from "./sa-table.ts";
import { readChildEvent, readPeerNetworks } from "./sas.ts";

/** charon does it without anybody waiting, and the answer is in the events: a thread that waits is one that handles no packet. */
const noWait = { timeout: "-1" } as const;

/** A socket's receive buffer holds about 270 of them on Linux (net.core.rmem_default), and a busy peer may not read for a while. */
const deletesAtOnce = 50;
const deletesPauseMs = 20;

/**
 * A listing is good for so many times as long as it took, with the events since: of a thousand channels that come up each raises one,
 * and a listing of a thousand takes charon 60 ms. Never as long as the pause before an attempt is repeated: by then it must be seen
 * that the IKE_SA is still connecting, which no event tells.
 */
const listingShare = 20;
const longestGoodMs = 900;

/** Loaded by somebody else, or by this server before it was started anew. */
const unknownFingerprint = "";

export class CharonClient {
  /** charon's pid. */
  readonly pid: number;
  /** Fingerprints of what is loaded, by connection name; "" for what this object has not loaded. */
  readonly connections = new Map<string, string>();
  readonly secrets = new Map<string, string>();
  readonly #commands: ViciSession;
  readonly #events: ViciSession;
  readonly #sas = new SaTable();
  #goodUntilMs = 0;
  #deletesSincePause = 0;

  /**
   * Opens both sessions, one after the other (charon's queue is 3), and asks what is loaded. `onChange` is called for every
   * event, with the CHILD_SAs that it says to have ended; `onGone` once when charon, or either session, has gone, but not after close().
   * @throws ViciError
   */
  static async open(
    socket: string,
    pid: number,
    onChange: (ended: readonly ChildSa[]) => void,
    onGone: () => void,
  ): Promise<CharonClient> {
    const commands = await ViciSession.connect(socket);
    try {
      const client = new CharonClient(pid, commands, await ViciSession.connect(socket));
      try {
        for (const event of changeEvents) {
          await client.#events.subscribe(event, (message) => {
            client.#sas.hear(event, message);
            onChange(readChildEvent(message).ended);
          });
        }
        // Registered once, or every listing would cost two more turns: to register and to take it back.
        await commands.subscribe("list-sa", () => {});
        await commands.request("load-conn", catchAll);
        await client.refreshLoaded();
      } catch (error) {
        client.close();
        throw error;
      }
      client.#watch(onGone);
      return client;
    } catch (error) {
      commands.close();
      throw error;
    }
  }

  private constructor(pid: number, commands: ViciSession, events: ViciSession) {
    this.pid = pid;
    this.#commands = commands;
    this.#events = events;
  }

  get isOpen(): boolean {
    return this.#commands.isOpen && this.#events.isOpen;
  }

  /** For what charon needs beside tunnels (its log). */
  get session(): ViciSession {
    return this.#commands;
  }

  close(): void {
    this.#commands.close();
    this.#events.close();
  }

  /** Asks charon what is loaded: forgets what is not, and lists what somebody else has loaded. @throws ViciError */
  async refreshLoaded(): Promise<void> {
    const connections = listOf(await this.#commands.request("get-conns"), "conns");
    const own = connections.filter((name) => name !== catchAllName);
    update(this.connections, own);
    update(this.secrets, listOf(await this.#commands.request("get-shared"), "keys"));
  }

  /**
   * The SAs: as they were listed a moment ago, with what the events have told since, or listed anew.
   * @param isThorough listed anew for certain
   * @throws ViciError
   */
  async listSas(isThorough: boolean): Promise<readonly IkeSa[]> {
    const startedMs = performance.now();
    if (isThorough || !this.#sas.isSure || startedMs > this.#goodUntilMs) {
      await this.#sas.renew(() => listIkeSas(this.#commands, this.#sas, isThorough));
      const endedMs = performance.now();
      this.#goodUntilMs = endedMs + Math.min(longestGoodMs, (endedMs - startedMs) * listingShare);
    }
    return this.#sas.all();
  }

  /** The networks behind the peers of all CHILD_SAs that are up. @throws ViciError */
  async listPeerNetworks(): Promise<Set<string>> {
    return readPeerNetworks(await this.#commands.stream("list-sas", "list-sa"));
  }

  async loadSecret(connection: ConnectionSpec, fingerprint: string): Promise<void> {
    await this.#command(`the secret of ${connection.name}`, "load-shared", toLoadShared(connection));
    this.secrets.set(connection.name, fingerprint);
  }

  /** SAs that are up keep what they were made with. */
  async loadConnection(connection: ConnectionSpec, fingerprint: string, dpd: DeadPeerDetection): Promise<void> {
    await this.#command(`connection ${connection.name}`, "load-conn", toLoadConn(connection, dpd));
    this.connections.set(connection.name, fingerprint);
  }

  async initiateChild(connection: string, child: string): Promise<void> {
    await this.#command(child, "initiate", { ike: connection, child, "init-limits": "no", ...noWait });
  }

  /** A new CHILD_SA in the place of one; nobody waits for it. Fine when it has gone. */
  async rekeyChildSa(uniqueId: string): Promise<void> {
    await this.#attempt("rekey", { "child-id": uniqueId });
  }

  /** The peer is told once and does not answer (RFC 2408, 5.15): many at once pause here, until its socket has room again. */
  async terminateChildSa(uniqueId: string): Promise<void> {
    this.#deletesSincePause += 1;
    if (this.#deletesSincePause > deletesAtOnce) {
      this.#deletesSincePause = 1;
      await pause(deletesPauseMs);
    }
    this.#sas.doubt();
    await this.#attempt("terminate", { "child-id": uniqueId, ...noWait });
  }

  /** The peer is told if the IKE_SA is established; it is gone at once either way. */
  async terminateIkeSa(uniqueId: string): Promise<void> {
    this.#sas.doubt();
    await this.#attempt("terminate", { "ike-id": uniqueId, force: "yes", ...noWait });
  }

  async unloadConnection(name: string): Promise<void> {
    await this.#attempt("unload-conn", { name });
    this.connections.delete(name);
  }

  async unloadSecret(name: string): Promise<void> {
    await this.#attempt("unload-shared", { id: name });
    this.secrets.delete(name);
  }

  /** What charon does not take is the connection's fault; everything else is charon's. */
  async #command(subject: string, command: string, message: ViciMessage): Promise<void> {
    try {
      await this.#commands.request(command, message);
    } catch (cause) {
      if (!(cause instanceof ViciError)) throw cause;
      const isOwnFault = cause.kind === "refused" || cause.kind === "too-large";
      throw new DataplaneError(isOwnFault ? "connection" : "gateway", `${subject}: ${cause.message}`, { cause });
    }
  }

  /** charon refuses only what is about something that is not there: there is nothing to do any more. */
  async #attempt(command: string, message: ViciMessage): Promise<void> {
    try {
      await this.#commands.request(command, message);
    } catch (error) {
      if (!(error instanceof ViciError && error.kind === "refused")) throw error;
    }
  }

  #watch(onGone: () => void): void {
    let isGone = false;
    for (const session of [this.#commands, this.#events]) {
      session.onClose((reason) => {
        const isOwnDoing = reason === undefined;
        if (isOwnDoing || isGone) return;
        isGone = true;
        this.close();
        onGone();
      });
    }
  }
}

function update(known: Map<string, string>, loaded: readonly string[]): void {
  for (const name of known.keys()) if (!loaded.includes(name)) known.delete(name);
  for (const name of loaded) if (!known.has(name)) known.set(name, unknownFingerprint);
}

function listOf(message: DecodedMessage, key: string): string[] {
  const list = message[key];
  return Array.isArray(list) ? list : [];
}
