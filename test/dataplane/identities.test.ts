// What an IKEv1 responder can tell apart: two connections with the same two addresses and different names of the peer (api-v2.md 9.4).
// The peer begins; our gateway has to find the right one. And two peers that have one name.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { CharonDataplane } from "../../src/dataplane/charon/charon-dataplane.ts";
import type { ConnectionSpec, IkeSa } from "../../src/dataplane/dataplane.ts";
import type { Identity, IkeSettings } from "../../src/vpn/algorithms.ts";
import { describeOnMachine } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";
import { applyAll, cleanUp, clearGateway, makeCharonDataplane, makeNames, makeSteps } from "./instance.ts";
import { connectionBetween, gatewayNumber } from "./specs.ts";

const names = makeNames();
const [ours, peer] = [gatewayNumber(1), gatewayNumber(2)];

interface Side {
  readonly name: string;
  readonly preSharedKey: string;
  readonly ike?: Partial<IkeSettings>;
}

describeOnMachine("two connections to one address, whose names differ", () => {
  let dataplane: CharonDataplane;
  beforeAll(async () => {
    dataplane = makeCharonDataplane(names);
    await dataplane.start();
    for (const gateway of [ours, peer]) await applyAll(dataplane, gateway, makeSteps);
  });
  afterEach(async () => {
    for (const gateway of [peer, ours]) await clearGateway(dataplane, gateway);
  });
  afterAll(async () => {
    await dataplane.close();
    await cleanUp(names);
  });

  function specs(
    sides: readonly Side[],
    exchangeMode: IkeSettings["exchangeMode"],
  ): [ConnectionSpec, ConnectionSpec][] {
    return sides.map(({ name, preSharedKey, ike }, index) => {
      const [network, remote] = [`10.1.${index}.0/24`, { type: "fqdn", value: `${name}.example` } as const];
      const own = { type: "fqdn", value: `our-${name}.example` } as const;
      const settings = { ...ike, exchangeMode };
      const common = { name, preSharedKey };
      const [here, there] = [
        connectionBetween(ours, peer, {
          ...common,
          ike: { ...settings, localIdentity: own, remoteIdentity: remote },
          localNetwork: network,
        }),
        connectionBetween(peer, ours, {
          ...common,
          ike: { ...settings, localIdentity: remote, remoteIdentity: own },
          peerNetwork: network,
        }),
      ];
      const isAddressShared = true;
      return [
        { ...here, isAddressShared },
        { ...there, isAddressShared },
      ];
    });
  }

  /** The peer begins all of them. @returns names of those that come up at our end */
  async function begin(sides: readonly Side[], exchangeMode: IkeSettings["exchangeMode"]): Promise<string[]> {
    const pairs = specs(sides, exchangeMode);
    for (const [index, gateway] of [ours, peer].entries()) {
      // In another order at the other end, or else both would choose the wrong key alike.
      for (const pair of index === 0 ? pairs : pairs.toReversed()) {
        const connection = pair[index] as ConnectionSpec;
        await applyAll(dataplane, gateway, [
          { kind: "add-local-network", network: connection.children[0]?.localNetwork ?? "" },
          { kind: "load-secret", connection, fingerprint: "s" },
          { kind: "load-connection", connection, fingerprint: "c" },
        ]);
      }
    }
    for (const { name } of sides) {
      await dataplane.apply(peer, { kind: "initiate-child", connection: name, child: `${name}-0` });
    }
    const isUp = async () => {
      const { ikeSas } = await dataplane.observe(ours.id, false);
      return ikeSas.filter((sa) => sa.children.some(({ state }) => state === "INSTALLED")).map((sa) => sa.connection);
    };
    await waitFor(async () => (await isUp()).length === sides.length, { what: "all", timeoutMs: 3_000 }).catch(
      () => {},
    );
    return (await isUp()).toSorted();
  }

  const [one, two] = [
    { name: "one", preSharedKey: "first" },
    { name: "two", preSharedKey: "second" },
  ];
  const shared = "shared";
  const aes256 = { encryption: "aes256" } as const;

  it("come up in main mode when they share key and proposal", async () => {
    const sides = [one, two].map((side) => ({ ...side, preSharedKey: shared }));
    expect(await begin(sides, "main")).toEqual(["one", "two"]);
  });

  // Why the rules refuse such channels.
  it.each<[string, readonly Side[]]>([
    ["keys", [one, two]],
    [
      "proposals",
      [
        { ...one, preSharedKey: shared },
        { ...two, preSharedKey: shared, ike: aes256 },
      ],
    ],
  ])("do not both come up in main mode with %s of their own", async (_what, sides) => {
    expect((await begin(sides, "main")).length).toBeLessThan(2);
  });

  it("come up in aggressive mode with keys of their own", async () => {
    expect(await begin([one, two], "aggressive")).toEqual(["one", "two"]);
  });

  // The limit that decision 13 tells of: only the end that begins can have proposals of its own.
  it("do not both come up in aggressive mode with proposals of their own when the peer begins", async () => {
    expect((await begin([one, { ...two, ike: aes256 }], "aggressive")).length).toBeLessThan(2);
  });
});

