// That packets are encrypted and authenticated as the channel says, told by a program that has no part in it: for every cipher and hash
// of the contract tshark reads the capture of the public wire with the keys from the log of the remote site's charon, and cannot with
// others.

import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Client, call } from "../../src/cli/client.ts";
import type { Names } from "../../src/dataplane/charon/names.ts";
import { labDefaults } from "../../src/lab/lab.ts";
import { firstReply } from "../../src/lab/probe.ts";
import { remotePlace, swanctl } from "../../src/lab/strongswan.ts";
import { confOf } from "../../src/lab/swan-process.ts";
import { integrities, ipsecEncryptions } from "../matrix/choices.ts";
import { readEspKeys } from "../matrix/esp-keys.ts";
import { acceptAnything } from "../matrix/site.ts";
import { type EspAlgorithms, type EspSa, readEsp } from "../matrix/tshark.ts";
import { describeWithTshark } from "../support/machine.ts";
import { makeRealSite, type RealSite } from "../support/real-site.ts";
import { dataOf, textAt } from "../support/reply.ts";
import { findVpnGw, makeConn, type Place, waitForTask } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";
import { ping, recordEsp } from "./wires.ts";

const [vpcHost, siteHost] = ["10.0.0.2", "10.56.20.10"];
const preSharedKey = "read by tshark";
const pattern = "c0ffee77";
const pings = 5;
const timeoutMs = 30_000;
const keyed = "charon {\n  filelog {\n    remote {\n      chd = 4\n    }\n  }\n}\n";

const keysOf = <T extends object>(table: T) => Object.keys(table) as (keyof T & string)[];
const choices = keysOf(ipsecEncryptions).flatMap((encryption) =>
  keysOf(integrities).map((integrity): EspAlgorithms => ({ encryption, integrity })),
);

let names: Names;
let real: RealSite;
let client: Client;
let place: Place;
let gatewayAddress: string;

describeWithTshark("what the public wire carries", () => {
  beforeAll(async () => {
    real = await makeRealSite();
    ({ names, client, place } = real);
    gatewayAddress = textAt(await findVpnGw(client, place.vpnGwId), "vpnGwAddress");
    await acceptAnything(names, labDefaults, preSharedKey);
    await appendFile(confOf(remotePlace(names)), keyed);
    await swanctl(remotePlace(names), "--reload-settings");
  });
  afterAll(async () => {
    await real?.remove();
  });

  const readLog = () => readFile(join(names.labDir, "charon.log"), "utf8");

  /** Both SAs of the only tunnel: the VPN gateway has begun it, the remote site tells of it. */
  async function readSas(log: string): Promise<[out: EspSa, back: EspSa]> {
    const listing = await swanctl(remotePlace(names), "--list-sas", "--raw");
    const spiOf = (name: string) => new RegExp(`\\b${name}=([0-9a-f]{8})`).exec(listing)?.[1] ?? "";
    const { initiator, responder } = readEspKeys(log);
    const { remoteAddress } = labDefaults;
    return [
      { from: gatewayAddress, to: remoteAddress, spi: spiOf("spi-in"), ...initiator },
      { from: remoteAddress, to: gatewayAddress, spi: spiOf("spi-out"), ...responder },
    ];
  }

  it.each(choices)("is $encryption with $integrity", { timeout: 2 * timeoutMs }, async (algorithms) => {
    const before = (await readLog()).length;
    const conn = await makeConn(client, place, {
      "IPsecSet.encryptAlgorithm": algorithms.encryption,
      "IPsecSet.integrityAlgorith": algorithms.integrity,
      "userGwCidrBlock.0": labDefaults.siteNetwork,
      preSharedKey,
    });
    const vpnConnId = textAt(conn, "unVpnConnId");
    try {
      const host = { namespace: names.labNamespace("host1"), address: vpcHost };
      await firstReply(host.namespace, siteHost, { timeoutMs });
      const [out, back] = await readSas((await readLog()).slice(before));
      const record = await recordEsp(names);
      expect(await ping(host, siteHost, pings, ["-p", pattern])).toBe(pings);
      const pcap = await record.stop(2 * pings);

      const read = await readEsp(pcap, algorithms, [out, back]);
      expect(read).toHaveLength(2 * pings);
      const data = expect.stringContaining(pattern.repeat(4));
      const echo = { spi: out.spi, isAuthentic: true, inside: `echo ${vpcHost} > ${siteHost}`, data };
      const reply = { spi: back.spi, isAuthentic: true, inside: `reply ${siteHost} > ${vpcHost}`, data };
      expect(read.filter(({ spi }) => spi === out.spi)).toEqual(Array(pings).fill(echo));
      expect(read.filter(({ spi }) => spi === back.spi)).toEqual(Array(pings).fill(reply));

      const wrongHash = [out, back].map((sa) => ({ ...sa, integrityKey: falsify(sa.integrityKey) }));
      const unproved = await readEsp(pcap, algorithms, wrongHash);
      expect(unproved.map(({ isAuthentic }) => isAuthentic)).toEqual(Array(2 * pings).fill(false));
      if (out.encryptionKey === "") return;
      const wrongCipher = [out, back].map((sa) => ({ ...sa, encryptionKey: falsify(sa.encryptionKey) }));
      const unread = await readEsp(pcap, algorithms, wrongCipher);
      expect(unread.map(({ inside }) => inside)).toEqual(Array(2 * pings).fill(undefined));
    } finally {
      const { taskId } = dataOf(await call(client, "DeleteVpnConn", { ...place, vpnConnId }));
      await waitForTask(client, String(taskId));
      const hasGone = async () => !(await swanctl(remotePlace(names), "--list-sas", "--raw")).includes("INSTALLED");
      await waitFor(hasGone, { what: "the end of the tunnel at the far end", timeoutMs });
    }
  });
});

/** Another key of the same length. The lowest bit of a byte is DES's parity: it would be the same key. */
function falsify(key: string): string {
  const first = Number.parseInt(key.slice(0, 2), 16) ^ 0x10;
  return first.toString(16).padStart(2, "0") + key.slice(2);
}
