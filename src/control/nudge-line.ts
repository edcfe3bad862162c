// Takes what this API node says to hosts to the other nodes on the same database, and what they say to the board here. Gathered, since
// every word costs the database something, and outside of the transactions it is about: a node that dies in between has said nothing, which
// a host finds out by its own period.
import type { Line, Listener } from "../store/database.ts";
import { type Codec, count, list, oneOf, record } from "./codec.ts";
import type { Nudge, NudgeBoard } from "./nudge-board.ts";

const gatherMs = 10;
/** A number has 16 digits at most, and a word 7,000 bytes. */
const mostIds = 400;

interface Word {
  readonly kind: Nudge["kind"];
  readonly ids: readonly number[];
}

const word: Codec<Word> = record<Word>({ kind: oneOf(["gateways", "leases", "all"]), ids: list(count) });

export interface NudgeLineOptions {
  /** This node's own; it is told what others say. */
  readonly board: NudgeBoard;
  /** undefined: there is nobody else on this database. */
  readonly open: (listener: Listener) => Line | undefined;
}

export class NudgeLine {
  readonly #board: NudgeBoard;
  readonly #line: Line | undefined;
  readonly #gateways = new Set<number>();
  readonly #hosts = new Set<number>();
  /** Others may have missed something of what was said here. */
  #isOwed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ board, open }: NudgeLineOptions) {
    this.#board = board;
    this.#line = open({
      onHeard: (text) => this.#hear(text),
      onBegin: () => {
        this.#board.say({ kind: "all" });
        if (this.#isOwed) this.#flushSoon();
      },
    });
  }

  /** Says it here at once, and to the other nodes within a moment. */
  say(nudge: Nudge): void {
    this.#board.say(nudge);
    if (this.#line === undefined) return;
    if (nudge.kind === "gateways") for (const id of nudge.ids) this.#gateways.add(id);
    else if (nudge.kind === "leases") for (const id of nudge.hostIds) this.#hosts.add(id);
    else this.#isOwed = true;
    this.#flushSoon();
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#line?.close();
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#flush();
    }, gatherMs).unref();
  }

  async #flush(): Promise<void> {
    const isOwed = this.#isOwed;
    this.#isOwed = false;
    const words = [...wordsOf("gateways", this.#gateways), ...wordsOf("leases", this.#hosts)];
    this.#gateways.clear();
    this.#hosts.clear();
    try {
      for (const each of isOwed ? [{ kind: "all", ids: [] } as const] : words) {
        await this.#line?.say(JSON.stringify(word.encode(each)));
      }
    } catch {
      // Said when the line is there again.
      this.#isOwed = true;
    }
  }

  #hear(text: string): void {
    const { kind, ids } = readWord(text);
    if (kind === "gateways") this.#board.say({ kind, ids });
    else if (kind === "leases") this.#board.say({ kind, hostIds: ids });
    else this.#board.say({ kind });
  }
}

/** What is not understood, as from a later release, may mean anything. */
function readWord(text: string): Word {
  try {
    return word.decode(JSON.parse(text));
  } catch {
    return { kind: "all", ids: [] };
  }
}

function wordsOf(kind: Nudge["kind"], ids: ReadonlySet<number>): Word[] {
  const all = [...ids];
  const words: Word[] = [];
  while (all.length > 0) words.push({ kind, ids: all.splice(0, mostIds) });
  return words;
}
