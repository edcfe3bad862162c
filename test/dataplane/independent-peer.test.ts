// Our gateway against a strongSwan that was told by a person's means: swanctl and its file, with the key in hex. It knows
// nothing of our messages, so what it agrees to is what we meant.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { CharonDataplane } from "../../src/dataplane/charon/charon-dataplane.ts";
import { startCharon, stopCharon, viciSocketOf } from "../../src/dataplane/charon/charon-process.ts";
import { run } from "../../src/dataplane/charon/ip.ts";
import type { ConnectionSpec, Step } from "../../src/dataplane/dataplane.ts";
import { describeOnMachine } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";
import { applyAll, cleanUp, makeCharonDataplane, makeNames, makeSteps } from "./instance.ts";
import { type ConnectionChanges, connectionBetween, gatewayNumber } from "./specs.ts";
import { capture, makeHost } from "./wires.ts";

const names = makeNames();
const gateway = gatewayNumber(1);
const remote = { ...gatewayNumber(2), uid: "remote" };
const place = { namespace: `${names.prefix}remote`, dir: join(names.runDir, "remote") };

/** What the remote's administrator writes for this connection; the key as hex, so that no quoting is believed in. */
function swanctlConf(connection: ConnectionSpec, ids: { local: string; remote: string }): string {
  const { ike } = connection;
  const hex = Buffer.from(connection.preSharedKey.reveal(), "utf8").toString("hex");
  return `connections { r { version = 1
    aggressive = ${ike.exchangeMode === "aggressive" ? "yes" : "no"}
    proposals = aes128-sha1-modp1024
    local_addrs = ${remote.publicAddress}
    remote_addrs = ${gateway.publicAddress}
    local { auth = psk
      id = "${ids.local}" }
    remote { auth = psk
      id = "${ids.remote}" }
    children { r { local_ts = ${remote.vpcCidr}
      remote_ts = ${gateway.vpcCidr}
      esp_proposals = aes128-sha1 } } } }
secrets { ike-r { secret = 0x${hex} } }
`;
}

