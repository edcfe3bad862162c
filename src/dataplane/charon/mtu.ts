// How large a packet may be that goes through a tunnel, and how large TCP's segments in it. Pure.

/** The MTU that charon's TUN is made with (strongSwan, TUN_DEFAULT_MTU); it cannot read larger packets. */
const tunMtu = 1_400;

/** What is around a packet in an ESP tunnel of the contract, in bytes: the longest of each. */
const outside = { ip: 20, udp: 8, esp: 8, initialVector: 16, integrity: 12 } as const;
/** AES's; the padding fills a block up, and ends with two bytes that say so (RFC 4303, 2). */
const blockBytes = 16;
const trailerBytes = 2;
/** The headers of IPv4 and TCP without options: what an MSS does not count (RFC 9293, 3.7.1). */
const tcpHeaderBytes = 40;

/** The MTU of tunnels, whichever cipher they have, on a public network whose MTU is `publicMtu`: 1400 at 1500. */
export function tunnelMtu(publicMtu: number): number {
  const rest = publicMtu - Object.values(outside).reduce((sum, bytes) => sum + bytes, 0);
  return Math.min(tunMtu, Math.floor(rest / blockBytes) * blockBytes - trailerBytes);
}

/** The largest MSS that fits through them: 1360 at 1500. */
export function tunnelMss(publicMtu: number): number {
  return tunnelMtu(publicMtu) - tcpHeaderBytes;
}
