// Whether this process is of use to callers, as whoever spreads them over several asks it: checks that are handed in, each within a bound,
// and what they found, kept for a moment so that asking costs nothing. Knows nothing of what it checks.

/** What a check found: one sentence for everybody, without a secret. */
export interface Finding {
  readonly isGood: boolean;
  readonly sentence: string;
}

/** By their names, in the order in which they are told. A check that throws found something bad; its error is not told. */
export type Checks = Readonly<Record<string, () => Promise<Finding>>>;

/** Of all checks together. */
export interface Report {
  readonly isGood: boolean;
  readonly checks: Readonly<Record<string, Finding>>;
}

export interface ReadinessOptions {
  /** How long a check may take, 2 s unless told. */
  readonly limitMs?: number;
  /** How long what was found is told again, 1 s unless told. */
  readonly keepMs?: number;
  /** What is said of a process that is not stopping, `The server takes requests.` unless told. */
  readonly sentence?: string;
}

export class Readiness {
  readonly #checks: Checks;
  readonly #limitMs: number;
  readonly #keepMs: number;
  readonly #sentence: string;
  /** A check that hangs is waited for again, and not begun once more beside itself. */
  readonly #underWay = new Map<string, Promise<Finding>>();
  #last: Promise<Report> | undefined;
  #isStopping = false;

  constructor(checks: Checks, options: ReadinessOptions = {}) {
    this.#checks = checks;
    const { limitMs = 2_000, keepMs = 1_000, sentence = "The server takes requests." } = options;
    this.#limitMs = limitMs;
    this.#keepMs = keepMs;
    this.#sentence = sentence;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** From now on it is not ready, whatever the checks find. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Never throws, and answers within the bound of a check. */
  async ask(): Promise<Report> {
    this.#last ??= this.#look();
    const { isGood, checks } = await this.#last;
    const sentence = this.#isStopping ? "The server is stopping." : this.#sentence;
    const serving = { isGood: !this.#isStopping, sentence };
    return { isGood: isGood && serving.isGood, checks: { serving, ...checks } };
  }

  async #look(): Promise<Report> {
    const names = Object.keys(this.#checks);
    const found = await Promise.all(names.map(async (name) => [name, await this.#bounded(name)] as const));
    setTimeout(() => {
      this.#last = undefined;
    }, this.#keepMs).unref();
    return { isGood: found.every(([, { isGood }]) => isGood), checks: Object.fromEntries(found) };
  }

  async #bounded(name: string): Promise<Finding> {
    const { promise: late, resolve } = Promise.withResolvers<Finding>();
    const sentence = `There was no answer within ${this.#limitMs / 1_000} s.`;
    const timer = setTimeout(resolve, this.#limitMs, { isGood: false, sentence });
    try {
      return await Promise.race([this.#begin(name), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #begin(name: string): Promise<Finding> {
    const running = this.#underWay.get(name);
    if (running !== undefined) return running;
    const check = this.#checks[name] as () => Promise<Finding>;
    const begun = check()
      .catch((): Finding => ({ isGood: false, sentence: "It failed; the server's log may have the reason." }))
      .finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, begun);
    return begun;
  }
}
