// One connection to a charon: whose turn it is, which reply belongs to whom, who hears which event, and how it ends.
// It ends once and does not come back: connecting again, and loading everything again, is the owner's business.
import type { Socket } from "node:net";
import { type DecodedMessage, decodeMessage, type ViciMessage } from "./codec.ts";
import { openSocket } from "./connect.ts";
import { ViciError } from "./errors.ts";
import { encodeFrame, FrameReader } from "./framing.ts";
import { decodePacket, encodePacket, type Packet, type PacketType } from "./packet.ts";

type EventListener = (message: DecodedMessage) => void;
type CloseListener = (error: ViciError | undefined) => void;

interface Reply {
  readonly type: PacketType;
  readonly message: DecodedMessage;
}

/** What the session waits for: the reply to the packet it sent last. */
interface Awaited {
  readonly replyTypes: readonly PacketType[];
  /** Event whose messages are gathered until the reply is there. */
  readonly event: string | undefined;
  readonly events: DecodedMessage[];
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: ViciError) => void;
}

const defaultConnectTimeoutMs = 2_000;
const defaultRequestTimeoutMs = 10_000;

/**
 * A VICI session (README of the vici plugin, strongSwan 5.9.8). VICI has no request ids, so requests take turns. A command
 * that makes charon wait (`initiate` with a timeout) keeps the others waiting: give such commands a session of their own.
 */
export class ViciSession {
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly #listeners = new Map<string, Set<EventListener>>();
  readonly #closeListeners: CloseListener[] = [];
  #lastTurn: Promise<unknown> = Promise.resolve();
  #awaited: Awaited | undefined;
  #isOpen = true;
  #closeError: ViciError | undefined;

