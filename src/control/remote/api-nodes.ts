// The API nodes as a host reaches them: HTTPS with connections that are kept, the next node when one fails, and no more at once than a
// node bears. What is sent twice because an answer was lost is the desk's business: a report may be repeated.
import { Agent, request } from "node:https";
import type { Secret } from "../../vpn/secret.ts";
import { ControlError } from "../control.ts";
import { hostPath, sessionHeader } from "../wire.ts";

export interface ApiPlace {
  /** `https://api-1.example.org:8443`, one or more; the first is tried first. */
  readonly endpoints: readonly string[];
  /** Certificates in PEM that are trusted, and no others; undefined: those that Node.js trusts. */
  readonly trusted: string | undefined;
  readonly token: Secret;
  /** Of the data directory that the host runs on. */
  readonly session: string;
}

/** What a node said; never a failure of the node's. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface AskOptions {
  /** For how long a node may be silent. */
  readonly silenceMs: number;
  /** It does not wait for its turn. */
  readonly isUrgent: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Questions at once, beside the urgent ones. */
const mostAtOnce = 16;

export class ApiNodes {
  readonly #place: ApiPlace;
  readonly #agent: Agent;
  readonly #turns = new Turns(mostAtOnce);
  /** The one that answered last. */
  #current = 0;
  #isClosed = false;

  constructor(place: ApiPlace) {
    this.#place = place;
    this.#agent = new Agent({ keepAlive: true, ...(place.trusted !== undefined && { ca: place.trusted }) });
  }

  /** What is under way fails, and nothing is asked any more. */
  close(): void {
    this.#isClosed = true;
    this.#agent.destroy();
  }

  /** Asks one node after the other until one answers. @throws ControlError unavailable; the signal's reason */
  ask(name: string, body: string, options: AskOptions): Promise<Answer> {
    const work = () => this.#askAny(name, body, options);
    return options.isUrgent ? work() : this.#turns.run(work);
  }

  async #askAny(name: string, body: string, options: AskOptions): Promise<Answer> {
    const { endpoints } = this.#place;
    const reasons: string[] = [];
    for (const _ of endpoints) {
      if (this.#isClosed) break;
      const index = this.#current;
      const endpoint = endpoints[index] ?? "";
      const outcome = await this.#askOne(endpoint, name, body, options);
      if (typeof outcome !== "string") return outcome;
      options.signal?.throwIfAborted();
      reasons.push(`${endpoint}: ${outcome}`);
      // Somebody else may have seen it before, and gone on.
      if (this.#current === index) this.#current = (index + 1) % endpoints.length;
    }
    if (this.#isClosed) reasons.push("the host is being stopped");
    throw new ControlError("unavailable", `no API node answers: ${reasons.join("; ")}`);
  }

  /** @returns why it is no answer, in words */
  async #askOne(endpoint: string, name: string, body: string, options: AskOptions): Promise<Answer | string> {
    try {
      const answer = await this.#exchange(endpoint, name, body, options);
      return answer.status >= 500 ? `HTTP status ${answer.status}` : answer;
    } catch (error) {
      if (this.#isClosed || !(error instanceof StaleConnection)) return reasonOf(error);
    }
    return this.#askOne(endpoint, name, body, options);
  }

  #exchange(endpoint: string, name: string, body: string, { silenceMs, signal }: AskOptions): Promise<Answer> {
    const { token, session } = this.#place;
    const headers = {
      authorization: `Bearer ${token.reveal()}`,
      [sessionHeader]: session,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    return new Promise((resolve, reject) => {
      const url = new URL(`${hostPath}${name}`, endpoint);
      const options = { method: "POST", headers, agent: this.#agent, timeout: silenceMs, signal };
      const sent = request(url, options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 500, body: Buffer.concat(chunks).toString("utf8") });
        });
      });
      sent.on("timeout", () => sent.destroy(new Error(`it was silent for ${silenceMs / 1_000} s`)));
      sent.on("error", (error: Error & { code?: string }) => {
        reject(sent.reusedSocket && error.code === "ECONNRESET" ? new StaleConnection(error.message) : error);
      });
      sent.end(body);
    });
  }
}

/** The code where there is one: the message has more than anybody wants to know. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error ? String(error.code) : error.message;
}

/** A connection that was kept, and that the node had closed before it was used again: no word on the node. */
class StaleConnection extends Error {}

/** Lets so many go at once; the others wait in a row. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
