// A VPN channel as the device at its far end sees it: identities and networks swapped, both gateways' addresses, and nothing of how
// the API or a device spells them. Every vendor's text is written from this alone. Pure.
import type { ExchangeMode, Identity, IkeSettings, IpsecSettings } from "../vpn/algorithms.ts";
import type { VpnConnView } from "../vpn/entities.ts";
import { type Network, storedNetwork } from "../vpn/network.ts";
import type { Secret } from "../vpn/secret.ts";

/** One (own, cloud) pair of networks. IKEv1 carries one pair per CHILD_SA (RFC 2409 5.5). */
export interface NetworkPair {
  /** Behind the device. */
  readonly own: Network;
  /** Behind the VPN gateway. */
  readonly cloud: Network;
}

export interface PeerView {
  /** The channel's unified id, `vpnx-ol6bcqp0`: letters, digits and a hyphen, 13 characters. Names everything on the device. */
  readonly uid: string;
  /** The channel's numeric id, from 1: for devices that number things. */
  readonly number: number;
  /** The device's public address. */
  readonly ownAddress: string;
  readonly gatewayAddress: string;
  /** The device's interface on the public side; see isInterfaceName. */
  readonly interfaceName: string;
  /** undefined: the caller may not see it. */
  readonly preSharedKey: Secret | undefined;
  readonly exchangeMode: ExchangeMode;
  /** Without the identities: who is local depends on the side. */
  readonly ike: Pick<IkeSettings, "encryption" | "integrity" | "dhGroup" | "lifetimeSeconds">;
  readonly ipsec: IpsecSettings;
  /** Who the device says it is. */
  readonly ownIdentity: Identity;
  /** Who the VPN gateway says it is. */
  readonly gatewayIdentity: Identity;
  readonly pairs: readonly NetworkPair[];
}

export interface PeerViewOptions {
  readonly interfaceName: string;
  readonly mayShowKey: boolean;
}

export function peerViewOf({ conn, vpnGw, userGw }: VpnConnView, options: PeerViewOptions): PeerView {
  const { encryption, integrity, dhGroup, lifetimeSeconds, exchangeMode } = conn.ike;
  return {
    uid: conn.uid,
    number: conn.id,
    ownAddress: userGw.address,
    gatewayAddress: vpnGw.publicAddress,
    interfaceName: options.interfaceName,
    preSharedKey: options.mayShowKey ? conn.preSharedKey : undefined,
    exchangeMode,
    ike: { encryption, integrity, dhGroup, lifetimeSeconds },
    ipsec: conn.ipsec,
    ownIdentity: conn.ike.remoteIdentity,
    gatewayIdentity: conn.ike.localIdentity,
    pairs: conn.spds.flatMap(({ local, peers }) =>
      peers.map((peer) => ({ own: storedNetwork(peer), cloud: storedNetwork(local) })),
    ),
  };
}

const interfacePattern = /^[A-Za-z0-9](?:[A-Za-z0-9 ._:/@-]{0,62}[A-Za-z0-9])?$/;

/**
 * What an interface's name may be made of: 1-64 letters, digits, blanks and `. _ : / @ -`, beginning and ending with a letter or a
 * digit. None of them ends a line or an argument on any of the devices, so nothing has to be escaped.
 */
export function isInterfaceName(text: string): boolean {
  return interfacePattern.test(text);
}
