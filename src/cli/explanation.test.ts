import { describe, expect, it } from "vitest";
import { type ExplainedChannel, formatExplanation, type ShownPeer } from "./explanation.ts";

const up: ExplainedChannel = {
  unVpnConnId: "vpnx-ol6bcqp0",
  vpnConnName: "office",
  unVpnGwId: "vpngw-dystbrkv",
  vpnGwAddress: "198.51.100.10",
  unUserGwId: "cgw-e098slul",
  userGwAddress: "203.0.113.7",
  vpcConnStatus: 6,
  netStatus: "available",
  failure: "",
};
const diagnosis = {
  cause: "ike-proposal",
  sentence: "The IKE proposals (phase 1) differ in: encryption.",
  side: "either",
  fix: "Set encryption to the same at both ends.",
  offered: "aes128-sha1-modp1024",
  said: "NO_PROPOSAL_CHOSEN",
  sinceTime: "2026-11-23 10:01:02",
  events: [
    { time: "2026-11-23 10:01:02", text: "began IKE" },
    { time: "2026-11-23 10:01:03", text: "received NO_PROPOSAL_CHOSEN" },
  ],
};
const down: ExplainedChannel = { ...up, netStatus: "unavailable", diagnosis };
const peer: ShownPeer = {
  address: "203.0.113.9",
  identity: "branch.example",
  offered: "3des-md5-modp1024",
  said: "no channel has this address",
  lastTime: "2026-11-23 10:02:00",
  count: 3,
};

const explain = (channel: ExplainedChannel, peers: readonly ShownPeer[] = []) =>
  formatExplanation(channel, peers, undefined).split("\n");

describe("a channel that is up", () => {
  it("is said to be, and no stranger is told of", () => {
    expect(explain(up, [peer])).toEqual([
      "vpnx-ol6bcqp0 (office) is up.",
      "  between  198.51.100.10 (vpngw-dystbrkv) and 203.0.113.7 (cgw-e098slul)",
    ]);
  });

  it("and carries nothing is told apart", () => {
    const [state, , cause] = explain({ ...up, diagnosis: { ...diagnosis, cause: "one-way", side: "peer" } });
    expect(state).toBe("vpnx-ol6bcqp0 (office) is up, and something is wrong.");
    expect(cause).toContain("[one-way]");
  });
});

describe("a channel that is not up", () => {
  it("has cause, remedy, both ends' words, since when, and events", () => {
    expect(explain(down)).toEqual([
      "vpnx-ol6bcqp0 (office) is not up.",
      "  between        198.51.100.10 (vpngw-dystbrkv) and 203.0.113.7 (cgw-e098slul)",
      "  cause          The IKE proposals (phase 1) differ in: encryption. [ike-proposal]",
      "  to change      at either end: Set encryption to the same at both ends.",
      "  we offered     aes128-sha1-modp1024",
      "  the peer said  NO_PROPOSAL_CHOSEN",
      "  since          2026-11-23 10:01:02",
      "",
      "last events",
      "  2026-11-23 10:01:02  began IKE",
      "  2026-11-23 10:01:03  received NO_PROPOSAL_CHOSEN",
    ]);
  });

  it("leaves out what is not known", () => {
    const lines = explain({ ...down, diagnosis: { ...diagnosis, offered: "", said: "", side: "local", events: [] } });
    expect(lines.map((line) => line.trim().split(/ {2,}/)[0]).slice(1)).toEqual([
      "between",
      "cause",
      "to change",
      "since",
    ]);
    expect(lines[3]).toContain("here: ");
  });

  it("has the newest events and strangers that one screen has room for", () => {
    const events = Array.from({ length: 20 }, (_, index) => ({ time: `t${index}`, text: "x" }));
    const peers = Array.from({ length: 9 }, (_, index) => ({
      ...peer,
      address: `203.0.113.${index}`,
      lastTime: `${index}`,
    }));
    const lines = explain({ ...down, diagnosis: { ...diagnosis, events } }, peers);
    const shown = lines.filter((line) => / {2}t\d+ +x$/.test(line)).map((line) => line.trim().split(" ")[0]);
    expect(shown).toEqual(Array.from({ length: 10 }, (_, index) => `t${index + 10}`));
    expect(lines.filter((line) => line.includes("203.0.113.")).slice(1)[0]).toContain("203.0.113.8");
    expect(lines).toContain("peers that began with this gateway and fit no channel, 5 of 9");
    expect(lines.length).toBeLessThan(30);
  });

  it("tells of a peer that fits no channel, and leaves out what it did not say", () => {
    expect(explain(down, [peer, { ...peer, identity: "", offered: "", lastTime: "2026", count: 1 }]).slice(-3)).toEqual(
      [
        "peers that began with this gateway and fit no channel",
        "  203.0.113.9  calls itself branch.example; offers 3des-md5-modp1024; no channel has this address; 3 times, last 2026-11-23 10:02:00",
        "  203.0.113.9  no channel has this address; once, last 2026",
      ],
    );
  });

  it.each<[number, string, string]>([
    [0, "", "is being created."],
    [1, "The peer has another key.", "was refused by its gateway."],
    [2, "", "is being changed."],
    [3, "It went back.", "is not up, and its last change was refused."],
    [4, "", "is being deleted."],
    [5, "It is stuck.", "could not be deleted yet."],
    [6, "", "is not up, and nothing is known yet of why; ask again in a few seconds."],
  ])("and has no cause is told by its status %s", (vpcConnStatus, failure, state) => {
    const lines = explain({ ...up, netStatus: "unavailable", vpcConnStatus, failure });
    expect(lines[0]).toBe(`vpnx-ol6bcqp0 (office) ${state}`);
    expect(lines.some((line) => line.startsWith("  refused"))).toBe(failure !== "");
    expect(lines.join("\n")).toContain(failure);
  });
});

it("lines are broken for the screen, and go on beneath their text", () => {
  const lines = formatExplanation(down, [], 60).split("\n");
  expect(lines.slice(2, 4)).toEqual([
    "                 203.0.113.7 (cgw-e098slul)",
    "  cause          The IKE proposals (phase 1) differ in:",
  ]);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
});

it("what a peer said moves no cursor", () => {
  const text = formatExplanation(
    { ...down, diagnosis: { ...diagnosis, said: "a\u001b[2Jb\u009bc\u202ed\ne" } },
    [],
    80,
  );
  expect(text).toContain("the peer said  a?[2Jb?c?d?e");
});
