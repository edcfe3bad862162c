import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { type DecodedMessage, decodeMessage, type ViciMessage } from "./codec.ts";
import { ViciError } from "./errors.ts";
import { encodeFrame, FrameReader } from "./framing.ts";
import { decodePacket, encodePacket, type Packet, type PacketType } from "./packet.ts";
import { ViciSession } from "./session.ts";

type Play = (packet: Packet, send: Send) => void;
type Send = (type: PacketType, name?: string, message?: ViciMessage) => void;

/** One end is the session, the other a charon that plays a script. */
interface Peer {
  readonly session: ViciSession;
  /** What came in, as `type name`. */
  readonly received: string[];
  readonly send: Send;
  readonly socket: Socket;
}

const directory = mkdtempSync(join(tmpdir(), "cv-vici-"));
const socketPath = join(directory, "vici");
let server: Server | undefined;
let sessions: ViciSession[] = [];

afterEach(async () => {
  for (const session of sessions) session.close();
  sessions = [];
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function until(check: () => void): Promise<void> {
  return vi.waitFor(check, { interval: 1, timeout: 2000 });
}

async function listen(backlog: number, onConnection: (socket: Socket) => void): Promise<void> {
  const listening = createServer(onConnection);
  server = listening;
  await new Promise<void>((resolve) => listening.listen({ path: socketPath, backlog }, resolve));
}

const confirm: Play = (_, send) => send("event-confirm");

/** `play` answers commands, `playRegistration` the registering and unregistering of events. */
async function startPeer(play: Play, playRegistration = confirm): Promise<Peer> {
  const received: string[] = [];
  const { promise: accepted, resolve: accept } = Promise.withResolvers<Pick<Peer, "send" | "socket">>();
  await listen(16, (socket) => {
    const frames = new FrameReader();
    const send: Send = (type, name = "", message = {}) => socket.write(encodeFrame(encodePacket(type, name, message)));
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      for (const frame of frames.read(chunk)) {
        const packet = decodePacket(frame);
        received.push(`${packet.type} ${packet.name}`);
        (packet.type === "cmd-request" ? play : playRegistration)(packet, send);
      }
    });
    accept({ send, socket });
  });
  const session = await ViciSession.connect(socketPath);
  sessions.push(session);
  return { session, received, ...(await accepted) };
}

async function failure(promise: Promise<unknown>): Promise<ViciError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ViciError)) throw new Error("expected a ViciError", { cause: error });
  return error;
}

test("sends a command with its message and gives the reply", async () => {
  const { session, received } = await startPeer((packet, send) =>
    send("cmd-response", "", { echo: decodeMessage(packet.message) as ViciMessage, success: "yes" }),
  );
  const reply = await session.request("load-pool", { pool: { addrs: "10.0.0.0/24", dns: ["10.0.0.1"] } });
  expect(reply).toEqual({ echo: { pool: { addrs: "10.0.0.0/24", dns: ["10.0.0.1"] } }, success: "yes" });
  expect(received).toEqual(["cmd-request load-pool"]);
});

test("keeps one command on the wire at a time, in the order of asking", async () => {
  const { session, received, send } = await startPeer(() => {});
  const replies = ["a", "b", "c"].map((command) => session.request(command));
  for (const [index, reply] of replies.entries()) {
    await until(() => expect(received).toHaveLength(index + 1));
    send("cmd-response", "", { index: String(index) });
    expect(await reply).toEqual({ index: String(index) });
  }
  expect(received).toEqual(["cmd-request a", "cmd-request b", "cmd-request c"]);
});

test("rejects an unknown command and stays open", async () => {
  const { session } = await startPeer((packet, send) =>
    send(packet.name === "version" ? "cmd-response" : "cmd-unknown"),
  );
  expect(await failure(session.request("frobnicate"))).toMatchObject({
    kind: "unknown-command",
    message: "frobnicate: charon has no such command",
  });
  expect(await session.request("version")).toEqual({});
});

test("rejects a reply of success = no with charon's reason and without what was sent", async () => {
  const { session } = await startPeer((_, send) =>
    send("cmd-response", "", { success: "no", errmsg: "invalid shared key type: XYZ" }),
  );
  const error = await failure(session.request("load-shared", { type: "XYZ", data: "swordfish" }));
  expect(error).toMatchObject({ kind: "refused", message: "load-shared: invalid shared key type: XYZ" });
  expect(inspect(error, { depth: 9 })).not.toContain("swordfish");
  expect(session.isOpen).toBe(true);
});

test("refuses a packet over 512 KiB without sending it and stays open", async () => {
  const { session, received } = await startPeer((_, send) => send("cmd-response"));
  const items = Array.from({ length: 9 }, () => "swordfish".repeat(7000));
  const error = await failure(session.request("load-shared", { items }));
  expect(error.kind).toBe("too-large");
  expect(inspect(error, { depth: 9 })).not.toContain("swordfish");
  expect((await failure(session.request("c".repeat(256)))).kind).toBe("too-large");
  expect((await failure(session.subscribe("e".repeat(256), () => {}))).kind).toBe("too-large");
  expect(await session.request("version")).toEqual({});
  expect(received).toEqual(["cmd-request version"]);
});