  /**
   * Connects to charon's socket, once; only a full queue (EAGAIN: charon listens with a backlog of 3) is tried again.
   * @param options.timeoutMs bound of those tries, 2000 unless told
   * @throws ViciError `connect`
   */
  static async connect(socketPath: string, options: { timeoutMs?: number } = {}): Promise<ViciSession> {
    return new ViciSession(await openSocket(socketPath, options.timeoutMs ?? defaultConnectTimeoutMs));
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (cause) => this.#end(new ViciError("closed", "the VICI socket failed", { cause })));
    socket.on("close", () => this.#end(new ViciError("closed", "charon closed the VICI session")));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Runs a command when its turn comes and gives its reply. charon silently drops a reply over 512 KiB (vici_socket.c): `get-conns`
   * with more than 2000 names of 255 bytes ends in a timeout.
   * @param options.timeoutMs bound of the reply, counted from when the command goes out, 10000 unless told; passing it closes the session
   * @throws ViciError `unknown-command`, `refused`, `timeout`, `closed`, `protocol`, `too-large`
   */
  async request(
    command: string,
    message: ViciMessage = {},
    options: { timeoutMs?: number } = {},
  ): Promise<DecodedMessage> {
    const frame = encodeFrame(encodePacket("cmd-request", command, message));
    return this.#takeTurn(command, options.timeoutMs, () => this.#runCommand(command, frame));
  }

  /**
   * Runs a command that answers by events (`list-sas` by `list-sa`) and gives the messages of all of them, in order.
   * charon silently drops an event over 512 KiB (vici_socket.c): an IKE_SA with more than about 1100 children is not listed at all.
   * @param options.timeoutMs as for request, for the whole stream
   * @throws ViciError as request does, and `unknown-event`
   */
  async stream(
    command: string,
    event: string,
    message: ViciMessage = {},
    options: { timeoutMs?: number } = {},
  ): Promise<DecodedMessage[]> {
    const frame = encodeFrame(encodePacket("cmd-request", command, message));
    return this.#takeTurn(command, options.timeoutMs, async () => {
      // Registered twice, charon would send each event twice; unregistered, the subscribers would hear no more.
      const isSubscribed = this.#listeners.has(event);
      if (!isSubscribed) await this.#setRegistration("event-register", event);
      const events: DecodedMessage[] = [];
      try {
        await this.#runCommand(command, frame, event, events);
      } finally {
        if (!isSubscribed && this.#isOpen) await this.#setRegistration("event-unregister", event);
      }
      return events;
    });
  }

  /**
   * Calls `listener` with the message of every `event` until the session ends. An event that comes while the registration
   * is under way is heard too. Events streamed to this session's own commands are heard as well.
   * @throws ViciError `unknown-event`, `timeout` (10000 ms), `closed`, `protocol`, `too-large`
   */
  async subscribe(event: string, listener: EventListener): Promise<void> {
    return this.#takeTurn(event, undefined, async () => {
      const listeners = this.#listeners.get(event);
      if (listeners !== undefined) {
        listeners.add(listener);
        return;
      }
      // Before the confirmation: charon's other threads may raise the event ahead of it.
      this.#listeners.set(event, new Set([listener]));
      try {
        await this.#setRegistration("event-register", event);
      } catch (error) {
        this.#listeners.delete(event);
        throw error;
      }
    });
  }

  /** Calls `listener` once when the session has ended: with the reason, or `undefined` after close(). At once if it has ended already. */
  onClose(listener: CloseListener): void {
    if (this.#isOpen) this.#closeListeners.push(listener);
    else queueMicrotask(() => listener(this.#closeError));
  }

  /** Ends the session. Requests under way and waiting are rejected (`closed`); no event is heard any more. */
  close(): void {
    this.#end(undefined);
  }

  #takeTurn<T>(name: string, timeoutMs = defaultRequestTimeoutMs, work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(async () => {
      this.#checkOpen();
      const timer = setTimeout(() => {
        this.#end(new ViciError("timeout", `${name}: charon did not answer within ${timeoutMs} ms`));
      }, timeoutMs);
      try {
        return await work();
      } finally {
        clearTimeout(timer);
      }
    });
    // The next turn comes whatever becomes of this one; its own caller hears of a failure.
    this.#lastTurn = turn.then(ignore, ignore);
    return turn;
  }

  async #runCommand(
    command: string,
    frame: Buffer,
    event?: string,
    events: DecodedMessage[] = [],
  ): Promise<DecodedMessage> {
    const { type, message } = await this.#exchange(frame, ["cmd-response", "cmd-unknown"], event, events);
    if (type === "cmd-unknown") throw new ViciError("unknown-command", `${command}: charon has no such command`);
    if (message.success === "no") {
      throw new ViciError("refused", `${command}: ${String(message.errmsg ?? "refused without a reason")}`);
    }
    return message;
  }

  async #setRegistration(packetType: "event-register" | "event-unregister", event: string): Promise<void> {
    const frame = encodeFrame(encodePacket(packetType, event));
    const { type } = await this.#exchange(frame, ["event-confirm", "event-unknown"]);
    if (type === "event-unknown") throw new ViciError("unknown-event", `${event}: charon has no such event`);
  }

  #exchange(
    frame: Buffer,
    replyTypes: readonly PacketType[],
    event?: string,
    events: DecodedMessage[] = [],
  ): Promise<Reply> {
    this.#checkOpen();
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#awaited = { replyTypes, event, events, resolve, reject };
    this.#socket.write(frame);
    return promise;
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw new ViciError("closed", "the VICI session has ended", { cause: this.#closeError });
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.read(chunk)) this.#dispatch(decodePacket(frame));
    } catch (error) {
      if (!(error instanceof ViciError)) throw error;
      this.#end(error);
    }
  }

  #dispatch(packet: Packet): void {
    const awaited = this.#awaited;
    if (packet.type === "event") {
      this.#hear(packet, awaited?.event === packet.name ? awaited.events : undefined);
    } else if (awaited?.replyTypes.includes(packet.type)) {
      const message = decodeMessage(packet.message);
      this.#awaited = undefined;
      awaited.resolve({ type: packet.type, message });
    } else {
      throw new ViciError("protocol", `a VICI ${packet.type} packet that nobody waits for`);
    }
  }

  #hear(packet: Packet, gathered: DecodedMessage[] | undefined): void {
    const listeners = this.#listeners.get(packet.name);
    if (listeners === undefined && gathered === undefined) return;
    const message = decodeMessage(packet.message);
    gathered?.push(message);
    // Each in a microtask of its own: order is kept, and a listener that throws harms neither the stream nor the others.
    for (const listener of listeners ?? []) queueMicrotask(() => this.#isOpen && listener(message));
  }

  #end(error: ViciError | undefined): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#closeError = error;
    this.#socket.destroy();
    this.#awaited?.reject(error ?? new ViciError("closed", "the VICI session was closed"));
    this.#awaited = undefined;
    for (const listener of this.#closeListeners) queueMicrotask(() => listener(error));
  }
}

function ignore(): void {}
