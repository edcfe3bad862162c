// Why a channel is not up, told by a gateway whose peer, a strongSwan of its own, is misconfigured in each way.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { CharonDataplane } from "../../src/dataplane/charon/charon-dataplane.ts";
import { findCharon, startCharon, stopCharon, viciSocketOf } from "../../src/dataplane/charon/charon-process.ts";
import { toLoadConn } from "../../src/dataplane/charon/connection-message.ts";
import { run } from "../../src/dataplane/charon/ip.ts";
import type { ConnectionSpec } from "../../src/dataplane/dataplane.ts";
import { describe as put } from "../../src/diagnosis/wording.ts";
import type { ViciMessage } from "../../src/vici/codec.ts";
import { ViciSession } from "../../src/vici/session.ts";
import type { Cause, Diagnosis } from "../../src/vpn/diagnosis.ts";
import { describeOnMachine } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";
import { applyAll, cleanUp, makeCharonDataplane, makeNames, makeSteps } from "./instance.ts";
import { type ConnectionChanges, connectionBetween, gatewayNumber } from "./specs.ts";
import { makeHost } from "./wires.ts";

const names = makeNames();
const gateway = gatewayNumber(1);
const remote = { ...gatewayNumber(2), uid: "remote" };
const place = { namespace: `${names.prefix}remote`, dir: join(names.runDir, "remote") };
const connection = connectionBetween(gateway, remote);

/** What the peer's administrator wrote otherwise. */
const right = {
  version: "1",
  aggressive: "no",
  ike: "aes128-sha1-modp1024",
  esp: "aes128-sha1",
  ownId: remote.publicAddress,
  ourId: gateway.publicAddress,
  network: remote.vpcCidr,
  ourNetwork: gateway.vpcCidr,
  key: connection.preSharedKey.reveal(),
};
type Peer = Partial<typeof right>;

function swanctlConf(peer: Peer): string {
  const { version, aggressive, ike, esp, ownId, ourId, network, ourNetwork, key } = { ...right, ...peer };
  return `connections { r { version = ${version}
    aggressive = ${aggressive}
    proposals = ${ike}
    local_addrs = ${remote.publicAddress}
    remote_addrs = ${gateway.publicAddress}
    local { auth = psk
      id = "${ownId}" }
    remote { auth = psk
      id = "${ourId}" }
    children { r { local_ts = ${network}
      remote_ts = ${ourNetwork}
      esp_proposals = ${esp} } } } }
secrets { ike-r { secret = "${key}" } }
`;
}

const aggressive = { ike: { exchangeMode: "aggressive" } } as const;

