// Desired and actual in, steps out. Pure: applying a plan leaves nothing to plan.
import type { ActualGateway, ChildSa, IkeSa, Step } from "../dataplane/dataplane.ts";
import { type Attempts, quickModeMs } from "./attempts.ts";
import { type DesiredConnection, uidOf } from "./desired.ts";
import { byConnection, fitOf } from "./fit.ts";

/** What should be there. */
export interface DesiredGateway {
  readonly localNetworks: ReadonlySet<string>;
  readonly connections: ReadonlyMap<string, DesiredConnection>;
}

/** Steps in the order they must be done, and when to look again if nothing wakes the loop before. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly lookAgainMs: number | undefined;
}

/** Children that an IKE_SA may take with it when it goes. */
const childrenEndedAtOnce = 50;

/** A gateway that should not be there: any part of it may be left, so both steps are done, and both bear repeating. */
export const removal: readonly Step[] = [{ kind: "stop-charon" }, { kind: "remove-network" }];

/** The network and charon of a gateway that should be there. */
export function planGateway(actual: ActualGateway): Step[] {
  const steps: Step[] = [];
  if (!actual.hasNetwork) steps.push({ kind: "make-network" });
  if (!actual.isRunning) steps.push({ kind: "start-charon" });
  return steps;
}

/**
 * What should be loaded, and what should not be there, on a gateway that runs. Everything is loaded before anything is ended: when
 * charon refuses a change, what it was to replace is still there.
 */
export function planLoading(desired: DesiredGateway, actual: ActualGateway): Step[] {
  const steps: Step[] = [];
  const owned = new Set(actual.localNetworks);
  for (const network of desired.localNetworks) {
    if (!owned.has(network)) steps.push({ kind: "add-local-network", network });
  }
  for (const [name, { spec, secretFingerprint, connectionFingerprint }] of desired.connections) {
    if (actual.secrets.get(name) !== secretFingerprint) {
      steps.push({ kind: "load-secret", connection: spec, fingerprint: secretFingerprint });
    }
    if (actual.connections.get(name) !== connectionFingerprint) {
      steps.push({ kind: "load-connection", connection: spec, fingerprint: connectionFingerprint });
    }
  }
  // What is unloaded first cannot come up again while its SAs are being ended.
  for (const name of actual.connections.keys()) {
    if (!desired.connections.has(name)) steps.push({ kind: "unload-connection", name });
  }
  for (const name of actual.secrets.keys()) {
    if (!desired.connections.has(name)) steps.push({ kind: "unload-secret", name });
  }
  steps.push(...planEndings(desired, actual.ikeSas));
  for (const network of owned) {
    if (!desired.localNetworks.has(network)) steps.push({ kind: "remove-local-network", network });
  }
  return steps;
}

export function isLoading({ kind }: Step): boolean {
  return kind === "load-secret" || kind === "load-connection";
}

/** What a step is about: a connection by its name, or a channel by its unified id, which its children's names begin with. */
export function subjectOf(step: Step): string {
  switch (step.kind) {
    case "load-secret":
    case "load-connection":
      return step.connection.name;
    case "initiate-child":
    case "terminate-ike-sa":
      return step.connection;
    case "terminate-child-sa":
    case "rekey-child-sa":
      return uidOf(step.child);
    case "unload-connection":
    case "unload-secret":
      return step.name;
    default:
      return "";
  }
}

function planEndings(desired: DesiredGateway, ikeSas: readonly IkeSa[]): Step[] {
  const steps: Step[] = [];
  for (const [connection, own] of byConnection(ikeSas)) {
    const wanted = desired.connections.get(connection);
    if (wanted === undefined) {
      for (const ikeSa of own) if (ikeSa.state !== "DELETING") steps.push(...planEnding(ikeSa));
      continue;
    }
    steps.push(...fitOf(wanted.spec, own).unwanted.map(({ child }) => endingOf(child)));
  }
  return steps;
}

/** An IKE_SA that goes tells the peer of each child at once, and the last words are its own: one with many children loses them first. */
function planEnding({ uniqueId, connection, children }: IkeSa): Step[] {
  const first = children.length > childrenEndedAtOnce ? children.map(endingOf) : [];
  return [...first, { kind: "terminate-ike-sa", uniqueId, connection }];
}

function endingOf({ uniqueId, name }: ChildSa): Step {
  return { kind: "terminate-child-sa", uniqueId, child: name };
}

/** Which children to initiate now, and when to look again. `attempts` is asked, not changed. */
export function planInitiations(
  desired: DesiredGateway,
  ikeSas: readonly IkeSa[],
  attempts: Attempts,
  nowMs: number,
): Plan {
  const sasOf = byConnection(ikeSas);
  const endings: Step[] = [];
  const due: { readonly connection: string; readonly child: string }[] = [];
  let lookAgainMs: number | undefined;
  const lookAgainAt = (atMs: number) => {
    lookAgainMs = Math.min(lookAgainMs ?? Number.POSITIVE_INFINITY, atMs);
  };
  for (const [connection, { spec }] of desired.connections) {
    const own = sasOf.get(connection) ?? [];
    const { missing } = fitOf(spec, own);
    if (missing.length === 0) continue;
    const verdicts = missing.map((child) => ({ child, verdict: attempts.judge(child, own, nowMs) }));
    if (verdicts.some(({ verdict }) => verdict.kind === "give-up")) {
      endings.push(...endOverdue(own, attempts, nowMs));
      lookAgainAt(nowMs + 100);
      continue;
    }
    for (const { child, verdict } of verdicts) {
      if (verdict.kind === "wait") lookAgainAt(verdict.untilMs);
      else due.push({ connection, child });
    }
  }
  // Whoever has waited longest goes first: else children of silent peers, tried again and again, could keep the others out.
  const lastMs = (child: string) => attempts.lastStartMs(child) ?? -1;
  const inTurn = due.toSorted((a, b) => lastMs(a.child) - lastMs(b.child));
  const initiations = inTurn
    .slice(0, attempts.room(nowMs))
    .map(({ connection, child }): Step => ({ kind: "initiate-child", connection, child }));
  // charon reports what comes up and what goes down, but not a quick mode that the peer refuses.
  if (initiations.length > 0) lookAgainAt(nowMs + quickModeMs);
  if (initiations.length < due.length) lookAgainAt(nowMs + 50);
  return { steps: [...endings, ...initiations], lookAgainMs };
}

function endOverdue(ikeSas: readonly IkeSa[], attempts: Attempts, nowMs: number): Step[] {
  return ikeSas
    .filter((sa) => attempts.isOverdue(sa, nowMs))
    .map(({ uniqueId, connection }) => ({ kind: "terminate-ike-sa", uniqueId, connection }));
}
