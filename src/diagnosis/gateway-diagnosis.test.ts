import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Cause, Diagnosis } from "../vpn/diagnosis.ts";
import type { Channel } from "./diagnosis.ts";
import { GatewayDiagnosis } from "./gateway-diagnosis.ts";
import { describe as put } from "./wording.ts";

/** What charon wrote, by the misconfiguration and by who began. */
const sections = new Map(
  readFileSync(new URL("golden/charon-log.txt", import.meta.url), "utf8")
    .split("\n== ")
    .slice(1)
    .map((section) => section.trimEnd().split("\n"))
    .map(([title = "", ...lines]) => [title, lines]),
);

const ike = {
  encryption: "aes128",
  integrity: "sha1",
  exchangeMode: "main",
  dhGroup: 2,
  lifetimeSeconds: 86_400,
  localIdentity: { type: "address", value: "198.51.100.1" },
  remoteIdentity: { type: "address", value: "198.51.100.2" },
} as const;
const ipsec = {
  encryption: "aes128",
  integrity: "sha1",
  lifetimeSeconds: 3_600,
  lifetimeKilobytes: 1_843_200,
  pfsGroup: undefined,
} as const;
const networks = { localNetwork: "10.1.0.0/16", peerNetwork: "10.2.0.0/16" };
const channel: Channel = {
  name: "vpnx-aaaaaaaa",
  localAddress: "198.51.100.1",
  remoteAddress: "198.51.100.2",
  ike,
  children: [{ name: "vpnx-aaaaaaaa-0", ...networks, ipsec }],
};

function make(...channels: Channel[]): GatewayDiagnosis {
  const diagnosis = new GatewayDiagnosis();
  for (const each of channels) diagnosis.expect(each, 0);
  return diagnosis;
}

/** Lets it hear a section, all of it at one time. */
function tell(diagnosis: GatewayDiagnosis, title: string, atMs = 1_000, upTo?: RegExp): void {
  const lines = sections.get(title);
  if (lines === undefined) throw new Error(`no section ${title}`);
  for (const line of lines) {
    const [, connection, uniqueId, text = ""] = /^(.*?)\[(\d+)\] (.*)$/.exec(line) ?? [];
    diagnosis.hear({ connection, uniqueId, text, atMs });
    if (upTo?.test(text)) return;
  }
}

/** What a person is told of a channel. */
function told(diagnosis: GatewayDiagnosis, of = channel): Diagnosis | undefined {
  const trouble = diagnosis.troubles().get(of.name);
  return trouble === undefined ? undefined : put(of, trouble);
}

function explain(...titles: string[]): Diagnosis | undefined {
  const diagnosis = make(channel);
  for (const title of titles) tell(diagnosis, title);
  return told(diagnosis);
}

