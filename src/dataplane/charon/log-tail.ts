// Follows one charon's log: reads what is new in the file a moment after it was written, and does nothing while nothing is. The
// `log` events of VICI say the same, but cost charon so much that a tunnel takes 2 ms longer (decision 70).
import { type FSWatcher, statSync, watch } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { ignoreAbsent, olderLogOf } from "./charon-process.ts";

/** How long what was written waits for more. */
const restMs = 500;
/** Where it cannot be read, or the kernel has no watch left to give. */
const slowRestMs = 5_000;
/** What a thousand tunnels that come up at once write in a second is more; of more than this the newest is read. */
const mostBytes = 1024 * 1024;

export class LogTail {
  readonly #path: string;
  readonly #onLines: (lines: readonly string[]) => void;
  readonly #onFailure: (error: unknown) => void;
  #inode: number | undefined;
  #position = 0;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /**
   * Begins at the end of the file, which need not be there yet; its directory is.
   * @param onLines called with whole lines, never with none
   * @param onFailure called when it cannot be read; it is tried again
   */
  constructor(path: string, onLines: (lines: readonly string[]) => void, onFailure: (error: unknown) => void) {
    this.#path = path;
    this.#onLines = onLines;
    this.#onFailure = onFailure;
    const entry = statSync(path, { throwIfNoEntry: false });
    if (entry !== undefined) [this.#inode, this.#position] = [entry.ino, entry.size];
    this.#watch();
  }

  close(): void {
    this.#isClosed = true;
    this.#watcher?.close();
    clearTimeout(this.#timer);
  }

  /** Waits for one change only: a tunnel that comes up writes seventy lines. The directory, since the file is renamed and made anew. */
  #watch(): void {
    try {
      this.#watcher = watch(dirname(this.#path), { persistent: false }, (_, name) => {
        if (name !== basename(this.#path)) return;
        this.#watcher?.close();
        this.#readIn(restMs);
      });
    } catch {
      this.#readIn(slowRestMs);
    }
  }

  #readIn(delayMs: number): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#read().catch((error) => this.#fail(error)), delayMs).unref();
  }

  #fail(error: unknown): void {
    this.#onFailure(error);
    this.#readIn(slowRestMs);
  }

  async #read(): Promise<void> {
    // First of all: what is written while this reads is not to be missed.
    this.#watcher?.close();
    this.#watch();
    const lines = await this.#readNew();
    if (lines.length > 0 && !this.#isClosed) this.#onLines(lines);
  }

  async #readNew(): Promise<string[]> {
    const now = await this.#readPart(this.#path, this.#inode, this.#position);
    if (now === undefined) return [];
    const isOther = now.inode !== this.#inode;
    // The rest of a log that has been renamed comes before the new one's first lines.
    const before = isOther ? await this.#readPart(olderLogOf(this.#path), this.#inode, this.#position) : undefined;
    const rest = before !== undefined && before.inode === this.#inode ? before.lines : [];
    [this.#inode, this.#position] = [now.inode, now.position];
    return [...rest, ...now.lines];
  }

  /** Whole lines from `position` on, or from the start if it is another file than `inode`. */
  async #readPart(path: string, inode: number | undefined, position: number) {
    const file = await open(path).catch(ignoreAbsent);
    if (file === undefined) return undefined;
    try {
      const { ino, size } = await file.stat();
      const known = ino === inode && position <= size ? position : 0;
      const start = Math.max(known, size - mostBytes);
      const bytes = Buffer.alloc(size - start);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      const end = bytes.lastIndexOf("\n", bytesRead - 1) + 1;
      const lines = end === 0 ? [] : bytes.toString("utf8", 0, end - 1).split("\n");
      return { inode: ino, position: start + end, lines };
    } finally {
      await file.close();
    }
  }
}
