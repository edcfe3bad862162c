// One line of charon's log after another, and what it says about one IKE_SA. The lines are those of strongSwan 5.9.8 at level 1
// (golden/charon-log.txt).
import type { Finding } from "./diagnosis.ts";
import { compareProposals } from "./proposals.ts";

/** What has been heard of one IKE_SA. */
export interface Attempt {
  /** Something of the peer's was understood. */
  hasAnswered: boolean;
  isEstablished: boolean;
  /** A CHILD_SA came up in it. */
  hadChild: boolean;
  received: string;
  configured: string;
  /** The identity that the peer gave when it began. */
  claimed: string;
  isIkeV2: boolean;
  /** Who began it and in which mode; "" while that is not known. */
  peer: string;
  mode: string;
  /** Packets of it that this machine did not let out. */
  forbidden: number;
  /** It has been counted as nobody's. */
  isStranger: boolean;
  /** What it failed of; the silence that follows is not a cause of its own. */
  hasFailed: boolean;
}

export function newAttempt(): Attempt {
  return {
    hasAnswered: false,
    isEstablished: false,
    hadChild: false,
    received: "",
    configured: "",
    claimed: "",
    isIkeV2: false,
    peer: "",
    mode: "",
    forbidden: 0,
    isStranger: false,
    hasFailed: false,
  };
}

/** The first four transmissions take 3 s and the fifth 6 s: by then a person wants to know. */
const quietRetransmits = 3;

/** One may be another IKE_SA's: packets are sent by a thread of charon's own, which does not say whose they are. */
const surelyForbidden = 2;

/** A packet of it was not let out by this machine: EPERM is netfilter's, EACCES a prohibited route's. */
export function readForbidden(attempt: Attempt): Finding | undefined {
  attempt.forbidden += 1;
  if (attempt.forbidden < surelyForbidden || attempt.hasAnswered) return undefined;
  attempt.hasFailed = true;
  return { cause: "blocked-by-policy", said: "" };
}

/** What the line says, after taking note of it in `attempt`. */
export function readLine(text: string, attempt: Attempt): Finding | undefined {
  note(text, attempt);
  const finding = readFailure(text, attempt) ?? (attempt.hasFailed ? undefined : readSilence(text, attempt));
  if (finding !== undefined) attempt.hasFailed = true;
  return finding;
}

