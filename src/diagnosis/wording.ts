// A finding in a person's words: what is wrong, what to change at which end, what our end offers. Never a secret: none is known here.
import type { Diagnosis } from "../vpn/diagnosis.ts";
import type { Channel, Finding, Trouble } from "./diagnosis.ts";
import { offerOfIke, offerOfIpsec, offerOfNetworks } from "./offers.ts";

type Words = Pick<Diagnosis, "sentence" | "fix" | "offered">;

/** The whole answer. @param channel its own children are enough */
export function describe(channel: Omit<Channel, "name">, { finding, sinceMs, events }: Trouble): Diagnosis {
  return { cause: finding.cause, ...wordsOf(channel, finding), sinceMs, said: finding.said, events: [...events] };
}

function wordsOf(channel: Omit<Channel, "name">, { cause, differs = "" }: Finding): Words {
  const { remoteAddress: peer, localAddress: own, ike } = channel;
  const ourMode = `${ike.exchangeMode} mode`;
  switch (cause) {
    case "gateway-not-running":
      return {
        sentence: "The VPN gateway itself does not run, so no channel of it can be up.",
        fix: "Nothing to change at the peer. The server starts the gateway again by itself; its log says why it stopped.",
        offered: "",
      };
    case "peer-silent":
      return {
        sentence: `The peer ${peer} does not answer: nothing came back.`,
        fix: `Check the peer's address, that the device is on, and that it and every firewall between let UDP 500 and 4500 through from and to ${own}.`,
        offered: "",
      };
    case "peer-stopped":
      return {
        sentence: `The peer ${peer} answered and then stopped answering.`,
        fix: `Check that UDP 4500 is let through as UDP 500 is, that fragments are, and that the device is still on and has a policy for ${own}.`,
        offered: "",
      };
    case "ike-proposal":
      return {
        sentence:
          differs === ""
            ? "The peer does not accept our IKE proposal (phase 1), or has no connection for our address."
            : `The IKE proposals (phase 1) differ in: ${differs}.`,
        fix: `Set encryption, hash and DH group of phase 1 to the same at both ends, here or at the peer; IKEv1, peer address ${own}.`,
        offered: offerOfIke(ike),
      };
    case "pre-shared-key":
      return {
        sentence: "The two ends do not have the same pre-shared key.",
        fix: "Enter the same pre-shared key at both ends; look for blanks at its ends and for capitals.",
        offered: "",
      };
    case "identity":
      return {
        sentence: `The peer calls itself ${differs}, and the channel expects ${ike.remoteIdentity.value}.`,
        fix: `Here, set the remote identity to ${differs}; or at the peer, set its own identity to ${ike.remoteIdentity.value}.`,
        offered: offerOfIke(ike),
      };
    case "exchange-mode":
      return {
        sentence: `The peer uses ${differs.toLowerCase()} mode and this channel ${ourMode}.`,
        fix: `Set the exchange mode to the same at both ends: here to ${differs.toLowerCase()}, or at the peer to ${ike.exchangeMode}.`,
        offered: ourMode,
      };
    case "authentication-refused":
      return {
        sentence: `The peer refuses to authenticate us as ${ike.localIdentity.value} in ${ourMode}: it expects another identity or the other mode.`,
        fix: `At the peer, set the remote identity to ${ike.localIdentity.value} and the exchange mode to ${ike.exchangeMode}; or change them here to what the peer has.`,
        offered: `${ike.localIdentity.value} in ${ourMode}`,
      };
    case "ipsec-proposal":
      return {
        sentence: `The IPsec proposals (phase 2) differ in: ${differs}.`,
        fix: "Set encryption, hash and PFS group of phase 2 to the same at both ends, here or at the peer.",
        offered: offerOfIpsec(channel),
      };
    case "pfs":
      return {
        sentence: "The two ends do not agree on PFS: one has it and the other has not, or the groups differ.",
        fix: "Set the PFS group of phase 2 to the same at both ends, or switch PFS off at both.",
        offered: offerOfIpsec(channel),
      };
    case "ipsec-refused":
      return {
        sentence: "Phase 1 is up, and the peer does not accept our IPsec proposal (phase 2): algorithms or PFS differ.",
        fix: "Set encryption, hash and PFS group of phase 2 to the same at both ends, here or at the peer.",
        offered: offerOfIpsec(channel),
      };
    case "traffic-selectors":
      return {
        sentence:
          differs === ""
            ? `The peer has no policy for the networks of this channel: ${offerOfNetworks(channel)}.`
            : `The networks differ: the peer wants ${differs} (peer === here), this channel has ${offerOfNetworks(channel)} (here === peer).`,
        fix: "Set the local networks of one end to the peer networks of the other: the SPD rules here, the policy or access list at the peer.",
        offered: offerOfNetworks(channel),
      };
    case "peer-deleted":
      return {
        sentence: `The peer ${peer} took the tunnel down.`,
        fix: "Look at the peer for who or what did: an administrator, an idle timeout, a changed policy. The gateway goes on trying.",
        offered: "",
      };
    case "blocked-by-policy":
      return {
        sentence: `A firewall or routing policy of this machine forbids what we send to the peer ${peer}: nothing gets out.`,
        fix: `Here, let UDP 500 and 4500 from ${own} to ${peer} through: look at nftables and at prohibited routes of the gateway.`,
        offered: "",
      };
    case "one-way":
      return {
        sentence: "The tunnel is up, and packets go out through it but none come back.",
        fix: "The gateway negotiates it anew by itself. If nothing comes then: at the peer, check that its policy, its firewall and its routes send what is for our networks into the tunnel, and that the hosts there answer. Traffic that needs no answer looks the same.",
        offered: "",
      };
    case "volume-lifetime":
      return {
        sentence: `The tunnel carries so much that ${kilobytesOf(channel)} KB are used up before a renewal is done: packets get lost.`,
        fix: "Raise the volume lifetime of phase 2 (ipsecSaLifetimeTraffic) at both ends, so that it lasts for ten seconds at least.",
        offered: `${kilobytesOf(channel)} KB`,
      };
    case "dpd-timeout":
      return {
        sentence: `The tunnel was up, and then the peer ${peer} no longer answered (dead peer detection).`,
        fix: "Check that the peer and its line are up, and that nothing between forgets UDP 500 and 4500. The gateway goes on trying.",
        offered: "",
      };
  }
}

/** The smallest volume limit. */
function kilobytesOf({ children }: Pick<Channel, "children">): number {
  return Math.min(...children.map(({ ipsec }) => ipsec.lifetimeKilobytes));
}
