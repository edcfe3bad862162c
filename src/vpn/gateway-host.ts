// Gateway hosts: the machines that run VPN gateways. Pure.

/**
 * `ready` takes gateways; `cordoned` keeps those it has and takes no more; `draining` takes none, and those it has move to others one
 * after the other.
 */
export const hostStates = ["ready", "cordoned", "draining"] as const;
export type HostState = (typeof hostStates)[number];

export type HostLabels = Readonly<Record<string, string>>;

export interface GatewayHost {
  readonly id: number;
  readonly name: string;
  /** `region` and `account` bind it to gateways of that region, of the account of that name; others are for people. */
  readonly labels: HostLabels;
  /** How many gateways it may run; 0: as many as there are. */
  readonly capacity: number;
  readonly state: HostState;
  /** Whose renewals are taken; undefined: nobody renews its leases. */
  readonly session: string | undefined;
  /** Whether it said last that it is about to stop, and others are to have its gateways. */
  readonly isStopping: boolean;
  /** Raised by each renewal. */
  readonly renewals: number;
  readonly createdAtMs: number;
}

/** As host names are written: RFC 1123 section 2.1. */
const namePattern =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

export function isHostName(text: string): boolean {
  return namePattern.test(text);
}

export function isLabelKey(text: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/.test(text);
}

/** Whether a host's labels let it run a gateway. @param account name of the gateway's account */
export function fitsLabels(
  labels: HostLabels,
  gateway: { readonly region: string; readonly account: string },
): boolean {
  const { region = gateway.region, account = gateway.account } = labels;
  return region === gateway.region && account === gateway.account;
}
