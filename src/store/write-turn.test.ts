import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { WriteTurn } from "./write-turn.ts";

const rounds = 20_000;

/** Reads and writes a number in two steps, as often as told: without turns some of it is lost. */
const program = `
import { workerData } from "node:worker_threads";
const { WriteTurn } = await import(workerData.module);
const turn = new WriteTurn(workerData.turn);
const count = new Float64Array(workerData.count);
const arrived = new Int32Array(workerData.arrived);
Atomics.add(arrived, 0, 1);
while (Atomics.load(arrived, 0) < 3);
for (let round = 0; round < workerData.rounds; round += 1) {
  turn.take();
  const before = count[0];
  for (let pause = 0; pause < 20; pause += 1) count[1] += pause;
  count[0] = before + 1;
  turn.give();
}`;

test("threads have it one at a time, and each gets it", async () => {
  const turn = new WriteTurn();
  const count = new SharedArrayBuffer(16);
  const arrived = new SharedArrayBuffer(4);
  const module = new URL("write-turn.ts", import.meta.url).href;
  const threads = [1, 2, 3].map(
    () =>
      new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), {
        workerData: { module, turn: turn.shared, count, arrived, rounds },
      }),
  );
  await Promise.all(threads.map((thread) => once(thread, "exit")));
  expect(new Float64Array(count)[0]).toBe(3 * rounds);
});

test("whoever has given it may take it again at once", () => {
  const turn = new WriteTurn();
  for (let time = 0; time < 3; time += 1) {
    turn.take();
    turn.give();
  }
});
