import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Nudge, NudgeBoard } from "./nudge-board.ts";
import type { PollAnswer } from "./wire.ts";

const host = 7;
const never = new AbortController().signal;
let board: NudgeBoard;

beforeEach(() => {
  vi.useFakeTimers();
  board = new NudgeBoard();
});
afterEach(() => {
  vi.useRealTimers();
});

const gateways = (...ids: number[]): Nudge => ({ kind: "gateways", ids });
const leases = (...hostIds: number[]): Nudge => ({ kind: "leases", hostIds });

function poll(cursor: string | undefined, { of = host, signal = never } = {}): Promise<PollAnswer> {
  return board.poll(of, cursor, { timeoutMs: 25_000, signal });
}

/** The cursor of one who has read everything. */
async function readAll(of = host): Promise<string> {
  return (await poll(undefined, { of })).cursor;
}

/** What it says after that many milliseconds; undefined: it waits. */
async function waited(ms: number, polled: Promise<PollAnswer>): Promise<PollAnswer | undefined> {
  let answer: PollAnswer | undefined;
  void polled.then((given) => {
    answer = given;
  });
  await vi.advanceTimersByTimeAsync(ms);
  return answer;
}

test("who begins, comes from another node or start, or was away for too long is told to look at everything", async () => {
  const elsewhere = await new NudgeBoard().poll(host, undefined, { timeoutMs: 1, signal: never });
  const early = await readAll();
  for (let id = 0; id < 3_000; id += 1) board.say(gateways(id));
  const ahead = `${early.split(".")[0]}.9000`;
  for (const cursor of [undefined, elsewhere.cursor, early, ahead, "", "nonsense", `${early}x`]) {
    const { nudged, hasNewLeases } = await poll(cursor);
    expect({ nudged, hasNewLeases }).toEqual({ nudged: "all", hasNewLeases: true });
  }
});

test("what was said between two polls is told at once, each gateway once", async () => {
  const cursor = await readAll();
  for (const id of [1, 2, 1]) board.say(gateways(id));
  board.say(leases(host));
  const answer = await poll(cursor);
  expect(answer).toMatchObject({ nudged: [1, 2], hasNewLeases: true });
  board.say(gateways(3));
  expect(await poll(answer.cursor)).toMatchObject({ nudged: [3], hasNewLeases: false });
  // The answer was lost on its way: the cursor is the old one.
  expect(await poll(cursor)).toMatchObject({ nudged: [1, 2, 3], hasNewLeases: true });
});

test("a thousand words that came between two polls are all told", async () => {
  const cursor = await readAll();
  for (let id = 1; id <= 5_000; id += 1) board.say(gateways(1));
  const late = await readAll();
  for (let id = 1; id <= 1_000; id += 1) board.say(gateways(id));
  expect((await poll(late)).nudged).toHaveLength(1_000);
  expect((await poll(cursor)).nudged).toBe("all");
});

describe("who waits", () => {
  test("hears of what follows within a moment, together with what comes right after", async () => {
    const polled = poll(await readAll());
    expect(await waited(1_000, polled)).toBeUndefined();
    board.say(gateways(1));
    expect(await waited(5, polled)).toBeUndefined();
    board.say(gateways(2));
    expect(await waited(5, polled)).toMatchObject({ nudged: [1, 2], hasNewLeases: false });
  });

  test("is told that nothing was said when the time is up, and misses nothing by it", async () => {
    const polled = poll(await readAll());
    expect(await waited(24_999, polled)).toBeUndefined();
    const answer = await waited(1, polled);
    expect(answer).toMatchObject({ nudged: [], hasNewLeases: false });
    board.say(gateways(1));
    expect(await poll(answer?.cursor)).toMatchObject({ nudged: [1] });
  });

  test("is not woken by what is others', however much that is", async () => {
    board.hold(host, [1, 2]);
    const polled = poll(await cursorOf(board));
    for (let id = 100; id < 5_000; id += 1) board.say(gateways(id));
    board.say(leases(8, 9));
    expect(await waited(100, polled)).toBeUndefined();
    board.say(gateways(2));
    expect(await waited(100, polled)).toMatchObject({ nudged: [2], hasNewLeases: false });
  });

  test("hears of leases only when they are its own", async () => {
    const polled = poll(await readAll());
    board.say(leases(8));
    expect(await waited(100, polled)).toBeUndefined();
    board.say(leases(8, host));
    expect(await waited(100, polled)).toMatchObject({ nudged: [], hasNewLeases: true });
  });

  test("is told to look at everything when the board may have missed something", async () => {
    board.hold(host, []);
    const polled = poll(await cursorOf(board));
    board.say({ kind: "all" });
    expect(await waited(100, polled)).toMatchObject({ nudged: "all", hasNewLeases: true });
  });

  test("is let go when the client has gone, and when the server stops; nobody waits then", async () => {
    const cursor = await readAll();
    const client = new AbortController();
    const polled = poll(cursor, { signal: client.signal });
    client.abort();
    expect(await waited(0, polled)).toMatchObject({ nudged: [] });
    const other = poll(cursor);
    board.close();
    expect(await waited(0, other)).toMatchObject({ nudged: [] });
    expect(await waited(0, poll(cursor))).toMatchObject({ nudged: [] });
    expect(vi.getTimerCount()).toBe(0);
  });
});

test("a host that was at another node hears of all gateways until it renews here", async () => {
  board.hold(host, [1]);
  const cursor = await readAll();
  board.say(gateways(2));
  expect((await poll(cursor)).nudged).toEqual([2]);
  board.hold(host, [1]);
  const polled = poll(await cursorOf(board));
  board.say(gateways(2));
  expect(await waited(100, polled)).toBeUndefined();
});

test("a host of this process is told one word after the other, until it or the board ends", async () => {
  const heard: unknown[] = [];
  const end = new AbortController();
  const followed = [board.follow(host, (nudged) => heard.push(nudged), end.signal), board.follow(8, () => {}, never)];
  await vi.advanceTimersByTimeAsync(0);
  board.say(gateways(1));
  await vi.advanceTimersByTimeAsync(10);
  board.say(leases(host));
  board.say(gateways(2));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(heard).toEqual(["leases", "all", [1], "leases", [2]]);
  end.abort();
  board.close();
  await Promise.all(followed);
});

/** The end of what was said, without a host that says it has missed anything. */
async function cursorOf(of: NudgeBoard): Promise<string> {
  return (await of.poll(-1, undefined, { timeoutMs: 0, signal: never })).cursor;
}
