// A channel that is changed, or negotiated anew, under the loop of its gateway.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { makeConn, makePlace, modifyConn, type Place } from "../../test/support/operations.ts";
import { ReconcileWorld } from "../../test/support/reconcile-world.ts";
import { type ActualGateway, DataplaneError, type Step } from "../dataplane/dataplane.ts";
import type { ModifyVpnConn } from "../operations/modify-vpn-conn.ts";
import { resetVpnConnSa } from "../operations/reset-vpn-conn-sa.ts";
import { Secret } from "../vpn/secret.ts";

const fqdn = { exchangeMode: "aggressive", remoteIdentity: "fqdn", remoteFqdn: "one.example" } as const;
const network = (number: number) => ({ local: undefined, peers: [`172.16.${number}.0/24`] });
let world: ReconcileWorld;
let place: Place;

beforeEach(async () => {
  world = await ReconcileWorld.make();
  place = await makePlace(world.operator);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.remove();
});

const modify = (uid: string, given: Partial<ModifyVpnConn>) => modifyConn(world.operator, place, uid, given);

async function uids(): Promise<string[]> {
  return (await world.conns()).map(({ uid }) => uid);
}

/** Channels that are up, by the networks of each. @returns their unified ids */
async function startWith(...channels: Parameters<typeof makeConn>[2][]): Promise<string[]> {
  await world.start();
  for (const given of channels) await makeConn(world.operator, place, given);
  await world.untilUp(channels.length);
  await world.settle();
  return uids();
}

async function reset(uid: string): Promise<void> {
  const { context, caller } = world.operator;
  await resetVpnConnSa(context, caller, { vpc: place.vpc.uid, vpnGw: place.vpnGw.uid, vpnConn: uid });
}

/** Unique ids of the CHILD_SAs of each channel. */
function childIds({ ikeSas }: ActualGateway): Map<string, string[]> {
  const children = ikeSas.flatMap((sa) => sa.children);
  const byConn = Map.groupBy(children, ({ name }) => name.slice(0, name.lastIndexOf("-")));
  return new Map([...byConn].map(([uid, own]) => [uid, own.map(({ uniqueId }) => uniqueId)]));
}

const look = () => world.dataplane.peek(place.vpnGw.id);
const since = (index: number) => world.dataplane.steps.slice(index).map(({ step }) => step);

function refuseLoading(message: string, isMeant: (step: Step & { kind: "load-connection" }) => boolean = () => true) {
  world.dataplane.onApply = ({ step }) => {
    if (step.kind === "load-connection" && isMeant(step)) throw new DataplaneError("connection", message);
  };
}

/** What a channel has, as it is stored. */
async function stored(uid: string) {
  const columns = ["ike_identity", "ike", "ipsec", "spds", "ike_generation", "ipsec_generation", "name"] as const;
  const row = await world.store.db.sql
    .selectFrom("vpn_conns")
    .select([...columns, "id"])
    .where("uid", "=", uid)
    .executeTakeFirstOrThrow();
  const pairs = await world.store.db.sql
    .selectFrom("spd_pairs")
    .selectAll()
    .where("vpn_conn_id", "=", row.id)
    .orderBy("peer_first")
    .execute();
  return { ...row, pairs };
}

async function fallbacks(): Promise<number> {
  return (await world.store.db.sql.selectFrom("vpn_conn_fallbacks").selectAll().execute()).length;
}

