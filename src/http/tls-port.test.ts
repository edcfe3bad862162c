import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  Agent as PlainAgent,
  request as requestPlain,
  type Server,
} from "node:http";
import { request as requestSecured, Agent as SecuredAgent } from "node:https";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../vpn/secret.ts";
import type { Certificate } from "./certificate.ts";
import { makeSelfSigned } from "./self-signed.ts";
import { TlsPort } from "./tls-port.ts";

let certificates: Certificate[];
let server: Server;
let tlsPort: TlsPort;
let port: number;
const sockets: Socket[] = [];

beforeAll(async () => {
  const make = async (): Promise<Certificate> => {
    const { cert, key } = await makeSelfSigned(["127.0.0.1"], Date.now());
    return { cert, key: new Secret(key), file: "", fingerprint: "", warning: undefined };
  };
  certificates = [await make(), await make()];
});

const first = () => certificates[0] as Certificate;

async function start(timeoutMs?: number): Promise<void> {
  tlsPort = new TlsPort(first(), timeoutMs);
  const options = { headersTimeout: 500, requestTimeout: 500, connectionsCheckingInterval: 50 };
  server = createServer(options, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => response.end(`${"encrypted" in request.socket} ${Buffer.concat(chunks).length}`));
  });
  tlsPort.guard(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
}

const patienceMs = 200;

/** The same with little patience. */
async function restart(): Promise<void> {
  tlsPort.close();
  server.close();
  await start(patienceMs);
}

beforeEach(() => start());
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  if (!server.listening) return;
  tlsPort.close();
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

type Agent = PlainAgent | SecuredAgent | false;

function ask(isSecured: boolean, options: { agent?: Agent; body?: Buffer; ca?: string } = {}): Promise<string> {
  const { agent = false, body, ca = first().cert } = options;
  const request = isSecured ? requestSecured : requestPlain;
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, method: body === undefined ? "GET" : "POST", agent, ca });
    sent.on("error", reject);
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    });
    sent.end(body);
  });
}

function open(): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {}); // that it is closed is looked at
  sockets.push(socket);
  return socket;
}

/** How long until the other end closes. */
async function closed(socket: Socket): Promise<number> {
  const startedMs = performance.now();
  if (!socket.closed) {
    socket.resume();
    await once(socket, "close", { signal: AbortSignal.timeout(8_000) });
  }
  return performance.now() - startedMs;
}