describeOnMachine("the cause of a channel that is not up", () => {
  let dataplane: CharonDataplane;
  /** What is loaded at our end. */
  let loaded = connection;

  beforeAll(async () => {
    dataplane = makeCharonDataplane(names);
    await dataplane.start();
    await applyAll(dataplane, gateway, makeSteps);
    const address = `${remote.publicAddress}/24`;
    await makeHost(names, "remote", names.publicNamespace, address, ["address add 10.2.0.1/32 dev lo"]);
    await mkdir(place.dir, { recursive: true, mode: 0o700 });
    await startCharon(place);
  });
  afterEach(async () => {
    for (const { uniqueId, connection } of (await dataplane.observe(gateway.id, false)).ikeSas) {
      await dataplane.apply(gateway, { kind: "terminate-ike-sa", uniqueId, connection });
    }
    // Fails when there is none.
    await swanctl("--terminate", "--ike", "r", "--force").catch(() => undefined);
  });
  afterAll(async () => {
    await dataplane.close();
    await stopCharon(place);
    await cleanUp(names);
  });

  async function swanctl(...args: string[]): Promise<string> {
    return await run("/usr/sbin/swanctl", [...args, "--uri", `unix://${viciSocketOf(place)}`]);
  }

  async function configure(peer: Peer, changes: ConnectionChanges = {}): Promise<ConnectionSpec> {
    const conf = join(place.dir, "swanctl.conf");
    await writeFile(conf, swanctlConf(peer), { mode: 0o600 });
    await swanctl("--load-all", "--clear", "--file", conf);
    const connection = connectionBetween(gateway, remote, changes);
    loaded = connection;
    await applyAll(dataplane, gateway, [
      { kind: "load-secret", connection, fingerprint: "s" },
      { kind: "load-connection", connection, fingerprint: "c" },
    ]);
    return connection;
  }

  async function initiate({ name }: ConnectionSpec): Promise<void> {
    await dataplane.apply(gateway, { kind: "initiate-child", connection: name, child: `${name}-0` });
  }

  async function bringUp(connection: ConnectionSpec): Promise<void> {
    await initiate(connection);
    const isUp = async () =>
      (await dataplane.observe(gateway.id, false)).ikeSas.some(({ children }) => children.length > 0);
    await waitFor(isUp, { what: "the child" });
  }

  async function explain(): Promise<Diagnosis | undefined> {
    const trouble = (await dataplane.observe(gateway.id, false)).troubles.get(connection.name);
    return trouble === undefined ? undefined : put(loaded, trouble);
  }

  async function explained(cause: Cause, timeoutMs = 8_000): Promise<Diagnosis> {
    const find = async () => {
      const diagnosis = await explain();
      return diagnosis?.cause === cause ? diagnosis : undefined;
    };
    return await waitFor(find, { what: cause, timeoutMs });
  }

  it.each<[string, Peer, ConnectionChanges, Cause]>([
    ["another encryption in phase 1", { ike: "aes256-sha1-modp1024" }, {}, "ike-proposal"],
    ["another key", { key: "other" }, {}, "pre-shared-key"],
    ["another key, aggressive", { key: "other", aggressive: "yes" }, aggressive, "pre-shared-key"],
    ["another name of its own", { ownId: "site.example" }, {}, "identity"],
    ["another name of its own, aggressive", { ownId: "site.example", aggressive: "yes" }, aggressive, "identity"],
    ["another name for us", { ourId: "gw.example" }, {}, "authentication-refused"],
    ["the other mode", { aggressive: "yes" }, {}, "authentication-refused"],
    ["another encryption in phase 2", { esp: "aes256-sha1" }, {}, "ipsec-refused"],
    ["PFS", { esp: "aes128-sha1-modp1024" }, {}, "ipsec-refused"],
    ["other networks", { network: "10.77.0.0/16" }, {}, "traffic-selectors"],
  ])("is told when we begin and the peer has %s", async (_, peer, changes, cause) => {
    const before = Date.now();
    await initiate(await configure(peer, changes));
    const diagnosis = await explained(cause);
    expect(diagnosis.sinceMs).toBeGreaterThanOrEqual(before);
    expect(JSON.stringify(diagnosis)).not.toContain(connection.preSharedKey.reveal());
  });

  it.each<[string, Peer, ConnectionChanges, Cause, string]>([
    ["another encryption in phase 1", { ike: "aes256-sha1-modp1024" }, {}, "ike-proposal", "in: encryption."],
    ["another hash in phase 1", { ike: "aes128-md5-modp1024" }, {}, "ike-proposal", "in: hash."],
    ["another group in phase 1", { ike: "aes128-sha1-modp1536" }, {}, "ike-proposal", "in: group."],
    ["IKEv2", { version: "2" }, {}, "ike-proposal", "IKE version"],
    ["another key", { key: "other" }, {}, "pre-shared-key", "pre-shared key"],
    ["another name of its own", { ownId: "site.example" }, {}, "identity", "site.example"],
    ["aggressive mode", { aggressive: "yes" }, {}, "exchange-mode", "peer uses aggressive mode"],
    ["main mode", {}, aggressive, "exchange-mode", "peer uses main mode"],
    ["another encryption in phase 2", { esp: "aes256-sha1" }, {}, "ipsec-proposal", "in: encryption."],
    ["PFS, and we have not", { esp: "aes128-sha1-modp1024" }, {}, "pfs", "PFS"],
    ["no PFS, and we have", {}, { ipsec: { pfsGroup: 2 } }, "pfs", "PFS"],
    ["another network of its own", { network: "10.77.0.0/16" }, {}, "traffic-selectors", "10.77.0.0/16"],
    ["another network of ours", { ourNetwork: "10.78.0.0/16" }, {}, "traffic-selectors", "10.78.0.0/16"],
  ])("is told when the peer begins and has %s", async (_, peer, changes, cause, words) => {
    await configure(peer, changes);
    // It fails, or waits for us in vain.
    await swanctl("--initiate", "--child", "r", "--timeout", "1").catch(() => undefined);
    expect((await explained(cause)).sentence).toContain(words);
  });

  it("is the peer that deleted it", async () => {
    await bringUp(await configure({}));
    expect(await explain()).toBeUndefined();
    await swanctl("--terminate", "--ike", "r");
    await explained("peer-deleted");
  });

  it("is forgotten when the channel comes up", async () => {
    await initiate(await configure({ esp: "aes256-sha1" }));
    await explained("ipsec-refused");
    await writeFile(join(place.dir, "swanctl.conf"), swanctlConf({}), { mode: 0o600 });
    await swanctl("--load-all", "--clear", "--file", join(place.dir, "swanctl.conf"));
    await bringUp(connection);
    const isForgotten = async () => (await explain()) === undefined;
    await waitFor(isForgotten, { what: "the end of the cause" });
  });

  it("is a peer that is not there", async () => {
    const { name } = connection;
    const nobody = { ...connectionBetween(gateway, remote, { remoteAddress: "198.51.100.77" }), name };
    await configure({});
    await dataplane.apply(gateway, { kind: "load-connection", connection: nobody, fingerprint: "n" });
    await dataplane.apply(gateway, { kind: "load-secret", connection: nobody, fingerprint: "n" });
    loaded = nobody;
    await initiate(nobody);
    expect(await explained("peer-silent")).toMatchObject({
      said: "",
      sentence: expect.stringMatching("198.51.100.77"),
    });
  });

  it("is dead peer detection, and a peer that stopped answering", { timeout: 60_000 }, async () => {
    const spec = await configure({});
    const hasty = toLoadConn(spec, { delaySeconds: 1, timeoutSeconds: 3 })[connection.name] as ViciMessage;
    const session = await ViciSession.connect(viciSocketOf({ namespace: "", dir: names.gatewayDir(gateway.id) }));
    await session.request("load-conn", { [spec.name]: hasty });
    session.close();
    const pid = (await findCharon(place)) ?? Number.NaN;
    await bringUp(spec);
    process.kill(pid, "SIGSTOP");
    try {
      await explained("dpd-timeout", 15_000);
      process.kill(pid, "SIGCONT");
      await swanctl("--terminate", "--ike", "r", "--force").catch(() => undefined);
      // With the usual patience of DPD the retransmissions are what ends it.
      await bringUp(await configure({}));
      process.kill(pid, "SIGSTOP");
      await initiate(connection);
      expect((await explained("peer-stopped", 30_000)).said).not.toBe("");
    } finally {
      process.kill(pid, "SIGCONT");
    }
  });
});
