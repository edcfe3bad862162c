import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { together } from "./together.ts";

async function fail(message: string, code?: string): Promise<never> {
  throw Object.assign(new Error(message), code === undefined ? {} : { code });
}

it("gives the results in order, and values that are none of work as they are", async () => {
  expect(await together([Promise.resolve(1), false, undefined, Promise.resolve("two")])).toEqual([
    1,
    false,
    undefined,
    "two",
  ]);
});

it("throws what the first in order threw, whichever was first in time, when all have ended", async () => {
  let hasEnded = false;
  const late = async () => {
    await setImmediate();
    await setImmediate();
    hasEnded = true;
    return fail("late");
  };
  await expect(together([Promise.resolve(), late(), fail("early")])).rejects.toThrow("late");
  expect(hasEnded).toBe(true);
});

it("throws what ended a transaction, and not what failed because it had ended", async () => {
  const ended = "25P02";
  await expect(together([fail("after", ended), fail("the reason", "23505"), fail("after", ended)])).rejects.toThrow(
    "the reason",
  );
  await expect(together([fail("after", ended), Promise.resolve()])).rejects.toThrow("after");
});
