// The log of the server and of its host's thread: lines of JSON on standard output.
import pino, { type Logger } from "pino";

/** What could not be written waits for this long a text at most; what comes then is lost. */
const mostWaitingBytes = 1 << 20;

/**
 * A disk without space, where standard output is a file on it, takes no lines and must not take the server with it: the tunnels go on, and
 * the lines that wait are written when there is space again.
 */
export function makeLog(level: string): Logger {
  const output = pino.destination({ dest: 1, sync: true, maxLength: mostWaitingBytes });
  output.on("error", () => {});
  return pino({ level, base: null }, output);
}
