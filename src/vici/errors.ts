// The one error type of the VICI client. It names commands, events, keys and lengths; it never holds a message value,
// since values may be pre-shared keys.

/**
 * What went wrong:
 * - `connect`: no charon listens on the socket, or it stayed too busy to accept;
 * - `closed`: the session had ended, or ended before the answer came;
 * - `timeout`: no answer in time; the session is closed, because a late answer would be taken for the next one's;
 * - `unknown-command`, `unknown-event`: charon (its plugins, its version) does not have it; the session lives on;
 * - `refused`: charon answered `success = no`; the message carries its `errmsg`; the session lives on;
 * - `protocol`: bytes that are no VICI, in either direction; if received, the session is closed;
 * - `too-large`: a name, value or packet over the protocol's limits; if received, the session is closed.
 */
export type ViciErrorKind =
  | "connect"
  | "closed"
  | "timeout"
  | "unknown-command"
  | "unknown-event"
  | "refused"
  | "protocol"
  | "too-large";

/** Every failure of this folder. `message` is one sentence for a person and holds no secret. */
export class ViciError extends Error {
  readonly kind: ViciErrorKind;

  constructor(kind: ViciErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ViciError";
    this.kind = kind;
  }
}
