// JSON inside a parameter's value: small, shallow, and without a name given twice.

import { refuseField } from "../errors.ts";

/**
 * Parses JSON text of at most `maxDepth` nested brackets. JSON.parse keeps the last of two equal names; here that is
 * refused, because dropping one of two SPD rules in silence is not what anybody meant. Outside strings every colon is one
 * member, so counting colons finds it in one pass.
 */
export function parseJson(field: string, text: string, maxDepth: number, expected: string): unknown {
  const { depth, members } = measure(text);
  if (depth > maxDepth) throw refuseShape(field, expected);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuseShape(field, expected); // without cause: the parser's message quotes the value
  }
  if (countMembers(value) < members) throw refuseField(field, "The JSON text gives a name twice.");
  return value;
}

export function refuseShape(field: string, expected: string): Error {
  return refuseField(field, `The value must be JSON like ${expected}.`);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Colons and brackets outside strings. On malformed text the counts mean nothing, and JSON.parse refuses it. */
function measure(text: string): { depth: number; members: number } {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case '"':
        at += 1;
        while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
        break;
      case "[":
      case "{":
        depth += 1;
        deepest = Math.max(deepest, depth);
        break;
      case "]":
      case "}":
        depth -= 1;
        break;
      case ":":
        members += 1;
        break;
    }
  }
  return { depth: deepest, members };
}

function countMembers(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + countMembers(item), 0);
  if (!isObject(value)) return 0;
  return Object.values(value).reduce((sum: number, item) => sum + 1 + countMembers(item), 0);
}
