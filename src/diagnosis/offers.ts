// What our end proposes, in one line.
import type { IkeSettings } from "../vpn/algorithms.ts";
import type { Channel } from "./diagnosis.ts";

/** A connection may have hundreds of pairs; a person reads a few. */
const mostShown = 8;

export function offerOfIke(ike: IkeSettings): string {
  return `${ike.encryption}, ${ike.integrity}, DH group ${ike.dhGroup}, ${ike.exchangeMode} mode, own identity ${ike.localIdentity.value}`;
}

export function offerOfIpsec({ children }: Pick<Channel, "children">): string {
  const offers = children.map(({ ipsec: { encryption, integrity, pfsGroup } }) => {
    return `${encryption}, ${integrity}, ${pfsGroup === undefined ? "no PFS" : `PFS group ${pfsGroup}`}`;
  });
  return list([...new Set(offers)], " or ");
}

/** Ours first, as charon writes a CHILD_SA. */
export function offerOfNetworks({ children }: Pick<Channel, "children">): string {
  return list(
    children.map(({ localNetwork, peerNetwork }) => `${localNetwork} === ${peerNetwork}`),
    ", ",
  );
}

function list(all: readonly string[], separator: string): string {
  const rest = all.length - mostShown;
  return all.slice(0, mostShown).join(separator) + (rest > 0 ? ` and ${rest} more` : "");
}
