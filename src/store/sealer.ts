// Seals secrets at rest: AES-256-GCM with a random nonce; the key's id stands beside each value, so that keys can be rotated.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  randomBytes,
  randomFillSync,
} from "node:crypto";
import { closeSync, existsSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Secret } from "../vpn/secret.ts";
import { reasonOf, StoreError } from "./errors.ts";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
/** The key's id, and nonce, ciphertext and tag. */
const sealedPattern = /^([0-9a-f]{8})\.([A-Za-z0-9_-]+)$/;

/** What a sealed value is for; a value sealed for one purpose does not open for another. */
export type SealPurpose = "pre-shared-key" | "secret-key";

export interface Sealer {
  seal(secret: Secret, purpose: SealPurpose): string;
  /** @throws StoreError unsealable */
  open(sealed: string, purpose: SealPurpose): Secret;
}

/** Secrets that are remembered: a channel's key is opened by its loop right after it was sealed, and for each new sibling. */
const maxRemembered = 4_096;

/** @param key 32 bytes */
export function makeSealer(key: Buffer): Sealer {
  return new RememberingSealer(makePlainSealer(key));
}

/** Opens what it has sealed or opened lately from memory, where the loops keep the keys of all channels anyway. */
class RememberingSealer implements Sealer {
  readonly #inner: Sealer;
  readonly #opened = new Map<string, Secret>();

  constructor(inner: Sealer) {
    this.#inner = inner;
  }

  seal(secret: Secret, purpose: SealPurpose): string {
    const sealed = this.#inner.seal(secret, purpose);
    this.#remember(`${purpose} ${sealed}`, secret);
    return sealed;
  }

  open(sealed: string, purpose: SealPurpose): Secret {
    const name = `${purpose} ${sealed}`;
    const remembered = this.#opened.get(name);
    if (remembered !== undefined) return remembered;
    const secret = this.#inner.open(sealed, purpose);
    this.#remember(name, secret);
    return secret;
  }

  #remember(name: string, secret: Secret): void {
    const [oldest] = this.#opened.keys();
    if (this.#opened.size >= maxRemembered && oldest !== undefined) this.#opened.delete(oldest);
    this.#opened.set(name, secret);
  }
}

/** Random nonces. A draw takes as long for hundreds of them as for one. */
class Nonces {
  readonly #drawn = Buffer.alloc(256 * nonceBytes);
  #at = this.#drawn.length;

  /** Good until the next call. */
  next(): Buffer {
    if (this.#at === this.#drawn.length) {
      randomFillSync(this.#drawn);
      this.#at = 0;
    }
    this.#at += nonceBytes;
    return this.#drawn.subarray(this.#at - nonceBytes, this.#at);
  }
}

function makePlainSealer(key: Buffer): Sealer {
  const keyId = createHash("sha256").update("culvert key id").update(key).digest("hex").slice(0, 8);
  const secretKey = createSecretKey(key);
  const nonces = new Nonces();
  return {
    seal(secret, purpose) {
      const nonce = nonces.next();
      const cipher = createCipheriv(algorithm, secretKey, nonce).setAAD(Buffer.from(purpose));
      const sealed = Buffer.concat([
        nonce,
        cipher.update(secret.reveal(), "utf8"),
        cipher.final(),
        cipher.getAuthTag(),
      ]);
      return `${keyId}.${sealed.toString("base64url")}`;
    },
    open(text, purpose) {
      const [, id, body = ""] = sealedPattern.exec(text) ?? [];
      const bytes = Buffer.from(body, "base64url");
      // Nothing of the text is told before it is known to be a sealed one: it might be a secret that nobody sealed.
      if (bytes.length < nonceBytes + tagBytes) throw new StoreError("unsealable", "a sealed secret is damaged");
      if (id !== keyId) {
        throw new StoreError("unsealable", `a secret was sealed with key ${id}, but the master key is ${keyId}`);
      }
      try {
        const decipher = createDecipheriv(algorithm, secretKey, bytes.subarray(0, nonceBytes)).setAAD(
          Buffer.from(purpose),
        );
        decipher.setAuthTag(bytes.subarray(-tagBytes));
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
 * @throws StoreError unsealable when the file holds something else, unavailable when it cannot be read or made
 */
export function readMasterKey(path: string): Buffer {
  const text = readOrMake(path).trim();
  const key = Buffer.from(text, "base64");
  // Node skips what is not base64, so that many a text would do for a key.
  if (key.length !== keyBytes || key.toString("base64") !== text) {
    throw new StoreError("unsealable", `${path} does not hold a key of ${keyBytes} bytes in base64`);
  }
  return key;
}

function readOrMake(path: string): string {
  try {
    if (!existsSync(path)) makeMasterKey(path);
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new StoreError("unavailable", `the master key ${path} can be neither read nor made: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** The file appears whole or not at all, and of several that make it at the same time only the first does. */
function makeMasterKey(path: string): void {
  const newPath = `${path}.${process.pid}.new`;
  rmSync(newPath, { force: true });
  writeFileSync(newPath, `${randomBytes(keyBytes).toString("base64")}\n`, { mode: 0o600, flag: "wx", flush: true });
  try {
    linkSync(newPath, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    rmSync(newPath);
  }
  // Without its entry in the directory the file would be gone after a crash, and with it every secret.
  const directory = openSync(dirname(path), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
