// The log: one line of JSON for each event, on standard output. Lines are gathered for a moment: handing one to the system costs a call as
// much as its signature, and under load there is one for each call and more.
import pino, { type DestinationStream, type Logger } from "pino";

/** What SIGKILL can take of the log. A line about a failure goes out at once, with all before it; at any other end nothing is lost. */
const gatherMs = 20;
const mostGathered = 64 << 10;
const warnLevel = pino.levels.values.warn ?? 0;

/** pino says the level of a line before it writes it to a stream that has this mark. */
const wantsLevel = pino.symbols.needsMetadataGsym;

class GatheringStream implements DestinationStream {
  readonly [wantsLevel] = true;
  /** Set by pino. */
  lastLevel = 0;
  readonly #out: Pick<ReturnType<typeof pino.destination>, "write" | "flushSync">;
  #gathered = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(out = pino.destination({ dest: 1, sync: false })) {
    this.#out = out;
    process.once("exit", () => {
      this.#hand();
      this.#out.flushSync();
    });
  }

  write(line: string): void {
    this.#gathered += line;
    if (this.lastLevel >= warnLevel || this.#gathered.length > mostGathered) this.#hand();
    else this.#timer ??= setTimeout(() => this.#hand(), gatherMs).unref();
  }

  #hand(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#gathered !== "") this.#out.write(this.#gathered);
    this.#gathered = "";
  }
}

/** One for each thread. */
export function openLog(level: string): Logger {
  return pino({ level, base: null }, new GatheringStream());
}
