// A small file system of a test's own, to be filled up or made read-only. Needs root.
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** In memory. */
export class SmallDisk {
  readonly path: string;

  /** @param size as mount has it: `16k` */
  constructor(size: string) {
    this.path = mkdtempSync(join(tmpdir(), "culvert-disk-"));
    try {
      mount("-t", "tmpfs", "-o", `size=${size},mode=0700`, "culvert-test", this.path);
    } catch (error) {
      rmSync(this.path, { recursive: true });
      throw error;
    }
  }

  get #ballast(): string {
    return join(this.path, "ballast");
  }

  /** Not a byte more can be written then. */
  fillUp(): void {
    const file = openSync(this.#ballast, "a");
    for (const size of [1 << 16, 1 << 12, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size));
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      }
    }
    closeSync(file);
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  /** Only while nobody has a file of it open for writing. */
  setWritable(isWritable: boolean): void {
    mount("-o", `remount,${isWritable ? "rw" : "ro"}`, this.path);
  }

  remove(): void {
    execFileSync("umount", [this.path]);
    rmSync(this.path, { recursive: true });
  }
}

/** A file system in a file, which turns read-only under whoever writes to it, as after an error of the disk. */
export class FailingDisk {
  readonly path: string;
  readonly #image: string;

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), "culvert-disk-"));
    this.#image = `${this.path}.img`;
    closeSync(openSync(this.#image, "w"));
    truncateSync(this.#image, 32 << 20);
    execFileSync("mkfs.ext4", ["-q", "-F", this.#image]);
    this.mount();
  }

  mount(): void {
    mount("-o", "loop", this.#image, this.path);
  }

  unmount(): void {
    execFileSync("umount", [this.path]);
  }

  /** https://man7.org/linux/man-pages/man5/ext4.5.html: `abort` */
  fail(): void {
    mount("-o", "remount,abort", this.path);
  }

  remove(): void {
    execFileSync("umount", ["-q", this.path]);
    rmSync(this.path, { recursive: true });
    rmSync(this.#image);
  }
}

function mount(...args: string[]): void {
  execFileSync("mount", args, { stdio: "pipe" });
}

/** Why there can be none of them; undefined, when there can. */
export const smallDiskReason = findReason(() => new SmallDisk("16k"));
export const failingDiskReason = smallDiskReason ?? findReason(() => new FailingDisk());

function findReason(make: () => { remove(): void }): string | undefined {
  if (process.getuid?.() !== 0) return "not root";
  try {
    make().remove();
    return undefined;
  } catch (error) {
    return `nothing can be mounted (${error instanceof Error ? error.message.trim().split("\n").at(-1) : error})`;
  }
}
