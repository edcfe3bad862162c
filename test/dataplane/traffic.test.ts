// What is counted is what was sent: a real tunnel to the lab's remote site, whose CHILD_SAs are replaced, ended and killed meanwhile.
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { CharonDataplane } from "../../src/dataplane/charon/charon-dataplane.ts";
import { findCharon } from "../../src/dataplane/charon/charon-process.ts";
import { run } from "../../src/dataplane/charon/ip.ts";
import { readIkeSas } from "../../src/dataplane/charon/sas.ts";
import type { ChildSa } from "../../src/dataplane/dataplane.ts";
import { DirectHost } from "../../src/host/direct-host.ts";
import { labDefaults, labDown, labUp } from "../../src/lab/lab.ts";
import { firstReply, ping } from "../../src/lab/probe.ts";
import { getVpnConnRates } from "../../src/operations/get-vpn-conn-rates.ts";
import { listTraffic } from "../../src/store/traffic.ts";
import { ViciSession } from "../../src/vici/session.ts";
import type { VpnConn } from "../../src/vpn/entities.ts";
import { slotMs, slotOf, type Traffic } from "../../src/vpn/traffic.ts";
import { makeSqlite, type TestDatabase } from "../store/databases.ts";
import { describeOnMachine } from "../support/machine.ts";
import { makeConn, makeOperator, makePlace, type Operator, type Place } from "../support/operations.ts";
import { keepTrafficMs } from "../support/reconcile-world.ts";
import { waitFor } from "../support/wait-for.ts";
import { cleanUp, makeCharonDataplane, makeNames } from "./instance.ts";

const names = makeNames();
const vpcHost = names.labNamespace("host1");
const remoteHost = "10.56.20.10";
/** A ping as it is inside the tunnel: 56 bytes, ICMP's and IP's headers. */
const pingBytes = 84;
const timeoutMs = 15_000;
/** So long that nothing is counted because it is time, in one of these tests: only by events, and when a server begins. */
const hourMs = 3_600_000;
const gatewayId = 1;

let database: TestDatabase;
let operator: Operator;
let place: Place;
let conn: Pick<VpnConn, "id" | "uid">;
let dataplane: CharonDataplane;
let loops: DirectHost | undefined;
let startedMs: number;
let aheadMs = 0;

async function startServer(periodMs: number): Promise<void> {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  dataplane = makeCharonDataplane(names);
  const { store } = database;
  loops = new DirectHost({ store, dataplane, clock: Date.now, log, periodMs, keepTrafficMs });
  await loops.start();
}

async function stopServer(): Promise<void> {
  await loops?.stop();
  loops = undefined;
}

async function counted(): Promise<Traffic> {
  const slots = await listTraffic(database.store.db, conn.id, { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER });
  return slots.reduce<Traffic>(add, { bytesIn: 0, bytesOut: 0 });
}

function add(one: Traffic, other: Traffic): Traffic {
  return { bytesIn: one.bytesIn + other.bytesIn, bytesOut: one.bytesOut + other.bytesOut };
}

const pings = (count: number): Traffic => ({ bytesIn: count * pingBytes, bytesOut: count * pingBytes });

async function onVici<T>(socket: string, work: (session: ViciSession) => Promise<T>): Promise<T> {
  const session = await ViciSession.connect(socket);
  try {
    return await work(session);
  } finally {
    session.close();
  }
}

const [ours, theirs] = [names.viciSocket(gatewayId), join(names.labDir, "charon.vici")];

function listChildren(socket: string): Promise<ChildSa[]> {
  return onVici(socket, async (session) =>
    readIkeSas(await session.stream("list-sas", "list-sa")).flatMap(({ children }) => children),
  );
}

/** The CHILD_SA that is up at one end. */
function child(socket: string, isMeant: (found: ChildSa) => boolean = () => true): Promise<ChildSa> {
  return waitFor(async () => (await listChildren(socket)).find((each) => each.state === "INSTALLED" && isMeant(each)), {
    what: "a CHILD_SA",
    timeoutMs,
  });
}

async function sendPings(count: number): Promise<void> {
  const options = { count, intervalMs: 10, timeoutMs: 2_000 };
  expect(await ping(vpcHost, remoteHost, options)).toEqual({ sent: count, received: count });
}

/** A tunnel that answers, and what it has carried by then. */
async function settleTunnel(): Promise<Traffic> {
  await firstReply(vpcHost, remoteHost, { timeoutMs });
  const few = { count: 5, intervalMs: 10, timeoutMs: 1_000 };
  const answersAll = async () => (await ping(vpcHost, remoteHost, few)).received === few.count;
  await waitFor(answersAll, { what: "five answers in turn", timeoutMs });
  const all = await listChildren(ours);
  return all.reduce<Traffic>(add, { bytesIn: 0, bytesOut: 0 });
}

async function expectCounted(wanted: Traffic, what: string): Promise<void> {
  const isCounted = async () => {
    const { bytesIn, bytesOut } = await counted();
    return bytesIn >= wanted.bytesIn && bytesOut >= wanted.bytesOut;
  };
  await waitFor(isCounted, { what: `${what} to be counted`, timeoutMs }).catch(() => {});
  expect(await counted(), what).toEqual(wanted);
}

/** Has our end replace the CHILD_SA, and waits for both to have the new one. */
async function rekey(): Promise<void> {
  const [own, far] = [await child(ours), await child(theirs)];
  await onVici(ours, (session) => session.request("rekey", { "child-id": own.uniqueId }));
  await child(ours, ({ spi }) => spi !== own.spi);
  await child(theirs, ({ spi }) => spi !== far.spi);
}

