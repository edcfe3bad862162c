// Single calls of the API over one connection that is kept: for setting up, and where one request is timed.
import { setTimeout as pause } from "node:timers/promises";
import { type Client, type Reply, signCall } from "../src/cli/client.ts";
import { HttpConnection } from "./http-connection.ts";

const pollMs = 5;

type Parameters = Readonly<Record<string, string>>;

/** A reply of code 0, and when its request was sent and it was there. */
export interface TimedReply {
  readonly reply: Reply;
  readonly sentMs: number;
  readonly receivedMs: number;
}

export class ApiClient {
  readonly #client: Client;
  readonly #connection: HttpConnection;

  constructor(client: Client) {
    this.#client = client;
    this.#connection = new HttpConnection(client.endpoint);
  }

  /** @throws Error when the API refuses */
  async call(action: string, parameters: Parameters = {}): Promise<Reply> {
    return (await this.timedCall(action, parameters)).reply;
  }

  /** As call; the clock starts behind the signing. */
  async timedCall(action: string, parameters: Parameters): Promise<TimedReply> {
    const body = signCall(this.#client, "POST", action, parameters).toString();
    await this.#connection.open();
    const sentMs = performance.now();
    const text = await this.#connection.post(body);
    const receivedMs = performance.now();
    const reply: Reply = JSON.parse(text);
    if (reply.code !== 0) throw new Error(`${action}: ${text}`);
    return { reply, sentMs, receivedMs };
  }

  /** Calls until `isDone` says so. @throws Error when the time is up */
  async callUntil(
    [action, parameters]: readonly [string, Parameters],
    isDone: (reply: Reply) => boolean,
    boundMs: number,
  ): Promise<Reply> {
    const deadlineMs = performance.now() + boundMs;
    for (;;) {
      const reply = await this.call(action, parameters);
      if (isDone(reply)) return reply;
      if (performance.now() > deadlineMs) throw new Error(`${action}: in vain for ${boundMs} ms`);
      await pause(pollMs);
    }
  }

  close(): void {
    this.#connection.close();
  }
}

/** The first object of the reply's `data` list. @throws Error when there is none */
export function firstOf(reply: Reply): Readonly<Record<string, unknown>> {
  const { data } = reply;
  const [first] = Array.isArray(data) ? data : [];
  if (first === undefined) throw new Error("a listing that should not be empty is");
  return first;
}
