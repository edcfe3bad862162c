// Tells the story: plain words, the request and the reply. In a simulated run every line says so.
import type { Reply } from "../cli/client.ts";

export interface Narrator {
  /** What happens next. */
  step(text: string): void;
  /** A detail of it. */
  line(text: string): void;
  /** A call and its answer. The signature is shown, the key that made it never. */
  call(method: string, url: string, parameters: URLSearchParams, reply: Reply): void;
}

/** @param label stands before every line; empty for a real run */
export function makeNarrator(label: string, write: (text: string) => void): Narrator {
  let steps = 0;
  const print = (text: string) => write(`${label}${text}\n`);
  return {
    step(text) {
      steps += 1;
      print("");
      print(`${steps}. ${text}`);
    },
    line: (text) => print(`   ${text}`),
    call(method, url, parameters, reply) {
      print(`   → ${method} ${url}?`);
      for (const [name, value] of parameters) print(`       &${name}=${value}`);
      print(`   ← ${JSON.stringify(reply)}`);
    },
  };
}