describe("a modification", () => {
  test("of the name alone does nothing to charon, and is a task that succeeds", async () => {
    const [uid = ""] = await startWith({});
    const [before, begun] = [await look(), world.dataplane.steps.length];
    const { taskId } = await modify(uid, { name: "another" });
    expect((await world.conns())[0]).toMatchObject({ status: "modifying" });
    await world.untilTask(taskId, "succeeded");
    await world.settle();
    expect(since(begun)).toEqual([]);
    expect(await look()).toEqual(before);
    expect(await world.statuses()).toEqual(["running, available"]);
    expect(await stored(uid)).toMatchObject({ name: "another" });
  });

  test("to what is there already is a task that succeeds", async () => {
    const [uid = ""] = await startWith({ preSharedKey: new Secret("key"), spds: [network(1)], ike: { dhGroup: 2 } });
    const begun = world.dataplane.steps.length;
    const { taskId } = await modify(uid, {
      preSharedKey: new Secret("key"),
      spds: [network(1)],
      ike: { dhGroup: 2, exchangeMode: "main", localAddress: place.vpnGw.publicAddress },
      ipsec: { pfsGroup: null, encryption: "3des" },
    });
    await world.untilTask(taskId, "succeeded");
    expect(since(begun)).toEqual([]);
    expect(await fallbacks()).toBe(0);
  });

  test("of the networks keeps the CHILD_SAs of the pairs that stay", async () => {
    const [uid = ""] = await startWith({ spds: [{ local: undefined, peers: ["172.16.1.0/24", "172.16.2.0/24"] }] });
    const before = childIds(await look()).get(uid) ?? [];
    const ikeSa = (await look()).ikeSas[0]?.uniqueId;
    const { taskId } = await modify(uid, { spds: [{ local: undefined, peers: ["172.16.2.0/24", "172.16.3.0/24"] }] });
    await world.untilTask(taskId, "succeeded");
    await world.settle();
    const after = childIds(await look()).get(uid) ?? [];
    expect([before.length, after.length]).toEqual([2, 2]);
    expect(after.filter((id) => before.includes(id))).toEqual([before[1]]);
    expect((await look()).ikeSas.map(({ uniqueId }) => uniqueId)).toEqual([ikeSa]);
    expect((await stored(uid)).pairs).toHaveLength(2);
    expect(await fallbacks()).toBe(0);
  });

  test("of phase 2 ends the channel's CHILD_SAs alone, and makes them anew at once", async () => {
    const [uid = "", other = ""] = await startWith({ spds: [network(1)] }, { spds: [network(2)] });
    const [before, ikeSas] = [childIds(await look()), (await look()).ikeSas.map(({ uniqueId }) => uniqueId)];
    const { taskId } = await modify(uid, { ipsec: { encryption: "aes256", pfsGroup: 14 } });
    await world.untilTask(taskId, "succeeded");
    await world.settle();
    const after = childIds(await look());
    expect(after.get(other)).toEqual(before.get(other));
    expect(after.get(uid)).toHaveLength(1);
    expect(after.get(uid)).not.toEqual(before.get(uid));
    expect((await look()).ikeSas.map(({ uniqueId }) => uniqueId)).toEqual(ikeSas);
    expect(await world.statuses()).toEqual(["running, available", "running, available"]);
  });

  test.each<[string, Partial<ModifyVpnConn>]>([
    ["the key", { preSharedKey: new Secret("another") }],
    ["phase 1", { ike: { encryption: "aes256" } }],
    ["the lifetime of phase 1", { ike: { lifetimeSeconds: 600 } }],
    ["an identity", { ike: { remoteFqdn: "other.example" } }],
  ])("of %s ends the IKE_SA, and no other, and makes it anew at once", async (_what, change) => {
    const two = { ...fqdn, remoteFqdn: "two.example" };
    const [uid = "", other = ""] = await startWith({ spds: [network(1)], ike: fqdn }, { spds: [network(2)], ike: two });
    const before = childIds(await look());
    const { taskId } = await modify(uid, change);
    await world.untilTask(taskId, "succeeded");
    await world.settle();
    const actual = await look();
    const after = childIds(actual);
    expect(after.get(other)).toEqual(before.get(other));
    expect(after.get(uid)).toHaveLength(1);
    expect(after.get(uid)).not.toEqual(before.get(uid));
    expect([actual.connections.size, actual.secrets.size, actual.ikeSas.length]).toEqual([2, 2, 2]);
    expect(await world.statuses()).toEqual(["running, available", "running, available"]);
  });

  test("that charon refuses fails with the reason, and the old settings go on untouched", async () => {
    const [uid = "", other = ""] = await startWith({ spds: [network(1)] }, { spds: [network(2)], ike: {} });
    const [before, rows] = [await look(), await stored(uid)];
    refuseLoading("no such algorithm");
    const { taskId } = await modify(uid, { spds: [network(3)], ipsec: { encryption: "des" } });
    await world.untilTask(taskId, "failed");
    expect(await world.task(taskId)).toEqual({ status: "failed", failure: "no such algorithm" });
    expect(await stored(uid)).toEqual(rows);
    await world.settle();
    expect(await look()).toEqual(before);
    expect(await world.conns()).toMatchObject([
      { uid, status: "modify-failed", failure: "no such algorithm", netStatus: "available" },
      { uid: other, status: "running", netStatus: "available" },
    ]);
    expect(await fallbacks()).toBe(0);

    // It says so until it is changed again, whatever the loop sees, and so does the next server.
    world.dataplane.onApply = () => {};
    await world.advance(60_000);
    await world.restart();
    await world.settle();
    expect((await world.conns())[0]).toMatchObject({ status: "modify-failed", netStatus: "available" });
    expect(childIds(await look())).toEqual(childIds(before));
    const again = await modify(uid, { ipsec: { encryption: "des" } });
    await world.untilTask(again.taskId, "succeeded");
    await world.untilUp(2);
  });

  test.each<[string, Partial<ModifyVpnConn>]>([
    ["the key", { preSharedKey: new Secret("another") }],
    ["an identity", { ike: { remoteIdentity: "fqdn", remoteFqdn: "other.example" } }],
  ])("of %s that charon refuses leaves neither a secret nor a connection behind", async (_what, change) => {
    const [uid = ""] = await startWith({ spds: [network(1)] });
    const [before, rows] = [await look(), await stored(uid)];
    refuseLoading("no");
    const { taskId } = await modify(uid, change);
    await world.untilTask(taskId, "failed");
    world.dataplane.onApply = () => {};
    await world.settle();
    expect(await look()).toEqual(before);
    expect(await stored(uid)).toEqual(rows);
  });

  test("fails after 30 seconds on a gateway that cannot run, which then runs with the old settings", async () => {
    const [uid = ""] = await startWith({ spds: [network(1)] });
    const rows = await stored(uid);
    const { connections } = await look();
    world.dataplane.onObserve = () => {
      throw new DataplaneError("gateway", "charon is stuck");
    };
    const { taskId } = await modify(uid, { ike: { encryption: "des" }, spds: [network(2)], name: "renamed" });
    await world.advance(29_000);
    expect(await world.task(taskId)).toMatchObject({ status: "running" });
    await world.advance(2_000);
    expect(await world.task(taskId)).toEqual({ status: "failed", failure: "charon is stuck" });
    // The name has nothing to do with the gateway.
    expect(await stored(uid)).toEqual({ ...rows, name: "renamed" });
    world.dataplane.onObserve = () => {};
    await world.advance(60_000);
    expect([...(await look()).connections.keys()]).toEqual([...connections.keys()]);
    expect(await world.statuses()).toEqual(["modify-failed, available"]);
  });

  test("brings a channel to life that could not be made", async () => {
    await world.start();
    refuseLoading("no DES here", ({ connection }) =>
      connection.children.some(({ ipsec }) => ipsec.encryption === "des"),
    );
    const made = await makeConn(world.operator, place, { ipsec: { encryption: "des" } });
    await world.untilTask(made.taskId, "failed");
    const [uid = ""] = await uids();
    const worse = await modify(uid, { ipsec: { lifetimeSeconds: 180 } });
    await world.untilTask(worse.taskId, "failed");
    expect((await world.conns())[0]).toMatchObject({ status: "modify-failed", failure: "no DES here" });
    const better = await modify(uid, { ipsec: { encryption: "aes128" } });
    await world.untilTask(better.taskId, "succeeded");
    await world.untilUp(1);
  });

  test("is taken up by the next server, whatever comes of it", async () => {
    const [uid = ""] = await startWith({ spds: [network(1)] });
    let taskId = 0;
    await world.restart(async () => {
      ({ taskId } = await modify(uid, { preSharedKey: new Secret("another"), spds: [network(2)] }));
    });
    await world.untilTask(taskId, "succeeded");
    await world.untilUp(1);
    await world.restart(async () => {
      ({ taskId } = await modify(uid, { ike: { encryption: "des" }, spds: [network(3)] }));
      refuseLoading("no");
    });
    await world.untilTask(taskId, "failed");
    world.dataplane.onApply = () => {};
    await world.advance(2_000);
    expect(await world.statuses()).toEqual(["modify-failed, available"]);
    expect((await stored(uid)).spds).toContain("172.16.2.0");
  });

  describe("whose answer the store does not take", () => {
    /** The next transaction, which is the round's, fails. */
    function loseAnswer(): void {
      vi.spyOn(world.store, "transaction").mockRejectedValueOnce(new Error("the disk is full"));
    }

    test("is answered by the next round", async () => {
      const [uid = ""] = await startWith({ spds: [network(1)] });
      const accepted = await modify(uid, { ipsec: { encryption: "aes256" } });
      loseAnswer();
      await world.until(() => world.log.some(({ message }) => message === "a round failed"), "a failed round");
      expect(await world.task(accepted.taskId)).toMatchObject({ status: "running" });
      await world.advance(1_000);
      expect(await world.task(accepted.taskId)).toMatchObject({ status: "succeeded" });
      expect(await fallbacks()).toBe(0);
    });

    test("stays refused, although the old settings are there again by then", async () => {
      const [uid = ""] = await startWith({ spds: [network(1)] });
      const rows = await stored(uid);
      refuseLoading("no");
      const { taskId } = await modify(uid, { ipsec: { encryption: "aes256" } });
      loseAnswer();
      await world.until(() => world.log.some(({ message }) => message === "a round failed"), "a failed round");
      world.dataplane.onApply = () => {};
      await world.advance(1_000);
      expect(await world.task(taskId)).toEqual({ status: "failed", failure: "no" });
      expect(await stored(uid)).toEqual(rows);
      expect(await world.statuses()).toEqual(["modify-failed, available"]);
    });

    test("is answered by the next server", async () => {
      const [uid = ""] = await startWith({ spds: [network(1)] });
      const { taskId } = await modify(uid, { preSharedKey: new Secret("another"), spds: [network(2)] });
      loseAnswer();
      await world.until(() => world.log.some(({ message }) => message === "a round failed"), "a failed round");
      const begun = world.dataplane.steps.length;
      await world.restart();
      await world.untilTask(taskId, "succeeded");
      await world.untilUp(1);
      expect(since(begun).map(({ kind }) => kind)).not.toContain("load-connection");
      expect(await fallbacks()).toBe(0);
    });
  });

  test("and its channel may be deleted after it has failed", async () => {
    const [uid = ""] = await startWith({ spds: [network(1)] });
    refuseLoading("no");
    await world.untilTask((await modify(uid, { ipsec: { encryption: "des" } })).taskId, "failed");
    await world.untilTask((await world.deleteConn(place, uid)).taskId, "succeeded");
    expect(await world.conns()).toEqual([]);
    await world.settle();
    expect(await look()).toMatchObject({ connections: new Map(), secrets: new Map(), ikeSas: [] });
  });
});

