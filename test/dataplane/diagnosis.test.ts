// Why a channel is not up, or carries nothing, as recorded by our loop, whose peer, a strongSwan of its own, is misconfigured in each
// way: what is said when we begin, what when the peer begins, and that nothing is said any more when it is mended.
import { mkdirSync, rmdirSync, rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { findCharon, viciSocketOf } from "../../src/dataplane/charon/charon-process.ts";
import type { Cause } from "../../src/vpn/diagnosis.ts";
import { describeOnMachine } from "../support/machine.ts";
import { type Changes, DiagnosisSite, key, type Peer, peerAddress } from "./diagnosis-site.ts";

const aggressive = { ike: { exchangeMode: "aggressive" } } as const;

interface Fault {
  readonly peer: Peer;
  /** What is otherwise at our end, and what the peer has to have then. */
  readonly changes?: Changes;
  readonly right?: Peer;
  /** The cause when we begin, and when the peer begins. */
  readonly causes: readonly [Cause, Cause];
  /** In the sentence, when the peer has begun. */
  readonly words: string;
}

const faults: Readonly<Record<string, Fault>> = {
  "another encryption in phase 1": {
    peer: { ike: "aes256-sha1-modp1024" },
    causes: ["ike-proposal", "ike-proposal"],
    words: "differ in: encryption.",
  },
  "another hash in phase 1": {
    peer: { ike: "aes128-md5-modp1024" },
    causes: ["ike-proposal", "ike-proposal"],
    words: "differ in: hash.",
  },
  "another group in phase 1": {
    peer: { ike: "aes128-sha1-modp1536" },
    causes: ["ike-proposal", "ike-proposal"],
    words: "differ in: group.",
  },
  IKEv2: { peer: { version: "2" }, causes: ["ike-proposal", "ike-proposal"], words: "IKE version" },
  "another key": { peer: { key: "other" }, causes: ["pre-shared-key", "pre-shared-key"], words: "same pre-shared key" },
  "another key, aggressive": {
    peer: { key: "other", aggressive: "yes" },
    changes: aggressive,
    right: { aggressive: "yes" },
    causes: ["pre-shared-key", "pre-shared-key"],
    words: "same pre-shared key",
  },
  "another name of its own": {
    peer: { ownId: "site.example" },
    causes: ["identity", "identity"],
    words: "site.example",
  },
  "another name of its own, aggressive": {
    peer: { ownId: "site.example", aggressive: "yes" },
    changes: aggressive,
    right: { aggressive: "yes" },
    causes: ["identity", "identity"],
    words: "site.example",
  },
  "another name for us": {
    peer: { ourId: "gw.example" },
    causes: ["authentication-refused", "authentication-refused"],
    words: "another identity",
  },
  "aggressive mode": {
    peer: { aggressive: "yes" },
    causes: ["authentication-refused", "exchange-mode"],
    words: "peer uses aggressive mode",
  },
  "main mode": {
    peer: {},
    changes: aggressive,
    right: { aggressive: "yes" },
    causes: ["authentication-refused", "exchange-mode"],
    words: "peer uses main mode",
  },
  "another encryption in phase 2": {
    peer: { esp: "aes256-sha1" },
    causes: ["ipsec-refused", "ipsec-proposal"],
    words: "differ in: encryption.",
  },
  "PFS, and we have not": { peer: { esp: "aes128-sha1-modp1024" }, causes: ["ipsec-refused", "pfs"], words: "PFS" },
  "no PFS, and we have": {
    peer: {},
    changes: { ipsec: { pfsGroup: 2 } },
    right: { esp: "aes128-sha1-modp1024" },
    causes: ["ipsec-refused", "pfs"],
    words: "PFS",
  },
  "another network of its own": {
    peer: { network: "10.77.0.0/16" },
    causes: ["traffic-selectors", "traffic-selectors"],
    words: "10.77.0.0/16",
  },
  "another network of ours": {
    peer: { ourNetwork: "10.78.0.0/16" },
    causes: ["traffic-selectors", "traffic-selectors"],
    words: "10.78.0.0/16",
  },
};

describeOnMachine("the cause of a channel that is not up", () => {
  let site: DiagnosisSite;

  beforeAll(async () => {
    site = await DiagnosisSite.make(2_000);
  });
  afterEach(() => site.clear());
  afterAll(() => site.remove());

  async function makeUp(): Promise<number> {
    await site.configurePeer({});
    const connId = await site.makeChannel();
    await site.mended(connId);
    return connId;
  }

  it.each(Object.entries(faults))("the peer has %s", async (_, { peer, changes, right = {}, causes, words }) => {
    const beforeMs = Date.now();
    await site.configurePeer(peer);
    const connId = await site.makeChannel(changes);
    const first = await site.explained(connId, causes[0]);
    expect(first.sinceMs).toBeGreaterThanOrEqual(beforeMs);
    expect(first.events.map(({ text }) => text).join()).toMatch(/we begin in (Main|Aggressive) Mode/);
    await site.beginAtPeer();
    const second = await site.explained(connId, causes[1]);
    const isTold = async () => (await site.recorded(connId))?.sentence ?? "";
    await expect.poll(isTold, { timeout: 5_000 }).toContain(words);
    expect(JSON.stringify([first, second])).not.toContain(key);
    await site.mendPeer(right);
    await site.mended(connId);
  });

  it("the peer deleted it", async () => {
    const connId = await makeUp();
    await site.configurePeer({ key: "changed meanwhile" });
    await site.swanctl("--terminate", "--ike", "r");
    expect((await site.explained(connId, "peer-deleted")).events.map(({ text }) => text)).toContain(
      "up: 10.1.0.0/16 === 10.2.0.0/16",
    );
    await site.explained(connId, "pre-shared-key");
    await site.mendPeer({});
    await site.mended(connId);
  });

  it("nothing comes back: it died, and what could not be said before is the cause for a while", async () => {
    const connId = await makeUp();
    const pid = (await findCharon(site.peerPlace)) ?? Number.NaN;
    process.kill(pid, "SIGSTOP");
    try {
      await site.explained(connId, "dpd-timeout");
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await site.mended(connId, 30_000);
  });

  it("the peer is silent from the start", async () => {
    await site.configurePeer({});
    const out = `ip saddr ${peerAddress} udp sport { 500, 4500 }`;
    await site.whileForbidden(site.peerPlace.namespace, out, async () => {
      const connId = await site.makeChannel();
      expect(await site.explained(connId, "peer-silent")).toMatchObject({
        said: "",
        sentence: expect.stringContaining(peerAddress),
      });
    });
  });

  it("the peer answers at first, and UDP 4500 does not get through", async () => {
    await site.configurePeer({});
    await site.whileForbidden(site.peerPlace.namespace, "udp sport 4500", async () => {
      const connId = await site.makeChannel();
      expect((await site.explained(connId, "peer-stopped")).said).not.toBe("");
    });
  });

  it("a firewall of ours lets nothing out", async () => {
    await site.configurePeer({});
    const connId = await site.whileForbidden(site.gatewayPlace.namespace, `ip daddr ${peerAddress}`, async () => {
      const connId = await site.makeChannel();
      await site.explained(connId, "blocked-by-policy");
      return connId;
    });
    await site.beginAtPeer(5);
    await site.mended(connId);
  });

  it("the gateway does not run, and why", async () => {
    const connId = await makeUp();
    const socket = viciSocketOf(site.gatewayPlace);
    // No charon can start while something else has the place of its socket.
    rmSync(socket);
    mkdirSync(socket);
    process.kill((await findCharon(site.gatewayPlace)) ?? Number.NaN, "SIGKILL");
    const { events } = await site.explained(connId, "gateway-not-running", 15_000);
    expect(events).toHaveLength(1);
    rmdirSync(socket);
    await site.mended(connId, 30_000);
  });

  it("is up, and nothing comes in any more: it is said, and mended by a new CHILD_SA", {
    timeout: 60_000,
  }, async () => {
    const connId = await makeUp();
    await site.whilePinging(async () => {
      const hasCarried = async () => /in +\S+, +[1-9]/.test(await site.swanctl("--list-sas"));
      await expect.poll(hasCarried, { timeout: 5_000 }).toBe(true);
      // The peer forgets the CHILD_SA, and its word of that is lost.
      await site.whileForbidden(site.peerPlace.namespace, "udp sport { 500, 4500 }", async () => {
        await site.swanctl("--terminate", "--child", "r", "--timeout", "1").catch(() => undefined);
      });
      const { events } = await site.explained(connId, "one-way", 15_000);
      expect(events.map(({ text }) => text)).toContain("negotiated anew");
      await site.mended(connId, 15_000);
    });
  });
});

describeOnMachine("a peer that knocks in vain", () => {
  let site: DiagnosisSite;

  beforeAll(async () => {
    site = await DiagnosisSite.make(60_000);
  });
  afterAll(() => site.remove());

  it("is listed with what it offered, how often, and why it fits nothing, until a channel is made for it", async () => {
    await site.configurePeer({});
    await site.beginAtPeer();
    const first = await site.knocked(1);
    expect(first).toMatchObject({ identity: "", said: "no channel has this peer address" });
    expect(first.offered).toBe("IKEv1, Main mode, IKE:AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024");
    await site.beginAtPeer();
    const { count, firstMs, lastMs } = await site.knocked(first.count + 1);
    expect(firstMs).toBe(first.firstMs);
    expect([lastMs > firstMs, count > 1]).toEqual([true, true]);
    await site.mended(await site.makeChannel());
    await site.nobodyKnocked();
  });
});
