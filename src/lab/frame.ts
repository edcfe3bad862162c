// Tells what an Ethernet frame on the public wire is: part of a VPN, or traffic that anybody can read. Pure.
// In doubt a frame is clear: the count of clear frames is the proof that nothing leaks.

/** `keepalive` is the one byte that holds a NAT mapping open (RFC 3948 2.3); `clear` is everything that is nothing else. */
export type Traffic = "ike" | "esp" | "arp" | "keepalive" | "clear";

const etherTypes = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, serviceVlan: 0x88a8 };
const protocols = { udp: 17, esp: 50 };
const ports = { ike: 500, natTraversal: 4500 };
/** SPI and sequence number: the least an ESP packet begins with (RFC 4303 2). */
const espHeaderLength = 8;
/** Datagrams in pieces that are remembered at once; far more than a wire of the lab has in flight. */
const rememberedDatagrams = 256;

/** Makes a classifier for the frames of one wire, in order: a later fragment is what its datagram's first fragment was. */
export function makeClassifier(): (frame: Uint8Array) => Traffic {
  const datagrams = new Map<string, Traffic>();
  return (frame) => {
    const [etherType, payload] = readEthernet(frame);
    if (etherType === etherTypes.arp) return "arp";
    return etherType === etherTypes.ipv4 ? classifyIpv4(payload, datagrams) : "clear";
  };
}

function readEthernet(frame: Uint8Array): [etherType: number | undefined, payload: Uint8Array] {
  let offset = 12;
  let etherType = readShort(frame, offset);
  while (etherType === etherTypes.vlan || etherType === etherTypes.serviceVlan) {
    offset += 4;
    etherType = readShort(frame, offset);
  }
  return [etherType, frame.subarray(offset + 2)];
}

function classifyIpv4(packet: Uint8Array, datagrams: Map<string, Traffic>): Traffic {
  const [first = 0] = packet;
  const headerLength = (first & 0x0f) * 4;
  const totalLength = readShort(packet, 2);
  const fragmentation = readShort(packet, 6);
  const isHeader = first >> 4 === 4 && headerLength >= 20 && packet.length >= headerLength;
  if (!isHeader || totalLength === undefined || fragmentation === undefined) return "clear";
  if (packet[9] === protocols.esp) return "esp";
  if (packet[9] !== protocols.udp) return "clear";
  // A short frame is padded: only the IP header tells where the packet ends (RFC 894).
  const datagram = packet.subarray(headerLength, Math.max(headerLength, totalLength));
  const hasMore = (fragmentation & 0x2000) !== 0;
  const isLater = (fragmentation & 0x1fff) !== 0;
  if (!hasMore && !isLater) return classifyUdp(datagram);
  const key = Buffer.from([...packet.subarray(4, 6), ...packet.subarray(12, 20)]).toString("hex");
  const traffic = isLater ? (datagrams.get(key) ?? "clear") : classifyUdp(datagram);
  datagrams.delete(key);
  if (hasMore) datagrams.set(key, traffic);
  const [oldest] = datagrams.keys();
  if (datagrams.size > rememberedDatagrams && oldest !== undefined) datagrams.delete(oldest);
  return traffic;
}

/** IKE is on port 500, and on port 4500 behind four zero bytes; what else is on 4500 is ESP (RFC 3948 2). */
function classifyUdp(datagram: Uint8Array): Traffic {
  const found = [readShort(datagram, 0), readShort(datagram, 2)];
  const payload = datagram.subarray(8);
  if (found.includes(ports.ike)) return "ike";
  if (!found.includes(ports.natTraversal)) return "clear";
  if (readShort(datagram, 4) === 9 && payload[0] === 0xff) return "keepalive";
  if (payload.length < espHeaderLength) return "clear";
  return payload.subarray(0, 4).every((byte) => byte === 0) ? "ike" : "esp";
}

function readShort(bytes: Uint8Array, offset: number): number | undefined {
  const [high, low] = bytes.subarray(offset, offset + 2);
  return high === undefined || low === undefined ? undefined : (high << 8) | low;
}
