// How the SAs of one connection fit what it should have. Pure. A round looks at all connections of its gateway but finds most as they
// were, so an answer is kept for as long as the connection and its SAs are the same objects.
import type { ChildSa, ConnectionSpec, IkeSa } from "../dataplane/dataplane.ts";

/** A connection's children, held against its CHILD_SAs. The same object as last time when neither has changed. */
export interface Fit {
  /** Names of children that carry traffic. */
  readonly installed: ReadonlySet<string>;
  /** Names of children that should be there and carry none. */
  readonly missing: readonly string[];
  /** CHILD_SAs that should not be there and are not on their way out, each with its IKE_SA. */
  readonly unwanted: readonly { readonly ikeSa: IkeSa; readonly child: ChildSa }[];
}

interface Kept {
  readonly ikeSas: readonly IkeSa[];
  readonly fit: Fit;
}

const kept = new WeakMap<ConnectionSpec, Kept>();

/** @param ikeSas those of this connection */
export function fitOf(spec: ConnectionSpec, ikeSas: readonly IkeSa[]): Fit {
  const before = kept.get(spec);
  if (before !== undefined && isSame(before.ikeSas, ikeSas)) return before.fit;
  const fit = compare(spec, ikeSas);
  kept.set(spec, { ikeSas, fit });
  return fit;
}

function isSame(before: readonly IkeSa[], now: readonly IkeSa[]): boolean {
  return before.length === now.length && now.every((ikeSa, index) => ikeSa === before[index]);
}

function compare({ children }: ConnectionSpec, ikeSas: readonly IkeSa[]): Fit {
  const wanted = new Set(children.map(({ name }) => name));
  const all = ikeSas.flatMap((ikeSa) => ikeSa.children.map((child) => ({ ikeSa, child })));
  const installed = new Set(all.flatMap(({ child }) => (isInstalled(child.state) ? [child.name] : [])));
  return {
    installed,
    missing: [...wanted].filter((name) => !installed.has(name)),
    unwanted: all.filter(
      ({ ikeSa, child }) => !wanted.has(child.name) && child.state !== "DELETING" && ikeSa.state !== "DELETING",
    ),
  };
}

/** Whether a CHILD_SA carries traffic, or is being replaced by one that will. */
export function isInstalled(state: string): boolean {
  return state === "INSTALLED" || state === "UPDATING" || state === "REKEYING";
}

/** IKE_SAs by the connection they were made by. */
export function byConnection(ikeSas: readonly IkeSa[]): ReadonlyMap<string, readonly IkeSa[]> {
  return Map.groupBy(ikeSas, (ikeSa) => ikeSa.connection);
}
