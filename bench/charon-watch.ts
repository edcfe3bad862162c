// The bench's own look at a charon, over a VICI session of its own: when a CHILD_SA is there, and when no IKE_SA is left.
import { setTimeout as pause } from "node:timers/promises";
import { readIkeSas } from "../src/dataplane/charon/sas.ts";
import type { DecodedMessage } from "../src/vici/codec.ts";
import { ViciSession } from "../src/vici/session.ts";
import { within } from "./process.ts";

const pollMs = 3;

export interface Installed {
  /** Of the CHILD_SA. */
  readonly name: string;
  /** By the clock of this process. */
  readonly atMs: number;
}

export class CharonWatch {
  readonly #session: ViciSession;
  #heard: ((installed: Installed) => void) | undefined;

  static async open(socket: string): Promise<CharonWatch> {
    const watch = new CharonWatch(await ViciSession.connect(socket));
    await watch.#session.subscribe("child-updown", (message) => watch.#hear(message));
    return watch;
  }

  private constructor(session: ViciSession) {
    this.#session = session;
  }

  /** The next CHILD_SA that comes up. @throws Error when none does in time */
  async nextInstalled(boundMs: number): Promise<Installed> {
    const { promise, resolve } = Promise.withResolvers<Installed>();
    this.#heard = resolve;
    return await within(promise, boundMs, `no CHILD_SA was up within ${boundMs} ms`);
  }

  /** Waits until there is no IKE_SA in any state. @throws Error when there still is one when the time is up */
  async waitUntilEmpty(boundMs: number): Promise<void> {
    const deadlineMs = performance.now() + boundMs;
    for (;;) {
      const sas = await this.#session.stream("list-sas", "list-sa");
      if (sas.length === 0) return;
      if (performance.now() > deadlineMs) throw new Error(`${sas.length} IKE_SAs are left after ${boundMs} ms`);
      await pause(pollMs);
    }
  }

  close(): void {
    this.#session.close();
  }

  #hear(message: DecodedMessage): void {
    const atMs = performance.now();
    // The key is only there when something came up (README of the vici plugin, child-updown).
    if (message.up !== "yes") return;
    const name = readIkeSas([message])[0]?.children[0]?.name ?? "";
    this.#heard?.({ name, atMs });
    this.#heard = undefined;
  }
}
