import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packetLimit } from "../../vici/framing.ts";
import { encodePacket } from "../../vici/packet.ts";
import {
  dhGroups,
  type IkeSettings,
  type IpsecSettings,
  ikeEncryptions,
  integrities,
  ipsecEncryptions,
} from "../../vpn/algorithms.ts";
import { Secret } from "../../vpn/secret.ts";
import { pairsPerIdentity } from "../../vpn/spd.ts";
import type { ConnectionSpec } from "../dataplane.ts";
import { toLoadConn, toLoadShared } from "./connection-message.ts";

const ike: IkeSettings = {
  encryption: "3des",
  integrity: "md5",
  exchangeMode: "main",
  dhGroup: 1,
  lifetimeSeconds: 86_400,
  localIdentity: { type: "address", value: "198.51.100.1" },
  remoteIdentity: { type: "address", value: "198.51.100.2" },
};
const ipsec: IpsecSettings = {
  encryption: "3des",
  integrity: "md5",
  lifetimeSeconds: 3_600,
  lifetimeKilobytes: 1_843_200,
  pfsGroup: undefined,
};

const dpd = { delaySeconds: 20, timeoutSeconds: 90 };

interface Changes {
  ike?: Partial<IkeSettings>;
  ipsec?: Partial<IpsecSettings>;
  preSharedKey?: string;
}

function connectionWith(changes: Changes = {}): ConnectionSpec {
  return {
    name: "c1",
    localAddress: "198.51.100.1",
    remoteAddress: "198.51.100.2",
    ike: { ...ike, ...changes.ike },
    preSharedKey: new Secret(changes.preSharedKey ?? "secret"),
    children: [
      {
        name: "c1-0",
        localNetwork: "10.0.0.0/24",
        peerNetwork: "192.168.1.0/24",
        ipsec: { ...ipsec, ...changes.ipsec },
      },
    ],
  };
}

/** The parts of the message that tests look into. */
interface Section {
  readonly [key: string]: string | string[];
}

function sectionsOf(connection: ConnectionSpec): { conn: Section; child: Section } {
  const conn = toLoadConn(connection, dpd).c1 as unknown as Section & { children: { "c1-0": Section } };
  return { conn, child: conn.children["c1-0"] };
}

