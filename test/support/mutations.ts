// What may happen to a request's text on its way: other spellings of the same, damage, and more of it than there should be.
import fc from "fast-check";

export type Mutation = (text: string) => string;

/** Sizes about the limits of api-v2.md 1.1: a request line, Node's headers, a body. */
const sizes = [100, (32 << 10) - 400, 33 << 10, 70 << 10, (1 << 20) - 8_000, (1 << 20) + 1];

/** Characters that mean something somewhere, all of which may stand in a request line. */
const signs = [..."%&=+_.-;:,/?'\"<>\\^`{|}~@!*()[]0aA"];

const same: Mutation = (text) => text;

const respellings: readonly Mutation[] = [
  (text) => text.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
  (text) => text.replaceAll("%20", "+"),
  (text) => text.replaceAll(/(?<![%A-Za-z0-9])[A-Za-z]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (text) => text.replaceAll(/%(2F|3A|2C|7B|7D|5B|5D|22)/g, (code) => decodeURIComponent(code)),
  (text) => `&&${text.replaceAll("&", "&&")}&`,
];

const damages: fc.Arbitrary<Mutation> = fc.oneof(
  fc.nat().map(
    (at): Mutation =>
      (text) =>
        text.slice(0, at % (text.length + 1)),
  ),
  fc.tuple(fc.nat(), fc.constantFrom(...signs)).map(
    ([at, sign]): Mutation =>
      (text) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + sign + text.slice(place + 1);
      },
  ),
  fc.constantFrom<Mutation>(
    (text) => `${text}&${text}`,
    (text) => text.replaceAll("%", "%25"),
    (text) => text.replaceAll("=", ""),
    (text) => text.split("&").toReversed().join("&"),
    (text) => text.replaceAll("%", "%u00"),
  ),
);

const growths: fc.Arbitrary<Mutation> = fc.oneof(
  fc.constantFrom(...sizes).map(
    (size): Mutation =>
      (text) =>
        `${text}&extra=${"x".repeat(size)}`,
  ),
  fc.constantFrom(1_990, 2_001).map(
    (count): Mutation =>
      (text) =>
        text + "&p=".repeat(count),
  ),
);

/** Most requests stay what they were. */
export const mutations: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 58, arbitrary: fc.constant(same) },
  { weight: 20, arbitrary: fc.constantFrom(...respellings) },
  { weight: 19, arbitrary: damages },
  { weight: 3, arbitrary: growths },
);
