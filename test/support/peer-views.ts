// Channels as the device at the far end sees them: a varied dozen to look at, and any channel there can be.
import fc from "fast-check";
import type { PeerView } from "../../src/peer-config/peer-view.ts";
import {
  dhGroups,
  exchangeModes,
  type Identity,
  ikeDefaults,
  ikeEncryptions,
  integrities,
  ipsecDefaults,
  ipsecEncryptions,
  lifetimeRanges,
} from "../../src/vpn/algorithms.ts";
import { formatAddress, networkAt, storedNetwork } from "../../src/vpn/network.ts";
import { Secret } from "../../src/vpn/secret.ts";
import { isFqdn, isPreSharedKey } from "../../src/vpn/text.ts";

const { exchangeMode, ...ike } = ikeDefaults;
const pair = (own: string, cloud: string) => ({ own: storedNetwork(own), cloud: storedNetwork(cloud) });
const address = (value: string): Identity => ({ type: "address", value });
const name = (value: string): Identity => ({ type: "fqdn", value });

/** Everything left to the API: the channel of the published example. The device's own default for the interface. */
const plain: Omit<PeerView, "interfaceName"> = {
  uid: "vpnx-ol6bcqp0",
  number: 399,
  ownAddress: "203.0.113.9",
  gatewayAddress: "198.51.100.10",
  preSharedKey: new Secret("dgdgd33"),
  exchangeMode,
  ike,
  ipsec: ipsecDefaults,
  ownIdentity: address("203.0.113.9"),
  gatewayIdentity: address("198.51.100.10"),
  pairs: [pair("10.56.20.0/24", "10.0.0.0/16")],
};

const names = { ownIdentity: name("idc.example.org"), gatewayIdentity: name("gw-1.example") };

/** By name; what is not said is as in the published example. */
export const channels: Readonly<Record<string, Omit<PeerView, "interfaceName"> & { interfaceName?: string }>> = {
  defaults: plain,
  best: {
    ...plain,
    ike: { ...ike, encryption: "aes256", integrity: "sha1", dhGroup: 14 },
    ipsec: { ...ipsecDefaults, encryption: "aes256", integrity: "sha1", pfsGroup: 14 },
  },
  "shortest-lifetimes": {
    ...plain,
    ike: { encryption: "aes128", integrity: "sha1", dhGroup: 2, lifetimeSeconds: 60 },
    ipsec: { ...ipsecDefaults, encryption: "aes128", lifetimeSeconds: 180, lifetimeKilobytes: 2_560, pfsGroup: 2 },
  },
  "longest-lifetimes": {
    ...plain,
    ike: { encryption: "aes192", integrity: "md5", dhGroup: 5, lifetimeSeconds: 604_800 },
    ipsec: {
      encryption: "aes192",
      integrity: "sha1",
      lifetimeSeconds: 604_800,
      lifetimeKilobytes: 4_294_967_295,
      pfsGroup: 5,
    },
  },
  "des-group24": {
    ...plain,
    ike: { ...ike, encryption: "des", integrity: "sha1", dhGroup: 24 },
    ipsec: { ...ipsecDefaults, encryption: "des", pfsGroup: 24 },
  },
  "null-encryption": { ...plain, ipsec: { ...ipsecDefaults, encryption: "null", integrity: "sha1", pfsGroup: 1 } },
  "aggressive-names": { ...plain, ...names, exchangeMode: "aggressive" },
  "main-names": { ...plain, ...names },
  "own-name-only": {
    ...plain,
    exchangeMode: "aggressive",
    ownIdentity: name("vpn86"),
    interfaceName: "GigabitEthernet 0/3",
  },
  "other-addresses": { ...plain, ownIdentity: address("192.168.0.2"), gatewayIdentity: address("10.9.8.7") },
  "many-networks": {
    ...plain,
    number: 70_001,
    pairs: [
      pair("192.168.0.0/24", "10.0.0.0/24"),
      pair("192.168.1.0/24", "10.0.0.0/24"),
      pair("192.168.2.0/25", "10.0.1.0/24"),
      pair("172.16.0.0/12", "10.0.2.0/30"),
      pair("203.0.113.77/32", "10.0.2.8/32"),
      pair("100.0.0.0/8", "10.0.3.0/27"),
    ],
  },
  "awkward-key": { ...plain, preSharedKey: new Secret(`!#$ "it's" \\n; {a=b} ?`) },
  "key-of-other-scripts": { ...plain, ...names, preSharedKey: new Secret("密钥🔑") },
  "hidden-key": { ...plain, ...names, preSharedKey: undefined },
};

const lifetime = ([min, max]: readonly [number, number]) => fc.integer({ min, max });
const anyAddress = fc.integer({ min: 0x01000000, max: 0xdfffffff }).map(formatAddress);
const anyNetwork = fc
  .tuple(fc.integer({ min: 0x01000000, max: 0xdfffffff }), fc.integer({ min: 8, max: 32 }))
  .map(([first, length]) => networkAt(first, length));
const anyName = fc
  .stringMatching(/^[A-Za-z0-9_]([A-Za-z0-9_-]{0,8}[A-Za-z0-9_])?(\.[A-Za-z0-9_]{1,12}){0,3}$/)
  .filter(isFqdn);
const anyIdentity = fc.oneof(anyAddress.map(address), anyName.map(name));

/** Any pre-shared key that the API takes, those that mean something to a device more often than by chance. */
export const anyKey = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 128, unit: "grapheme" }),
    fc.string({ minLength: 1, maxLength: 128, unit: fc.constantFrom(..."ab01 \t!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~") }),
    fc.constantFrom("0", "6", "0x12", "0sYQ==", "ENC secret", "$9$abc", "%^%#abc%^%#", "!quit", "#end", "key simple x"),
  )
  .filter(isPreSharedKey);

/** A channel with every part at random. */
export const anyView: fc.Arbitrary<Omit<PeerView, "interfaceName">> = fc.record({
  uid: fc.stringMatching(/^vpnx-[a-z0-9]{8}$/),
  number: fc.integer({ min: 1, max: 1_000_000 }),
  ownAddress: anyAddress,
  gatewayAddress: anyAddress,
  preSharedKey: anyKey.map((key) => new Secret(key)),
  exchangeMode: fc.constantFrom(...exchangeModes),
  ike: fc.record({
    encryption: fc.constantFrom(...ikeEncryptions),
    integrity: fc.constantFrom(...integrities),
    dhGroup: fc.constantFrom(...dhGroups),
    lifetimeSeconds: lifetime(lifetimeRanges.ikeSeconds),
  }),
  ipsec: fc.record({
    encryption: fc.constantFrom(...ipsecEncryptions),
    integrity: fc.constantFrom(...integrities),
    lifetimeSeconds: lifetime(lifetimeRanges.ipsecSeconds),
    lifetimeKilobytes: lifetime(lifetimeRanges.ipsecKilobytes),
    pfsGroup: fc.constantFrom(undefined, ...dhGroups),
  }),
  ownIdentity: anyIdentity,
  gatewayIdentity: anyIdentity,
  pairs: fc.array(fc.record({ own: anyNetwork, cloud: anyNetwork }), { minLength: 1, maxLength: 6 }),
});
