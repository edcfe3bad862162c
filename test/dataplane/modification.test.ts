// Channels that are changed and negotiated anew while packets go through them: our loop with a real charon, and a peer with another
// one that is told by hand and begins nothing itself.
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { CharonDataplane } from "../../src/dataplane/charon/charon-dataplane.ts";
import { type ConnectionSpec, DataplaneError } from "../../src/dataplane/dataplane.ts";
import { DirectHost } from "../../src/host/direct-host.ts";
import { createVpc } from "../../src/operations/create-vpc.ts";
import type { ModifyVpnConn } from "../../src/operations/modify-vpn-conn.ts";
import { resetVpnConnSa } from "../../src/operations/reset-vpn-conn-sa.ts";
import type { DecodedMessage } from "../../src/vici/codec.ts";
import { ViciSession } from "../../src/vici/session.ts";
import { Secret } from "../../src/vpn/secret.ts";
import { makeSqlite, type TestDatabase } from "../store/databases.ts";
import { describeOnMachine } from "../support/machine.ts";
import {
  makeConn,
  makeOperator,
  makeUserGw,
  makeVpnGw,
  modifyConn,
  type Operator,
  type Place,
} from "../support/operations.ts";
import { waitFor } from "../support/wait-for.ts";
import { applyAll, cleanUp, makeCharonDataplane, makeNames, makeSteps } from "./instance.ts";
import { type ConnectionChanges, connectionBetween, gatewayNumber } from "./specs.ts";
import { type Host, makeHost, ping } from "./wires.ts";

const names = makeNames();
const peer = gatewayNumber(99);
const ike = { encryption: "aes128", integrity: "sha1", dhGroup: 2 } as const;
const ipsec = { encryption: "aes128", integrity: "sha1" } as const;
const timeoutMs = 15_000;
const site = (number: number) => `10.99.${number}.0/24`;
const hostAt = (number: number) => `10.99.${number}.10`;

interface ListedChild {
  readonly name: string;
  readonly spi: string;
  readonly keySize: string;
}

interface Listed {
  readonly ikeSas: readonly string[];
  readonly children: readonly ListedChild[];
}