function note(text: string, attempt: Attempt): void {
  const looked = /^looking for .* configs matching .*\.\.\.[^[]*\[(.*)\]$/.exec(text)?.[1];
  if (looked !== undefined) attempt.claimed = looked;
  const begun = /^(\S+) is initiating an? (\w+) Mode IKE_SA$/.exec(text);
  if (begun !== null) [, attempt.peer = "", attempt.mode = ""] = begun;
  const parsed = /^parsed (ID_PROT|AGGRESSIVE|IKE_SA_INIT) request 0 /.exec(text)?.[1];
  if (parsed === "IKE_SA_INIT") attempt.isIkeV2 = true;
  else if (parsed !== undefined) attempt.mode = parsed === "ID_PROT" ? "Main" : "Aggressive";
  const refused = /^no IKE config found for .*\.\.\.([\d.]+),/.exec(text)?.[1];
  if (refused !== undefined) attempt.peer = refused;
  if (/^parsed \S+ (request|response) /.test(text)) attempt.hasAnswered = true;
  else if (/^IKE_SA .* established between /.test(text)) attempt.isEstablished = true;
  else if (/^CHILD_SA .* established with SPIs /.test(text)) {
    attempt.hadChild = true;
    attempt.hasFailed = false;
  } else if (text.startsWith("received proposals: ")) attempt.received = text.slice("received proposals: ".length);
  else if (text.startsWith("configured proposals: ")) attempt.configured = text.slice("configured proposals: ".length);
}

function readFailure(text: string, attempt: Attempt): Finding | undefined {
  if (/^no (matching )?proposal found/.test(text)) return readProposals(attempt);
  const selectors = /^no matching CHILD_SA config found for (.+)$/.exec(text)?.[1];
  if (selectors !== undefined) {
    return { cause: "traffic-selectors", said: `the peer asked for ${selectors}`, differs: selectors };
  }
  const mode = /none allows pre-shared key authentication using (\w+) Mode/.exec(text)?.[1];
  if (mode !== undefined) return { cause: "exchange-mode", said: `the peer began in ${mode} Mode`, differs: mode };
  const identity = /^IDir '(.*)' does not match to '/.exec(text)?.[1];
  if (identity !== undefined) return foreignIdentity(identity);
  if (text === "no peer config found" && attempt.claimed !== "") return foreignIdentity(attempt.claimed);
  if (text.startsWith("no IKE config found for ")) {
    if (!attempt.isIkeV2) return { cause: "identity", said: "no channel has this peer address" };
    const differs = "IKE version (IKEv1 here, IKEv2 there)";
    return { cause: "ike-proposal", said: "the peer began with IKEv2", differs };
  }
  // With a wrong key main mode's third pair of messages is noise to whoever reads it (RFC 2409 5).
  const isNoise = /decryption failed\?$|^could not decrypt payloads/.test(text) && !attempt.isEstablished;
  if (isNoise) return { cause: "pre-shared-key", said: "what the peer sent cannot be decrypted with our key" };
  if (text === "calculated HASH does not match HASH payload") {
    return { cause: "pre-shared-key", said: "the peer's proof was made with another key" };
  }
  if (text.startsWith("no shared key found for ")) return { cause: "pre-shared-key", said: "" };
  if (text.startsWith("received ")) return readNotice(text.slice("received ".length), attempt);
  if (text.startsWith("DPD check timed out")) return { cause: "dpd-timeout", said: "" };
  return undefined;
}

function foreignIdentity(identity: string): Finding {
  return { cause: "identity", said: `the peer calls itself ${identity}`, differs: identity };
}

function readNotice(text: string, attempt: Attempt): Finding | undefined {
  const notify = /^([A-Z_]+) error notify$/.exec(text)?.[1];
  switch (notify) {
    case undefined:
      return /^DELETE for (ESP CHILD_SA|IKE_SA) /.test(text) ? { cause: "peer-deleted", said: text } : undefined;
    case "NO_PROPOSAL_CHOSEN":
      return { cause: attempt.isEstablished ? "ipsec-refused" : "ike-proposal", said: notify };
    case "AUTHENTICATION_FAILED":
      return { cause: "authentication-refused", said: notify };
    case "INVALID_ID_INFORMATION":
      return { cause: attempt.isEstablished ? "traffic-selectors" : "authentication-refused", said: notify };
    // What strongSwan answers when it has no key for us; what others answer to noise.
    case "INVALID_KE_PAYLOAD":
    case "PAYLOAD_MALFORMED":
      return attempt.isEstablished ? undefined : { cause: "pre-shared-key", said: notify };
    default:
      return undefined;
  }
}

/** The peer began, and its proposal is not ours: here both are known. */
function readProposals({ received, configured, isEstablished }: Attempt): Finding | undefined {
  if (received === "") return undefined;
  const parts = compareProposals(received, configured);
  const isPfs = isEstablished && parts.length === 1 && parts[0] === "group";
  const cause = isPfs ? "pfs" : isEstablished ? "ipsec-proposal" : "ike-proposal";
  const words = parts.map((part) => (part === "group" && isEstablished ? "PFS group" : part));
  return { cause, said: `the peer proposed ${received}`, differs: words.join(" and ") };
}

function readSilence(text: string, { hasAnswered, hadChild }: Attempt): Finding | undefined {
  const count = Number(/^sending retransmit (\d+) of request /.exec(text)?.[1] ?? 0);
  // While a tunnel is up, one question without an answer is not its end.
  const isQuiet = count >= quietRetransmits && !hadChild;
  if (!isQuiet && !/^giving up after \d+ retransmits/.test(text)) return undefined;
  return hasAnswered
    ? { cause: "peer-stopped", said: "it answered at first, and then no more" }
    : { cause: "peer-silent", said: "" };
}