describe("what charon wrote", () => {
  it.each<[string, Cause, string]>([
    ["good, then peer deletes IKE: we initiate", "peer-deleted", "took the tunnel down"],
    ["good, then peer deletes child: we initiate", "peer-deleted", "took the tunnel down"],
    ["ike enc: we initiate", "ike-proposal", "does not accept our IKE proposal"],
    ["ike enc: peer initiates", "ike-proposal", "differ in: encryption."],
    ["ike hash: peer initiates", "ike-proposal", "differ in: hash."],
    ["ike group: peer initiates", "ike-proposal", "differ in: group."],
    ["ike group aggr: we initiate", "ike-proposal", "does not accept our IKE proposal"],
    ["ike group aggr: peer initiates", "ike-proposal", "differ in: group."],
    ["psk main: we initiate", "pre-shared-key", "same pre-shared key"],
    ["psk main: peer initiates", "pre-shared-key", "same pre-shared key"],
    ["psk aggr: we initiate", "pre-shared-key", "same pre-shared key"],
    ["no psk at peer: we initiate", "pre-shared-key", "same pre-shared key"],
    [
      "id: peer is someone else: we initiate",
      "identity",
      "calls itself site.example, and the channel expects 198.51.100.2",
    ],
    ["id: peer is someone else: peer initiates", "identity", "calls itself site.example"],
    ["id aggr: peer is someone else: we initiate", "identity", "calls itself site.example"],
    ["id aggr: peer is someone else: peer initiates", "identity", "calls itself site.example"],
    ["id: peer expects someone else: we initiate", "authentication-refused", "another identity or the other mode"],
    ["id aggr: peer expects someone else: we initiate", "authentication-refused", "another identity"],
    ["mode: we main, peer aggr: we initiate", "authentication-refused", "or the other mode"],
    ["mode: we main, peer aggr: peer initiates", "exchange-mode", "uses aggressive mode"],
    ["mode: we aggr, peer main: peer initiates", "exchange-mode", "uses main mode"],
    ["esp enc: we initiate", "ipsec-refused", "does not accept our IPsec proposal"],
    ["esp enc: peer initiates", "ipsec-proposal", "differ in: encryption."],
    ["pfs we without: we initiate", "ipsec-refused", "or PFS differ"],
    ["pfs we without: peer initiates", "pfs", "PFS"],
    ["pfs we with: peer initiates", "pfs", "PFS"],
    ["pfs other group: peer initiates", "pfs", "PFS"],
    ["ts local: we initiate", "traffic-selectors", "10.1.0.0/16 === 10.2.0.0/16"],
    ["ts local: peer initiates", "traffic-selectors", "the peer wants 10.77.0.0/16 === 10.1.0.0/16"],
    ["ts remote: peer initiates", "traffic-selectors", "the peer wants 10.2.0.0/16 === 10.78.0.0/16"],
    ["peer has no connection: we initiate", "ike-proposal", "or has no connection for our address"],
    ["ikev2 peer: peer initiates", "ike-proposal", "IKE version"],
    ["stops midway: we initiate", "peer-silent", "nothing came back"],
    ["dpd: we initiate", "dpd-timeout", "dead peer detection"],
  ])("%s: %s", (title, cause, words) => {
    const diagnosis = explain(title);
    expect(diagnosis).toMatchObject({ cause, sinceMs: 1_000 });
    expect(diagnosis?.sentence).toContain(words);
    expect(diagnosis?.fix).not.toBe("");
  });

  it("tells a peer that stopped from one that never answered", () => {
    const diagnosis = make(channel);
    tell(diagnosis, "stops midway: we initiate", 1_000, /^giving up/);
    expect(told(diagnosis)).toMatchObject({
      cause: "peer-stopped",
      said: expect.stringMatching("at first"),
    });
  });

  it("says what was offered and what the peer said", () => {
    expect(explain("ike enc: peer initiates")).toMatchObject({
      offered: "aes128, sha1, DH group 2, main mode, own identity 198.51.100.1",
      said: "the peer proposed IKE:AES_CBC_256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024",
    });
    expect(explain("pfs we without: we initiate")).toMatchObject({
      offered: "aes128, sha1, no PFS",
      said: "NO_PROPOSAL_CHOSEN",
    });
  });

  it.each([
    ["ike group", "ike-proposal", "group"],
    ["mode: we main, peer aggr", "exchange-mode", "aggressive"],
    ["pfs we with", "pfs", "PFS"],
    ["ts remote", "traffic-selectors", "10.78.0.0/16"],
  ])("%s: keeps the exact view when the vague one follows", (name, cause, words) => {
    const diagnosis = explain(`${name}: peer initiates`, `${name}: we initiate`);
    expect(diagnosis?.cause).toBe(cause);
    expect(diagnosis?.sentence).toContain(words);
    expect(explain(`${name}: we initiate`, `${name}: peer initiates`)).toEqual({
      ...diagnosis,
      events: expect.any(Array),
    });
  });

  it("does not take the peer's refusal in the form of a deletion for a cause", () => {
    const name = "id: peer expects someone else";
    expect(explain(`${name}: we initiate`, `${name}: peer initiates`)?.cause).toBe("authentication-refused");
  });
});

describe("packets that this machine does not let out", () => {
  const error = (text: string) => ({ connection: undefined, uniqueId: undefined, text, atMs: 1 });
  const forbidden = error("error writing to socket: Operation not permitted");
  const sendingOf = ({ name }: Channel, uniqueId: string) => {
    const text = "sending packet: from 198.51.100.1[500] to 198.51.100.2[500] (180 bytes)";
    return { connection: name, uniqueId, text, atMs: 1 };
  };
  const other = { ...channel, name: "vpnx-bbbbbbbb", remoteAddress: "198.51.100.3" };

  it("are the cause when it is two of one IKE_SA", () => {
    const diagnosis = make(channel, other);
    diagnosis.hear(sendingOf(channel, "1"));
    diagnosis.hear(forbidden);
    diagnosis.hear(sendingOf(other, "2"));
    expect(told(diagnosis)).toBeUndefined();
    diagnosis.hear(sendingOf(channel, "1"));
    expect(diagnosis.hear(forbidden)).toBe(true);
    expect(told(diagnosis)?.cause).toBe("blocked-by-policy");
    expect(told(diagnosis, other)).toBeUndefined();
  });

  it("are not when something of the peer's came, nor when they fail for another reason", () => {
    const diagnosis = make(channel);
    tell(diagnosis, "psk main: peer initiates", 1, /^parsed/);
    for (let count = 0; count < 3; count += 1) {
      diagnosis.hear(sendingOf(channel, "1"));
      diagnosis.hear(error("error writing to socket: Invalid argument"));
    }
    expect(told(diagnosis)).toBeUndefined();
  });
});