describeOnMachine("a channel with packets going through it", () => {
  let database: TestDatabase;
  let loops: DirectHost;
  let operator: Operator;
  let place: Place;
  let host: Host;
  let dataplane: CharonDataplane;
  let peerDataplane: CharonDataplane;
  /** What the peer was told last. */
  let told: ConnectionSpec;

  beforeAll(async () => {
    database = await makeSqlite();
    dataplane = makeCharonDataplane(names);
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    loops = new DirectHost({
      store: database.store,
      dataplane,
      clock: Date.now,
      log,
      keepTrafficMs: 86_400_000,
      periodMs: 5_000,
    });
    operator = await makeOperator(database.store, { nudge: (id) => loops.nudge(id) });
    await loops.start();
    const vpc = await createVpc(operator.context, operator.caller, { name: "office", cidr: "10.1.0.0/16" });
    const vpnGw = await makeVpnGw(operator, vpc);
    place = { vpc, vpnGw, userGw: await makeUserGw(operator, peer.publicAddress) };
    // A data plane of its own: what the loop hears of it would be a stray gateway's.
    peerDataplane = makeCharonDataplane(names);
    await applyAll(peerDataplane, peer, makeSteps);
    for (const number of [1, 2, 3]) {
      await peerDataplane.apply(peer, { kind: "add-local-network", network: site(number) });
    }
    await tellPeer({}, 3);
    host = await makeHost(names, "host", names.vpcNamespace(vpc.id), "10.1.0.10/16", [
      "route add default via 10.1.0.1",
    ]);
    const addresses = [1, 2, 3].map((number) => `address add ${hostAt(number)}/16 dev eth0`);
    await makeHost(names, "far", names.vpcNamespace(peer.vpcId), "10.99.0.10/16", [
      ...addresses,
      "route add default via 10.99.0.1",
    ]);
  });
  afterAll(async () => {
    await loops.stop();
    await peerDataplane.close();
    await cleanUp(names);
    await database.remove();
  });

  /** Loads the peer's end: site n to our VPC, for n up to `sites`. */
  async function tellPeer(changes: ConnectionChanges, sites = told.children.length): Promise<void> {
    const spec = connectionBetween(
      peer,
      { ...gatewayNumber(1), ...place.vpnGw, id: 1, vpcCidr: place.vpc.cidr },
      {
        ...changes,
        name: "peer",
        remoteAddress: place.vpnGw.publicAddress,
      },
    );
    const [child] = spec.children;
    if (child === undefined) throw new TypeError("it has one");
    const children = Array.from({ length: sites }, (_, index) => ({
      ...child,
      name: `peer-${index + 1}`,
      localNetwork: site(index + 1),
    }));
    told = { ...spec, children };
    await applyAll(peerDataplane, peer, [
      { kind: "load-secret", connection: told, fingerprint: "s" },
      { kind: "load-connection", connection: told, fingerprint: "c" },
    ]);
  }

  const idsOf = (vpnConn: string) => ({ vpc: place.vpc.uid, vpnGw: place.vpnGw.uid, vpnConn });

  async function uids(): Promise<string[]> {
    const rows = await database.store.db.sql.selectFrom("vpn_conns").select("uid").orderBy("id").execute();
    return rows.map(({ uid }) => uid);
  }

  /** What our charon lists: IKE_SAs by unique id, CHILD_SAs that are up. */
  async function list(): Promise<Listed> {
    const session = await ViciSession.connect(names.viciSocket(place.vpnGw.id));
    try {
      const messages = await session.stream("list-sas", "list-sa");
      const ikeSas = messages.flatMap((message) => Object.values(message)) as DecodedMessage[];
      const children = ikeSas.flatMap((sa) =>
        Object.values((sa["child-sas"] ?? {}) as DecodedMessage),
      ) as DecodedMessage[];
      return {
        ikeSas: ikeSas.map(({ uniqueid }) => String(uniqueid)),
        children: children
          .filter(({ state }) => state === "INSTALLED")
          .map((sa) => ({ name: String(sa.name), spi: String(sa["spi-in"]), keySize: String(sa["encr-keysize"]) })),
      };
    } finally {
      session.close();
    }
  }

  const spisOf = ({ children }: Listed, uid: string) =>
    children
      .filter(({ name }) => name.startsWith(uid))
      .map(({ spi }) => spi)
      .sort();

  async function waitForTask(taskId: number): Promise<string> {
    return waitFor(
      async () => {
        const query = database.store.db.sql.selectFrom("tasks").select("status").where("id", "=", taskId);
        const { status } = await query.executeTakeFirstOrThrow();
        return status === "running" ? undefined : status;
      },
      { what: `task ${taskId}`, timeoutMs },
    );
  }

  async function modify(uid: string, given: Partial<ModifyVpnConn>): Promise<void> {
    expect(await waitForTask((await modifyConn(operator, place, uid, given)).taskId)).toBe("succeeded");
  }

  const reaches = (number: number, count = 1) => ping(host, hostAt(number), count);
  const waitForPing = (number: number) =>
    waitFor(async () => (await reaches(number)) === 1, { what: `a ping of site ${number}`, timeoutMs });
  const settled = (isSo: (listed: Listed) => boolean, what: string) =>
    waitFor(
      async () => {
        const listed = await list();
        return isSo(listed) ? listed : undefined;
      },
      { what, timeoutMs },
    );

  it("comes up", async () => {
    const spds = [{ local: undefined, peers: [site(1), site(2)] }];
    const preSharedKey = new Secret(told.preSharedKey.reveal());
    const { taskId } = await makeConn(operator, place, { spds, ike, ipsec, preSharedKey });
    expect(await waitForTask(taskId)).toBe("succeeded");
    await waitForPing(1);
    await waitForPing(2);
  });

  it("is renamed without a lost ping, and without a new SA", async () => {
    const [uid = ""] = await uids();
    const before = await list();
    const pinging = reaches(1, 40);
    await modify(uid, { name: "renamed" });
    expect(await pinging).toBe(40);
    expect(await list()).toEqual(before);
  });

  it("gets other networks without a lost ping of the pair that stays", async () => {
    const [uid = ""] = await uids();
    const before = await list();
    const pinging = reaches(1, 60);
    await modify(uid, { spds: [{ local: undefined, peers: [site(1), site(3)] }] });
    await waitForPing(3);
    expect(await pinging).toBe(60);
    expect(await reaches(2)).toBe(0);
    const after = await list();
    expect(after.ikeSas).toEqual(before.ikeSas);
    expect(after.children.filter(({ spi }) => before.children.some((old) => old.spi === spi))).toHaveLength(1);
    await modify(uid, { spds: [{ local: undefined, peers: [site(1), site(2)] }] });
    await waitForPing(2);
  });

  it("gets another key, with which it is negotiated anew at once", async () => {
    const [uid = ""] = await uids();
    const before = await list();
    await tellPeer({ preSharedKey: "another key" });
    const begunMs = performance.now();
    await modify(uid, { preSharedKey: new Secret("another key") });
    for (const number of [1, 2]) await waitForPing(number);
    expect(performance.now() - begunMs).toBeLessThan(8_000);
    const after = await settled((listed) => listed.ikeSas.length === 1, "the old IKE_SA to go");
    expect(after.ikeSas).not.toEqual(before.ikeSas);
    expect(after.children).toHaveLength(2);
  });

  it("gets another key and other networks in one change, and back", async () => {
    const [uid = ""] = await uids();
    for (const [key, one, two] of [
      ["a third key", 2, 3],
      ["another key", 1, 2],
    ] as const) {
      const before = await list();
      await tellPeer({ preSharedKey: key });
      await modify(uid, { preSharedKey: new Secret(key), spds: [{ local: undefined, peers: [site(one), site(two)] }] });
      for (const number of [one, two]) await waitForPing(number);
      const after = await settled((listed) => listed.ikeSas.length === 1, "the old IKE_SA to go");
      expect(after.ikeSas).not.toEqual(before.ikeSas);
      expect(after.children).toHaveLength(2);
    }
  });

  it("goes on as it was, without a lost ping, when charon refuses a change", async () => {
    const [uid = ""] = await uids();
    const before = await list();
    const apply = dataplane.apply.bind(dataplane);
    const refusing = vi.spyOn(dataplane, "apply").mockImplementation(async (gateway, step) => {
      if (step.kind === "load-connection") throw new DataplaneError("connection", "not this one");
      await apply(gateway, step);
    });
    const pinging = reaches(1, 40);
    const change = { preSharedKey: new Secret("refused"), spds: [{ local: undefined, peers: [site(3)] }] };
    const { taskId } = await modifyConn(operator, place, uid, change);
    expect(await waitForTask(taskId)).toBe("failed");
    expect(await pinging).toBe(40);
    refusing.mockRestore();
    expect(await list()).toEqual(before);
    // What was loaded of the change is gone again: the next negotiation is with the old key.
    const secrets = async () => (await dataplane.observe(place.vpnGw.id, true)).secrets.size;
    await waitFor(async () => (await secrets()) === 1, { what: "the refused key to go", timeoutMs });
    await resetVpnConnSa(operator.context, operator.caller, idsOf(uid));
    await settled(({ ikeSas }) => ikeSas.length === 1 && ikeSas[0] !== before.ikeSas[0], "a new IKE_SA");
    await waitForPing(1);
  });

  it("gets other algorithms in phase 1, and then no child that was there before is there", async () => {
    const [uid = ""] = await uids();
    const before = await list();
    await tellPeer({ preSharedKey: "another key", ike: { encryption: "aes256", dhGroup: 14 } });
    await modify(uid, { ike: { encryption: "aes256", dhGroup: 14 } });
    await waitForPing(1);
    await waitForPing(2);
    const after = await settled((listed) => listed.ikeSas.length === 1, "the old IKE_SA to go");
    expect(after.ikeSas).not.toEqual(before.ikeSas);
    expect(spisOf(after, uid).filter((spi) => spisOf(before, uid).includes(spi))).toEqual([]);
  });

  it("is reset alone on its IKE_SA: that is made anew", async () => {
    const [uid = ""] = await uids();
    const before = await list();
    await resetVpnConnSa(operator.context, operator.caller, idsOf(uid));
    const isRenewed = (listed: Listed) => listed.ikeSas.length === 1 && listed.ikeSas[0] !== before.ikeSas[0];
    await settled(isRenewed, "a new IKE_SA");
    const after = await settled(({ children }) => children.length === 2, "two CHILD_SAs");
    expect(spisOf(after, uid).filter((spi) => spisOf(before, uid).includes(spi))).toEqual([]);
    await waitForPing(1);
    await waitForPing(2);
  });

  it("gets other algorithms in phase 2, and the other channel on its IKE_SA notices nothing", async () => {
    const spds = [{ local: undefined, peers: [site(3)] }];
    expect(await waitForTask((await makeConn(operator, place, { spds, ipsec })).taskId)).toBe("succeeded");
    await waitForPing(3);
    const [uid = "", other = ""] = await uids();
    const before = await list();
    const pinging = reaches(3, 60);
    await tellPeer({
      preSharedKey: "another key",
      ike: { encryption: "aes256", dhGroup: 14 },
      ipsec: { encryption: "aes256" },
    });
    await modify(uid, { ipsec: { encryption: "aes256" } });
    await waitForPing(1);
    await waitForPing(2);
    expect(await pinging).toBe(60);
    const after = await settled(({ children }) => children.length === 3, "three CHILD_SAs");
    expect(after.ikeSas).toEqual(before.ikeSas);
    expect(spisOf(after, other)).toEqual(spisOf(before, other));
    const own = after.children.filter(({ name }) => name.startsWith(uid));
    expect(own.map(({ keySize }) => keySize)).toEqual(["256", "256"]);
    expect(before.children.every(({ keySize }) => keySize === "128")).toBe(true);
  });

  it("is reset beside another one: its SPIs are new, the other's SAs are untouched", async () => {
    const [uid = "", other = ""] = await uids();
    const before = await list();
    const pinging = reaches(3, 60);
    await resetVpnConnSa(operator.context, operator.caller, idsOf(uid));
    const isRenewed = (listed: Listed) =>
      spisOf(listed, uid).length === 2 && !spisOf(listed, uid).some((spi) => spisOf(before, uid).includes(spi));
    const after = await settled(isRenewed, "new SPIs");
    expect(await pinging).toBe(60);
    expect(after.ikeSas).toEqual(before.ikeSas);
    expect(spisOf(after, other)).toEqual(spisOf(before, other));
    await waitForPing(1);
    await waitForPing(2);
  });
});
