// What is there of the lab, read from the machine and from the remote site's own charon. Changes nothing.
import { listLinks } from "../dataplane/charon/bridges.ts";
import type { Names } from "../dataplane/charon/names.ts";
import { parseSas, type RemoteIkeSa } from "./list-sas.ts";
import { checkIsRoot } from "./prerequisites.ts";
import { findLabState, type LabVpc } from "./state.ts";
import { remotePlace, swanctl } from "./strongswan.ts";
import { findSwan } from "./swan-process.ts";
import { siteAddresses, vpcAddresses } from "./topology.ts";

/** A host of the lab. */
export interface LabHost {
  readonly namespace: string;
  readonly address: string;
  readonly gateway: string;
}

export interface LabStatus {
  /** Everything that `up` makes is there, and the remote charon runs. */
  readonly isUp: boolean;
  readonly remote?: {
    readonly namespace: string;
    readonly address: string;
    readonly siteNetwork: string;
    readonly charonPid: number | undefined;
    /** As the remote site sees them. */
    readonly ikeSas: readonly RemoteIkeSa[];
  };
  readonly siteHost?: LabHost;
  readonly hosts: readonly (LabHost & { readonly vpc: LabVpc })[];
}

/** What is there of the lab. */
export async function labStatus(names: Names): Promise<LabStatus> {
  checkIsRoot();
  const state = await findLabState(names);
  if (state === undefined) return { isUp: false, hosts: [] };
  const place = remotePlace(names);
  const charonPid = await findSwan(place);
  const ikeSas =
    charonPid === undefined
      ? undefined
      : await swanctl(place, "--list-sas", "--pretty").then(parseSas, () => undefined);
  const siteHost = hostOf(names.labNamespace("site"), siteAddresses(state.siteNetwork));
  const hosts = state.vpcs.map((vpc) => ({
    ...hostOf(names.labNamespace(`host${vpc.id}`), vpcAddresses(vpc.cidr)),
    vpc,
  }));
  const namespaces = [place.namespace, siteHost.namespace, ...hosts.map(({ namespace }) => namespace)];
  const links = await Promise.all(namespaces.map(listLinks));
  return {
    isUp: ikeSas !== undefined && links.every((found) => found.some(({ ifname }) => /^(wan0|eth0)$/.test(ifname))),
    remote: {
      namespace: place.namespace,
      address: state.remoteAddress,
      siteNetwork: state.siteNetwork,
      charonPid,
      ikeSas: ikeSas ?? [],
    },
    siteHost,
    hosts,
  };
}

function hostOf(namespace: string, { host, gateway }: { host: string; gateway: string }): LabHost {
  return { namespace, address: host, gateway };
}
