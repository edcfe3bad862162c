import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ConnRequest, conn, publicAddress } from "../../test/support/conns.ts";
import { childSpecs, connectionName, type DesiredConnection, DesiredConns, isLeaving } from "./desired.ts";

const shared = { peerAddress: "203.0.113.9", ikeIdentity: "shared" } satisfies ConnRequest;

function gather(...conns: readonly ReturnType<typeof conn>[]): DesiredConns {
  const desired = new DesiredConns(publicAddress);
  for (const each of conns) desired.take(each);
  return desired;
}

/** The one connection that is desired. */
function only(desired: DesiredConns): DesiredConnection {
  const all = [...desired.connections().values()];
  expect(all).toHaveLength(1);
  const [connection] = all;
  if (connection === undefined) throw new TypeError("there is one");
  return connection;
}

function childNames({ spec }: DesiredConnection): string[] {
  return spec.children.map(({ name }) => name);
}

describe("a connection", () => {
  test("has what its channel has", () => {
    const row = conn(1, {
      key: "the key",
      spds: [{ local: "10.0.0.0/24", peers: ["192.168.1.0/24", "192.168.2.0/24"] }],
    });
    const desired = gather(row);
    const { spec } = only(desired);
    expect(spec).toMatchObject({
      localAddress: publicAddress,
      remoteAddress: row.peerAddress,
      ike: row.conn.ike,
      children: [
        { localNetwork: "10.0.0.0/24", peerNetwork: "192.168.1.0/24", ipsec: row.conn.ipsec },
        { localNetwork: "10.0.0.0/24", peerNetwork: "192.168.2.0/24", ipsec: row.conn.ipsec },
      ],
    });
    expect(spec.preSharedKey.reveal()).toBe("the key");
    expect(spec.name).toBe(connectionName(row));
    expect(desired.get(1)).toMatchObject({ connectionName: spec.name, children: spec.children });
  });

  test("is one for all channels of an IKE identity, with the children of all, in the order of their numbers", () => {
    const desired = gather(conn(3, shared), conn(1, shared), conn(2));
    const connections = [...desired.connections().values()];
    expect(connections).toHaveLength(2);
    const uids = connections.map((connection) => childNames(connection).map((name) => name.slice(0, 13)));
    expect(uids).toContainEqual(["vpnx-00000001", "vpnx-00000003"]);
    expect(uids).toContainEqual(["vpnx-00000002"]);
  });

  test("is named after the peer, its identity and the generation of its settings, and nothing else", () => {
    const nameOf = (peerAddress: string, ikeIdentity: string, more: ConnRequest = {}) =>
      connectionName(conn(1, { peerAddress, ikeIdentity, ...more }));
    const names = ["a", "b"].flatMap((identity) =>
      ["1.2.3.4", "1.2.3.5"].flatMap((peer) =>
        [1, 2].map((ikeGeneration) => nameOf(peer, identity, { ikeGeneration })),
      ),
    );
    expect(new Set(names).size).toBe(8);
    for (const name of names) expect(name).toMatch(/^ike-1\.2\.3\.[45]-[0-9a-f]{12}$/);
    expect(nameOf("1.2.3.4", "a", { key: "another", generation: 9, ipsecGeneration: 9 })).toBe(names[0]);
  });

  test("loses the children of the channel that goes, and keeps the others'", () => {
    const desired = gather(conn(1, shared), conn(2, shared));
    const before = only(desired);
    desired.take(conn(1, { ...shared, status: "deleting" }));
    const after = only(desired);
    expect(childNames(after)).toEqual(childNames(before).slice(1));
    expect(after.spec.name).toBe(before.spec.name);
    expect(after.secretFingerprint).toBe(before.secretFingerprint);
    expect(after.connectionFingerprint).not.toBe(before.connectionFingerprint);
  });

  test("goes with its last channel, however that goes", () => {
    const desired = gather(conn(1, shared), conn(2, shared));
    const { name, children } = only(desired).spec;
    const [child = ""] = children.map((each) => each.name);
    expect(desired.members(name).map((held) => held.conn.id)).toEqual([1, 2]);
    expect(desired.ownerOf(child)?.connectionName).toBe(name);
    desired.drop(1);
    desired.take(conn(2, { ...shared, status: "delete-failed" }));
    expect(desired.connections().size).toBe(0);
    expect(desired.members(name)).toEqual([]);
    expect(desired.ownerOf(child)).toBeUndefined();
    expect(desired.localNetworks()).toEqual(new Set());
    desired.drop(2);
    desired.drop(404);
  });

  test("follows a channel that changes its identity", () => {
    const desired = gather(conn(1, shared));
    const before = only(desired).spec.name;
    desired.take(conn(1, { ...shared, ikeIdentity: "another" }));
    expect(only(desired).spec.name).not.toBe(before);
  });
});

