// A wire to the tests' PostgreSQL that can be cut: a socket in front of the server's own.
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { makeTempDir } from "./temp-dir.ts";

export interface PostgresWire {
  /** Of the same database, at the near end. */
  readonly url: string;
  /** Whoever speaks through it is cut off, and nobody comes through any more. */
  cut(): Promise<void>;
  remove(): Promise<void>;
}

const socketName = ".s.PGSQL.5432";

/** @param url as makeDatabase gives it */
export async function layPostgresWire(url: string): Promise<PostgresWire> {
  const near = makeTempDir();
  const [, encoded = ""] = /[?&]host=([^&]+)/.exec(url) ?? [];
  const far = decodeURIComponent(encoded);
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    const onward = connect(join(far, socketName));
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      open.add(one);
      one.on("error", () => {});
      one.on("close", () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(join(near.path, socketName), resolve));
  const cut = async () => {
    if (!server.listening) return;
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    url: url.replace(encoded, encodeURIComponent(near.path)),
    cut,
    remove: async () => {
      await cut();
      near.remove();
    },
  };
}
