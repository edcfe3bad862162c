// A client on a machine of its own: reads calls on standard input, one line of JSON each, and writes what came of them.
import { createInterface } from "node:readline";
import { call, clientOf } from "../../src/cli/client.ts";
import type { CallAsked, CallCame } from "./caller.ts";

const [keyFile = "", caFile = ""] = process.argv.slice(2);

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, endpoint, action, parameters } = JSON.parse(line) as CallAsked;
  const say = (came: CallCame) => process.stdout.write(`${JSON.stringify(came)}\n`);
  try {
    say({ id, reply: await call(clientOf(keyFile, endpoint, undefined, caFile), action, parameters) });
  } catch (error) {
    say({ id, failure: error instanceof Error ? error.message : String(error) });
  }
});
