// Frames made by hand: what is on the public wire of a VPN, and everything that must not pass for it.
import { describe, expect, it } from "vitest";
import { makeClassifier } from "./frame.ts";

const short = (value: number) => [value >> 8, value & 255];
const classify = (frame: Uint8Array) => makeClassifier()(frame);
const data = [1, 2, 3, 4, 5, 6, 7, 8, 9];

function ethernet(etherType: number, payload: Iterable<number>, tags: readonly number[] = []): Uint8Array {
  const frame = [...new Array<number>(12).fill(2), ...tags, ...short(etherType), ...payload];
  return Uint8Array.from([...frame, ...new Array<number>(Math.max(0, 60 - frame.length)).fill(0)]);
}

interface Ipv4 {
  readonly id?: number;
  /** In units of eight bytes. */
  readonly offset?: number;
  readonly hasMore?: boolean;
  readonly options?: readonly number[];
  readonly source?: number;
}

function ipv4(protocol: number, payload: readonly number[], header: Ipv4 = {}): number[] {
  const { id = 1, offset = 0, hasMore = false, options = [], source = 10 } = header;
  const length = 20 + options.length;
  const addresses = [198, 51, 100, source, 198, 51, 100, 100];
  const fragmentation = short(offset | (hasMore ? 0x2000 : 0));
  const fields = [0x40 | (length / 4), 0, ...short(length + payload.length), ...short(id), ...fragmentation];
  return [...fields, 64, protocol, 0, 0, ...addresses, ...options, ...payload];
}

const udp = (from: number, to: number, payload: readonly number[]) => [
  ...short(from),
  ...short(to),
  ...short(8 + payload.length),
  0,
  0,
  ...payload,
];
const udpFrame = (from: number, to: number, payload: readonly number[], header?: Ipv4) =>
  ethernet(0x0800, ipv4(17, udp(from, to, payload), header));

describe("makeClassifier", () => {
  it.each([
    ["IKE on 500", udpFrame(500, 500, data), "ike"],
    ["IKE from behind a NAT", udpFrame(31_337, 500, data), "ike"],
    ["IKE on 4500, behind the non-ESP marker", udpFrame(4500, 4500, [0, 0, 0, 0, ...data]), "ike"],
    ["ESP in UDP", udpFrame(4500, 4500, data), "esp"],
    ["ESP in UDP from behind a NAT", udpFrame(31_337, 4500, data), "esp"],
    ["ESP in UDP with one zero byte in its SPI", udpFrame(4500, 4500, [0, 0, 0, 1, ...data]), "esp"],
    ["ESP behind IPv4 options", udpFrame(4500, 4500, data, { options: [1, 1, 1, 0] }), "esp"],
    ["ESP itself", ethernet(0x0800, ipv4(50, data)), "esp"],
    ["ESP under a VLAN tag", ethernet(0x0800, ipv4(50, data), [0x81, 0, 0, 5]), "esp"],
    ["ESP under two VLAN tags", ethernet(0x0800, ipv4(50, data), [0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]), "esp"],
    ["a NAT keep-alive in a padded frame", udpFrame(4500, 4500, [0xff]), "keepalive"],
    ["a multicast report", ethernet(0x0800, ipv4(2, data)), "clear"],
    ["ARP", ethernet(0x0806, data), "arp"],
    ["ping", ethernet(0x0800, ipv4(1, data)), "clear"],
    ["ping under a VLAN tag", ethernet(0x0800, ipv4(1, data), [0x81, 0, 0, 5]), "clear"],
    ["AH, which hides nothing", ethernet(0x0800, ipv4(51, data)), "clear"],
    ["TCP to port 500", ethernet(0x0800, ipv4(6, udp(500, 500, data))), "clear"],
    ["another port", udpFrame(500 + 4500, 53, data), "clear"],
    ["one byte on 4500 that is no keep-alive", udpFrame(4500, 4500, [0xfe]), "clear"],
    ["too little on 4500 for ESP", udpFrame(4500, 4500, [1, 2, 3, 4, 5, 6, 7]), "clear"],
    ["UDP without a header", ethernet(0x0800, ipv4(17, [])), "clear"],
    ["IPv6", ethernet(0x86dd, data), "clear"],
    ["a spanning tree frame", ethernet(38, [0x42, 0x42, 3]), "clear"],
    ["an IPv4 header of the wrong version", ethernet(0x0800, [0x65, ...ipv4(50, data).slice(1)]), "clear"],
    ["an IPv4 header of less than 20 bytes", ethernet(0x0800, [0x44, ...ipv4(50, data).slice(1)]), "clear"],
  ])("takes %s for what it is", (_name, frame, traffic) => {
    expect(classify(frame)).toBe(traffic);
  });

  it("takes every frame that was cut short for clear, up to where it tells what it is", () => {
    const frame = udpFrame(4500, 4500, data);
    const told = Array.from(frame, (_byte, length) => classify(frame.subarray(0, length)));
    expect(told.slice(0, 14 + 20 + 8 + 8)).toEqual(new Array(50).fill("clear"));
    expect(told.slice(50).every((traffic) => traffic === "esp")).toBe(true);
  });
});

describe("fragments", () => {
  const first = (payload: readonly number[], header: Ipv4 = {}) =>
    udpFrame(4500, 4500, payload, { hasMore: true, ...header });
  const later = (header: Ipv4 = {}) => ethernet(0x0800, ipv4(17, data, { offset: 3, ...header }));

  it("are what the first of their datagram was", () => {
    const next = makeClassifier();
    const order = [
      first(data),
      first([0, 0, 0, 0, ...data], { id: 2 }),
      later({ hasMore: true }),
      later({ id: 2 }),
      later(),
    ];
    expect(order.map(next)).toEqual(["esp", "ike", "esp", "ike", "esp"]);
  });

  it("are clear without a first one, after the last one, and from elsewhere", () => {
    const next = makeClassifier();
    const order = [later(), first(data), later({ source: 11 }), later(), later()];
    expect(order.map(next)).toEqual(["clear", "esp", "clear", "esp", "clear"]);
  });

  it("of ESP itself need no first one", () => {
    expect(classify(ethernet(0x0800, ipv4(50, data, { offset: 3 })))).toBe("esp");
  });

  it("are forgotten, oldest first, before they can fill the memory", () => {
    const next = makeClassifier();
    for (let id = 0; id < 300; id += 1) next(first(data, { id }));
    expect([next(later({ id: 0 })), next(later({ id: 299 }))]).toEqual(["clear", "esp"]);
  });
});
