// A round in parts that each fit into a request, whatever a gateway has: diagnoses are what is long of it. Pure.
import type { DiagnosisChanges, RoundOutcome } from "../control.ts";

/** Some 8 KB each, at their longest. */
const mostDiagnoses = 500;

export function divideRound(outcome: RoundOutcome): RoundOutcome[] {
  const all = [...outcome.diagnoses];
  const parts: DiagnosisChanges[] = [];
  while (all.length > mostDiagnoses) parts.push(new Map(all.splice(0, mostDiagnoses)));
  return [...parts.map((diagnoses) => ({ ...nothing, diagnoses })), { ...outcome, diagnoses: new Map(all) }];
}

const nothing: RoundOutcome = {
  gatewayStatus: undefined,
  observedGeneration: undefined,
  conns: [],
  netStatuses: new Map(),
  diagnoses: new Map(),
  unknownPeers: undefined,
};
