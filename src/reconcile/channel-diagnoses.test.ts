import { afterEach, beforeEach, expect, test } from "vitest";
import { makeConn, makePlace, type Place } from "../../test/support/operations.ts";
import { ReconcileWorld } from "../../test/support/reconcile-world.ts";
import { DataplaneError } from "../dataplane/dataplane.ts";
import type { Finding } from "../diagnosis/diagnosis.ts";
import { findDiagnoses, listUnknownPeers } from "../store/diagnoses.ts";
import type { Diagnosis } from "../vpn/diagnosis.ts";

let world: ReconcileWorld;
let silent: Place;

beforeEach(async () => {
  world = await ReconcileWorld.make();
  silent = await makePlace(world.operator, "192.0.2.7");
});
afterEach(() => world.remove());

async function diagnoses(): Promise<(Diagnosis | undefined)[]> {
  const ids = (await world.conns()).map(({ id }) => id);
  const found = await findDiagnoses(world.store.db, ids);
  return ids.map((id) => found.get(id));
}

const causes = async () => (await diagnoses()).map((diagnosis) => diagnosis?.cause);

/** Counts what is written. */
async function countCommits(work: () => Promise<void>): Promise<number> {
  const { transaction } = world.store;
  let count = 0;
  world.store.transaction = async (...args: Parameters<typeof transaction>) => {
    count += 1;
    return await (transaction<never>).apply(world.store, args as never);
  };
  await work();
  world.store.transaction = transaction;
  return count;
}

async function startSilent(): Promise<string> {
  await world.start();
  await makeConn(world.operator, silent);
  await world.settle();
  const [name = ""] = (await world.dataplane.peek(silent.vpnGw.id)).connections.keys();
  return name;
}

function find(connection: string, finding: Finding, ...events: string[]): void {
  const told = events.map((text) => ({ atMs: Date.now(), text }));
  world.dataplane.troubles.set(connection, { finding, sinceMs: Date.now(), events: told });
  world.dataplane.report(silent.vpnGw.id);
}

test("a channel that is not up has the cause that was found, and another when another is found", async () => {
  const name = await startSilent();
  await world.advance(5_000);
  expect(await diagnoses()).toMatchObject([{ cause: "peer-silent", said: "", sinceMs: Date.UTC(2026, 0, 1) }]);
  find(name, { cause: "ipsec-refused", said: "NO_PROPOSAL_CHOSEN" }, "we begin in Main Mode");
  await world.settle();
  const sinceMs = Date.now();
  const events = [{ atMs: sinceMs, text: "we begin in Main Mode" }];
  expect(await diagnoses()).toMatchObject([{ cause: "ipsec-refused", said: "NO_PROPOSAL_CHOSEN", sinceMs, events }]);
  await world.advance(60_000);
  find(name, { cause: "ipsec-refused", said: "INVALID_SPI" });
  await world.settle();
  expect(await diagnoses()).toMatchObject([{ said: "INVALID_SPI", sinceMs }]);
});

test("nothing is written for a new event alone, but for one that is told of after five minutes", async () => {
  const name = await startSilent();
  const finding = { cause: "pre-shared-key", said: "" } as const;
  find(name, finding, "first");
  await world.settle();
  const tell = async () => {
    find(name, finding, "first", "second");
    await world.settle();
  };
  await world.advance(60_000);
  expect(await countCommits(tell)).toBe(0);
  expect(await countCommits(() => world.advance(300_000))).toBe(1);
  expect((await diagnoses())[0]?.events.map(({ text }) => text)).toEqual(["first", "second"]);
  expect(await countCommits(() => world.advance(1_000))).toBe(0);
});

test("the cause goes when the channel comes up", async () => {
  const place = await makePlace(world.operator);
  await world.start();
  await makeConn(world.operator, place);
  await world.untilUp(1);
  const [name = ""] = (await world.dataplane.peek(place.vpnGw.id)).connections.keys();
  world.dataplane.troubles.set(name, { finding: { cause: "peer-deleted", said: "" }, sinceMs: 1, events: [] });
  world.dataplane.report(place.vpnGw.id);
  await world.settle();
  expect(await causes()).toEqual([undefined]);
  world.dataplane.onApply = ({ step }) => {
    if (step.kind === "initiate-child") throw new DataplaneError("connection", "not now");
  };
  await world.dataplane.loseSas(place.vpnGw.id);
  await world.settle();
  expect(await causes()).toEqual(["peer-deleted"]);
  world.dataplane.onApply = () => {};
  await world.advance(60_000);
  expect(await world.statuses()).toEqual(["running, available"]);
  expect(await causes()).toEqual([undefined]);
});