describe("what is kept", () => {
  it("since is when the cause was found first, and a new cause is new", () => {
    const diagnosis = make(channel);
    tell(diagnosis, "ike enc: we initiate", 1_000);
    tell(diagnosis, "ike hash: we initiate", 2_000);
    expect(told(diagnosis)).toMatchObject({ cause: "ike-proposal", sinceMs: 1_000 });
    tell(diagnosis, "psk aggr: we initiate", 3_000);
    expect(told(diagnosis)).toMatchObject({ cause: "pre-shared-key", sinceMs: 3_000 });
  });

  it("an exact view is given up when only vague ones have come for ten minutes", () => {
    const diagnosis = make(channel);
    tell(diagnosis, "pfs we with: peer initiates", 1_000);
    tell(diagnosis, "pfs we with: we initiate", 601_000);
    expect(told(diagnosis)?.cause).toBe("ipsec-refused");
  });

  it("is forgotten when the channel comes up, is loaded anew, or is unloaded", () => {
    const diagnosis = make(channel);
    const find = () => tell(diagnosis, "psk aggr: we initiate");
    find();
    tell(diagnosis, "good, then peer deletes IKE: we initiate", 2_000, /^CHILD_SA/);
    expect(told(diagnosis)).toBeUndefined();
    find();
    diagnosis.seeInstalled(new Set());
    expect(told(diagnosis)).toBeDefined();
    diagnosis.seeInstalled(new Set(["vpnx-aaaaaaaa-0"]));
    expect(told(diagnosis)).toBeUndefined();
    find();
    diagnosis.expect(channel, 0);
    expect(told(diagnosis)).toBeUndefined();
    find();
    diagnosis.forget(channel.name);
    find();
    expect(told(diagnosis)).toBeUndefined();
  });

  it("says nothing of what was written before the connection was loaded", () => {
    const diagnosis = new GatewayDiagnosis();
    diagnosis.expect(channel, 2_000);
    tell(diagnosis, "psk aggr: we initiate", 1_999);
    expect(told(diagnosis)).toBeUndefined();
    tell(diagnosis, "psk aggr: we initiate", 2_000);
    expect(told(diagnosis)?.cause).toBe("pre-shared-key");
  });

  it("a gateway that has stopped had nothing up", () => {
    const diagnosis = make(channel);
    diagnosis.seeInstalled(new Set(["vpnx-aaaaaaaa-0"]));
    diagnosis.seeStopped();
    tell(diagnosis, "ike enc: peer initiates");
    expect(told(diagnosis)?.cause).toBe("ike-proposal");
  });

  it("the last events, with their times, and not more than twenty", () => {
    const diagnosis = make(channel);
    tell(diagnosis, "good, then peer deletes IKE: we initiate", 1_000);
    const [began, phase1, up] = told(diagnosis)?.events ?? [];
    expect([began, phase1, up]).toEqual([
      { atMs: 1_000, text: "we begin in Main Mode" },
      { atMs: 1_000, text: "phase 1 is up" },
      { atMs: 1_000, text: "up: 10.1.0.0/16 === 10.2.0.0/16" },
    ]);
    for (let atMs = 2_000; atMs < 32_000; atMs += 1_000) tell(diagnosis, "esp enc: we initiate", atMs);
    const { events = [] } = told(diagnosis) ?? {};
    expect(events).toHaveLength(20);
    expect(events.at(-1)).toEqual({ atMs: 31_000, text: "ipsec-refused: NO_PROPOSAL_CHOSEN" });
  });

  it("the same object while nothing else is found, and another when it is", () => {
    const diagnosis = make(channel);
    const trouble = () => diagnosis.troubles().get(channel.name);
    tell(diagnosis, "esp enc: we initiate");
    const before = trouble();
    tell(diagnosis, "esp enc: we initiate", 2_000);
    expect(trouble()).toBe(before);
    tell(diagnosis, "psk aggr: we initiate", 3_000);
    expect(trouble()).not.toBe(before);
  });

  it("one pair that is up does not hide the other's cause", () => {
    const [first] = channel.children;
    const second = { name: "vpnx-aaaaaaaa-1", localNetwork: "10.1.0.0/16", peerNetwork: "10.9.0.0/16", ipsec };
    const diagnosis = make({ ...channel, children: first === undefined ? [] : [first, second] });
    tell(diagnosis, "ts local: we initiate");
    tell(diagnosis, "good, then peer deletes IKE: we initiate", 2_000, /^CHILD_SA/);
    expect(told(diagnosis)?.cause).toBe("traffic-selectors");
  });

  it("a beginner without a name is each channel of that address that is not up, and nobody else's", () => {
    const sibling = { ...channel, name: "vpnx-bbbbbbbb" };
    const up = { ...channel, name: "vpnx-cccccccc", children: channel.children.map((c) => ({ ...c, name: "c" })) };
    const stranger = { ...channel, name: "vpnx-dddddddd", remoteAddress: "198.51.100.9" };
    const diagnosis = make(channel, sibling, up, stranger);
    diagnosis.seeInstalled(new Set(["c"]));
    tell(diagnosis, "ike enc: peer initiates");
    const found = [channel, sibling, up, stranger].map((each) => told(diagnosis, each)?.cause);
    expect(found).toEqual(["ike-proposal", "ike-proposal", undefined, undefined]);
  });

  it("what a peer says of itself is cut and holds no control character", () => {
    const diagnosis = make(channel);
    const text = `IDir '\u001b[31m${"x".repeat(5_000)}' does not match to '198.51.100.2'`;
    diagnosis.hear({ connection: channel.name, uniqueId: "1", text, atMs: 1 });
    const found = told(diagnosis);
    expect(JSON.stringify(found).length).toBeLessThan(2_000);
    expect(found?.said).not.toMatch(/\p{Cc}/u);
  });

  it("attempts that are told of once are not kept for ever", () => {
    const diagnosis = make(channel);
    const text = "198.51.100.2 is initiating a Main Mode IKE_SA";
    diagnosis.hear({ connection: "(unnamed)", uniqueId: "0", text, atMs: 1 });
    for (let id = 1; id <= 100; id += 1) {
      diagnosis.hear({ connection: "(unnamed)", uniqueId: `${id}`, text: "parsed ID_PROT request 0 [ SA ]", atMs: 1 });
    }
    const noise = "invalid ID_V1 payload length, decryption failed?";
    diagnosis.hear({ connection: "(unnamed)", uniqueId: "0", text: noise, atMs: 2 });
    expect(told(diagnosis)).toBeUndefined();
  });
});

