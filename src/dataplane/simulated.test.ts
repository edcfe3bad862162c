import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Secret } from "../vpn/secret.ts";
import type { ConnectionSpec, GatewaySpec } from "./dataplane.ts";
import { SimulatedDataplane } from "./simulated.ts";

const gateway: GatewaySpec = {
  id: 1,
  uid: "vpngw-00000001",
  vpcId: 1,
  vpcUid: "vpc-00000001",
  vpcCidr: "10.0.0.0/16",
  vpcAddress: "10.0.0.1",
  publicAddress: "198.51.100.1",
};
const connection: ConnectionSpec = {
  name: "vpnx-aaaaaaaa",
  localAddress: "198.51.100.1",
  remoteAddress: "198.51.100.2",
  ike: {
    encryption: "3des",
    integrity: "md5",
    exchangeMode: "main",
    dhGroup: 1,
    lifetimeSeconds: 86_400,
    localIdentity: { type: "address", value: "198.51.100.1" },
    remoteIdentity: { type: "address", value: "198.51.100.2" },
  },
  preSharedKey: new Secret("secret"),
  children: ["a", "b"].map((name) => ({
    name,
    localNetwork: "10.0.0.0/16",
    peerNetwork: "192.168.1.0/24",
    ipsec: {
      encryption: "3des",
      integrity: "md5",
      lifetimeSeconds: 3_600,
      lifetimeKilobytes: 1_843_200,
      pfsGroup: undefined,
    },
  })),
};

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

async function makeLoaded(): Promise<SimulatedDataplane> {
  const dataplane = new SimulatedDataplane({ delayMs: 100 });
  await dataplane.apply(gateway, { kind: "make-network" });
  await dataplane.apply(gateway, { kind: "start-charon" });
  await dataplane.apply(gateway, { kind: "load-secret", connection, fingerprint: "s" });
  await dataplane.apply(gateway, { kind: "load-connection", connection, fingerprint: "c" });
  return dataplane;
}

it("explains a peer that never answers, and nothing else", async () => {
  const dataplane = await makeLoaded();
  const silent = { ...connection, name: "vpnx-silent", remoteAddress: "192.0.2.7" };
  await dataplane.apply(gateway, { kind: "load-secret", connection: silent, fingerprint: "s" });
  await dataplane.apply(gateway, { kind: "load-connection", connection: silent, fingerprint: "c" });
  expect((await dataplane.observe(gateway.id, false)).troubles).toEqual(new Map());
  for (const { name } of [connection, silent]) {
    await dataplane.apply(gateway, { kind: "initiate-child", connection: name, child: "a" });
  }
  const sinceMs = Date.now();
  vi.advanceTimersByTime(1_000);
  const { troubles } = await dataplane.observe(gateway.id, false);
  const finding = { cause: "peer-silent", said: "" };
  expect(troubles).toEqual(new Map([[silent.name, { finding, sinceMs, events: [] }]]));
});

it("takes its time to bring a child up", async () => {
  const dataplane = await makeLoaded();
  const onChange = vi.fn();
  dataplane.onChange(onChange);
  await dataplane.apply(gateway, { kind: "initiate-child", connection: connection.name, child: "a" });
  vi.advanceTimersByTime(99);
  expect(onChange).not.toHaveBeenCalled();
  expect((await dataplane.observe(1, false)).ikeSas).toMatchObject([{ state: "CONNECTING", children: [] }]);
  vi.advanceTimersByTime(1);
  expect(onChange).toHaveBeenCalledExactlyOnceWith(1);
  expect((await dataplane.observe(1, false)).ikeSas).toMatchObject([
    { state: "ESTABLISHED", children: [{ name: "a", state: "INSTALLED" }] },
  ]);
});

it("puts all children of a connection under one IKE_SA", async () => {
  const dataplane = await makeLoaded();
  for (const child of ["a", "b"]) {
    await dataplane.apply(gateway, { kind: "initiate-child", connection: connection.name, child });
  }
  vi.advanceTimersByTime(100);
  const { ikeSas } = await dataplane.observe(1, false);
  expect(ikeSas.map((ikeSa) => ikeSa.children.map((child) => child.name))).toEqual([["a", "b"]]);
});

it("leaves nothing running when it is closed", async () => {
  const dataplane = await makeLoaded();
  await dataplane.apply(gateway, { kind: "initiate-child", connection: connection.name, child: "a" });
  expect(vi.getTimerCount()).toBe(1);
  await dataplane.close();
  expect(vi.getTimerCount()).toBe(0);
});
