// The v2 dialect from a raw request to a reply: who calls, whether the call is genuine and new, which action, what came of it.
// The order of checks is api-v2.md 1.7.
import { ApiError, type RefusalKind, refuseField } from "../errors.ts";
import type { Context } from "../operations/context.ts";
import { tellFailure } from "../operations/failure.ts";
import type { KeyRing } from "../operations/key-ring.ts";
import type { ApiKey } from "../vpn/entities.ts";
import { isRegion, normaliseRegion } from "../vpn/id.ts";
import type { Action } from "./action.ts";
import { actions, notOffered } from "./actions/index.ts";
import { refuse, succeed, type V2Reply } from "./envelope.ts";
import { ParameterReader } from "./parameters.ts";
import { RateLimiter } from "./rate.ts";
import { checkClock, ReplayMemory, type ReplayStamp, stampRequest } from "./replay.ts";
import {
  actionParameters,
  type Common,
  type FlatParameters,
  type RawRequest,
  readCommon,
  readParameters,
} from "./request.ts";
import { candidateHosts, listHosts, verifySignature } from "./signature.ts";

/** The module's one path. */
export const v2Path = "/v2/index.php";

/** Requests remembered against replay: about 200 bytes each. */
const replayEntries = 200_000;

/** Refusals that are no fault of the caller, but of the server. */
const ownFailures: ReadonlySet<RefusalKind> = new Set(["internal", "service-unavailable"]);

/** What the log is told of a call: nothing of its parameters. */
export interface V2Outcome {
  readonly reply: V2Reply;
  /** Known actions only: what a caller invents is not repeated. */
  readonly action: string | undefined;
  /** A failure of ours, for the log. */
  readonly failure: unknown;
}

/** A call whose signature is right, and that was not made before. */
interface Genuine {
  readonly key: ApiKey;
  readonly stamp: ReplayStamp;
}

/** Answers calls. One object for a server: it remembers requests against replay. */
export class V2Api {
  readonly #context: Context;
  readonly #keys: KeyRing;
  readonly #hosts: readonly string[];
  readonly #replays = new ReplayMemory({ maxEntries: replayEntries });
  readonly #rates: RateLimiter;

  constructor(context: Context, keys: KeyRing) {
    this.#context = context;
    this.#keys = keys;
    this.#hosts = listHosts(context.config.hosts);
    this.#rates = new RateLimiter(context.config.rateLimit);
  }

  /** Never throws: every failure is a reply. */
  async answer(raw: RawRequest): Promise<V2Outcome> {
    let action: Action | undefined;
    let parameters: FlatParameters = new Map();
    try {
      parameters = readParameters(raw);
      const common = readCommon(parameters);
      action = actions.get(common.action);
      const { key, stamp } = await this.#authenticate(raw, parameters, common);
      if (action?.isWrite && key.isReadOnly) throw new ApiError("permission-denied", "this key may only read");
      if (action === undefined) throw refuseAction(common.action);
      this.#checkRate(key);
      const caller = { accountId: key.accountId, region: this.#regionOf(common), isReadOnly: key.isReadOnly, stamp };
      const payload = await action.run(this.#context, caller, new ParameterReader(actionParameters(parameters)));
      return { reply: succeed(payload), action: action.name, failure: undefined };
    } catch (error) {
      const refusal = error instanceof ApiError ? error : tellFailure(error);
      const reply = refuse(refusal, (field) => nameOf(field, action, parameters));
      return { reply, action: action?.name, failure: ownFailures.has(refusal.kind) ? error : undefined };
    }
  }

  async #authenticate(raw: RawRequest, parameters: FlatParameters, common: Common): Promise<Genuine> {
    const { clockSkewSeconds, unknownSecretIdCode } = this.#context.config;
    const key = await this.#keys.find(common.secretId);
    if (key === undefined || key.isDisabled) {
      // The table of codes says 4104, a real reply 4100 (api-v2.md 2.4).
      const kind = unknownSecretIdCode === "4104" ? "secret-id-unknown" : "signature-wrong";
      throw new ApiError(kind, "the SecretId does not exist or is disabled");
    }
    const mac = this.#verify(raw, parameters, common, key);
    if (common.token !== undefined) {
      throw new ApiError("token-wrong", "the Token belongs to no key of this server; leave it out");
    }
    const nowSeconds = Math.floor(this.#context.clock() / 1_000);
    checkClock(common.timestamp, nowSeconds, clockSkewSeconds);
    const stamp = stampRequest(common, mac, clockSkewSeconds);
    if (!this.#replays.admit(stamp, nowSeconds)) {
      throw new ApiError("request-replayed", "this request was sent before; sign each one anew");
    }
    return { key, stamp };
  }

  #checkRate({ secretId }: ApiKey): void {
    if (this.#rates.admit(secretId, this.#context.clock())) return;
    const { rateLimit } = this.#context.config;
    throw new ApiError(
      "rate-exceeded",
      `this key has sent more than ${rateLimit} requests per second; sign it anew later`,
    );
  }

  #regionOf(common: Common): string {
    const given = common.region ?? this.#context.config.region;
    if (isRegion(given)) return normaliseRegion(given);
    throw refuseField("Region", "a region such as gz is expected");
  }

  #verify(raw: RawRequest, parameters: FlatParameters, common: Common, key: ApiKey): Buffer {
    const hosts = candidateHosts(raw.host, this.#hosts);
    const mac = verifySignature({ ...raw, hosts, parameters, common, secretKey: key.secretKey });
    if (mac === undefined) throw new ApiError("signature-wrong", "the signature does not match the request");
    return mac;
  }
}

function refuseAction(name: string): ApiError {
  if (notOffered.has(name)) {
    return new ApiError("action-not-offered", `${name} is known, but this version does not offer it yet`);
  }
  return new ApiError("action-unknown", "there is no such Action");
}

/** What the caller knows a field by. */
function nameOf(field: string, action: Action | undefined, parameters: FlatParameters): string {
  const names = action?.parameterOf?.[field] ?? field;
  if (typeof names === "string") return names;
  const isGiven = (name: string) => [...parameters].some(([given, value]) => value !== "" && given.startsWith(name));
  return names.find(isGiven) ?? names[0] ?? field;
}
