import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Gather } from "./gather.ts";

let told: number[];
let gather: Gather;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  gather = new Gather(25, (key) => told.push(key));
});
afterEach(() => {
  vi.useRealTimers();
});

it("tells the first at once, and the others together after the pause", () => {
  for (let count = 0; count < 5; count += 1) gather.hear(1);
  expect(told).toEqual([1]);
  vi.advanceTimersByTime(24);
  expect(told).toEqual([1]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual([1, 1]);
});

it("pauses again after it has told of the others", () => {
  gather.hear(1);
  gather.hear(1);
  vi.advanceTimersByTime(25);
  gather.hear(1);
  expect(told).toEqual([1, 1]);
  vi.advanceTimersByTime(25);
  expect(told).toEqual([1, 1, 1]);
});

it("tells at once again when nothing came in the pause", () => {
  gather.hear(1);
  vi.advanceTimersByTime(25);
  gather.hear(1);
  expect(told).toEqual([1, 1]);
});

it("keeps what is about one from holding up another", () => {
  gather.hear(1);
  gather.hear(2);
  expect(told).toEqual([1, 2]);
});

it("tells nothing after it was stopped", () => {
  gather.hear(1);
  gather.hear(1);
  gather.stop();
  vi.advanceTimersByTime(100);
  expect(told).toEqual([1]);
});