describe("one port", () => {
  it("answers HTTP and HTTPS, side by side and in any order", async () => {
    const order = [false, true, true, false, true, false];
    expect(await Promise.all(order.map((isSecured) => ask(isSecured)))).toEqual(order.map((is) => `${is} 0`));
  });

  it.each([false, true])("takes bodies of any size, secured: %s", async (isSecured) => {
    for (const length of [0, 1, 65_536, 5 << 20]) {
      expect(await ask(isSecured, { body: Buffer.alloc(length, "a") })).toBe(`${isSecured} ${length}`);
    }
  });

  it.each([
    [false, () => new PlainAgent({ keepAlive: true, maxSockets: 1 })],
    [true, () => new SecuredAgent({ keepAlive: true, maxSockets: 1 })],
  ] as const)("keeps connections alive, secured: %s", async (isSecured, makeAgent) => {
    const agent = makeAgent();
    let connections = 0;
    server.on("connection", () => {
      connections += 1;
    });
    for (let count = 0; count < 5; count += 1) expect(await ask(isSecured, { agent })).toBe(`${isSecured} 0`);
    expect(connections).toBe(1);
    agent.destroy();
  });

  it("takes a request byte by byte", async () => {
    const socket = open();
    await once(socket, "connect");
    socket.setNoDelay();
    for (const byte of "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") {
      socket.write(byte);
      await new Promise(setImmediate);
    }
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    await closed(socket);
    expect(text).toContain("false 0");
  });

  it("takes two requests in one piece", async () => {
    const socket = open();
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    await closed(socket);
    expect(text.match(/false 0/g)).toHaveLength(2);
  });

  it("leaves it to the server what is no HTTP, and goes on", async () => {
    for (const text of ["hello\r\n\r\n", "\x80\x2e\x01"]) {
      const socket = open();
      socket.write(text, "latin1");
      socket.end();
      await closed(socket);
    }
    expect(await ask(true)).toBe("true 0");
  });

  it("closes what begins like a handshake and is none, and goes on", async () => {
    await restart();
    for (const bytes of ["\x16", "\x16\x03\x01\x00\x05hello", "\x16GET / HTTP/1.1\r\n\r\n"]) {
      const socket = open();
      socket.write(bytes, "latin1");
      socket.end();
      await closed(socket);
    }
    expect(await ask(true)).toBe("true 0");
    expect(await ask(false)).toBe("false 0");
  });

  it.each([false, true])("keeps the server's own timeouts, secured: %s", async (isSecured) => {
    const ca = first().cert;
    const socket = isSecured ? connectTls({ host: "127.0.0.1", port, ca }) : open();
    sockets.push(socket);
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nslow");
    const elapsedMs = await closed(socket);
    expect(elapsedMs).toBeGreaterThan(200);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("shows a new certificate to connections from then on", async () => {
    const [before, after] = certificates as [Certificate, Certificate];
    tlsPort.replaceCertificate(after);
    await expect(ask(true, { ca: before.cert })).rejects.toThrow();
    expect(await ask(true, { ca: after.cert })).toBe("true 0");
  });

  it("speaks TLS 1.2 at least, and HTTP/1.1 by name", async () => {
    const socket = connectTls({ host: "127.0.0.1", port, ca: first().cert, ALPNProtocols: ["h2", "http/1.1"] });
    sockets.push(socket);
    await once(socket, "secureConnect");
    expect([socket.alpnProtocol, socket.getProtocol()]).toEqual(["http/1.1", "TLSv1.3"]);
    const old = connectTls({ host: "127.0.0.1", port, ca: first().cert, minVersion: "TLSv1", maxVersion: "TLSv1.1" });
    sockets.push(old);
    await expect(once(old, "secureConnect")).rejects.toThrow();
  });
});

describe("a connection that waits", () => {
  const begin = async (bytes: string) => {
    const socket = open();
    await once(socket, "connect");
    if (bytes !== "") socket.write(bytes, "latin1");
    return socket;
  };

  it.each([
    ["silence", ""],
    ["half a handshake", "\x16\x03\x01"],
  ])("with %s is closed", async (_what, bytes) => {
    await restart();
    const elapsedMs = await closed(await begin(bytes));
    expect(elapsedMs).toBeGreaterThan(patienceMs / 2);
    expect(await ask(true)).toBe("true 0");
  });

  it.each([
    ["silence", ""],
    ["half a handshake", "\x16\x03\x01"],
  ])("with %s does not hold up a stop", async (_what, bytes) => {
    const socket = await begin(bytes);
    expect(await ask(false)).toBe("false 0"); // by now the server has the other one too
    const startedMs = performance.now();
    tlsPort.close();
    server.close();
    await once(server, "close");
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    await closed(socket);
  });

  it("is not missed when it comes during a stop", async () => {
    tlsPort.close();
    await closed(open());
  });

  it.each([false, true])("is another thing than a request that is under way, secured: %s", async (isSecured) => {
    const request = isSecured ? requestSecured : requestPlain;
    const sent = request({ host: "127.0.0.1", port, method: "POST", agent: false, ca: first().cert });
    const arrived = once(server, "request");
    sent.write("half");
    await arrived;
    const ended = once(server, "close");
    tlsPort.close();
    server.close();
    sent.end("half");
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
    await ended;
  });

  it("and one that is idle after a secured request: both are gone with the server", async () => {
    const agent = new SecuredAgent({ keepAlive: true });
    expect(await ask(true, { agent })).toBe("true 0");
    tlsPort.close();
    server.close();
    server.closeIdleConnections();
    await once(server, "close");
    agent.destroy();
  });
});
