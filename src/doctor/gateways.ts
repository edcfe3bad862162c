// The gateways that the database speaks of, and why those that do not run do not.
import { findCharon } from "../dataplane/charon/charon-process.ts";
import type { Names } from "../dataplane/charon/names.ts";
import type { DatabasePlace } from "../store/open.ts";
import { type PeekedVpnGw, peekVpnGws } from "../store/peek.ts";
import { type Check, fail, ok, reasonOf, trimStop, warn } from "./check.ts";

/** More would bury the rest. */
const mostShown = 20;

/** @returns none when there is no database; why not, when it cannot be read */
export async function probeGateways(place: DatabasePlace): Promise<readonly PeekedVpnGw[] | string> {
  try {
    return await peekVpnGws(place);
  } catch (error) {
    return reasonOf(error);
  }
}

/** Gateways that should run and whose charon does not. */
export async function probeSilent(names: Names, gateways: readonly PeekedVpnGw[]): Promise<Set<number>> {
  const silent = new Set<number>();
  for (const { id } of gateways) {
    const place = { namespace: names.gatewayNamespace(id), dir: names.gatewayDir(id) };
    if ((await findCharon(place)) === undefined) silent.add(id);
  }
  return silent;
}

/** @param silent gateways without a charon; undefined when the machine was not looked at */
export function judgeGateways(
  gateways: readonly PeekedVpnGw[] | string,
  silent: ReadonlySet<number> | undefined,
  isServerHere: boolean | undefined,
): Check[] {
  if (typeof gateways === "string") {
    return [
      fail("gateways", `The database cannot be read: ${gateways}.`, "Run it as the user that the server runs as."),
    ];
  }
  if (gateways.length === 0) return [ok("gateways", "There are none.")];
  const unwell = gateways.flatMap(
    (gateway) => judgeGateway(gateway, silent?.has(gateway.id) === true, isServerHere) ?? [],
  );
  if (unwell.length === 0) return [ok("gateways", `Running: ${gateways.length} of ${gateways.length}.`)];
  const rest = unwell.length > mostShown ? `; ${mostShown} of the others are shown` : "";
  const summary = `Running: ${gateways.length - unwell.length} of ${gateways.length}${rest}.`;
  return [warn("gateways", summary), ...unwell.slice(0, mostShown)];
}

/** undefined: it runs. */
function judgeGateway(gateway: PeekedVpnGw, isSilent: boolean, isServerHere: boolean | undefined): Check | undefined {
  const name = gateway.uid;
  const start = "Start the server, `culvert serve`: it brings its gateways up.";
  const reason = trimStop(gateway.failure ?? "no reason was noted");
  switch (gateway.status) {
    case "running":
      if (!isSilent) return undefined;
      if (isServerHere === false) return warn(name, "It is to run, but its charon does not.", start);
      return warn(name, "Its charon does not run at the moment; the server starts it again.");
    case "delivering":
      return warn(name, "It has not been made yet.", isServerHere === false ? start : undefined);
    case "delivery-failed":
      return fail(name, `It could not be made to run: ${reason}.`, `Mend that; ${again(isServerHere)}.`);
    case "deleting":
      return warn(name, "It is being deleted.", isServerHere === false ? start : undefined);
    case "delete-failed":
      return fail(name, `It could not be deleted: ${reason}.`, `Mend that; ${again(isServerHere)}.`);
  }
}

function again(isServerHere: boolean | undefined): string {
  return isServerHere === false ? "then start the server, `culvert serve`" : "the server tries again by itself";
}