test("the cause lasts over the server's end, and since when it was", async () => {
  await startSilent();
  await world.advance(5_000);
  const before = await diagnoses();
  expect(before).toMatchObject([{ cause: "peer-silent" }]);
  await world.restart(() => world.advance(3_600_000));
  await world.advance(60_000);
  expect(await diagnoses()).toMatchObject([{ cause: "peer-silent", sinceMs: before[0]?.sinceMs }]);
});

test("a gateway that does not run is the cause of all its channels, with the reason, until it runs", async () => {
  const place = await makePlace(world.operator);
  await world.start();
  for (let count = 0; count < 2; count += 1) await makeConn(world.operator, place);
  await world.untilUp(2);
  world.dataplane.onApply = ({ step }) => {
    if (step.kind === "start-charon") throw new DataplaneError("gateway", "charon did not start: no memory");
  };
  await world.dataplane.befall(place.vpnGw.id, { kind: "stop-charon" });
  world.dataplane.report(place.vpnGw.id);
  await world.settle();
  const sinceMs = Date.now();
  const events = [{ atMs: sinceMs, text: "charon did not start: no memory" }];
  const expected = { cause: "gateway-not-running", sinceMs, events };
  await world.advance(20_000);
  expect(await diagnoses()).toMatchObject([expected, expected]);
  world.dataplane.onApply = () => {};
  await world.advance(60_000);
  expect(await world.statuses()).toEqual(["running, available", "running, available"]);
  expect(await causes()).toEqual([undefined, undefined]);
});

test("peers that knock in vain are written down, every few seconds at most", async () => {
  await startSilent();
  const { id } = silent.vpnGw;
  const knock = async (count: number) => {
    const seen = { identity: "", offered: "IKEv1", said: "", firstMs: 1, lastMs: count };
    world.dataplane.unknownPeers = [{ ...seen, address: "198.51.100.9", count }];
    world.dataplane.report(id);
    await world.settle();
  };
  const counts = async () => (await listUnknownPeers(world.store.db, id)).map(({ count }) => count);
  await knock(1);
  expect(await counts()).toEqual([1]);
  await knock(2);
  await knock(3);
  expect(await counts()).toEqual([1]);
  await world.advance(5_000);
  expect(await counts()).toEqual([3]);
  expect(await countCommits(() => world.advance(1_000))).toBe(0);
});

async function makeUp(
  given: Parameters<typeof makeConn>[2] = {},
): Promise<{ place: Place; child: () => Promise<string> }> {
  const place = await makePlace(world.operator);
  await world.start();
  await makeConn(world.operator, place, given);
  await world.untilUp(1);
  const child = async () => (await world.dataplane.peek(place.vpnGw.id)).ikeSas[0]?.children[0]?.name ?? "";
  return { place, child };
}

test("a tunnel that carries nothing in any more says so and is negotiated anew, until something comes in", async () => {
  const { place, child } = await makeUp();
  const carry = async (bytesIn: number, bytesOut: number) => {
    world.dataplane.carry(place.vpnGw.id, await child(), { bytesIn, bytesOut });
    await world.advance(30_000);
  };
  await carry(84, 84);
  await carry(84, 84);
  const steps = world.dataplane.steps.length;
  for (let count = 0; count < 4; count += 1) await carry(0, 84);
  expect(world.dataplane.kindsSince(steps)).toEqual(["rekey-child-sa"]);
  expect(await world.statuses()).toEqual(["running, available"]);
  const events = [{ text: "packets go out, and none come in from here on" }, { text: "negotiated anew" }];
  expect(await diagnoses()).toMatchObject([{ cause: "one-way", events }]);
  expect(await countCommits(() => world.advance(1_000))).toBe(0);
  await carry(84, 84);
  expect(await causes()).toEqual([undefined]);
});

test("a tunnel whose volume lifetime is too short for what it carries says so, for a while", async () => {
  const { place, child } = await makeUp({ ipsec: { lifetimeKilobytes: 2_560 } });
  await world.advance(30_000);
  for (let count = 0; count < 2; count += 1) {
    world.dataplane.carry(place.vpnGw.id, await child(), { bytesIn: 84, bytesOut: 60_000_000 });
    await world.advance(30_000);
  }
  expect(await diagnoses()).toMatchObject([{ cause: "volume-lifetime", offered: "2560 KB" }]);
  await world.advance(660_000);
  expect(await causes()).toEqual([undefined]);
});
