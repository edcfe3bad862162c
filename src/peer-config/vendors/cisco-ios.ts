// Cisco IOS 15.4: a crypto map with an ISAKMP profile and a keyring of its own. Commands as in Cisco's Security Command Reference:
// `crypto isakmp policy`, `crypto keyring`, `crypto isakmp profile`, `crypto ipsec transform-set`, `crypto map`.
import type { IkeEncryption, Integrity, IpsecEncryption } from "../../vpn/algorithms.ts";
import type { PeerView } from "../peer-view.ts";
import {
  attention,
  closing,
  doubtNames,
  fitTo,
  isPlain,
  type KeyRule,
  keyLines,
  numberIn,
  opening,
  plainWord,
  say,
  withWildcard,
} from "../script.ts";
import type { Vendor } from "../vendor.ts";

const sign = "!";
const map = "CULVERT";

const ikeEncryption: Record<IkeEncryption, string> = {
  "3des": "3des",
  aes128: "aes",
  aes192: "aes 192",
  aes256: "aes 256",
  des: "des",
};
const espEncryption: Record<IpsecEncryption, string> = {
  "3des": "esp-3des",
  aes128: "esp-aes",
  aes192: "esp-aes 192",
  aes256: "esp-aes 256",
  des: "esp-des",
  null: "esp-null",
};
const ikeHash: Record<Integrity, string> = { md5: "md5", sha1: "sha" };
const espHash: Record<Integrity, string> = { md5: "esp-md5-hmac", sha1: "esp-sha-hmac" };

/** A blank ends the key, `?` asks for help, and a lone 0 or 6 says what kind of key follows. */
const keyRule: KeyRule = {
  write: (key) => (isPlain(key, ' ?"\\') && !/^(?:!.*|[06])$/.test(key) ? key : undefined),
  takes: `${plainWord}, not beginning with an exclamation mark`,
};

export const ciscoIos: Vendor = {
  vendor: "cisco",
  platform: "ios",
  software: "V15.4",
  defaultInterface: "GigabitEthernet0/0",
  write: (view) => [
    ...opening(sign, view, "Cisco IOS 15.4"),
    say(sign, "Paste it after `configure terminal`."),
    sign,
    ...isakmpPolicy(view),
    ...keyring(view),
    ...isakmpProfile(view),
    ...cryptoMap(view),
    sign,
    ...closing(sign, view, { mss: (bytes) => `ip tcp adjust-mss ${bytes} on the inside interface.` }),
  ],
};

function isakmpPolicy(view: PeerView): string[] {
  const { ike } = view;
  const lifetime = fitTo(sign, "IKE SA lifetime in seconds", ike.lifetimeSeconds, [60, 86_400]);
  return [
    `crypto isakmp policy ${numberIn(view, 100, 9_000)}`,
    ` encryption ${ikeEncryption[ike.encryption]}`,
    ` hash ${ikeHash[ike.integrity]}`,
    " authentication pre-share",
    ` group ${ike.dhGroup}`,
    ...lifetime.remarks,
    ` lifetime ${lifetime.value}`,
    " exit",
    sign,
  ];
}

/** IOS looks for the key by address, and by name where aggressive mode tells one. */
function keyring(view: PeerView): string[] {
  const { gatewayIdentity, uid } = view;
  const hosts = [`address ${view.gatewayAddress}`];
  if (gatewayIdentity.type === "fqdn") hosts.push(`hostname ${gatewayIdentity.value}`);
  const key = keyLines(sign, view, keyRule, (word) => hosts.map((host) => ` pre-shared-key ${host} key ${word}`));
  return [`crypto keyring ${uid}`, ...key, " exit", sign];
}

function isakmpProfile(view: PeerView): string[] {
  const { gatewayIdentity } = view;
  const gateway =
    gatewayIdentity.type === "fqdn"
      ? `host ${gatewayIdentity.value}`
      : `address ${gatewayIdentity.value} 255.255.255.255`;
  const aggressive = view.exchangeMode === "aggressive" ? [" initiate mode aggressive"] : [];
  return [
    `crypto isakmp profile ${view.uid}`,
    ` keyring ${view.uid}`,
    ...selfIdentity(view),
    ` match identity ${gateway}`,
    " keepalive 30 retry 5",
    ...doubtNames(sign, view),
    ...aggressive,
    " exit",
    sign,
  ];
}

/** IOS says its own host name and domain, or the address of the interface; it cannot be told another. */
function selfIdentity({ ownIdentity, ownAddress, interfaceName }: PeerView): string[] {
  const { type, value } = ownIdentity;
  if (type === "fqdn") {
    const [host, ...domain] = value.split(".");
    const names = [`hostname ${host}`, ...(domain.length > 0 ? [`ip domain-name ${domain.join(".")}`] : [])];
    return [
      attention(
        sign,
        `IOS says its own name in phase 1, and the VPN gateway expects ${value}. It needs: ${names.join(", ")}`,
      ),
      " self-identity fqdn",
    ];
  }
  if (value === ownAddress) return [" self-identity address"];
  return [
    attention(sign, `IOS says the address of ${interfaceName} in phase 1, and the VPN gateway expects ${value}.`),
    " self-identity address",
  ];
}

function cryptoMap(view: PeerView): string[] {
  const { ipsec, uid } = view;
  const seconds = fitTo(sign, "IPsec SA lifetime in seconds", ipsec.lifetimeSeconds, [120, 86_400]);
  return [
    `crypto ipsec transform-set ${uid} ${espEncryption[ipsec.encryption]} ${espHash[ipsec.integrity]}`,
    " mode tunnel",
    " exit",
    sign,
    `ip access-list extended ${uid}`,
    ...view.pairs.map(({ own, cloud }) => ` permit ip ${withWildcard(own)} ${withWildcard(cloud)}`),
    " exit",
    sign,
    say(sign, "An interface has one crypto map. If yours has one, add this entry to it under a free number."),
    `crypto map ${map} ${numberIn(view, 1, 65_535)} ipsec-isakmp`,
    ` set peer ${view.gatewayAddress}`,
    ` set transform-set ${uid}`,
    ` set isakmp-profile ${uid}`,
    ...(ipsec.pfsGroup === undefined ? [] : [` set pfs group${ipsec.pfsGroup}`]),
    ...seconds.remarks,
    ` set security-association lifetime seconds ${seconds.value}`,
    ` set security-association lifetime kilobytes ${ipsec.lifetimeKilobytes}`,
    ` match address ${uid}`,
    " exit",
    sign,
    `interface ${view.interfaceName}`,
    ` crypto map ${map}`,
    " exit",
  ];
}
