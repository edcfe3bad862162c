// Looks into the write-ahead log that a server has left, before SQLite does. SQLite reads it up to the first frame that is not whole and forgets
// the rest without a word: right for the end of a log that was cut off, and loss where a disk has damaged the middle.
// docs/decisions/0115-what-is-told-of-a-damaged-disk.md; https://www.sqlite.org/fileformat2.html#the_write_ahead_log
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { endianness } from "node:os";
import { StoreError } from "./errors.ts";

const headerBytes = 32;
const frameHeaderBytes = 24;
/** The last bit says in which order the bytes of numbers are that are added up. */
const magic = 0x37_7f_06_82;
const framesAtOnce = 256;

/** Two numbers that each frame carries on from the one before. */
type Sums = readonly [number, number];

interface LogDamage {
  /** Where the first frame begins that is not whole: up to there all is good. */
  readonly atByte: number;
  /** Transactions from there on that had been written to their end. */
  readonly commits: number;
}

/**
 * The last transaction may be torn, as a power failure leaves it: it had not been acknowledged. One before it had been.
 * @param path of the database
 * @throws StoreError unavailable, when more than the last transaction would be lost
 */
export function refuseDamagedLog(path: string): void {
  const log = `${path}-wal`;
  if (!existsSync(log)) return;
  const damage = findDamage(log);
  if (damage === undefined || damage.commits < 2) return;
  // A server that runs may have written between two looks.
  if (findDamage(log)?.atByte !== damage.atByte) return;
  throw new StoreError(
    "unavailable",
    `the log ${log} of the database is damaged at byte ${damage.atByte}, and ${damage.commits} changes behind that would be lost; ` +
      `restore a backup or, to give them up, copy the file away and cut it: truncate -s ${damage.atByte} ${log}`,
  );
}

/** @returns undefined when every frame of the log is whole, up to its end. @throws the system's error */
export function findDamage(log: string): LogDamage | undefined {
  const file = openSync(log, "r");
  try {
    const { size } = fstatSync(file);
    const header = Buffer.alloc(headerBytes);
    if (size < headerBytes || readSync(file, header, 0, headerBytes, 0) < headerBytes) return undefined;
    return readFrames(file, size, header);
  } finally {
    closeSync(file);
  }
}

function readFrames(file: number, size: number, header: Buffer): LogDamage | undefined {
  const pageBytes = header.readUInt32BE(8);
  // Where it does not even say how long a page is there is nothing to go by.
  if (pageBytes < 512 || pageBytes > 65_536) return undefined;
  const order = orderOf(header);
  const isLittle = order ?? endianness() === "LE";
  let salts = order === undefined ? undefined : header.subarray(16, 24);
  let before = sumsOf(header);
  let damage: { atByte: number; commits: number } | undefined =
    order === undefined ? { atByte: 0, commits: 0 } : undefined;
  for (const [frame, atByte] of listFrames(file, size, frameHeaderBytes + pageBytes)) {
    // Frames of another round of the log have other ones.
    salts ??= Buffer.from(frame.subarray(8, 16));
    const isOurs = frame.subarray(8, 16).equals(salts);
    const sums = sumsOf(frame.subarray(0, frameHeaderBytes));
    const isWhole = isOurs && isSame(sumFrame(before, frame, isLittle), sums);
    if (!isWhole) damage ??= { atByte, commits: 0 };
    const isCommit = isOurs && frame.readUInt32BE(4) > 0;
    // The first that is not whole may have ended a transaction; of the others those count that carry on from the one before.
    if (damage !== undefined && isCommit && (isWhole || damage.atByte === atByte)) damage.commits += 1;
    before = sums;
  }
  return damage;
}

/** @returns whether numbers have their lowest byte first; undefined, when the header is not whole */
function orderOf(header: Buffer): boolean | undefined {
  const isLittle = (header.readUInt32BE(0) & 1) === 0;
  const isOurs = (header.readUInt32BE(0) & ~1) >>> 0 === magic;
  return isOurs && isSame(sumUp([0, 0], header.subarray(0, 24), isLittle), sumsOf(header)) ? isLittle : undefined;
}

function* listFrames(file: number, size: number, frameBytes: number): Generator<[Buffer, number]> {
  const chunk = Buffer.alloc(frameBytes * framesAtOnce);
  for (let from = headerBytes; from + frameBytes <= size; from += chunk.length) {
    const read = readSync(file, chunk, 0, Math.min(chunk.length, size - from), from);
    for (let at = 0; at + frameBytes <= read; at += frameBytes) {
      yield [chunk.subarray(at, at + frameBytes), from + at];
    }
  }
}

/** The last eight bytes of a header. */
function sumsOf(header: Buffer): Sums {
  return [header.readUInt32BE(header.length - 8), header.readUInt32BE(header.length - 4)];
}

function isSame([a, b]: Sums, [c, d]: Sums): boolean {
  return a === c && b === d;
}

/** Its number and its page: not its salts. */
function sumFrame(before: Sums, frame: Buffer, isLittle: boolean): Sums {
  return sumUp(sumUp(before, frame.subarray(0, 8), isLittle), frame.subarray(frameHeaderBytes), isLittle);
}

function sumUp([first, second]: Sums, bytes: Buffer, isLittle: boolean): Sums {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [a, b] = [first, second];
  for (let at = 0; at < view.byteLength; at += 8) {
    a = (a + view.getUint32(at, isLittle) + b) >>> 0;
    b = (b + view.getUint32(at + 4, isLittle) + a) >>> 0;
  }
  return [a, b];
}