describe("peers that fit no channel", () => {
  const knock = (diagnosis: GatewayDiagnosis, id: number, address: string) => {
    for (const text of [
      "parsed ID_PROT request 0 [ SA V V V V V ]",
      `no IKE config found for 198.51.100.1...${address}, sending NO_PROPOSAL_CHOSEN`,
    ]) {
      diagnosis.hear({ connection: undefined, uniqueId: `${id}`, text, atMs: id });
    }
  };

  it("are listed with what they offered, how often and when", () => {
    const diagnosis = make(channel);
    knock(diagnosis, 1, "198.51.100.9");
    knock(diagnosis, 2, "198.51.100.8");
    const { unknownPeers } = diagnosis;
    expect(diagnosis.unknownPeers).toBe(unknownPeers);
    knock(diagnosis, 3, "198.51.100.9");
    const said = "no channel has this peer address";
    const seen = { identity: "", offered: "IKEv1, Main mode", said };
    expect(diagnosis.unknownPeers).toEqual([
      { ...seen, address: "198.51.100.9", firstMs: 1, lastMs: 3, count: 2 },
      { ...seen, address: "198.51.100.8", firstMs: 2, lastMs: 2, count: 1 },
    ]);
    expect(told(diagnosis)).toBeUndefined();
  });

  it("are peers of a channel that is up, when they begin otherwise", () => {
    const diagnosis = make(channel);
    diagnosis.seeInstalled(new Set(["vpnx-aaaaaaaa-0"]));
    tell(diagnosis, "ike enc: peer initiates");
    expect(told(diagnosis)).toBeUndefined();
    const offered = "IKEv1, Main mode, IKE:AES_CBC_256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024";
    expect(diagnosis.unknownPeers).toMatchObject([{ address: "198.51.100.2", offered, count: 1 }]);
  });

  it("are not more than 32, the oldest out", () => {
    const diagnosis = make();
    for (let id = 1; id <= 40; id += 1) knock(diagnosis, id, `198.51.100.${id}`);
    expect(diagnosis.unknownPeers.map(({ address }) => address)).toEqual(
      Array.from({ length: 32 }, (_, index) => `198.51.100.${40 - index}`),
    );
  });
});