test("closes after a timeout, so that the late answer is nobody's", async () => {
  const { session, received } = await startPeer(() => {});
  const closed = vi.fn();
  session.onClose(closed);
  const waiting = session.request("initiate", {}, { timeoutMs: 20 });
  const queued = session.request("version");
  const error = await failure(waiting);
  expect(error).toMatchObject({ kind: "timeout", message: "initiate: charon did not answer within 20 ms" });
  expect(await failure(queued)).toMatchObject({ kind: "closed", cause: error });
  expect(closed.mock.calls).toEqual([[error]]);
  expect(session.isOpen).toBe(false);
  expect(received).toEqual(["cmd-request initiate"]);
});

test("counts a timeout from when the command goes out, not from when it is asked for", async () => {
  const { session, received, send } = await startPeer(() => {});
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const first = session.request("a", {}, { timeoutMs: 100 });
    const second = session.request("b", {}, { timeoutMs: 100 });
    await expect.poll(() => received.length, { interval: 1 }).toBe(1);
    vi.advanceTimersByTime(90);
    send("cmd-response");
    await first;
    await expect.poll(() => received.length, { interval: 1 }).toBe(2);
    vi.advanceTimersByTime(90);
    send("cmd-response");
    await second;
    vi.advanceTimersByTime(1000);
    expect(session.isOpen).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});

test("rejects what is pending and queued when charon goes", async () => {
  const { session, socket, received } = await startPeer(() => {});
  const closed = vi.fn();
  session.onClose(closed);
  const requests = [
    session.request("stats"),
    session.request("version"),
    session.stream("list-sas", "list-sa"),
    session.subscribe("log", () => {}),
  ].map(failure);
  await until(() => expect(received).toHaveLength(1));
  socket.destroy();
  for (const error of await Promise.all(requests)) expect(error.kind).toBe("closed");
  expect(closed).toHaveBeenCalledTimes(1);
  expect(closed.mock.calls[0]?.[0]).toMatchObject({ kind: "closed", message: "charon closed the VICI session" });
  expect((await failure(session.request("version"))).kind).toBe("closed");
});

test("close() ends the session without an error, once, also for those who ask later", async () => {
  const { session } = await startPeer((_, send) => send("cmd-response"));
  const closed = vi.fn();
  session.onClose(closed);
  await session.subscribe("log", () => {});
  const waiting = session.request("version");
  session.close();
  session.close();
  expect((await failure(waiting)).kind).toBe("closed");
  session.onClose(closed);
  await until(() => expect(closed.mock.calls).toEqual([[undefined], [undefined]]));
  expect((await failure(session.subscribe("log", () => {}))).kind).toBe("closed");
});

test("hears events while a command waits, before its reply", async () => {
  const { session } = await startPeer((_, send) => {
    send("event", "log", { msg: "1" });
    send("event", "nobody-asked", { msg: "x" });
    send("event", "log", { msg: "2" });
    send("cmd-response", "", { daemon: "charon" });
  });
  const heard: unknown[] = [];
  await session.subscribe("log", (message) => heard.push(message.msg));
  await session.request("version").then((reply) => heard.push(reply.daemon));
  expect(heard).toEqual(["1", "2", "charon"]);
});

test("hears an event that overtakes the confirmation of its registration", async () => {
  const { session } = await startPeer(
    () => {},
    (packet, send) => {
      send("event", packet.name, { msg: "early" });
      send("event-confirm");
    },
  );
  const heard = vi.fn();
  await session.subscribe("log", heard);
  expect(heard.mock.calls).toEqual([[{ msg: "early" }]]);
});

test("registers an event once for all its listeners, and several events apart", async () => {
  const { session, received, send } = await startPeer(() => {});
  const heard: string[] = [];
  const listener = (name: string) => (message: DecodedMessage) => heard.push(`${name} ${String(message.n)}`);
  await Promise.all([
    session.subscribe("child-updown", listener("child a")),
    session.subscribe("child-updown", listener("child b")),
    session.subscribe("ike-updown", listener("ike")),
  ]);
  expect(received).toEqual(["event-register child-updown", "event-register ike-updown"]);
  send("event", "ike-updown", { n: "1" });
  send("event", "child-updown", { n: "2" });
  await until(() => expect(heard).toEqual(["ike 1", "child a 2", "child b 2"]));
});

test("rejects an unknown event and stays open", async () => {
  const { session } = await startPeer(
    (_, send) => send("cmd-response"),
    (_, send) => send("event-unknown"),
  );
  for (let attempt = 0; attempt < 2; attempt++) {
    expect((await failure(session.subscribe("no-such-event", () => {}))).kind).toBe("unknown-event");
    expect((await failure(session.stream("list-sas", "no-such-event"))).kind).toBe("unknown-event");
  }
  expect(await session.request("version")).toEqual({});
});

