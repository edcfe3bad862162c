// What is reported by a host that is trusted with its own gateways alone: what it says of other channels is left out, those included that
// have gone since, as when a report comes twice.
import type { Db } from "../../store/store.ts";
import { findConnIdsOfGw } from "../../store/vpn-conns.ts";
import type { RoundOutcome } from "../control.ts";

/** @returns what is told of channels that the gateway has */
export async function keepOwn<T>(
  db: Db,
  gatewayId: number,
  told: readonly T[],
  connIdOf: (each: T) => number,
): Promise<readonly T[]> {
  const own = await findConnIdsOfGw(db, gatewayId, told.map(connIdOf));
  return told.filter((each) => own.has(connIdOf(each)));
}

export async function keepOwnRound(db: Db, gatewayId: number, outcome: RoundOutcome): Promise<RoundOutcome> {
  const { conns, netStatuses, diagnoses } = outcome;
  const told = [...conns.map(({ connId }) => connId), ...netStatuses.keys(), ...diagnoses.keys()];
  const own = await findConnIdsOfGw(db, gatewayId, told);
  const isOwn = ([connId]: readonly [number, unknown]) => own.has(connId);
  return {
    ...outcome,
    conns: conns.filter(({ connId }) => own.has(connId)),
    netStatuses: new Map([...netStatuses].filter(isOwn)),
    diagnoses: new Map([...diagnoses].filter(isOwn)),
  };
}
