// Opens the socket of a charon: once, and again only while its short queue is full. Reads and writes nothing.
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { ViciError } from "./errors.ts";

/** First pause when charon's queue of 3 connections is full; each further one is twice as long. charon takes about 0.1 ms per accept. */
const firstPauseMs = 5;

/**
 * Connects to a Unix socket. That succeeds or fails at once, so `timeoutMs` bounds only the tries after EAGAIN.
 * @throws ViciError `connect`
 */
export async function openSocket(path: string, timeoutMs: number): Promise<Socket> {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = firstPauseMs; ; pauseMs *= 2) {
    try {
      const socket = createConnection({ path });
      await once(socket, "connect");
      return socket;
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
      if (code !== "EAGAIN" || performance.now() + pauseMs > deadline) {
        throw new ViciError("connect", `cannot connect to ${path}: ${code}`, { cause });
      }
      await delay(pauseMs);
    }
  }
}