describe("fingerprints", () => {
  const base = { ...shared, key: "one" };
  const changes: readonly [string, ConnRequest, { secret: boolean; connection: boolean }][] = [
    ["nothing", {}, { secret: false, connection: false }],
    ["the key", { key: "two" }, { secret: true, connection: false }],
    ["phase 1", { ike: { encryption: "aes256" } }, { secret: false, connection: true }],
    ["phase 2", { ipsec: { pfsGroup: 2 } }, { secret: false, connection: true }],
    ["a lifetime", { ipsec: { lifetimeSeconds: 180 } }, { secret: false, connection: true }],
    [
      "the networks",
      { spds: [{ local: "10.0.0.0/24", peers: ["192.168.9.0/24"] }] },
      { secret: false, connection: true },
    ],
    ["its status", { status: "running" }, { secret: false, connection: false }],
    ["its generation", { generation: 9 }, { secret: false, connection: false }],
  ];

  test.each(changes)("when %s changes", (_what, change, isChanged) => {
    const [before, after] = [only(gather(conn(1, base))), only(gather(conn(1, { ...base, ...change })))];
    expect(after.secretFingerprint !== before.secretFingerprint).toBe(isChanged.secret);
    expect(after.connectionFingerprint !== before.connectionFingerprint).toBe(isChanged.connection);
  });

  test("hold nothing of the key", () => {
    const { secretFingerprint, connectionFingerprint } = only(gather(conn(1, { key: "deadbeef" })));
    for (const fingerprint of [secretFingerprint, connectionFingerprint]) {
      expect(fingerprint).toMatch(/^[0-9a-f]{12}$/);
      expect(fingerprint).not.toContain("deadbeef");
    }
  });

  test("are the same for a loop that begins anew, whatever it has read in which order", () => {
    const rows = [conn(1, shared), conn(2, shared), conn(3), conn(4, { ...shared, spds: [] })];
    fc.assert(
      fc.property(
        fc.shuffledSubarray(rows, { minLength: rows.length }),
        fc.array(fc.constantFrom(...rows)),
        (order, more) => {
          const [one, other] = [gather(...rows), gather(...more, ...order)];
          const prints = (desired: DesiredConns) =>
            [...desired.connections().values()]
              .map((each) => `${each.spec.name} ${each.secretFingerprint} ${each.connectionFingerprint}`)
              .toSorted();
          expect(prints(other)).toEqual(prints(one));
        },
      ),
    );
  });
});

describe("a child's name", () => {
  const spds = [
    { local: "10.0.0.0/24", peers: ["192.168.0.0/24", "192.168.1.0/24"] },
    { local: "10.0.1.0/24", peers: ["192.168.0.0/24"] },
  ];

  test("begins with its channel's, and belongs to its pair whatever else comes and goes", () => {
    const names = (given: typeof spds, more: ConnRequest = {}) =>
      new Map(
        childSpecs(conn(1, { spds: given, ...more }).conn).map((child) => [
          `${child.localNetwork} ${child.peerNetwork}`,
          child.name,
        ]),
      );
    const all = names(spds);
    expect(new Set(all.values()).size).toBe(3);
    for (const name of all.values()) expect(name).toMatch(/^vpnx-00000001-[0-9a-f]{12}$/);
    for (const fewer of [spds.slice(1), spds.slice(0, 1), [...spds].reverse()]) {
      for (const [pair, name] of names(fewer)) expect(name).toBe(all.get(pair));
    }
    expect(names(spds, { key: "another", ike: { dhGroup: 5 }, ikeGeneration: 9, generation: 9 })).toEqual(all);
    const renewed = names(spds, { ipsecGeneration: 9 });
    expect([...renewed.values()].filter((name) => [...all.values()].includes(name))).toEqual([]);
  });

  test("is its own among thousands", () => {
    const peers = Array.from({ length: 5_000 }, (_, index) => `100.${64 + (index >> 8)}.${index & 255}.0/24`);
    const names = childSpecs(conn(1, { spds: [{ local: "10.0.0.0/24", peers }] }).conn).map(({ name }) => name);
    expect(new Set(names).size).toBe(5_000);
  });

  test("differs between channels with the same networks", () => {
    const [one, other] = [1, 2].map((id) => childSpecs(conn(id, { spds }).conn).map(({ name }) => name));
    expect(one?.filter((name) => other?.includes(name))).toEqual([]);
  });
});

