// A PostgreSQL that goes away, hangs, or changes under a server: what the store says then is true, and it goes on by itself.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { checkReads, checkWrites } from "../../src/store/checks.ts";
import { openStore } from "../../src/store/open.ts";
import type { Db, Store } from "../../src/store/store.ts";
import { command, PostgresServer, postgresReason } from "../support/postgres-server.ts";
import { makeTempDir, type TempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";
import { createdAtMs } from "./rows.ts";

async function addAccount(db: Db, name: string): Promise<void> {
  await db.sql.insertInto("accounts").values({ name, created_at: createdAtMs }).execute();
}

async function listAccounts(db: Db): Promise<string[]> {
  const rows = await db.sql.selectFrom("accounts").select("name").orderBy("id").execute();
  return rows.map((row) => row.name);
}

/** What becomes of the commits that pass through a relay: each `mode` is for one, and `pass` for all others. */
type Mode = "pass" | "answer lost" | "request lost" | "held back";

/** Between the store and PostgreSQL. */
class Relay {
  mode: Mode = "pass";
  readonly #server: Server;
  #held: (() => void) | undefined;

  private constructor(socket: string) {
    this.#server = createServer((client) => this.#carry(client, connect(socket)));
  }

  static async start(socket: string): Promise<Relay> {
    const relay = new Relay(socket);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Lets the commit that was held back arrive, as one does that was under way when its sender went. */
  letGo(): void {
    this.#held?.();
  }

  #carry(client: Socket, server: Socket): void {
    const cut = () => {
      client.destroy();
      if (this.#held === undefined) server.destroy();
    };
    for (const socket of [client, server]) socket.on("error", cut).on("close", cut);
    server.on("data", (chunk: Buffer) => client.write(chunk));
    client.on("data", (chunk: Buffer) => {
      const mode = chunk.includes("commit\0") ? this.mode : "pass";
      if (mode !== "pass") this.mode = "pass";
      switch (mode) {
        case "pass":
          server.write(chunk);
          return;
        case "answer lost":
          server.removeAllListeners("data").once("data", cut);
          server.write(chunk);
          return;
        case "request lost":
          cut();
          return;
        case "held back":
          this.#held = () => server.write(chunk);
          client.destroy();
      }
    });
  }

  async stop(): Promise<void> {
    this.#server.close();
    await once(this.#server, "close");
  }
}

const answerMs = 1_000;

describe.skipIf(postgresReason !== undefined)("a PostgreSQL", () => {
  let server: PostgresServer;
  let relay: Relay;
  let dir: TempDir;
  let store: Store;
  let number = 0;

  beforeAll(async () => {
    server = await PostgresServer.start();
    relay = await Relay.start(server.socket);
  });
  afterAll(async () => {
    await relay.stop();
    await server.remove();
  });
  beforeEach(async () => {
    dir = makeTempDir();
    number += 1;
    await command(server.urlOf("postgres"), `create database faults_${number}`);
    store = await open(`postgres://culvert@127.0.0.1:${relay.port}/faults_${number}`);
    await store.transaction((db) => addAccount(db, "first"));
  });
  afterEach(async () => {
    await store.close();
    dir.remove();
  });

  const directUrl = () => server.urlOf(`faults_${number}`);
  const open = (database: string) => openStore({ data: dir.path, database, masterKeyFile: "", lingerMs: 0, answerMs });

  describe("that is lost while it commits", () => {
    it("has committed: so the change is acknowledged, alone and in company", async () => {
      relay.mode = "answer lost";
      await store.transaction((db) => addAccount(db, "alone"));
      relay.mode = "answer lost";
      const refusal = new Error("no");
      const names = ["a", "b"];
      const together = await Promise.allSettled([
        ...names.map((name) => store.transaction((db) => addAccount(db, name))),
        store.transaction(() => Promise.reject(refusal)),
      ]);
      expect(together.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
      expect(together[2]).toMatchObject({ reason: refusal });
      expect(await listAccounts(store.db)).toEqual(["first", "alone", ...names]);
    });

    it("has not: so the change has failed, and nothing of it is there", async () => {
      relay.mode = "request lost";
      const lost = store.transaction((db) => addAccount(db, "lost"));
      await expect(lost).rejects.toMatchObject({ name: "StoreError", kind: "unavailable" });
      await store.transaction((db) => addAccount(db, "next"));
      expect(await listAccounts(store.db)).toEqual(["first", "next"]);
    });

    it("may yet do so: it is asked until it has", async () => {
      relay.mode = "held back";
      const slow = store.transaction((db) => addAccount(db, "slow"));
      setTimeout(() => relay.letGo(), 500);
      await slow;
      expect(await listAccounts(store.db)).toEqual(["first", "slow"]);
    });
  });

  it("that hangs fails what is asked of it within a bound, and is used again when it goes on", async () => {
    const goOn = server.pause();
    try {
      const startedMs = performance.now();
      const calls = [
        ...["a", "b"].map((name) => store.transaction((db) => addAccount(db, name), "at-once", 1)),
        store.transaction((db) => addAccount(db, "c"), "at-once", 2),
        listAccounts(store.db),
      ];
      const results = await Promise.allSettled(calls);
      expect(performance.now() - startedMs).toBeLessThan(8 * answerMs);
      expect(results.map(({ status }) => status)).toEqual(calls.map(() => "rejected"));
    } finally {
      goOn();
    }
    const isBack = () =>
      store
        .transaction((db) => addAccount(db, "after"), "at-once", 1)
        .then(
          () => true,
          () => false,
        );
    await waitFor(isBack, { what: "the store to go on" });
    expect(await listAccounts(store.db)).toEqual(["first", "after"]);
  });

  it("that is killed is used again when it is there again, with all that was acknowledged", async () => {
    await store.transaction((db) => addAccount(db, "kept"));
    await server.kill();
    expect(await checkReads(store)).toEqual({ isGood: false, sentence: "The database cannot be read." });
    expect(await checkWrites(store)).toMatchObject({ isGood: true });
    await expect(store.transaction((db) => addAccount(db, "no"))).rejects.toMatchObject({ kind: "unavailable" });
    expect(await checkWrites(store)).toEqual({ isGood: false, sentence: "The database takes no changes." });
    await server.restart();
    expect(await checkWrites(store)).toMatchObject({ isGood: true });
    expect(await checkReads(store)).toMatchObject({ isGood: true });
    expect(await listAccounts(store.db)).toEqual(["first", "kept"]);
  });

  it("whose tables get another form is read and written as before: statements are prepared anew", async () => {
    const names = ["kept prepared", "again"];
    const find = (db: Db, name: string) =>
      sql<{ name: string }>`select * from accounts where name = ${name}`.execute(db.sql);
    for (const name of names) {
      await store.transaction(async (db) => {
        await addAccount(db, name);
        await find(db, name);
      });
    }
    await Promise.all(Array.from({ length: 8 }, () => find(store.db, "again")));
    await command(directUrl(), "alter table accounts add column remark text");
    const found = await Promise.all(Array.from({ length: 8 }, () => find(store.db, "again")));
    for (const { rows } of found) expect(rows).toMatchObject([{ name: "again" }]);
    await command(directUrl(), "alter table accounts add column another text");
    const inTransactions = await Promise.all(
      [1, 2, 3].map((account) => store.transaction((db) => find(db, "again"), "at-once", account)),
    );
    for (const { rows } of inTransactions) expect(rows).toMatchObject([{ name: "again" }]);
  });

  it("does not keep an account for a server that hangs in the middle of a transaction", async () => {
    const other = await open(directUrl());
    const { promise: never, resolve: letGo } = Promise.withResolvers<void>();
    const hanging = store.transaction(
      async (db) => {
        await addAccount(db, "hangs");
        await never;
      },
      "at-once",
      7,
    );
    const failed = expect(hanging).rejects.toMatchObject({ name: "StoreError" });
    const add = () =>
      other
        .transaction((db) => addAccount(db, "goes on"), "at-once", 7)
        .then(
          () => true,
          () => false,
        );
    await waitFor(add, { what: "the account to be free", timeoutMs: 10 * answerMs });
    letGo();
    await failed;
    await other.close();
    expect(await listAccounts(store.db)).toEqual(["first", "goes on"]);
  });
});