test("streams: registers, gathers until the reply, unregisters", async () => {
  const { session, received } = await startPeer((packet, send) => {
    send("event", "list-sa", { sa: { command: packet.name } });
    send("event", "log", { msg: "1" });
    send("event", "list-sa", {});
    send("cmd-response");
    send("event", "list-sa", { late: "1" });
  });
  await session.subscribe("log", () => {});
  expect(await session.stream("list-sas", "list-sa", { noblock: "yes" })).toEqual([
    { sa: { command: "list-sas" } },
    {},
  ]);
  expect(received.slice(1)).toEqual(["event-register list-sa", "cmd-request list-sas", "event-unregister list-sa"]);
});

test("streams an event that has a subscriber, and leaves it registered", async () => {
  const { session, received, send } = await startPeer((packet, reply) => {
    if (packet.name === "list-sas") reply("event", "list-sa", { n: "streamed" });
    reply("cmd-response");
  });
  const heard: unknown[] = [];
  const first = session.stream("list-sas", "list-sa");
  const subscribed = session.subscribe("list-sa", (message) => heard.push(message.n));
  const second = session.stream("list-sas", "list-sa");
  const third = session.request("version");
  expect([await first, await second]).toEqual([[{ n: "streamed" }], [{ n: "streamed" }]]);
  await Promise.all([subscribed, third]);
  send("event", "list-sa", { n: "later" });
  await until(() => expect(heard).toEqual(["streamed", "later"]));
  expect(received).toEqual([
    "event-register list-sa",
    "cmd-request list-sas",
    "event-unregister list-sa",
    "event-register list-sa",
    "cmd-request list-sas",
    "cmd-request version",
  ]);
});

test.each([
  ["unknown-command", "cmd-unknown"],
  ["refused", "cmd-response"],
] as const)("unregisters the event of a stream that is rejected as %s", async (kind, reply) => {
  const { session, received } = await startPeer((_, send) => send(reply, "", { success: "no" }));
  expect((await failure(session.stream("list-sas", "list-sa"))).kind).toBe(kind);
  expect(received.at(-1)).toBe("event-unregister list-sa");
  expect(session.isOpen).toBe(true);
});

test.each<[string, ViciError["kind"], Buffer]>([
  ["a reply of the wrong sort", "protocol", encodeFrame(encodePacket("event-confirm", ""))],
  ["a request", "protocol", encodeFrame(encodePacket("cmd-request", "version"))],
  ["a packet of unknown type", "protocol", encodeFrame(Buffer.of(8))],
  ["a malformed message", "protocol", encodeFrame(Buffer.from("0107", "hex"))],
  ["a length over 512 KiB", "too-large", Buffer.from("00080001", "hex")],
])("closes on %s", async (_, kind, bytes) => {
  const { session, socket, received } = await startPeer(() => {});
  const closed = vi.fn();
  session.onClose(closed);
  const waiting = failure(session.request("version"));
  await until(() => expect(received).toHaveLength(1));
  socket.write(bytes);
  expect((await waiting).kind).toBe(kind);
  expect(closed.mock.calls).toEqual([[await waiting]]);
});

test("closes on a reply that nobody waits for", async () => {
  const { session, send } = await startPeer(() => {});
  const closed = vi.fn();
  session.onClose(closed);
  send("cmd-response");
  await until(() => expect(closed.mock.calls).toMatchObject([[{ kind: "protocol" }]]));
});

test("connects once: no socket, nobody behind the socket, a path too long", async () => {
  const stale = join(directory, "stale");
  writeFileSync(stale, "");
  for (const [path, code] of [
    [join(directory, "absent"), "ENOENT"],
    [stale, "ECONNREFUSED"],
    [join(directory, "x".repeat(120)), "EINVAL"],
  ] as const) {
    // A second try would take longer than the test may.
    expect(await failure(ViciSession.connect(path, { timeoutMs: 60_000 }))).toMatchObject({
      kind: "connect",
      message: `cannot connect to ${path}: ${code}`,
    });
  }
});

test("tries again while the queue of the socket is full, within its bound", async () => {
  await listen(1, (socket) => socket.on("error", () => {}));
  // All in one tick: the server can accept none of them in between, and the kernel queues two.
  const full = Array.from({ length: 4 }, () => createConnection({ path: socketPath }));
  const codes = full.map((socket) => new Promise((resolve) => socket.on("error", resolve).on("connect", resolve)));
  const hurried = failure(ViciSession.connect(socketPath, { timeoutMs: 0 }));
  const patient = ViciSession.connect(socketPath);
  expect(await hurried).toMatchObject({ kind: "connect", message: `cannot connect to ${socketPath}: EAGAIN` });
  expect(await Promise.all(codes)).toContainEqual(expect.objectContaining({ code: "EAGAIN" }));
  sessions.push(await patient);
  for (const socket of full) socket.destroy();
});
