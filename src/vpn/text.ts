// What names, keys and identities may be made of. api-v2.md 3.3, 4.1, 11 (13). Pure.
import { ApiError, type RefusalKind } from "../errors.ts";

const controlCharacter = /\p{Cc}|\p{Cs}|\u2028|\u2029/u;

/** In Unicode code points. */
export const longestName = 60;

/** A name: 1-60 Unicode code points, no control characters and no line breaks. */
export function isName(text: string): boolean {
  const length = [...text].length;
  return length >= 1 && length <= longestName && !controlCharacter.test(text);
}

/** @throws ApiError of that kind, naming field `name`, when the text is no name */
export function requireName(kind: RefusalKind & `${string}-name-invalid`, name: string): void {
  if (!isName(name)) {
    const message = `a name of 1 to ${longestName} characters without control characters is expected`;
    throw new ApiError(kind, message, { field: "name" });
  }
}

/** A pre-shared key: 1-128 printable characters (Unicode code points), blanks allowed. */
export function isPreSharedKey(text: string): boolean {
  const length = [...text].length;
  return length >= 1 && length <= 128 && !controlCharacter.test(text);
}

const fqdnPattern =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/;

/** A domain name as an IKE identity (RFC 2407 4.6.2.3): labels of 1-63 of [A-Za-z0-9_-], 1-253 in all. `vpn86` is one. */
export function isFqdn(text: string): boolean {
  return fqdnPattern.test(text);
}
