// Seals secrets at rest: AES-256-GCM with a random nonce; the key's id stands beside each value, so that keys can be rotated.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { Secret } from "../vpn/secret.ts";
import { StoreError } from "./errors.ts";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** What a sealed value is for; a value sealed for one purpose does not open for another. */
export type SealPurpose = "pre-shared-key" | "secret-key";

export interface Sealer {
  seal(secret: Secret, purpose: SealPurpose): string;
  /** @throws StoreError unsealable */
  open(sealed: string, purpose: SealPurpose): Secret;
}

/** @param key 32 bytes */
export function makeSealer(key: Buffer): Sealer {
  const keyId = createHash("sha256").update("culvert key id").update(key).digest("hex").slice(0, 8);
  return {
    seal(secret, purpose) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce).setAAD(Buffer.from(purpose));
      const sealed = Buffer.concat([
        nonce,
        cipher.update(secret.reveal(), "utf8"),
        cipher.final(),
        cipher.getAuthTag(),
      ]);
      return `${keyId}.${sealed.toString("base64url")}`;
    },
    open(text, purpose) {
      const [id, body] = text.split(".");
      if (id !== keyId || body === undefined) {
        throw new StoreError("unsealable", `a secret was sealed with key ${id}, but the master key is ${keyId}`);
      }
      const bytes = Buffer.from(body, "base64url");
      const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes)).setAAD(Buffer.from(purpose));
      decipher.setAuthTag(bytes.subarray(-tagBytes));
      try {
        const opened = Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
        return new Secret(opened.toString("utf8"));
      } catch (cause) {
        throw new StoreError("unsealable", "a sealed secret is damaged", { cause });
      }
    },
  };
}

/**
 * Reads the master key, or makes it when the file is not there (mode 0600, on disk before it is used).
 * @throws StoreError unsealable when the file holds something else
 */
export function readMasterKey(path: string): Buffer {
  const text = readOrMake(path);
  const key = Buffer.from(text.trim(), "base64");
  if (key.length !== keyBytes)
    throw new StoreError("unsealable", `${path} does not hold a key of ${keyBytes} bytes in base64`);
  return key;
}

function readOrMake(path: string): string {
  try {
    const file = openSync(path, "wx", 0o600);
    try {
      const text = `${randomBytes(keyBytes).toString("base64")}\n`;
      writeSync(file, text);
      fsyncSync(file);
      return text;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return readFileSync(path, "utf8");
    throw new StoreError("unavailable", `the master key ${path} cannot be made`, { cause: error });
  }
}