test("the local networks are those of all channels, each once", () => {
  const desired = gather(
    conn(1, { spds: [{ local: "10.0.0.0/24", peers: ["192.168.0.0/24"] }] }),
    conn(2, {
      spds: [
        { local: "10.0.0.0/24", peers: ["192.168.1.0/24"] },
        { local: "10.0.1.0/24", peers: ["192.168.0.0/24"] },
      ],
    }),
  );
  expect(desired.localNetworks()).toEqual(new Set(["10.0.0.0/24", "10.0.1.0/24"]));
  desired.drop(2);
  expect(desired.localNetworks()).toEqual(new Set(["10.0.0.0/24"]));
});

test("connections that nothing has changed are not built anew", () => {
  const desired = gather(conn(1), conn(2));
  const before = desired.connections();
  const nameOf = (id: number) => desired.get(id)?.connectionName ?? "";
  desired.take(conn(2, { key: "another" }));
  const after = desired.connections();
  expect(after.get(nameOf(1))).toBe(before.get(nameOf(1)));
  expect(after.get(nameOf(2))).not.toBe(before.get(nameOf(2)));
});

describe("connections of one gateway", () => {
  const branch = { ike: { remoteIdentity: { type: "fqdn", value: "branch" } } } as const;
  const neighboursOf = (desired: DesiredConns, id: number) => {
    const { isAddressShared, hasNamesake } =
      desired.connections().get(desired.get(id)?.connectionName ?? "")?.spec ?? {};
    return { isAddressShared, hasNamesake };
  };
  const alone = { isAddressShared: false, hasNamesake: false };

  test("know whether another has their identities, while it is there", () => {
    const desired = gather(conn(1, branch), conn(2));
    expect([1, 2].map((id) => neighboursOf(desired, id))).toEqual([alone, alone]);
    const before = desired.connections().get(desired.get(1)?.connectionName ?? "");
    desired.take(conn(3, branch));
    const named = { isAddressShared: false, hasNamesake: true };
    expect([1, 2, 3].map((id) => neighboursOf(desired, id))).toEqual([named, alone, named]);
    const during = desired.connections().get(desired.get(1)?.connectionName ?? "");
    expect(during?.connectionFingerprint).not.toBe(before?.connectionFingerprint);
    expect(during?.secretFingerprint).toBe(before?.secretFingerprint);
    desired.drop(3);
    expect(desired.connections().get(desired.get(1)?.connectionName ?? "")).toEqual(before);
  });

  test("know whether another goes to their address, while it is there", () => {
    const peerAddress = "203.0.113.9";
    const desired = gather(conn(1, { ...branch, peerAddress, ikeIdentity: "one" }), conn(2, { peerAddress }));
    const before = desired.connections().get(desired.get(1)?.connectionName ?? "");
    const shared = { isAddressShared: true, hasNamesake: false };
    expect([1, 2].map((id) => neighboursOf(desired, id))).toEqual([shared, shared]);
    desired.drop(2);
    expect(neighboursOf(desired, 1)).toEqual(alone);
    const after = desired.connections().get(desired.get(1)?.connectionName ?? "");
    expect(after?.secretFingerprint).not.toBe(before?.secretFingerprint);
    expect(after?.connectionFingerprint).toBe(before?.connectionFingerprint);
  });
});

test("a channel is leaving when it is to be deleted, and when that has failed", () => {
  const leaving = (
    ["creating", "create-failed", "running", "modifying", "modify-failed", "deleting", "delete-failed"] as const
  ).filter((status) => isLeaving(conn(1, { status }).conn));
  expect(leaving).toEqual(["deleting", "delete-failed"]);
});
