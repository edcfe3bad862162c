// One kept HTTP/1.1 connection that posts one form at a time, with nothing around it: Node's own client takes as much time as a bare
// server does, and would be what is measured (docs/dev/performance.md).
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";

const path = "/v2/index.php";
const replyBoundMs = 30_000;
const headEnd = "\r\n\r\n";

interface Awaited {
  readonly resolve: (body: string) => void;
  readonly reject: (error: Error) => void;
}

export class HttpConnection {
  readonly #url: URL;
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  #awaited: Awaited | undefined;

  /** @param endpoint `http://127.0.0.1:8080` */
  constructor(endpoint: string) {
    this.#url = new URL(endpoint);
  }

  /** Connects unless the connection is there. */
  async open(): Promise<void> {
    if (this.#socket !== undefined) return;
    const socket = createConnection({ host: this.#url.hostname, port: Number(this.#url.port), noDelay: true });
    await once(socket, "connect");
    socket.setTimeout(replyBoundMs, () => this.#awaited && this.#fail(new Error(`no reply within ${replyBoundMs} ms`)));
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
    this.#received = Buffer.alloc(0);
    this.#socket = socket;
  }

  /** Sends a form and gives the body of the reply, whatever its status. One at a time. @throws Error when there is none */
  post(form: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    if (this.#socket === undefined || this.#awaited !== undefined) throw new Error("the connection is not ready");
    this.#awaited = { resolve, reject };
    const head = `POST ${path} HTTP/1.1\r\nHost: ${this.#url.host}\r\nContent-Type: application/x-www-form-urlencoded`;
    // A form is ASCII: its length is its number of bytes.
    this.#socket.write(`${head}\r\nContent-Length: ${form.length}${headEnd}${form}`, "latin1");
    return promise;
  }

  close(): void {
    this.#socket?.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const end = this.#received.indexOf(headEnd);
    if (end === -1) return;
    const length = Number(/\ncontent-length: (\d+)/i.exec(this.#received.toString("latin1", 0, end))?.[1]);
    if (Number.isNaN(length)) {
      this.#fail(new Error("a reply without a length"));
      return;
    }
    const first = end + headEnd.length;
    if (this.#received.length < first + length) return;
    const body = this.#received.toString("utf8", first, first + length);
    this.#received = Buffer.alloc(0);
    this.#takeAwaited()?.resolve(body);
  }

  #takeAwaited(): Awaited | undefined {
    const awaited = this.#awaited;
    this.#awaited = undefined;
    return awaited;
  }

  #fail(error: Error): void {
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#takeAwaited()?.reject(error);
  }
}
