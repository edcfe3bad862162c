// The README's quick start without root, as it stands there, on a new server.
import { afterAll, beforeAll, expect, it } from "vitest";
import { Checkout, readBlocks } from "../support/checkout.ts";
import { ServerProcess } from "../support/server.ts";

let checkout: Checkout;
beforeAll(async () => {
  checkout = new Checkout(await ServerProcess.start());
});
afterAll(() => checkout.remove());

it("brings a channel up", async () => {
  const [start] = readBlocks("README.md").filter(({ text }) => text.startsWith("bin/culvert call CreateVpc"));
  const { code, stdout, stderr } = await checkout.run(start?.text ?? "exit 3");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const replies = stdout.split(/\n(?=\{)/).map((reply) => JSON.parse(reply));
  expect(replies.map((reply) => reply.code)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(replies.at(-2)).toMatchObject({ data: { status: 0 } });
  expect(replies.at(-1)).toMatchObject({ totalCount: 1, data: [{ vpcConnStatus: 6, netStatus: "available" }] });
});