// Behind NAT sites often have the same address inside, and that is who they say they are.
describeOnMachine("two connections to two addresses whose names are the same", () => {
  const other = gatewayNumber(3);
  let dataplane: CharonDataplane;
  beforeAll(async () => {
    dataplane = makeCharonDataplane(names);
    await dataplane.start();
    for (const gateway of [ours, peer, other]) await applyAll(dataplane, gateway, makeSteps);
  });
  afterAll(async () => {
    await dataplane.close();
    await cleanUp(names);
  });

  afterEach(async () => {
    for (const gateway of [ours, peer, other]) await clearGateway(dataplane, gateway);
  });

  interface Meeting {
    readonly identity?: Identity;
    readonly exchangeMode?: IkeSettings["exchangeMode"];
    /** What our end knows of its connections. */
    readonly neighbours?: Pick<ConnectionSpec, "isAddressShared" | "hasNamesake">;
    /** Who begins: our end, or each of the peers after the other. */
    readonly begins: "we" | "peers";
  }

  const branch = { type: "fqdn", value: "branch" } as const;
  const sites = ["site0", "site1"] as const;

  /** Both sites have a key of their own. @returns those that are up at our end */
  async function meet({ identity = branch, exchangeMode = "main", neighbours = {}, begins }: Meeting) {
    for (const [index, site] of [peer, other].entries()) {
      const common = { name: `site${index}`, preSharedKey: `key ${index}` };
      const [to, from] = [{ remoteIdentity: identity }, { localIdentity: identity }];
      const sides = [
        [ours, { ...connectionBetween(ours, site, { ...common, ike: { ...to, exchangeMode } }), ...neighbours }],
        [site, connectionBetween(site, ours, { ...common, ike: { ...from, exchangeMode } })],
      ] as const;
      for (const [gateway, connection] of sides) {
        await applyAll(dataplane, gateway, [
          { kind: "add-local-network", network: gateway.vpcCidr },
          { kind: "load-secret", connection, fingerprint: "s" },
          { kind: "load-connection", connection, fingerprint: "c" },
        ]);
      }
    }
    const listUp = async () => {
      const { ikeSas } = await dataplane.observe(ours.id, false);
      const carries = (sa: IkeSa) => sa.children.some(({ state }) => state === "INSTALLED");
      return sites.filter((name) => ikeSas.some((sa) => sa.connection === name && carries(sa)));
    };
    for (const [index, name] of sites.entries()) {
      const begin = { kind: "initiate-child", connection: name, child: `${name}-0` } as const;
      await dataplane.apply(begins === "we" ? ours : ([peer, other][index] ?? peer), begin);
      const isUp = async () => (await listUp()).includes(name);
      await waitFor(isUp, { what: name, timeoutMs: 4_000 }).catch(() => {});
    }
    return await listUp();
  }

  const namesake = { hasNamesake: true } as const;

  it.each<[string, Meeting]>([
    ["main mode, by an address, when we begin", { identity: { type: "address", value: "192.168.1.1" }, begins: "we" }],
    ["main mode, when we begin", { begins: "we" }],
    ["main mode, when they begin", { begins: "peers", neighbours: namesake }],
    ["aggressive mode, when we begin", { exchangeMode: "aggressive", begins: "we", neighbours: namesake }],
    ["aggressive mode, when they begin", { exchangeMode: "aggressive", begins: "peers", neighbours: namesake }],
  ])("come up with keys of their own in %s", { timeout: 15_000 }, async (_what, meeting) => {
    expect(await meet(meeting)).toEqual(sites);
  });

  // Why our end has to know of its connections: decision 96.
  it("end each other in main mode, when they begin and our end does not know of namesakes", async () => {
    expect(await meet({ begins: "peers" })).toEqual(["site1"]);
  });
  it("do not both come up in aggressive mode when their keys are the identity's", async () => {
    const neighbours = { isAddressShared: true };
    expect((await meet({ exchangeMode: "aggressive", begins: "we", neighbours })).length).toBeLessThan(2);
  });
});