describe("a reset", () => {
  test("makes the IKE_SA of a channel anew, and leaves other connections alone", async () => {
    const two = { ...fqdn, remoteFqdn: "two.example" };
    const [uid = "", other = ""] = await startWith({ ike: fqdn }, { ike: two });
    const before = childIds(await look());
    await reset(uid);
    expect((await world.conns())[0]).toMatchObject({ status: "running" });
    await world.settle();
    const actual = await look();
    const after = childIds(actual);
    expect(after.get(other)).toEqual(before.get(other));
    expect(after.get(uid)).toHaveLength(1);
    expect(after.get(uid)).not.toEqual(before.get(uid));
    expect([actual.connections.size, actual.secrets.size, actual.ikeSas.length]).toEqual([2, 2, 2]);
    expect(await world.statuses()).toEqual(["running, available", "running, available"]);
  });

  test("makes only the CHILD_SAs anew where others live on the IKE_SA", async () => {
    const [uid = "", other = ""] = await startWith({}, {});
    const [before, ikeSas] = [childIds(await look()), (await look()).ikeSas.map(({ uniqueId }) => uniqueId)];
    await reset(uid);
    await world.settle();
    const after = childIds(await look());
    expect(after.get(other)).toEqual(before.get(other));
    expect(after.get(uid)).not.toEqual(before.get(uid));
    expect((await look()).ikeSas.map(({ uniqueId }) => uniqueId)).toEqual(ikeSas);
  });

  test("that was acknowledged is carried out by the next server, and once only", async () => {
    const [uid = ""] = await startWith({});
    const before = childIds(await look()).get(uid);
    await world.restart(() => reset(uid));
    await world.settle();
    const after = childIds(await look()).get(uid);
    expect(after).not.toEqual(before);
    await world.restart();
    await world.settle();
    expect(childIds(await look()).get(uid)).toEqual(after);
    expect(await world.statuses()).toEqual(["running, available"]);
  });

  test("leaves a failed modification as it is said to be", async () => {
    const [uid = ""] = await startWith({});
    refuseLoading("no");
    await world.untilTask((await modify(uid, { ipsec: { encryption: "des" } })).taskId, "failed");
    world.dataplane.onApply = () => {};
    await reset(uid);
    await world.settle();
    expect((await world.conns())[0]).toMatchObject({ status: "modify-failed", failure: "no", netStatus: "available" });
  });
});

test("a channel that replaces another of the same identity does not take over its IKE_SA", async () => {
  const [uid = ""] = await startWith({ preSharedKey: new Secret("old") });
  const ikeSas = (await look()).ikeSas.map(({ uniqueId }) => uniqueId);
  await world.restart(async () => {
    await world.deleteConn(place, uid);
    await makeConn(world.operator, place, { preSharedKey: new Secret("new") });
  });
  await world.untilUp(1);
  expect((await look()).ikeSas.filter(({ uniqueId }) => ikeSas.includes(uniqueId))).toEqual([]);
});
