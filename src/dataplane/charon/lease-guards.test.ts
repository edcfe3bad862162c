import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CommandError } from "./ip.ts";
import { LeaseGuards } from "./lease-guards.ts";

const termMs = 30_000;
const gateway = 7;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** How long a run of nft takes before the kernel does it, and after. */
interface Delay {
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** nftables as far as a guard needs it: packets pass until `untilMs`. */
class Kernel {
  isThere = true;
  hasGuard = true;
  untilMs = Number.NEGATIVE_INFINITY;
  runs = 0;
  announcements = 0;
  delays: readonly Delay[] = [];
  readonly guards: LeaseGuards;
  readonly failures: unknown[] = [];

  constructor() {
    this.guards = new LeaseGuards({
      namespaceOf: (id) => `gw${id}`,
      clock: Date.now,
      onDue: (id) => void this.guards.apply(id).catch((error) => this.failures.push(error)),
      hands: {
        isThere: async () => this.isThere,
        nft: (_namespace, statements) => this.#nft(statements),
        announce: async () => {
          this.announcements += 1;
        },
      },
    });
  }

  isOpen(): boolean {
    return Date.now() < this.untilMs;
  }

  async permit(forMs: number): Promise<void> {
    this.guards.record([gateway], forMs);
    await settle(this.guards.apply(gateway));
  }

  async #nft(statements: readonly string[]): Promise<void> {
    const { beforeMs, afterMs } = this.delays[this.runs] ?? { beforeMs: 0, afterMs: 0 };
    this.runs += 1;
    if (beforeMs > 0) await new Promise((resolve) => setTimeout(resolve, beforeMs));
    const isTaken = this.#commit(statements);
    if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs));
    if (!isTaken) throw new CommandError("nft", 1, "Error: No such file or directory");
  }

  #commit(statements: readonly string[]): boolean {
    if (!this.hasGuard) return false;
    const [first = ""] = statements;
    if (first.startsWith("flush")) this.untilMs = Number.NEGATIVE_INFINITY;
    else if (first.startsWith("delete") && !this.isOpen()) return false;
    else this.untilMs = Date.now() + Number(/wan0 timeout (\d+)ms/.exec(statements.at(-1) ?? "")?.[1]);
    return true;
  }
}

/** Waits for work that waits for timers. */
async function settle(work: Promise<void>): Promise<void> {
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  work.then(done, done);
  await vi.advanceTimersByTimeAsync(0);
  for (let ms = 0; !isDone && ms < 1_000_000; ms += 10) await vi.advanceTimersByTimeAsync(10);
  await work;
}