describeOnMachine("the traffic of a channel", () => {
  beforeAll(async () => {
    startedMs = Date.now();
    database = await makeSqlite();
    const nudge = (id: number) => loops?.nudge(id);
    operator = await makeOperator(database.store, { nudge, clock: () => Date.now() + aheadMs });
    await startServer(hourMs);
    place = await makePlace(operator, labDefaults.remoteAddress);
    expect(place.vpnGw.id).toBe(gatewayId);
    await labUp({ ...labDefaults, names, vpc: { id: place.vpc.id, uid: place.vpc.uid, cidr: place.vpc.cidr } });
    const { preSharedKey } = labDefaults;
    await makeConn(operator, place, { peers: [labDefaults.siteNetwork], preSharedKey });
    conn = await database.store.db.sql.selectFrom("vpn_conns").select(["id", "uid"]).executeTakeFirstOrThrow();
  });
  afterAll(async () => {
    await stopServer();
    await labDown(names);
    await cleanUp(names);
    await database.remove();
  });

  it("is every byte, over rekeyings, deletions, and servers that come and go", async () => {
    let sent = await settleTunnel();
    await sendPings(10);
    await rekey();
    sent = add(sent, pings(10));
    await expectCounted(sent, "what went before a rekeying");

    await sendPings(11);
    await rekey();
    sent = add(sent, pings(11));
    await expectCounted(sent, "what went before the next");

    await sendPings(12);
    const { uniqueId } = await child(theirs);
    await onVici(theirs, (session) => session.request("terminate", { "child-id": uniqueId }));
    sent = add(sent, pings(12));
    await expectCounted(sent, "what went before the peer's deletion");

    // The loop begins the next one.
    const carried = await counted();
    await firstReply(vpcHost, remoteHost, { timeoutMs });
    const { bytesIn, bytesOut } = await child(ours);
    sent = add(carried, { bytesIn, bytesOut });
    await sendPings(13);
    await stopServer();
    await sendPings(14);
    sent = add(sent, pings(27));
    await startServer(hourMs);
    await expectCounted(sent, "what went while there was no server");
    await stopServer();
    await startServer(500);
    await sendPings(15);
    sent = add(sent, pings(15));
    await expectCounted(sent, "what goes");
  });

  it("is told apart by direction", async () => {
    const before = await counted();
    // To a port that nobody hears: an answer, if there is one, is shorter.
    const datagrams = "for i in 1 2 3; do printf %01000d 0 >/dev/udp/10.56.20.10/9; sleep 0.05; done";
    await run("ip", ["netns", "exec", vpcHost, "bash", "-c", datagrams]);
    const bytesOut = before.bytesOut + 3 * 1_028;
    await waitFor(async () => (await counted()).bytesOut === bytesOut, { what: "the datagrams", timeoutMs });
    expect((await counted()).bytesIn - before.bytesIn).toBeLessThanOrEqual(3 * 576);
  });

  it("goes on after kill -9 of charon: what was counted stays, what the new one carries is added", async () => {
    await sendPings(20);
    const live = await child(ours);
    const before = await waitFor(
      async () => {
        const [{ bytesIn, bytesOut }, all] = [await child(ours), await counted()];
        const last = await database.store.db.sql
          .selectFrom("sa_counters")
          .selectAll()
          .where("spi", "=", live.spi)
          .execute();
        return last.some((each) => each.bytes_in === bytesIn && each.bytes_out === bytesOut) && all;
      },
      { what: "all to be counted", timeoutMs },
    );
    const pid = await findCharon({ namespace: names.gatewayNamespace(gatewayId), dir: names.gatewayDir(gatewayId) });
    process.kill(pid ?? 0, "SIGKILL");
    const next = await waitFor(
      async () => (await listChildren(ours).catch(() => [])).find(({ state }) => state === "INSTALLED"),
      { what: "a new CHILD_SA", timeoutMs },
    );
    expect(next.spi).not.toBe(live.spi);
    const carried = await settleTunnel();
    await sendPings(21);
    await expectCounted(add(add(before, carried), pings(21)), "what the new charon carried");
  });

  it("is what the rates come to", async () => {
    await stopServer();
    await startServer(hourMs);
    const total = await waitFor(
      async () => {
        const before = await counted();
        const { bytesIn, bytesOut } = await child(ours);
        const rows = await database.store.db.sql.selectFrom("sa_counters").selectAll().execute();
        return rows.some((row) => row.bytes_in === bytesIn && row.bytes_out === bytesOut) && before;
      },
      { what: "all to be counted", timeoutMs },
    );
    // When the slot is over.
    aheadMs = 2 * slotMs;
    const given = { vpc: place.vpc.uid, vpnGw: place.vpnGw.uid, vpnConn: conn.uid, fromMs: slotOf(startedMs) - slotMs };
    for (const direction of ["bytesIn", "bytesOut"] as const) {
      const input = { ...given, toMs: slotOf(Date.now()) + slotMs, direction };
      const rates = await getVpnConnRates(operator.context, operator.caller, input);
      const bytes = rates.reduce((sum, rate) => sum + (rate * slotMs) / 8_000, 0);
      // A rate is rounded to a bit per second.
      expect(Math.abs(bytes - total[direction])).toBeLessThanOrEqual(19 * rates.length);
      expect(bytes).toBeGreaterThan(100 * pingBytes);
    }
  });
});
