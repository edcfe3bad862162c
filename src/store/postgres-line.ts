// LISTEN and NOTIFY, on a connection of their own: inside of a transaction a NOTIFY would take a lock of the whole server for the commit
// (https://www.postgresql.org/docs/15/sql-notify.html), and a pool's connection is not there to listen.
import { setTimeout as pause } from "node:timers/promises";
import pg, { type Client, type ClientConfig } from "pg";
import type { Line, Listener } from "./database.ts";

const channel = "culvert";
/** A connection may be dead without a word: it is asked for one this often, and given this long for it. */
const heartbeatMs = 10_000;
const silenceMs = 5_000;
const firstPauseMs = 250;
const longestPauseMs = 10_000;

export class PostgresLine implements Line {
  readonly #config: ClientConfig;
  readonly #listener: Listener;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  /** While it listens. */
  #client: Client | undefined;

  constructor(config: ClientConfig, listener: Listener) {
    this.#config = config;
    this.#listener = listener;
    this.#running = this.#run();
  }

  async say(text: string): Promise<void> {
    if (this.#client === undefined) throw new Error("the line is not connected");
    await this.#client.query("select pg_notify($1, $2)", [channel, text]);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let failures = 0; !signal.aborted; failures += 1) {
      if (await this.#listen()) failures = 0;
      const pauseMs = Math.min(firstPauseMs * 2 ** failures, longestPauseMs) * (0.5 + Math.random() / 2);
      await pause(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Until the connection ends, or the line is closed. @returns whether it came to listening */
  async #listen(): Promise<boolean> {
    const client = new pg.Client({ ...this.#config, query_timeout: silenceMs });
    const broken = new AbortController();
    client.on("error", () => broken.abort()).on("end", () => broken.abort());
    let isListening = false;
    try {
      await client.connect();
      // Hints need not be on disk.
      await client.query(`set synchronous_commit = off; listen ${channel}`);
      const { rows } = await client.query<{ own: number }>("select pg_backend_pid() as own");
      client.on("notification", ({ processId, payload }) => {
        if (processId !== rows[0]?.own) this.#listener.onHeard(payload ?? "");
      });
      this.#client = client;
      isListening = true;
      this.#listener.onBegin();
      await beat(client, AbortSignal.any([broken.signal, this.#closing.signal]));
    } catch {
      // It is tried again.
    } finally {
      this.#client = undefined;
      // Not to be waited for: a server that is silent would not answer this either.
      void client.end().catch(() => {});
    }
    return isListening;
  }
}

/** @throws Error when the connection has ended, or the server is silent */
async function beat(client: Client, signal: AbortSignal): Promise<never> {
  for (;;) {
    await pause(heartbeatMs, undefined, { signal });
    await client.query("select 1");
  }
}
