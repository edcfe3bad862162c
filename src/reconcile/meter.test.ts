import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ChildSa } from "../dataplane/dataplane.ts";
import type { SaCounter, Traffic } from "../vpn/traffic.ts";
import { type Flow, Meter } from "./meter.ts";

const nowMs = 1_000_000_000;
const connIdOf = (child: string) => (child.startsWith("vpnx-") ? 7 : undefined);

function sa(spi: string, bytesIn: number, bytesOut: number, changes: Partial<ChildSa> = {}): ChildSa {
  return { name: "vpnx-1-a", uniqueId: "1", state: "INSTALLED", spi, ageSeconds: 60, bytesIn, bytesOut, ...changes };
}

function take(meter: Meter, children: readonly ChildSa[], atMs = nowMs): Flow[] {
  const flows = meter.read(children, connIdOf, atMs);
  meter.accept(flows);
  return flows;
}

const trafficOf = (flows: readonly Flow[]) => flows.map(({ bytesIn, bytesOut }) => [bytesIn, bytesOut]);

describe("a counter", () => {
  test("that was not seen before counts since its SA was made", () => {
    const [flow] = take(new Meter([]), [sa("a", 100, 200)]);
    expect(flow).toMatchObject({ fromMs: nowMs - 60_000, toMs: nowMs, bytesIn: 100, bytesOut: 200 });
    const counter = { connId: 7, spi: "a", bytesIn: 100, bytesOut: 200, seenAtMs: nowMs };
    expect(flow?.counter).toEqual(counter);
  });

  test("counts since it was seen last, also by a server before this one", () => {
    const known = { connId: 7, spi: "a", bytesIn: 90, bytesOut: 50, seenAtMs: nowMs - 5_000 };
    const meter = new Meter([known]);
    expect(take(meter, [sa("a", 100, 200)])).toMatchObject([{ fromMs: nowMs - 5_000, bytesIn: 10, bytesOut: 150 }]);
    expect(trafficOf(take(meter, [sa("a", 100, 201)], nowMs + 1_000))).toEqual([[0, 1]]);
  });

  test("is not taken back by a reading that is older, or that has none", () => {
    const meter = new Meter([]);
    take(meter, [sa("a", 100, 200)]);
    expect(trafficOf(take(meter, [sa("a", 60, 90)]))).toEqual([[0, 0]]);
    expect(trafficOf(take(meter, [sa("a", 0, 0, { state: "DELETING" })]))).toEqual([[0, 0]]);
    expect(trafficOf(take(meter, [sa("a", 101, 200)]))).toEqual([[1, 0]]);
    expect(take(meter, [sa("", 0, 0, { state: "INSTALLING" })])).toEqual([]);
  });

  test("counts once when an event and a listing tell of it", () => {
    expect(trafficOf(take(new Meter([]), [sa("a", 10, 0), sa("a", 12, 3), sa("a", 11, 3)]))).toEqual([[12, 3]]);
  });

  test("of a rekeyed SA goes on beside that of the new one", () => {
    const meter = new Meter([]);
    take(meter, [sa("a", 100, 100)]);
    const both = [sa("a", 110, 100, { state: "REKEYED" }), sa("b", 5, 6, { uniqueId: "2" })];
    expect(trafficOf(take(meter, both))).toEqual([
      [10, 0],
      [5, 6],
    ]);
  });

  test("of nobody's child is left out, and so is that of a channel that is no more", () => {
    const stranger = sa("a", 1, 1, { name: "stranger" });
    expect(take(new Meter([]), [stranger])).toEqual([]);
    const known = { connId: 7, spi: "a", bytesIn: 0, bytesOut: 0, seenAtMs: 0 };
    expect(take(new Meter([known]), [stranger])).toEqual([]);
  });

  test("is not remembered until it is accepted", () => {
    const meter = new Meter([]);
    expect(trafficOf(meter.read([sa("a", 3, 4)], connIdOf, nowMs))).toEqual([[3, 4]]);
    expect(trafficOf(meter.read([sa("a", 3, 4)], connIdOf, nowMs))).toEqual([[3, 4]]);
  });

  test("is forgotten when two listings in turn have not got it", () => {
    const meter = new Meter([]);
    take(meter, [sa("a", 3, 4), sa("b", 1, 1)]);
    const counter = { connId: 7, spi: "a", bytesIn: 3, bytesOut: 4, seenAtMs: nowMs };
    expect(meter.forget([sa("b", 1, 1)])).toEqual([]);
    expect(meter.forget([sa("a", 3, 4), sa("b", 1, 1)])).toEqual([]);
    expect(meter.forget([sa("b", 1, 1)])).toEqual([]);
    take(meter, [sa("a", 3, 4)]);
    expect(meter.forget([sa("b", 1, 1)])).toEqual([]);
    expect(meter.forget([sa("b", 1, 1)])).toEqual([counter]);
    expect(meter.forget([sa("b", 1, 1)])).toEqual([]);
  });
});

