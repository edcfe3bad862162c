// The two-site lab: a remote site with a strongSwan of its own behind the public wire, and a host in each VPC that is asked for.
// `up` makes what is missing and `down` removes what `up` made. The VPN gateways in between are the server's.
import type { Names } from "../dataplane/charon/names.ts";
import { formatNetwork, networkAt, parseAddress } from "../vpn/network.ts";
import { Secret } from "../vpn/secret.ts";
import { checkIsRoot, checkPrerequisites } from "./prerequisites.ts";
import { strongswanConf, swanctlConf } from "./remote-config.ts";
import { findLabState, type LabState, type LabVpc, removeLabState, writeLabState } from "./state.ts";
import { remotePlace, removeSwan, startSwan, writeSwanFiles } from "./strongswan.ts";
import {
  listLabNamespaces,
  makeRemoteSite,
  makeVpcHost,
  type RemoteLinks,
  removeRemoteSite,
  removeVpcHost,
  siteAddresses,
  vpcAddresses,
} from "./topology.ts";

export type { RemoteChildSa, RemoteIkeSa } from "./list-sas.ts";
export type { LabVpc } from "./state.ts";
export { type LabHost, type LabStatus, labStatus } from "./status.ts";

export interface LabOptions extends RemoteLinks {
  readonly names: Names;
  readonly preSharedKey: Secret;
  /** Gets a host on its wire, beside those of earlier calls. */
  readonly vpc?: LabVpc | undefined;
}

/** The remote site of the vendor's own example of AddVpnConnEx, its pre-shared key included. */
export const labDefaults = {
  publicPrefixLength: 24,
  remoteAddress: "198.51.100.100",
  siteNetwork: "10.56.20.0/24",
  preSharedKey: new Secret("dgdgd33"),
} as const;

/** Makes the lab, or what is missing of it; adds a host to `vpc` if one is given. @throws Error, one sentence for a person */
export async function labUp(options: LabOptions): Promise<void> {
  await checkPrerequisites();
  const { names, vpc, preSharedKey, remoteAddress, publicPrefixLength, siteNetwork } = options;
  const links = { remoteAddress, publicPrefixLength, siteNetwork };
  const publicNetwork = checkAddresses(options);
  const earlier = await findLabState(names);
  if (earlier !== undefined) checkIsSame(earlier, links);
  const former = earlier?.vpcs.find(({ id }) => id === vpc?.id);
  if (former !== undefined && former.cidr !== vpc?.cidr) await removeVpcHost(names, former.id);
  const others = (earlier?.vpcs ?? []).filter(({ id }) => id !== vpc?.id);
  const vpcs = vpc === undefined ? others : [...others, { id: vpc.id, uid: vpc.uid, cidr: vpc.cidr }];
  await writeLabState(names, { ...links, vpcs });
  await makeRemoteSite(names, links);
  for (const { id, cidr } of vpcs) await makeVpcHost(names, id, cidr);
  const place = remotePlace(names);
  await writeSwanFiles(place, {
    strongswanConf: strongswanConf(place.dir),
    swanctlConf: swanctlConf({ remoteAddress, siteNetwork, publicNetwork }, preSharedKey),
  });
  await startSwan(place);
}

/** Gives the public network. */
function checkAddresses({ vpc, remoteAddress, publicPrefixLength, siteNetwork }: LabOptions): string {
  const address = parseAddress(remoteAddress);
  if (address === undefined) throw new Error(`The lab's remote address must be an IPv4 address, not ${remoteAddress}.`);
  siteAddresses(siteNetwork);
  if (vpc !== undefined) vpcAddresses(vpc.cidr);
  return formatNetwork(networkAt(address, publicPrefixLength));
}

function checkIsSame(earlier: LabState, links: RemoteLinks): void {
  for (const key of ["remoteAddress", "publicPrefixLength", "siteNetwork"] as const) {
    if (earlier[key] !== links[key]) {
      throw new Error(`The lab is up with ${key} ${earlier[key]}, not ${links[key]}: run \`culvert lab down\` first.`);
    }
  }
}

/** Removes the lab: its charon, its namespaces, its ports and its files. Fine when nothing is there. */
export async function labDown(names: Names): Promise<void> {
  checkIsRoot();
  const recorded = await findLabState(names).catch(() => ({ vpcs: [] }));
  const { namespaces, vpcIds } = await listLabNamespaces(names);
  await removeSwan(remotePlace(names));
  // A wire with nobody on it is the server's, unless we have been on it.
  if (recorded !== undefined || namespaces.length > 0) {
    const all = new Set([...vpcIds, ...(recorded?.vpcs ?? []).map(({ id }) => id)]);
    for (const vpcId of all) await removeVpcHost(names, vpcId);
    await removeRemoteSite(names);
  }
  await removeLabState(names);
}
