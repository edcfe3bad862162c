// Random values the service hands out: unified ids, generated pre-shared keys, key pairs of the API.
import { randomInt } from "node:crypto";
import { idPrefixes, type ResourceKind } from "../vpn/id.ts";
import { Secret } from "../vpn/secret.ts";

const lower = "abcdefghijklmnopqrstuvwxyz0123456789";
const mixed = `ABCDEFGHIJKLMNOPQRSTUVWXYZ${lower}`;

function draw(alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}

/** A new unified id: prefix and eight characters of [a-z0-9]; the store's unique index catches the rare double. */
export function generateUid(kind: ResourceKind): string {
  return `${idPrefixes[kind]}-${draw(lower, 8)}`;
}

/** 32 letters and digits: about 190 bits, and any peer's console takes it. */
export function generatePreSharedKey(): Secret {
  return new Secret(draw(mixed, 32));
}

/** An API key pair in the vendor's form: `AKID` and 32 characters, and 32 characters. */
export function generateKeyPair(): { secretId: string; secretKey: Secret } {
  return { secretId: `AKID${draw(mixed, 32)}`, secretKey: new Secret(draw(mixed, 32)) };
}
