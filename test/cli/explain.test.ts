// `culvert channel explain`: what it prints for a person and for a program, and what its exit code says.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { recordDiagnoses, recordUnknownPeers } from "../../src/store/diagnoses.ts";
import { openExistingStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { runCulvert } from "../support/command.ts";
import { makeDiagnosis, makeUnknownPeer } from "../support/diagnoses.ts";
import { type Row, textAt } from "../support/reply.ts";
import { makeConn, makePlace, makeUserGw, nextPeerAddress } from "../support/scene.ts";
import { ServerProcess } from "../support/server.ts";

const sinceMs = Date.UTC(2015, 7, 6, 12, 29, 25);

let server: ServerProcess;
let store: Store;
let conn: Row;
let uid: string;
beforeAll(async () => {
  server = await ServerProcess.start();
  const place = await makePlace(server.client);
  const userGwId = await makeUserGw(server.client, nextPeerAddress());
  conn = await makeConn(server.client, { ...place, userGwId }, { vpnConnName: "office" });
  uid = textAt(conn, "unVpnConnId");
  await server.database.settle();
  store = await openExistingStore(readConfig({ options: { data: server.dataDir }, env: {}, file: undefined }));
});
afterAll(async () => {
  await store.close();
  await server.stop();
});

const explain = (...args: readonly string[]) =>
  runCulvert(["channel", "explain", ...args, "--endpoint", server.endpoint, "--key-file", server.keyFile]);

/** Says what is wrong with the channel, which has a peer that agrees: the server itself finds nothing wrong with it. */
const record = (change: Parameters<typeof recordDiagnoses>[1]) =>
  store.transaction((db) => recordDiagnoses(db, change));

describe("channel explain", () => {
  it("says of a channel that it is up, by either form of its id", async () => {
    for (const id of [uid, String(conn.vpnConnId)]) {
      const { code, stdout, stderr } = await explain(id);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout.split("\n")[0]).toBe(`${uid} (office) is up.`);
    }
  });

  it("says what is wrong, what to change at which end, and who else knocks; the exit code is 1", async () => {
    await record(new Map([[Number(conn.vpnConnId), makeDiagnosis("ike-proposal", sinceMs)]]));
    const peer = makeUnknownPeer("203.0.113.99", sinceMs);
    await store.transaction((db) => recordUnknownPeers(db, Number(conn.vpnGwId), [peer]));
    const { code, stdout, stderr } = await explain(uid);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    const lines = stdout.split("\n");
    expect(lines).toContain("  cause          What is wrong: ike-proposal. [ike-proposal]");
    expect(lines).toContain("  to change      at either end: What to change, and where.");
    expect(lines).toContain("  since          2015-08-06 20:29:25");
    expect(lines).toContain("  2015-08-06 20:29:27  was refused");
    expect(stdout).toContain("  203.0.113.99  calls itself branch.example; ");

    const json = await explain(uid, "--json");
    expect(json).toMatchObject({ code: 1, stderr: "" });
    expect(json.stdout).toMatch(/^\{.*\}\n$/);
    const said = JSON.parse(json.stdout);
    expect(said).toMatchObject({ unVpnConnId: uid, diagnosis: { cause: "ike-proposal", side: "either" } });
    expect(said.unknownPeers).toMatchObject([{ address: "203.0.113.99", count: 3 }]);
    expect(json.stdout).not.toContain(textAt(conn, "preSharedKey"));

    await record(new Map([[Number(conn.vpnConnId), undefined]]));
    expect((await explain(uid, "--json")).code).toBe(0);
  });

  it("ends with 2 for a channel that is not there, by its id", async () => {
    const { code, stdout, stderr } = await explain("vpnx-zzzzzzzz");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^culvert: .*vpnx-zzzzzzzz does not exist.*\n$/);
    expect(await explain(uid, "--region", "bj")).toMatchObject({ code: 2, stdout: "" });
    expect(await explain("")).toEqual({
      code: 2,
      stdout: "",
      stderr: "culvert: the id of a VPN channel is expected\n",
    });
  });

  it("ends with 2 where nobody answers, with no id and with another key", async () => {
    const nobody = ["channel", "explain", uid, "--endpoint", "http://127.0.0.1:9", "--key-file", server.keyFile];
    const stderr = "culvert: no API answers at http://127.0.0.1:9\n";
    expect(await runCulvert(nobody)).toEqual({ code: 2, stdout: "", stderr });
    expect((await runCulvert(["channel", "explain"])).code).toBe(2);
    const keyFile = join(server.dataDir, "none.json");
    const none = await runCulvert(["channel", "explain", uid, "--endpoint", server.endpoint, "--key-file", keyFile]);
    expect(none).toMatchObject({ code: 2, stdout: "" });
  });
});
