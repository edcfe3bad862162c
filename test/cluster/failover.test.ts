// What becomes of a gateway and of what was acknowledged when a part of an installation dies, hangs or is cut off: three hosts, two API
// nodes, one PostgreSQL, on machines of their own whose wall clocks are up to 20 s apart. After each fault every channel that was
// acknowledged is there, every task has ended, packets cross, and at no moment have two machines answered for the gateway's address.
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeOnMachine } from "../support/machine.ts";
import { postgresReason } from "../support/postgres-server.ts";
import { waitFor } from "../support/wait-for.ts";
import { Caller } from "./caller.ts";
import { apiNames, Cluster, clusterReason, type HostName, site, vpc } from "./cluster.ts";
import { type Place, Tenant } from "./tenant.ts";
import { AddressWitness, TunnelWitness } from "./witness.ts";

/** The shortest that is allowed, so that tests are short; the usual one is 30. */
const leaseSeconds = Number(process.env.LEASE_SECONDS ?? 5);
const timeoutMs = 60_000 + 4_000 * leaseSeconds;
const reason = postgresReason ?? clusterReason;
if (reason !== undefined) process.stderr.write(`The tests of failover are skipped: ${reason}.\n`);

let cluster: Cluster;
let caller: Caller;
let tenant: Tenant;
let place: Place;
let ear: AddressWitness;
let tunnel: TunnelWitness;
const report: { fault: string; breakSeconds: number }[] = [];

/** Who has the gateway by the database. */
function findHolder(): Promise<HostName> {
  return waitFor(async () => (await listHolders())[0], { what: "a host with the gateway", timeoutMs });
}

async function waitForOther(holder: HostName): Promise<void> {
  const isOther = async () => (await listHolders()).some((name) => name !== holder);
  await waitFor(isOther, { what: `another host than ${holder} with the gateway`, timeoutMs });
}

interface ListedHost {
  readonly name: HostName;
  readonly gateways: number;
}

async function listHolders(): Promise<HostName[]> {
  const hosts = JSON.parse(await cluster.administer("host", "list", "--json")) as ListedHost[];
  return hosts.filter(({ gateways }) => gateways > 0).map(({ name }) => name);
}

/** Waits until packets cross, and holds everything that has to be so after a fault. @returns the break in seconds */
async function expectRecovery(fault: string, since: number): Promise<number> {
  await waitFor(() => tunnel.isAnswered && (tunnel.answeredAt.at(-1) ?? 0) > since, {
    what: `packets after ${fault}`,
    timeoutMs,
  });
  const breakSeconds = tunnel.longestBreakSeconds(since);
  report.push({ fault, breakSeconds: Math.round(breakSeconds * 100) / 100 });
  await tenant.check(place);
  expectOneAnswered(since);
  return breakSeconds;
}

/** Each machine that began to answer did so once: two that answer by turns are found twice. */
function expectOneAnswered(since: number): void {
  const reigns = ear.reignsSince(since).map(({ mac }) => mac);
  expect(reigns).toEqual([...new Set(reigns)]);
}

const now = () => Date.now() / 1_000;