describe("load-conn", () => {
  it("has room for as many pairs as one IKE identity may have, however long they are", () => {
    const widest = { encryption: "aes128", integrity: "sha1", pfsGroup: 24 } as const;
    const longest = { lifetimeSeconds: 604_800, lifetimeKilobytes: 604_800 };
    const identity = { type: "fqdn", value: "x".repeat(253) } as const;
    const connection = connectionWith({ ike: { localIdentity: identity, remoteIdentity: identity } });
    const children = Array.from({ length: pairsPerIdentity }, (_, index) => ({
      name: `vpnx-${String(index).padStart(8, "0")}-0123456789ab`,
      localNetwork: "255.255.255.255/32",
      peerNetwork: "255.255.255.255/32",
      ipsec: { ...widest, ...longest },
    }));
    const message = toLoadConn({ ...connection, name: "ike-255.255.255.255-0123456789ab", children }, dpd);
    expect(encodePacket("cmd-request", "load-conn", message).length).toBeLessThanOrEqual(packetLimit);
  });

  it("is this for the contract's defaults", () => {
    expect(toLoadConn(connectionWith(), dpd)).toEqual({
      c1: {
        version: "1",
        aggressive: "no",
        proposals: ["3des-md5-modp768"],
        local_addrs: ["198.51.100.1"],
        remote_addrs: ["198.51.100.2"],
        local: { auth: "psk", id: "198.51.100.1" },
        remote: { auth: "psk", id: "198.51.100.2" },
        rekey_time: "60480",
        over_time: "25920",
        rand_time: "4320",
        dpd_delay: "20",
        dpd_timeout: "90",
        keyingtries: "1",
        children: {
          "c1-0": {
            mode: "tunnel",
            local_ts: ["10.0.0.0/24"],
            remote_ts: ["192.168.1.0/24"],
            esp_proposals: ["3des-md5"],
            life_time: "3600",
            rekey_time: "2520",
            rand_time: "180",
            life_bytes: "1843200000",
            rekey_bytes: "1290240000",
            rand_bytes: "92160000",
            start_action: "none",
            close_action: "none",
            dpd_action: "clear",
          },
        },
      },
    });
  });

  it("has one proposal for every algorithm of the contract", () => {
    const groups = { 1: "modp768", 2: "modp1024", 5: "modp1536", 14: "modp2048", 24: "modp2048s256" };
    for (const dhGroup of dhGroups) {
      for (const integrity of integrities) {
        for (const encryption of ikeEncryptions) {
          const { conn } = sectionsOf(connectionWith({ ike: { encryption, integrity, dhGroup } }));
          expect(conn.proposals).toEqual([`${encryption}-${integrity}-${groups[dhGroup]}`]);
        }
        for (const encryption of ipsecEncryptions) {
          const { child } = sectionsOf(connectionWith({ ipsec: { encryption, integrity, pfsGroup: dhGroup } }));
          expect(child.esp_proposals).toEqual([`${encryption}-${integrity}-${groups[dhGroup]}`]);
        }
      }
    }
  });

  it("has no group in the ESP proposal without PFS", () => {
    const { child } = sectionsOf(connectionWith({ ipsec: { encryption: "null", integrity: "sha1" } }));
    expect(child.esp_proposals).toEqual(["null-sha1"]);
  });

  it("asks for aggressive mode", () => {
    expect(sectionsOf(connectionWith({ ike: { exchangeMode: "aggressive" } })).conn.aggressive).toBe("yes");
  });

  it("says of a name that it is a name, whatever it looks like", () => {
    const remoteIdentity = { type: "fqdn", value: "10.9.8.7" } as const;
    expect(sectionsOf(connectionWith({ ike: { remoteIdentity } })).conn.remote).toEqual({
      auth: "psk",
      id: "fqdn:10.9.8.7",
    });
  });

  it("proposes exactly the lifetimes asked for, in whole numbers, and renews well before them", () => {
    const seconds = fc.integer({ min: 60, max: 604_800 });
    const childSeconds = fc.integer({ min: 180, max: 604_800 });
    const kilobytes = fc.integer({ min: 2_560, max: 4_294_967_295 });
    fc.assert(
      fc.property(seconds, childSeconds, kilobytes, (lifetimeSeconds, childLifetime, lifetimeKilobytes) => {
        const { conn, child } = sectionsOf(
          connectionWith({ ike: { lifetimeSeconds }, ipsec: { lifetimeSeconds: childLifetime, lifetimeKilobytes } }),
        );
        const keys = ["rekey_time", "over_time", "rand_time", "life_time", "life_bytes", "rekey_bytes", "rand_bytes"];
        for (const section of [conn, child]) {
          for (const key of keys) if (key in section) expect(section[key]).toMatch(/^[1-9]\d*$/);
        }
        expect(Number(conn.rekey_time) + Number(conn.over_time)).toBe(lifetimeSeconds);
        expect(Number(child.life_time)).toBe(childLifetime);
        expect(Number(child.life_bytes)).toBe(lifetimeKilobytes * 1000);
        for (const [soft, hard, jitter] of [
          [conn.rekey_time, lifetimeSeconds, conn.rand_time],
          [child.rekey_time, childLifetime, child.rand_time],
          [child.rekey_bytes, lifetimeKilobytes * 1000, child.rand_bytes],
        ]) {
          expect(Number(soft)).toBeLessThanOrEqual((Number(hard) * 7) / 10);
          expect(Number(soft) - Number(jitter)).toBeGreaterThanOrEqual((Number(hard) * 55) / 100);
        }
      }),
    );
  });

  it("renews phase 1 so early that the old IKE_SA has gone before a peer with strongSwan's percentages renews", () => {
    for (let lifetimeSeconds = 60; lifetimeSeconds <= 600; lifetimeSeconds++) {
      const latest = Number(sectionsOf(connectionWith({ ike: { lifetimeSeconds } })).conn.rekey_time);
      expect(latest + 10).toBeLessThan(0.9 * 0.9 * lifetimeSeconds);
    }
    expect(sectionsOf(connectionWith({ ike: { lifetimeSeconds: 60 } })).conn).toMatchObject({
      rekey_time: "36",
      over_time: "24",
      rand_time: "3",
    });
  });
});

describe("load-shared", () => {
  it("gives the key as its bytes", () => {
    for (const preSharedKey of [
      'say "hi" \\',
      " leading and trailing ",
      "0x4142",
      "0sQUI=",
      "пароль 密钥",
      "{a=b}#c",
    ]) {
      const { data } = toLoadShared(connectionWith({ preSharedKey }));
      expect(Buffer.isBuffer(data) && data.equals(Buffer.from(preSharedKey, "utf8"))).toBe(true);
    }
  });

  it("belongs to the peer's address, and to its identity where several have one address", () => {
    const remoteIdentity = { type: "fqdn", value: "idc.example" } as const;
    const ownersIn = (exchangeMode: "main" | "aggressive", isAddressShared?: boolean) => {
      const connection = connectionWith({ ike: { remoteIdentity, exchangeMode } });
      return toLoadShared(isAddressShared === undefined ? connection : { ...connection, isAddressShared }).owners;
    };
    const address = ["198.51.100.2"];
    expect([ownersIn("main"), ownersIn("aggressive"), ownersIn("main", true)]).toEqual([address, address, address]);
    expect(ownersIn("aggressive", true)).toEqual([...address, "fqdn:idc.example"]);
  });
});

describe("two peers of one name", () => {
  it("do not end each other's IKE_SAs", () => {
    const connection = connectionWith();
    expect(toLoadConn(connection, dpd).c1).not.toHaveProperty("unique");
    expect(toLoadConn({ ...connection, hasNamesake: true }, dpd).c1).toMatchObject({ unique: "never" });
  });
});
