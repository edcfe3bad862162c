// Which channels are up, as recorded, and what is new about it. Pure but for its own memory.
import type { NetStatus } from "../vpn/status.ts";
import type { DesiredConns } from "./desired.ts";
import type { Fit } from "./fit.ts";

/** How the SAs fit each connection, by its name. */
export type Fits = ReadonlyMap<string, Fit>;

export class NetStatuses {
  /** As recorded. A channel that is not in here is not up. */
  readonly #recorded: Map<number, NetStatus>;
  /** How the SAs fitted each connection when that was recorded. */
  #fits: Fits = new Map();

  constructor(recorded: ReadonlyMap<number, NetStatus>) {
    this.#recorded = new Map(recorded);
  }

  /**
   * A channel is available when every pair of it has a CHILD_SA. Only connections that changed are gone through.
   * @param refused channels that cannot be carried, and may have been before strongSwan became another
   */
  changes(fits: Fits, conns: DesiredConns, refused: readonly number[]): Map<number, NetStatus> {
    const wasUp = refused.filter((connId) => this.#recorded.get(connId) === "available");
    const changes = new Map<number, NetStatus>(wasUp.map((connId) => [connId, "unavailable"]));
    for (const [name, fit] of fits) {
      if (this.#fits.get(name) === fit) continue;
      for (const { conn, children } of conns.members(name)) {
        const netStatus = children.every((child) => fit.installed.has(child.name)) ? "available" : "unavailable";
        if ((this.#recorded.get(conn.id) ?? "unavailable") !== netStatus) changes.set(conn.id, netStatus);
      }
    }
    return changes;
  }

  /** Remembers what has been recorded. @param gone channels that are no more */
  settle(fits: Fits, changes: ReadonlyMap<number, NetStatus>, gone: readonly number[]): void {
    this.#fits = fits;
    for (const connId of gone) this.#recorded.delete(connId);
    for (const [connId, netStatus] of changes) this.#recorded.set(connId, netStatus);
  }
}
