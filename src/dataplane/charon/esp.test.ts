import { describe, expect, it } from "vitest";
import { pickEsp, readRefusal } from "./esp.ts";

describe("the kernel's answer to a security association", () => {
  it.each([
    ["RTNETLINK answers: Protocol not supported\n", "absent"],
    ["Error: Requested type not found.\n", "absent"],
    ["RTNETLINK answers: Operation not permitted\n", "unknown"],
  ])("%j means %s", (text, kind) => {
    expect(readRefusal(text)).toMatchObject({ kind });
  });
});

describe("pickEsp", () => {
  const unknown = { kind: "unknown", reason: "no right" } as const;

  it.each([
    ["auto", { kind: "there" }, "kernel"],
    ["auto", { kind: "absent" }, "userspace"],
    ["auto", unknown, "userspace"],
    ["kernel", { kind: "there" }, "kernel"],
    ["userspace", { kind: "there" }, "userspace"],
  ] as const)("%s, %o: %s", (wish, kernel, esp) => {
    expect(pickEsp(wish, kernel)).toBe(esp);
  });

  it("does not take the other where the kernel's is asked for", () => {
    expect(() => pickEsp("kernel", { kind: "absent" })).toThrow("and this one has none");
    expect(() => pickEsp("kernel", unknown)).toThrow("cannot be told whether this one has it (no right)");
  });
});
