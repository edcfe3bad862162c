// The catalogue of every refusal the service knows, free of any dialect: a kind and a message for the caller.
// A dialect turns a kind into its own number and name (v2/errors.ts). Adding a refusal is adding a kind here and a row there.

/** What can be refused. The order follows the order of checks (api-v2.md 1.7). */
export const refusalKinds = [
  "protocol-unsupported",
  "parameter-invalid",
  "secret-id-unknown",
  "signature-wrong",
  "token-wrong",
  "request-replayed",
  "permission-denied",
  "action-unknown",
  "action-not-offered",
  "rate-exceeded",
  "vpc-not-found",
  "vpn-gw-not-found",
  "user-gw-not-found",
  "vpn-conn-not-found",
  "task-not-found",
  "zone-not-found",
  "action-locked",
  "vpn-gw-state-invalid",
  "vpn-conn-state-invalid",
  "vpc-in-use",
  "user-gw-in-use",
  "vpc-name-invalid",
  "vpc-name-in-use",
  "vpc-cidr-invalid",
  "subnet-name-invalid",
  "subnet-cidr-invalid",
  "subnet-conflict",
  "vpn-gw-name-invalid",
  "user-gw-name-invalid",
  "user-gw-address-in-use",
  "vpn-conn-name-invalid",
  "vpn-conn-name-in-use",
  "vpc-limit-exceeded",
  "subnet-limit-exceeded",
  "vpn-gw-limit-exceeded",
  "user-gw-limit-exceeded",
  "vpn-conn-limit-exceeded",
  "public-address-exhausted",
  "service-unavailable",
  "internal",
] as const;

export type RefusalKind = (typeof refusalKinds)[number];

/**
 * A refusal: what the caller is told. `message` is for the outside and never holds a secret; `cause` is for the log.
 * `field` names the input at fault in the operation's own words; the dialect puts its own parameter name in its place.
 */
export class ApiError extends Error {
  readonly kind: RefusalKind;
  readonly field: string | undefined;

  constructor(kind: RefusalKind, message: string, options: { field?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ApiError";
    this.kind = kind;
    this.field = options.field;
  }
}

/** Refuses one input by name: the shorthand for the commonest refusal. */
export function refuseField(field: string, message: string): ApiError {
  return new ApiError("parameter-invalid", message, { field });
}
