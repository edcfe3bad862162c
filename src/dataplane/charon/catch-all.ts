// A connection for whoever fits no other. Nobody can come up by it: it has no child, and asks for a certificate where none is trusted.
// But with it charon reads the proposal of a peer that it has no connection for, and writes it into its log.
import type { ViciMessage } from "../../vici/codec.ts";

/** Our own connections have a hyphen in their names. */
export const catchAllName = "nobody";

/** Its load-conn message. A connection with the peer's own address is always preferred to it. */
export const catchAll: ViciMessage = {
  [catchAllName]: {
    version: "1",
    // No choice of the contract.
    proposals: ["aes256-sha512-modp8192"],
    local_addrs: ["%any"],
    remote_addrs: ["%any"],
    // Were it a key, a peer that has the right one and begins in the wrong mode would come up here.
    local: { auth: "pubkey" },
    remote: { auth: "pubkey" },
  },
};
