// A change of a VPN channel: what it comes to on top of what is there, and which phases it touches. api-v2.md 4.3. Pure.
import type { Identity, IkeSettings, IpsecSettings } from "./algorithms.ts";
import { type IkeRequest, type IpsecRequest, ikeFields } from "./vpn-conn.ts";

/** A channel's phase 1 as somebody would ask for it. */
function ikeRequestOf({ localIdentity, remoteIdentity, ...rest }: IkeSettings): IkeRequest {
  return { ...rest, ...identityRequestOf("local", localIdentity), ...identityRequestOf("remote", remoteIdentity) };
}

function identityRequestOf(side: "local" | "remote", { type, value }: Identity): IkeRequest {
  const valueField = type === "fqdn" ? `${side}Fqdn` : `${side}Address`;
  return { [`${side}Identity`]: type, [valueField]: value };
}

/** A channel's phase 1 with a change on top: only the fields that are named change. */
export function changedIke(ike: IkeSettings, change: IkeRequest): IkeRequest {
  return { ...ikeRequestOf(ike), ...givenOf(change) };
}

/** A channel's phase 2 with a change on top. */
export function changedIpsec({ pfsGroup, ...ipsec }: IpsecSettings, change: IpsecRequest): IpsecRequest {
  return { ...ipsec, pfsGroup: pfsGroup ?? null, ...givenOf(change) };
}

function givenOf<Request extends object>(request: Request): Partial<Request> {
  const given = Object.entries(request).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Partial<Request>;
}

/** Whether two phases 1 are the same. */
export function isSameIke(a: IkeSettings, b: IkeSettings): boolean {
  const isSameIdentity = (["localIdentity", "remoteIdentity"] as const).every(
    (side) => a[side].type === b[side].type && a[side].value === b[side].value,
  );
  return isSameIdentity && ikeFields.every((field) => a[field] === b[field]);
}

/** Whether two phases 2 are the same. */
export function isSameIpsec(a: IpsecSettings, b: IpsecSettings): boolean {
  const fields = ["encryption", "integrity", "lifetimeSeconds", "lifetimeKilobytes", "pfsGroup"] as const;
  return fields.every((field) => a[field] === b[field]);
}