/** A charon and the server that listens to it, as far as counters go. */
class World {
  live: ChildSa[] = [];
  /** Events that the server has not heard. */
  events: ChildSa[] = [];
  meter = new Meter([]);
  stored = new Map<string, SaCounter>();
  counted: Traffic = { bytesIn: 0, bytesOut: 0 };
  flowed: Traffic = { bytesIn: 0, bytesOut: 0 };
  /** What flowed through an SA that went, with its counter, while nobody heard. */
  lost: Traffic = { bytesIn: 0, bytesOut: 0 };
  #lastSpi = 0;
  #atMs = nowMs;

  begin(): void {
    this.#lastSpi += 1;
    this.live.push(sa(String(this.#lastSpi), 0, 0));
  }

  flow(index: number, bytesIn: number, bytesOut: number): void {
    const child = this.live[index % Math.max(1, this.live.length)];
    if (child === undefined) return;
    this.flowed = add(this.flowed, { bytesIn, bytesOut });
    this.live = this.live.map((each) =>
      each === child ? { ...each, bytesIn: each.bytesIn + bytesIn, bytesOut: each.bytesOut + bytesOut } : each,
    );
  }

  rekey(index: number): void {
    const child = this.live[index % Math.max(1, this.live.length)];
    if (child === undefined) return;
    this.events.push(child);
    this.begin();
  }

  end(index: number): void {
    const [child] = this.live.splice(index % Math.max(1, this.live.length), 1);
    if (child !== undefined) this.events.push(child);
  }

  /** kill -9 of charon: no event, and what was not sampled is lost. */
  crash(): void {
    for (const child of this.live.splice(0)) this.#lose(child);
  }

  sample(): void {
    this.#atMs += 30_000;
    const flows = this.meter.read([...this.events.splice(0), ...this.live], connIdOf, this.#atMs);
    for (const flow of flows) {
      this.counted = add(this.counted, flow);
      this.stored.set(flow.counter.spi, flow.counter);
    }
    this.meter.accept(flows);
    for (const { spi } of this.meter.forget(this.live)) this.stored.delete(spi);
  }

  /** The server is started anew: what it had not heard is lost, what it has written down is not. */
  restart(): void {
    const last = new Map(this.events.splice(0).map((event) => [event.spi, event]));
    for (const event of last.values()) if (!this.live.some(({ spi }) => spi === event.spi)) this.#lose(event);
    this.meter = new Meter([...this.stored.values()]);
  }

  #lose({ spi, bytesIn, bytesOut }: ChildSa): void {
    // An event that is still to be heard tells of it.
    const heard = this.events.filter((event) => event.spi === spi);
    const known = [...heard, this.stored.get(spi) ?? { bytesIn: 0, bytesOut: 0 }];
    const most = (direction: keyof Traffic) => Math.max(...known.map((each) => each[direction]));
    this.lost = add(this.lost, { bytesIn: bytesIn - most("bytesIn"), bytesOut: bytesOut - most("bytesOut") });
  }
}

function add(one: Traffic, other: Traffic): Traffic {
  return { bytesIn: one.bytesIn + other.bytesIn, bytesOut: one.bytesOut + other.bytesOut };
}

describe("whatever happens", () => {
  const index = fc.nat({ max: 9 });
  const bytes = fc.nat({ max: 100_000 });
  const calm = [
    fc.constant((world: World) => world.begin()),
    fc.tuple(index, bytes, bytes).map((values) => (world: World) => world.flow(...values)),
    index.map((at) => (world: World) => world.rekey(at)),
    index.map((at) => (world: World) => world.end(at)),
    fc.constant((world: World) => world.sample()),
  ];
  const rough = [fc.constant((world: World) => world.crash()), fc.constant((world: World) => world.restart())];
  const run = (deeds: readonly ((world: World) => void)[]) => {
    const world = new World();
    for (const deed of deeds) deed(world);
    world.sample();
    return world;
  };

  test("to the SAs while charon and the server live, every byte is counted once", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...calm), { maxLength: 80 }), (deeds) => {
        const { counted, flowed } = run(deeds);
        expect(counted).toEqual(flowed);
      }),
    );
  });

  test("only what flowed through an SA after it was last seen, before it went unheard, is not counted", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...calm, ...rough), { maxLength: 80 }), (deeds) => {
        const { counted, flowed, lost } = run(deeds);
        expect(add(counted, lost)).toEqual(flowed);
      }),
    );
  });
});
