// One IKE_SA with so many children that charon does not list it: over VICI it drops a message of more than 512 KiB without a word, and
// looked at like that the IKE_SA is down.
import { afterAll, beforeAll, expect, it } from "vitest";
import { ipBatch } from "../../src/dataplane/charon/ip.ts";
import type { ConnectionSpec, Dataplane, IkeSa } from "../../src/dataplane/dataplane.ts";
import { ViciSession } from "../../src/vici/session.ts";
import { describeOnMachine } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";
import { applyAll, cleanUp, makeCharonDataplane, makeNames, makeSteps } from "./instance.ts";
import { connectionBetween, gatewayNumber } from "./specs.ts";

const count = 1_400;
const timeoutMs = 60_000;
const names = makeNames();
const [near, far] = [gatewayNumber(1), gatewayNumber(2)];

const wide = connectionBetween(far, near, { name: "wide" });
/** Each child has a /28 of the far network. */
const narrow: ConnectionSpec = withChildren(connectionBetween(near, far, { name: "narrow" }));

function withChildren(connection: ConnectionSpec): ConnectionSpec {
  const [only] = connection.children;
  if (only === undefined) throw new TypeError("a connection without a child");
  const children = Array.from({ length: count }, (_, index) => ({
    ...only,
    name: `vpnx-${String(index).padStart(8, "0")}-0123456789ab`,
    peerNetwork: `10.2.${index >> 4}.${(index & 15) * 16}/28`,
  }));
  return { ...connection, children };
}

let dataplane: Dataplane;

describeOnMachine("an IKE_SA with 1,400 children", () => {
  beforeAll(async () => {
    dataplane = makeCharonDataplane(names);
    await dataplane.start();
    await dataplane.apply(far, { kind: "make-network" });
    // ESP in userspace wants an address of the far gateway's own in every network, before its charon starts.
    const addresses = narrow.children.map(({ peerNetwork }) => peerNetwork.replace("/28", "/32"));
    await ipBatch(
      names.gatewayNamespace(far.id),
      addresses.map((address) => `address replace ${address} dev lo`),
    );
    await dataplane.apply(far, { kind: "start-charon" });
    await applyAll(dataplane, near, [...makeSteps, { kind: "add-local-network", network: near.vpcCidr }]);
    for (const [gateway, connection] of [
      [far, wide],
      [near, narrow],
    ] as const) {
      await dataplane.apply(gateway, { kind: "load-secret", connection, fingerprint: "s" });
      await dataplane.apply(gateway, { kind: "load-connection", connection, fingerprint: "c" });
    }
    for (const { name: child } of narrow.children) {
      await dataplane.apply(near, { kind: "initiate-child", connection: narrow.name, child });
    }
  }, timeoutMs);
  afterAll(async () => {
    await dataplane?.close();
    await cleanUp(names);
  });

  /** Names of the children that are up. */
  function installed(ikeSas: readonly IkeSa[]): string[] {
    const children = ikeSas.flatMap((ikeSa) => ikeSa.children);
    return children.filter(({ state }) => state === "INSTALLED").map(({ name }) => name);
  }

  const observe = async (by: Dataplane, isThorough: boolean) => (await by.observe(near.id, isThorough)).ikeSas;

  const wanted = narrow.children.map(({ name }) => name);

  it("is not in charon's own listing", { timeout: timeoutMs }, async () => {
    const isUp = async () => installed(await observe(dataplane, false)).length === count;
    await waitFor(isUp, { what: "all children to be up", timeoutMs });
    const session = await ViciSession.connect(names.viciSocket(near.id));
    expect(await session.stream("list-sas", "list-sa")).toEqual([]);
    session.close();
  });

  it("is observed with all its children and their counters", async () => {
    const ikeSas = await observe(dataplane, true);
    expect(ikeSas.map(({ connection, state }) => ({ connection, state }))).toEqual([
      { connection: narrow.name, state: "ESTABLISHED" },
    ]);
    expect(installed(ikeSas).sort()).toEqual(wanted);
    expect(new Set(ikeSas.flatMap(({ children }) => children).map(({ spi }) => spi)).size).toBe(count);
  });

  it("is observed whole by a server that finds it", async () => {
    const next = makeCharonDataplane(names);
    try {
      expect(installed(await observe(next, true)).sort()).toEqual(wanted);
      expect(installed(await observe(next, false)).sort()).toEqual(wanted);
    } finally {
      await next.close();
    }
  });

  it("is observed without a child that has been ended", async () => {
    const [sa] = (await observe(dataplane, false)).flatMap(({ children }) => children);
    if (sa === undefined) throw new Error("there is no child to end");
    await dataplane.apply(near, { kind: "terminate-child-sa", uniqueId: sa.uniqueId, child: sa.name });
    const isGone = async () => !installed(await observe(dataplane, false)).includes(sa.name);
    await waitFor(isGone, { what: "one child to go" });
    expect(installed(await observe(dataplane, true)).length).toBe(count - 1);
  });
});