describe("guards of leases", () => {
  it("open until a quarter of a second before the lease ends", async () => {
    const kernel = new Kernel();
    await kernel.permit(termMs);
    expect(kernel.untilMs).toBe(1_000_000 + termMs - 250);
  });

  it("are left alone until half of the time has gone, and then get what the last renewal allows", async () => {
    const kernel = new Kernel();
    await kernel.permit(termMs);
    await vi.advanceTimersByTimeAsync(1);
    await kernel.permit(termMs); // announced once more
    const { runs, untilMs } = kernel;
    for (let renewals = 0; renewals < 2; renewals += 1) {
      await vi.advanceTimersByTimeAsync(5_000);
      await kernel.permit(termMs);
    }
    expect(kernel).toMatchObject({ runs, untilMs });
    const lastRenewalMs = Date.now();
    await vi.advanceTimersByTimeAsync(5_000);
    // Nobody has renewed since, and still the kernel gets all of the last renewal.
    expect(kernel.runs).toBe(runs + 1);
    expect(kernel.untilMs).toBe(lastRenewalMs + termMs - 250);
    await vi.advanceTimersByTimeAsync(2 * termMs);
    expect(kernel).toMatchObject({ runs: runs + 1, failures: [] });
    expect(kernel.isOpen()).toBe(false);
  });

  it("are told at once what is shorter than before, and nothing", async () => {
    const kernel = new Kernel();
    await kernel.permit(termMs);
    await kernel.permit(10_000);
    expect(kernel.untilMs).toBeLessThanOrEqual(Date.now() + 10_000);
    await kernel.permit(0);
    expect(kernel.isOpen()).toBe(false);
    await vi.advanceTimersByTimeAsync(termMs);
    expect(kernel.isOpen()).toBe(false);
  });

  it("are announced when they open, once more with the next renewal, and anew after they were closed", async () => {
    const kernel = new Kernel();
    const counts: number[] = [];
    const renew = async () => {
      await kernel.permit(termMs);
      counts.push(kernel.announcements);
      await vi.advanceTimersByTimeAsync(5_000);
    };
    for (let i = 0; i < 5; i += 1) await renew();
    await vi.advanceTimersByTimeAsync(termMs);
    for (let i = 0; i < 3; i += 1) await renew();
    expect(counts).toEqual([1, 2, 2, 2, 2, 3, 4, 4]);
  });

  it("are opened when their network has been made, and not before", async () => {
    const kernel = new Kernel();
    kernel.isThere = false;
    await kernel.permit(termMs);
    expect(kernel.runs).toBe(0);
    kernel.isThere = true;
    await settle(kernel.guards.applyAnew(gateway));
    expect(kernel.isOpen()).toBe(true);
    // Made anew, so closed, whatever the kernel was told before.
    kernel.untilMs = 0;
    await settle(kernel.guards.applyAnew(gateway));
    expect(kernel.isOpen()).toBe(true);
  });

  it("that are missing are a failure", async () => {
    const kernel = new Kernel();
    kernel.hasGuard = false;
    await expect(kernel.permit(termMs)).rejects.toThrow(CommandError);
  });

  it("leave no timer behind", async () => {
    const kernel = new Kernel();
    await kernel.permit(termMs);
    expect(vi.getTimerCount()).toBe(1);
    kernel.guards.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("what a gateway is to have", () => {
  it("is nothing new before anything was said, and a guard after a term was named, also for those that were not", () => {
    const { guards } = new Kernel();
    expect(guards.wishOf(1)).toBe("as it is");
    expect(guards.record([1], termMs)).toEqual([1]);
    expect([guards.wishOf(1), guards.wishOf(2)]).toEqual(["there", "there"]);
    expect(guards.record([1, 2], termMs)).toEqual([]);
  });

  it("is none where the term has no end", () => {
    const { guards } = new Kernel();
    expect(guards.record([1], Number.POSITIVE_INFINITY)).toEqual([1]);
    expect([guards.wishOf(1), guards.wishOf(2)]).toEqual(["none", "as it is"]);
  });
});

describe("however slow nft is", () => {
  const delay = fc.record({ beforeMs: fc.integer({ min: 0, max: 600 }), afterMs: fc.integer({ min: 0, max: 600 }) });
  const stopped = fc.record({ beforeMs: fc.integer({ min: 0, max: 2 * termMs }), afterMs: fc.constant(0) });
  const delays = fc.array(fc.oneof({ weight: 5, arbitrary: delay }, { weight: 1, arbitrary: stopped }), {
    maxLength: 20,
  });
  const permits = fc.array(fc.tuple(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 0, max: termMs })), {
    minLength: 1,
    maxLength: 6,
  });

  it("no packet passes after the deadline, once it is known that nft was late", async () => {
    const run = async (slowness: readonly Delay[], script: readonly (readonly [number, number])[]) => {
      const kernel = new Kernel();
      kernel.delays = slowness;
      for (const [pauseMs, forMs] of script) {
        const deadline = Date.now() + forMs;
        await kernel.permit(forMs);
        expect(kernel.untilMs).toBeLessThanOrEqual(deadline - 50);
        await vi.advanceTimersByTimeAsync(pauseMs);
      }
      await vi.advanceTimersByTimeAsync(10 * termMs);
      expect(kernel.isOpen()).toBe(false);
      expect(kernel.failures).toEqual([]);
      kernel.guards.close();
    };
    await fc.assert(fc.asyncProperty(delays, permits, run), { numRuns: 60 });
  });
});
