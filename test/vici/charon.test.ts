// The VICI client against a real charon in a namespace of its own: that what README and scripts say is what charon does.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { DecodedMessage, ViciMessage } from "../../src/vici/codec.ts";
import { ViciSession } from "../../src/vici/session.ts";
import { describeOnMachine } from "../support/machine.ts";

const namespace = `cv-t${randomBytes(3).toString("hex")}-vici`;

const connection = {
  version: "1",
  proposals: ["aes128-sha1-modp1024"],
  local_addrs: ["198.51.100.1"],
  remote_addrs: ["198.51.100.2"],
  local: { auth: "psk", id: "198.51.100.1" },
  remote: { auth: "psk", id: "198.51.100.2" },
  children: {
    "vpnx-1-0": {
      local_ts: ["10.0.0.0/24"],
      remote_ts: ["192.168.1.0/24"],
      esp_proposals: ["aes128-sha1"],
      dpd_action: undefined,
    },
  },
} satisfies ViciMessage;

describeOnMachine("a real charon", () => {
  let directory: string;
  let socketPath: string;
  let charon: ChildProcess;
  let session: ViciSession;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "cv-vici-"));
    socketPath = join(directory, "charon.vici");
    const conf = join(directory, "strongswan.conf");
    writeFileSync(conf, confOf(socketPath));
    execFileSync("ip", ["netns", "add", namespace]);
    // ip execs charon, so the child's pid is charon's.
    charon = spawn("ip", ["netns", "exec", namespace, "/usr/sbin/charon-systemd"], {
      env: { ...process.env, STRONGSWAN_CONF: conf },
      stdio: "ignore",
    });
    session = await vi.waitFor(() => ViciSession.connect(socketPath), { interval: 5, timeout: 5_000 });
    await session.request("version");
  });

  afterAll(async () => {
    session?.close();
    try {
      if (charon?.exitCode === null && charon.signalCode === null) {
        const exit = once(charon, "exit");
        charon.kill("SIGKILL");
        await exit;
      }
    } finally {
      execFileSync("ip", ["netns", "del", namespace]);
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test("says its version and statistics", async () => {
    expect(await session.request("version")).toMatchObject({
      daemon: "charon-systemd",
      version: expect.stringMatching(/^5\./),
    });
    const stats = await session.request("stats");
    expect(stats.ikesas).toEqual({ total: "0", "half-open": "0" });
    expect(stats.plugins).toContain("vici");
  });

  test("takes a secret and gives it up", async () => {
    const secret = { id: "ike-1", type: "IKE", data: Buffer.from([0, 255, 10, 39]), owners: ["198.51.100.2"] };
    expect(await session.request("load-shared", secret)).toEqual({ success: "yes" });
    expect(await session.request("get-shared")).toEqual({ keys: ["ike-1"] });
    expect(await session.request("unload-shared", { id: "ike-1" })).toEqual({ success: "yes" });
    expect(await session.request("get-shared")).toEqual({ keys: [] });
  });

  test("takes a connection, lists it by events, and gives it up", async () => {
    expect(await session.request("load-conn", { "vpnx-1": connection })).toEqual({ success: "yes" });
    expect(await session.request("get-conns")).toEqual({ conns: ["vpnx-1"] });
    const listed = await session.stream("list-conns", "list-conn");
    expect(listed).toHaveLength(1);
    expect(listed[0]?.["vpnx-1"]).toMatchObject({
      version: "IKEv1",
      children: { "vpnx-1-0": { "local-ts": ["10.0.0.0/24"], "remote-ts": ["192.168.1.0/24"] } },
    });
    expect(await session.request("unload-conn", { name: "vpnx-1" })).toEqual({ success: "yes" });
    expect(await session.request("get-conns")).toEqual({ conns: [] });
  });

  test("lists no IKE_SA while there is none", async () => {
    expect(await session.stream("list-sas", "list-sa")).toEqual([]);
  });

  test("says why it refuses, and answers further", async () => {
    const refused = (command: string, message: ViciMessage) => expect(session.request(command, message)).rejects;
    await refused("load-conn", { c: { ...connection, no_such_key: "1" } }).toMatchObject({
      kind: "refused",
      message: expect.stringMatching(/^load-conn: unknown option: no_such_key/),
    });
    await refused("unload-conn", { name: "absent" }).toMatchObject({ kind: "refused" });
    await refused("frobnicate", {}).toMatchObject({ kind: "unknown-command" });
    await expect(session.subscribe("frobnicated", () => {})).rejects.toMatchObject({ kind: "unknown-event" });
    await expect(session.stream("version", "frobnicated")).rejects.toMatchObject({ kind: "unknown-event" });
    expect((await session.request("version")).daemon).toBe("charon-systemd");
  });

  test("streams and subscribes the same event without hearing it twice", async () => {
    await session.request("load-conn", { "vpnx-1": connection });
    const heard: DecodedMessage[] = [];
    await session.subscribe("list-conn", (message) => heard.push(message));
    const streams = [session.stream("list-conns", "list-conn"), session.stream("list-conns", "list-conn")];
    for (const listed of await Promise.all(streams)) expect(listed).toHaveLength(1);
    expect(heard).toHaveLength(2);
    await session.request("unload-conn", { name: "vpnx-1" });
  });

  test("takes a message of almost 512 KiB; a larger one is refused here and would end the connection there", async () => {
    const child = connection.children["vpnx-1-0"];
    const children = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`vpnx-1-${index}`, child]));
    const load = (count: number) =>
      session.request("load-conn", { "vpnx-1": { ...connection, children: children(count) } });
    expect(await load(5_000)).toEqual({ success: "yes" });
    await expect(load(10_000)).rejects.toMatchObject({ kind: "too-large" });
    expect(await session.request("unload-conn", { name: "vpnx-1" })).toEqual({ success: "yes" });

    const raw = createConnection({ path: socketPath });
    raw.on("error", () => {}); // a reset, if charon closes before it has read all
    const closed = new Promise((resolve) => raw.once("close", resolve));
    raw.resume().write(Buffer.from("00080001", "hex"));
    await closed;
    expect(await session.request("get-conns")).toEqual({ conns: [] });
  });

  test("takes more connections at once than its socket queues", async () => {
    const sessions = await Promise.all(Array.from({ length: 32 }, () => ViciSession.connect(socketPath)));
    try {
      const replies = await Promise.all(sessions.map((each) => each.request("version")));
      expect(new Set(replies.map((reply) => reply.version)).size).toBe(1);
    } finally {
      for (const each of sessions) each.close();
    }
  });

  test("is seen to die, and is not connected to again although its socket file stays", async () => {
    const closed = vi.fn();
    session.onClose(closed);
    const exit = once(charon, "exit");
    charon.kill("SIGKILL");
    await vi.waitFor(() => expect(closed).toHaveBeenCalledTimes(1), { interval: 1, timeout: 2_000 });
    expect(closed.mock.calls[0]?.[0]).toMatchObject({ kind: "closed" });
    await expect(session.request("version")).rejects.toMatchObject({ kind: "closed" });
    await exit;
    await expect(ViciSession.connect(socketPath)).rejects.toMatchObject({
      kind: "connect",
      message: `cannot connect to ${socketPath}: ECONNREFUSED`,
    });
  });
});

function confOf(socketPath: string): string {
  return `charon {
    load_modular = no
    load = random nonce openssl kernel-libipsec kernel-netlink socket-default vici
    threads = 16
    plugins { vici { socket = unix://${socketPath} } }
  }
  charon-systemd { journal { default = -1 } }
`;
}