describeOnMachine("a peer that is configured by hand", () => {
  let dataplane: CharonDataplane;

  beforeAll(async () => {
    dataplane = makeCharonDataplane(names);
    await dataplane.start();
    await applyAll(dataplane, gateway, makeSteps);
    const address = `${remote.publicAddress}/24`;
    await makeHost(names, "remote", names.publicNamespace, address, ["address add 10.2.0.1/32 dev lo"]);
    await mkdir(place.dir, { recursive: true, mode: 0o700 });
    await startCharon(place);
  });
  afterAll(async () => {
    await dataplane.close();
    await stopCharon(place);
    await cleanUp(names);
  });

  async function swanctl(...args: string[]): Promise<string> {
    return await run("/usr/sbin/swanctl", [...args, "--uri", `unix://${viciSocketOf(place)}`]);
  }

  /** Brings one child up from our side, and takes everything away again. */
  async function meet(
    changes: ConnectionChanges,
    ids = { local: remote.publicAddress, remote: gateway.publicAddress },
  ) {
    const connection = connectionBetween(gateway, remote, changes);
    const conf = join(place.dir, "swanctl.conf");
    await writeFile(conf, swanctlConf(connection, ids), { mode: 0o600 });
    await swanctl("--load-all", "--clear", "--file", conf);
    const child = `${connection.name}-0`;
    await applyAll(dataplane, gateway, [
      { kind: "load-secret", connection, fingerprint: "s" },
      { kind: "load-connection", connection, fingerprint: "c" },
      { kind: "initiate-child", connection: connection.name, child },
    ]);
    try {
      const observe = async () => (await dataplane.observe(gateway.id, false)).ikeSas;
      const isUp = async () =>
        (await observe()).some((ikeSa) => ikeSa.children.some((each) => each.state === "INSTALLED"));
      await waitFor(isUp, { what: "the child" });
      return await swanctl("--list-sas");
    } finally {
      for (const { uniqueId } of (await dataplane.observe(gateway.id, false)).ikeSas) {
        const end: Step = { kind: "terminate-ike-sa", uniqueId, connection: connection.name };
        await dataplane.apply(gateway, end);
      }
      // What a wrong key has left there half open lives on for a while.
      const hasEnded = async () => !(await swanctl("--list-sas")).includes("ESTABLISHED");
      await waitFor(hasEnded, { what: "the end at the peer" });
    }
  }

  it.each([
    ["quotes", `say "it's" \\"so\\"`],
    ["blanks at both ends", "  two  words "],
    ["other scripts", "пароль-密钥-🔑"],
    ["what looks like hex", "0x41424344"],
    ["what looks like base64", "0sQUJDRA=="],
    ["signs of a configuration", "{a = b} # include /etc/passwd $x %y"],
    ["128 characters", "k".repeat(128)],
  ])("shares a key with %s", async (_, preSharedKey) => {
    for (const exchangeMode of ["main", "aggressive"] as const) await meet({ preSharedKey, ike: { exchangeMode } });
  });

  it("does not come up with another key", async () => {
    const connection = connectionBetween(gateway, remote, { preSharedKey: "one" });
    const conf = join(place.dir, "swanctl.conf");
    const other = connectionBetween(gateway, remote, { preSharedKey: "other" });
    await writeFile(conf, swanctlConf(other, { local: remote.publicAddress, remote: gateway.publicAddress }));
    await swanctl("--load-all", "--clear", "--file", conf);
    await applyAll(dataplane, gateway, [
      { kind: "load-secret", connection, fingerprint: "s" },
      { kind: "load-connection", connection, fingerprint: "c" },
      { kind: "initiate-child", connection: connection.name, child: `${connection.name}-0` },
    ]);
    const log = join(names.gatewayDir(gateway.id), "charon.log");
    const told = async () => (await run("tail", ["-n40", log])).includes("decryption failed?");
    await waitFor(told, { what: "the complaint in charon's log" });
    const [ikeSa] = (await dataplane.observe(gateway.id, false)).ikeSas;
    expect(ikeSa).toMatchObject({ state: "CONNECTING", children: [] });
    const uniqueId = ikeSa?.uniqueId ?? "";
    await dataplane.apply(gateway, { kind: "terminate-ike-sa", uniqueId, connection: connection.name });
  });

  // With `@` in front swanctl takes anything for a name: the peer's word for ID_FQDN, where ours is `fqdn:`.
  it.each([
    ["names", "gw.example", "idc.example"],
    ["names that look like addresses", "10.9.8.7", "192.168.44.55"],
    ["names that look like other kinds of identity", "%any", "keyid:abc"],
  ])("knows both ends by %s", async (_, ours, theirs) => {
    const localIdentity = { type: "fqdn", value: ours } as const;
    const remoteIdentity = { type: "fqdn", value: theirs } as const;
    for (const exchangeMode of ["main", "aggressive"] as const) {
      const list = await meet(
        { ike: { exchangeMode, localIdentity, remoteIdentity } },
        { local: `@${theirs}`, remote: `@${ours}` },
      );
      expect(list).toContain(`'${ours}' @`);
    }
  });

  it.each([
    ["the shortest", 60, 180, 2_560],
    ["some", 61_234, 2_345, 123_457],
    ["the longest", 604_800, 604_800, 4_294_967_295],
  ])("is told exactly the lifetimes that were asked for: %s", async (_what, ikeSeconds, seconds, kilobytes) => {
    // Phase 1 proposes in clear, so its lifetime can be read on the wire (RFC 2409 appendix A: life duration).
    const wire = await capture(names.publicNamespace, names.bridge, "udp port 500", ["-vv"]);
    const ipsec = { lifetimeSeconds: seconds, lifetimeKilobytes: kilobytes };
    await meet({ ike: { lifetimeSeconds: ikeSeconds }, ipsec });
    const duration = /type=lifeduration (?:len=\d+ )?value=([0-9a-f]+)/;
    const line = await waitFor(() => wire.lines.find((each) => duration.test(each)), { what: "a proposal" });
    await wire.stop();
    expect(Number.parseInt(duration.exec(line)?.[1] ?? "", 16)).toBe(ikeSeconds);
    const told = await run("tail", ["-n60", join(place.dir, "charon.log")]);
    expect(told).toContain(`received ${seconds}s lifetime`);
    expect(told).toContain(`received ${kilobytes * 1000} lifebytes`);
  });
});
