import { describe, expect, it } from "vitest";
import type { ChildSa, IkeSa } from "../dataplane/dataplane.ts";
import { type Cure, Flows } from "./flows.ts";

const oneWayMs = 60_000;
const minuteMs = 60_000;
const limit = 2_560_000;

/** One child, looked at every 15 seconds while something goes through it. */
class Tunnel {
  readonly flows = new Flows(oneWayMs);
  nowMs = 1_000_000;
  readonly #sa = { spi: "1", uniqueId: "1", bytesIn: 0, bytesOut: 0 };

  constructor(carriedIn = 84) {
    this.#sa.bytesIn = carriedIn;
    this.look();
  }

  look(ended: ChildSa[] = []): Cure[] {
    return this.flows.look([ikeSa(child(this.#sa))], ended, () => limit, this.nowMs);
  }

  /** @returns when it was to be negotiated anew, in minutes from now on */
  carry(forMs: number, { bytesIn = 0, bytesOut = 0 }, everyMs = 15_000): number[] {
    const startMs = this.nowMs;
    const cures: number[] = [];
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs; ) {
      this.nowMs += everyMs;
      this.#sa.bytesIn += bytesIn;
      this.#sa.bytesOut += bytesOut;
      for (const _ of this.look()) cures.push((this.nowMs - startMs) / minuteMs);
    }
    return cures;
  }

  renew(): void {
    const next = String(Number(this.#sa.spi) + 1);
    Object.assign(this.#sa, { spi: next, uniqueId: next, bytesIn: 0, bytesOut: 0 });
  }

  isOneWay(): boolean {
    return this.flows.oneWaySinceMs("c") !== undefined;
  }
}

function ikeSa(...children: ChildSa[]): IkeSa {
  return { connection: "i", uniqueId: "1", state: "ESTABLISHED", children };
}

function child(changes: Partial<ChildSa>): ChildSa {
  const sa = { name: "c", uniqueId: "1", state: "INSTALLED", spi: "1", ageSeconds: 0, bytesIn: 0, bytesOut: 0 };
  return { ...sa, ...changes };
}

describe("a tunnel through which packets go out and none come in", () => {
  it("is negotiated anew after a minute, then with growing pauses, until something comes in", () => {
    const tunnel = new Tunnel();
    const sinceMs = tunnel.nowMs;
    expect(tunnel.carry(45_000, { bytesOut: 84 })).toEqual([]);
    expect(tunnel.isOneWay()).toBe(false);
    expect(tunnel.carry(40 * minuteMs, { bytesOut: 84 })).toEqual([0.25, 5.25, 15.25, 35.25]);
    expect(tunnel.flows.oneWaySinceMs("c")).toBe(sinceMs);
    expect(tunnel.flows.curesMs("c")).toHaveLength(4);
    tunnel.carry(15_000, { bytesIn: 84, bytesOut: 84 });
    expect(tunnel.isOneWay()).toBe(false);
    expect(tunnel.carry(minuteMs, { bytesOut: 84 })).toEqual([1]);
  });

  it("is still the same with a new CHILD_SA, and mended when something comes in by it", () => {
    const tunnel = new Tunnel();
    tunnel.carry(minuteMs, { bytesOut: 84 });
    tunnel.renew();
    tunnel.carry(30_000, { bytesOut: 84 });
    expect(tunnel.isOneWay()).toBe(true);
    tunnel.carry(15_000, { bytesIn: 84 });
    expect(tunnel.isOneWay()).toBe(false);
  });

  it("is a stream that needs no answer when nothing ever came in", () => {
    const tunnel = new Tunnel(0);
    expect(tunnel.carry(60 * minuteMs, { bytesOut: 1_400 })).toEqual([]);
    expect(tunnel.isOneWay()).toBe(false);
  });

  it("is not one with a packet now and then that nobody answers", () => {
    const tunnel = new Tunnel();
    for (let count = 0; count < 10; count += 1) {
      expect(tunnel.carry(15_000, { bytesOut: 84 })).toEqual([]);
      expect(tunnel.carry(2 * minuteMs, {})).toEqual([]);
    }
    expect(tunnel.isOneWay()).toBe(false);
  });

  it("is forgotten when nothing goes out any more", () => {
    const tunnel = new Tunnel();
    tunnel.carry(minuteMs, { bytesOut: 84 });
    tunnel.carry(9 * minuteMs, {});
    expect(tunnel.isOneWay()).toBe(true);
    tunnel.carry(2 * minuteMs, {});
    expect(tunnel.isOneWay()).toBe(false);
  });

  it("is not one that has gone", () => {
    const tunnel = new Tunnel();
    tunnel.carry(minuteMs, { bytesOut: 84 });
    tunnel.flows.look([], [], () => limit, tunnel.nowMs + minuteMs);
    expect(tunnel.flows.told).toEqual([]);
  });
});

describe("a tunnel with a volume limit of 2560 KB", () => {
  const packet = 1_000;
  const second = { bytesIn: 84, bytesOut: 500 * packet };

  it("has no warning at 500 packets a second", () => {
    const tunnel = new Tunnel();
    tunnel.carry(10 * minuteMs, { bytesIn: 84, bytesOut: 15 * second.bytesOut });
    expect(tunnel.flows.told).toEqual([]);
  });

  it("has one at 600, for ten minutes, also when its SAs come and go between two looks", () => {
    const tunnel = new Tunnel();
    for (let time = 0; time < 15; time += 1) {
      tunnel.nowMs += 1_000;
      const state = "REKEYED";
      tunnel.look([child({ spi: `old ${time}`, state, bytesOut: 600 * packet, bytesIn: 84 })]);
    }
    expect(tunnel.flows.isTooFast("c")).toBe(true);
    tunnel.carry(9 * minuteMs, { bytesIn: 84, bytesOut: 84 });
    expect(tunnel.flows.told).toEqual(["c"]);
    tunnel.carry(2 * minuteMs, { bytesIn: 84, bytesOut: 84 });
    expect(tunnel.flows.told).toEqual([]);
  });
});
