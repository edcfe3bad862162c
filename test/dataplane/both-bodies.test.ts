// What any data plane does, without looking at a packet: the same tests over charon and over the simulated one.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ActualGateway, type Dataplane, DataplaneError, type Step } from "../../src/dataplane/dataplane.ts";
import { machineReason } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";
import { applyAll, type Body, bodies, makeSteps, removeSteps } from "./instance.ts";
import { connectionBetween, gatewayNumber } from "./specs.ts";

const [left, right] = [gatewayNumber(1), gatewayNumber(2)];
const leftward = connectionBetween(right, left);
const rightward = connectionBetween(left, right);
const child = "vpnx-aaaaaaaa-0";
const initiate: Step = { kind: "initiate-child", connection: rightward.name, child };
const kinds = ["simulated", ...(machineReason === undefined ? (["charon"] as const) : [])] as const;

function installedChildren(actual: ActualGateway) {
  return actual.ikeSas.flatMap((ikeSa) => ikeSa.children).filter((each) => each.state === "INSTALLED");
}

describe.each(kinds)("the %s data plane", (kind) => {
  let body: Body;
  let dataplane: Dataplane;
  const changes: number[] = [];

  beforeAll(async () => {
    body = await bodies[kind]();
    dataplane = body.dataplane;
    dataplane.onChange((gatewayId) => changes.push(gatewayId));
  });
  afterAll(() => body.cleanUp());

  async function observeUntil(gatewayId: number, what: string, isSo: (actual: ActualGateway) => boolean) {
    return await waitFor(
      async () => {
        const actual = await dataplane.observe(gatewayId, false);
        return isSo(actual) ? actual : undefined;
      },
      { what },
    );
  }

  it("sees nothing where nothing is", async () => {
    expect(await dataplane.listGatewayIds()).toEqual([]);
    for (const isThorough of [false, true]) {
      expect(await dataplane.observe(left.id, isThorough)).toEqual({
        hasNetwork: false,
        localNetworks: [],
        isRunning: false,
        connections: new Map(),
        secrets: new Map(),
        ikeSas: [],
        ended: [],
        troubles: new Map(),
        unknownPeers: [],
      });
    }
  });

  it("removes what is not there without complaint", async () => {
    await applyAll(dataplane, left, removeSteps);
    expect(await dataplane.listGatewayIds()).toEqual([]);
  });

  it("refuses to work without a charon, and says that the gateway is at fault", async () => {
    const failure = await dataplane.apply(left, initiate).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DataplaneError);
    expect(failure).toMatchObject({ kind: "gateway" });
  });

  it("makes a gateway, and finds nothing to do the second time", async () => {
    for (const gateway of [left, right]) await applyAll(dataplane, gateway, [...makeSteps, ...makeSteps]);
    expect(await dataplane.listGatewayIds()).toEqual([left.id, right.id]);
    for (const isThorough of [true, false]) {
      expect(await dataplane.observe(left.id, isThorough)).toMatchObject({ hasNetwork: true, isRunning: true });
    }
  });

  it("owns an address in each local network it is told of", async () => {
    const add: Step = { kind: "add-local-network", network: "10.1.5.0/24" };
    const addOwn: Step = { kind: "add-local-network", network: "10.1.0.0/24" };
    await applyAll(dataplane, left, [add, add, addOwn]);
    for (const isThorough of [true, false]) {
      const { localNetworks } = await dataplane.observe(left.id, isThorough);
      expect([...localNetworks].sort()).toEqual(["10.1.0.0/24", "10.1.5.0/24"]);
    }
    for (const { network } of [add, addOwn]) {
      const remove: Step = { kind: "remove-local-network", network };
      await applyAll(dataplane, left, [remove, remove]);
    }
    expect(await dataplane.observe(left.id, true)).toMatchObject({ hasNetwork: true, localNetworks: [] });
  });

  it("blames the connection for a child that is not loaded", async () => {
    const failure = await dataplane.apply(left, initiate).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "DataplaneError", kind: "connection" });
  });

  it("knows what it has loaded by its fingerprint", async () => {
    for (const [gateway, connection] of [
      [left, rightward],
      [right, leftward],
    ] as const) {
      await applyAll(dataplane, gateway, [
        { kind: "load-secret", connection, fingerprint: "old" },
        { kind: "load-secret", connection, fingerprint: "secret-1" },
        { kind: "load-connection", connection, fingerprint: "connection-1" },
        { kind: "load-connection", connection, fingerprint: "connection-1" },
      ]);
    }
    for (const isThorough of [false, true]) {
      const actual = await dataplane.observe(left.id, isThorough);
      expect(actual.secrets).toEqual(new Map([[rightward.name, "secret-1"]]));
      expect(actual.connections).toEqual(new Map([[rightward.name, "connection-1"]]));
    }
  });

  it("brings a child up without waiting for it, and calls when it is there", async () => {
    changes.length = 0;
    await dataplane.apply(left, initiate);
    const actual = await observeUntil(left.id, "an installed child", (each) => installedChildren(each).length > 0);
    expect(actual.ikeSas).toMatchObject([
      { connection: rightward.name, state: "ESTABLISHED", children: [{ name: child }] },
    ]);
    await waitFor(() => changes.includes(left.id), { what: "a call for the gateway" });
  });

  it("terminates a child, and then its IKE_SA, and may do so again", async () => {
    const [installed] = installedChildren(await dataplane.observe(left.id, false));
    const step: Step = { kind: "terminate-child-sa", uniqueId: installed?.uniqueId ?? "", child };
    await applyAll(dataplane, left, [step, step]);
    const actual = await observeUntil(left.id, "the child's end", (each) => installedChildren(each).length === 0);
    expect(actual.ikeSas).toHaveLength(1);
    const uniqueId = actual.ikeSas[0]?.uniqueId ?? "";
    const last: Step = { kind: "terminate-ike-sa", uniqueId, connection: rightward.name };
    await applyAll(dataplane, left, [last, last]);
    await observeUntil(left.id, "the IKE_SA's end", (each) => each.ikeSas.length === 0);
  });

  it("unloads connections and secrets, and may do so again", async () => {
    const steps: Step[] = [
      { kind: "unload-connection", name: rightward.name },
      { kind: "unload-secret", name: rightward.name },
    ];
    await applyAll(dataplane, left, [...steps, ...steps]);
    for (const isThorough of [false, true]) {
      const actual = await dataplane.observe(left.id, isThorough);
      expect([actual.connections.size, actual.secrets.size]).toEqual([0, 0]);
    }
  });

  it("waits for a silent peer without keeping anybody waiting, and can give up", async () => {
    const silent = connectionBetween(left, right, { name: "vpnx-bbbbbbbb", remoteAddress: "192.0.2.9" });
    await applyAll(dataplane, left, [
      { kind: "load-secret", connection: silent, fingerprint: "s" },
      { kind: "load-connection", connection: silent, fingerprint: "c" },
      { kind: "initiate-child", connection: silent.name, child: "vpnx-bbbbbbbb-0" },
    ]);
    const actual = await observeUntil(left.id, "an IKE_SA", (each) => each.ikeSas.length > 0);
    expect(actual.ikeSas).toMatchObject([{ connection: silent.name, state: "CONNECTING" }]);
    const uniqueId = actual.ikeSas[0]?.uniqueId ?? "";
    await dataplane.apply(left, { kind: "terminate-ike-sa", uniqueId, connection: silent.name });
    await observeUntil(left.id, "the IKE_SA's end", (each) => each.ikeSas.length === 0);
  });

  it("forgets all that was loaded when charon is stopped", async () => {
    await applyAll(dataplane, left, [{ kind: "stop-charon" }, { kind: "stop-charon" }]);
    expect(await dataplane.observe(left.id, false)).toMatchObject({ hasNetwork: true, isRunning: false });
    await dataplane.apply(left, { kind: "start-charon" });
    const actual = await dataplane.observe(left.id, false);
    expect(actual).toMatchObject({ isRunning: true, connections: new Map(), secrets: new Map(), ikeSas: [] });
  });

  it("removes a gateway, running or not, and leaves nothing of it", async () => {
    await dataplane.apply(right, { kind: "remove-network" });
    await applyAll(dataplane, left, [...removeSteps, ...removeSteps]);
    expect(await dataplane.listGatewayIds()).toEqual([]);
    expect(await dataplane.observe(left.id, true)).toMatchObject({ hasNetwork: false, isRunning: false });
  });
});