describeOnMachine("an installation of many machines", () => {
  describe.skipIf(reason !== undefined)("loses nothing", () => {
    beforeAll(async () => {
      cluster = await Cluster.make(leaseSeconds);
      const clientNamespace = await cluster.machines.add("client", { eth0: "10.200.0.5/24" });
      const keyFile = `${cluster.api.api1.data}/admin.key.json`;
      caller = new Caller(clientNamespace, keyFile, cluster.certificateFile);
      tenant = new Tenant(
        caller,
        apiNames.map((name) => cluster.endpointOf(name)),
      );
      place = await tenant.makePlace("vpc of the cluster", vpc.cidr, site.address);
      ear = await AddressWitness.listen(cluster.machines.switch, "pub0", place.address);
      await tenant.addChannel(place, "the tunnel", site.network);
      tunnel = new TunnelWitness(cluster.vpcHost, site.hostAddress);
      await waitFor(() => tunnel.isAnswered, { what: "the tunnel", timeoutMs });
    }, 120_000);

    afterAll(async () => {
      process.stderr.write(
        `${report.map(({ fault, breakSeconds }) => `${breakSeconds} s without packets: ${fault}\n`).join("")}`,
      );
      await tunnel?.stop();
      await ear?.stop();
      await caller?.stop();
      await cluster?.remove();
    }, 60_000);

    afterEach(async () => {
      await waitFor(() => tunnel.isAnswered, { what: "the tunnel to be up again", timeoutMs: 50_000 }).catch(
        async (error) => {
          process.stderr.write(await cluster.describe());
          throw error;
        },
      );
    });

    it("when a host loses its power: another takes its gateway with its address", {
      timeout: 2 * timeoutMs,
    }, async () => {
      const holder = await findHolder();
      const since = now();
      await cluster.cutPower(holder);
      await tenant.addChannel(place, "asked for without a host", "10.90.0.0/24");
      await waitForOther(holder);
      await expectRecovery("power cut", since);
      await cluster.restorePower(holder);
    });

    it("when a host's process is killed and comes back: its tunnels go on", { timeout: 2 * timeoutMs }, async () => {
      const holder = await findHolder();
      const since = now();
      await cluster.hosts[holder].stop("SIGKILL");
      await cluster.hosts[holder].start();
      await expectRecovery("host process killed, started anew", since);
      expect(await findHolder()).toBe(holder);
    });

    it("when a host hangs: it falls silent before another begins", { timeout: 2 * timeoutMs }, async () => {
      const holder = await findHolder();
      const since = now();
      cluster.hosts[holder].signal("SIGSTOP");
      try {
        await waitForOther(holder);
        await expectRecovery("host process stopped", since);
      } finally {
        cluster.hosts[holder].signal("SIGCONT");
      }
      // Awake again, it finds that the gateway is another's, and takes what is left of it off its machine.
      await pause(leaseSeconds * 1_000);
      expectOneAnswered(since);
    });

    it("when a host is cut off from the API and not from the wire", { timeout: 2 * timeoutMs }, async () => {
      const holder = await findHolder();
      const since = now();
      await cluster.machines.plug(holder, "eth0", false);
      await waitForOther(holder);
      await expectRecovery("host cut off from the API, not from the wire", since);
      await cluster.machines.plug(holder, "eth0", true);
      await pause(leaseSeconds * 1_000);
      expectOneAnswered(since);
    });

    it("when an API node is killed with requests under way", { timeout: 2 * timeoutMs }, async () => {
      const since = now();
      const asked = Array.from({ length: 20 }, (_, index) =>
        tenant.addChannel(place, `at the end of a node ${index}`, `10.91.${index}.0/24`),
      );
      await pause(100);
      await cluster.api.api1.stop("SIGKILL");
      await Promise.all(asked);
      await tenant.addChannel(place, "by the other node", "10.92.0.0/24", 1);
      await expectRecovery("API node killed", since);
      await cluster.api.api1.start();
    });

    // Whichever node the host listens to: what is changed by way of the other is not told to it.
    it.each([0, 1] as const)(
      "when API node %i hangs, and a nudge is lost with it",
      { timeout: 2 * timeoutMs },
      async (node) => {
        const [name, since] = [apiNames[node], now()];
        cluster.api[name].signal("SIGSTOP");
        try {
          await tenant.addChannel(place, `told to nobody ${node}`, `10.93.${node}.0/24`, 1 - node);
          await expectRecovery("API node stopped", since);
        } finally {
          cluster.api[name].signal("SIGCONT");
        }
      },
    );

    it("when PostgreSQL crashes and starts anew", { timeout: 2 * timeoutMs }, async () => {
      const since = now();
      const asked = Array.from({ length: 20 }, (_, index) =>
        tenant.addChannel(place, `around a crash ${index}`, `10.94.${index}.0/24`),
      );
      await pause(100);
      await cluster.database.kill();
      await cluster.database.restart();
      await Promise.all(asked);
      await tenant.addChannel(place, "after the crash", "10.95.0.0/24");
      await expectRecovery("PostgreSQL killed, started anew", since);
    });

    it("when PostgreSQL stalls for 20 s", { timeout: 2 * timeoutMs }, async () => {
      const [since, holder] = [now(), await findHolder()];
      const goOn = cluster.database.pause();
      const asked = tenant.addChannel(place, "while it stalls", "10.96.0.0/24");
      await pause(20_000);
      goOn();
      await asked;
      await expectRecovery(`PostgreSQL paused for 20 s, terms of ${leaseSeconds} s`, since);
      // Whoever lives keeps what he has: nobody was expired because nobody could be seen.
      expect(await findHolder()).toBe(holder);
    });

    it("when a host is told to stop: its gateway is another's before it ends", { timeout: 2 * timeoutMs }, async () => {
      const holder = await findHolder();
      const since = now();
      await cluster.hosts[holder].stop("SIGTERM");
      expect(await findHolder()).not.toBe(holder);
      const breakSeconds = await expectRecovery("host told to stop", since);
      expect(breakSeconds).toBeLessThan(leaseSeconds);
      await cluster.hosts[holder].start();
    });

    it("when a host is drained: its gateway moves, with a short break", { timeout: 2 * timeoutMs }, async () => {
      const holder = await findHolder();
      const since = now();
      await cluster.administer("host", "drain", holder);
      const breakSeconds = await expectRecovery("host drained", since);
      expect(breakSeconds).toBeLessThan(leaseSeconds);
      expect(await findHolder()).not.toBe(holder);
      await cluster.administer("host", "uncordon", holder);
    });
  });
});
