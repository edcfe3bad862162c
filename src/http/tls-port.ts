// Lets one listening port speak HTTP and HTTPS: the first byte of a connection tells which. A TLS record of a handshake begins with 0x16
// (RFC 8446 5.1); no HTTP request does. What becomes of a request, plain or not, is the HTTP server's business.
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { createServer, type Server as TlsServer } from "node:tls";
import type { Certificate } from "./certificate.ts";

const handshakeByte = 0x16;
/** Clients speak at once; a handshake is two round trips. */
const silenceMs = 10_000;

/** One object for all HTTP servers of one program: `localhost` is two addresses, and so two of them. */
export class TlsPort {
  #certificate: Certificate;
  readonly #tlsServers: TlsServer[] = [];
  /** Connections that no HTTP server knows of yet, by their ends. */
  readonly #waiting = new Map<string, Socket>();
  #isClosing = false;

  readonly #silenceMs: number;

  /** @param timeoutMs after which a connection is closed that says nothing, or does not finish its handshake */
  constructor(certificate: Certificate, timeoutMs = silenceMs) {
    this.#certificate = certificate;
    this.#silenceMs = timeoutMs;
  }

  /** For connections from now on; those that are there keep the old one. */
  replaceCertificate(certificate: Certificate): void {
    this.#certificate = certificate;
    for (const server of this.#tlsServers) server.setSecureContext(pemOf(certificate));
  }

  /**
   * Puts itself between the server and its connections. The server stays the one that listens, so its timeouts, limits and its way to
   * close hold for both protocols: it is given secured sockets as node:https gives them to it.
   */
  guard(server: Server): void {
    const listeners = server.listeners("connection");
    server.removeAllListeners("connection");
    const serve = (socket: Socket): void => {
      this.#waiting.delete(endsOf(socket));
      for (const listener of listeners) Reflect.apply(listener, server, [socket]);
    };
    const tlsServer = createServer({
      ...pemOf(this.#certificate),
      ALPNProtocols: ["http/1.1"],
      handshakeTimeout: this.#silenceMs,
    });
    tlsServer.on("secureConnection", serve);
    tlsServer.on("tlsClientError", (_error, socket) => socket.destroy());
    this.#tlsServers.push(tlsServer);
    server.on("connection", (socket) => this.#listenTo(socket, tlsServer, serve));
  }

  /** Ends the connections that wait; the HTTP server ends the others. */
  close(): void {
    this.#isClosing = true;
    for (const socket of this.#waiting.values()) socket.destroy();
  }

  #listenTo(socket: Socket, tlsServer: TlsServer, serve: (socket: Socket) => void): void {
    if (this.#isClosing) {
      socket.destroy();
      return;
    }
    const ends = endsOf(socket);
    this.#waiting.set(ends, socket);
    const destroy = () => socket.destroy();
    const forget = () => {
      if (this.#waiting.get(ends) === socket) this.#waiting.delete(ends);
    };
    socket.setTimeout(this.#silenceMs);
    socket.on("timeout", destroy).on("end", destroy).on("error", destroy).once("close", forget);
    socket.once("data", (chunk: Buffer) => {
      socket.off("timeout", destroy).off("end", destroy).off("error", destroy);
      socket.setTimeout(0);
      socket.pause();
      socket.unshift(chunk);
      if (chunk[0] === handshakeByte) {
        tlsServer.emit("connection", socket);
      } else {
        serve(socket);
        socket.resume();
      }
    });
  }
}

function pemOf({ cert, key }: Certificate): { cert: string; key: string } {
  return { cert, key: key.reveal() };
}

/** The same for a socket and for the secured one that wraps it. */
function endsOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`;
}
