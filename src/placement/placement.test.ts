import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Candidate, type Homeless, type Neighbour, noHost, place } from "./placement.ts";

function host(id: number, given: Partial<Candidate> = {}): Candidate {
  return { id, labels: {}, capacity: 0, held: 0, ...given };
}

function gateway(id: number, given: Partial<Homeless> = {}): Homeless {
  return { id, vpcId: id, region: "gz", account: "default", movingFrom: undefined, ...given };
}

/** Which host each gateway gets, in their order; a failure as it is. */
function choices(gateways: readonly Homeless[], hosts: readonly Candidate[], neighbours: readonly Neighbour[] = []) {
  return [...place(gateways, hosts, neighbours).values()].map((choice) =>
    "hostId" in choice ? choice.hostId : choice.failure,
  );
}

describe("a gateway gets", () => {
  it("the emptiest host, and of several the one with the lowest number", () => {
    expect(
      choices(
        [1, 2, 3, 4, 5].map((id) => gateway(id)),
        [host(7), host(3), host(5)],
      ),
    ).toEqual([3, 5, 7, 3, 5]);
    expect(choices([gateway(1)], [host(3, { held: 2 }), host(5, { held: 1 })])).toEqual([5]);
  });

  it("the emptiest by its share of what it may run", () => {
    const hosts = [host(1, { capacity: 10, held: 3 }), host(2, { capacity: 100, held: 29 })];
    expect(choices([gateway(1)], hosts)).toEqual([2]);
    expect(choices([gateway(1)], [host(1, { capacity: 10, held: 2 }), ...hosts.slice(1)])).toEqual([1]);
    // A third of three is a third of six.
    expect(choices([gateway(1)], [host(2, { capacity: 6, held: 2 }), host(1, { capacity: 3, held: 1 })])).toEqual([1]);
  });

  it("among hosts with and without a limit, one without as if it had the largest", () => {
    const hosts = [
      host(1, { capacity: 0, held: 11 }),
      host(2, { capacity: 10, held: 5 }),
      host(3, { capacity: 20, held: 11 }),
    ];
    expect(choices([gateway(1), gateway(2), gateway(3)], hosts)).toEqual([2, 1, 3]);
    expect(choices([gateway(1)], [host(1, { held: 500 }), host(2, { capacity: 20, held: 20 })])).toEqual([1]);
  });

  it("a host that has no gateway of its VPC, where there is one", () => {
    const hosts = [host(1), host(2, { held: 9 })];
    expect(choices([gateway(1, { vpcId: 4 })], hosts, [{ vpcId: 4, hostId: 1 }])).toEqual([2]);
    const two = [gateway(1, { vpcId: 4 }), gateway(2, { vpcId: 4 }), gateway(3, { vpcId: 4 })];
    expect(choices(two, hosts)).toEqual([1, 2, 1]);
    // A neighbour on a host that takes none is in nobody's way.
    expect(choices([gateway(1, { vpcId: 4 })], [host(1)], [{ vpcId: 4, hostId: 9 }])).toEqual([1]);
  });

  it("the host that let it go only if there is no other", () => {
    const leaving = gateway(1, { movingFrom: 1 });
    expect(choices([leaving], [host(1), host(2, { held: 9 })], [{ vpcId: 1, hostId: 2 }])).toEqual([2]);
    expect(choices([leaving], [host(1), host(2, { capacity: 9, held: 9 })])).toEqual([1]);
  });

  it("a host whose labels fit", () => {
    const hosts = [
      host(1, { labels: { region: "bj" } }),
      host(2, { labels: { account: "other", rack: "7" } }),
      host(3, { labels: { region: "gz", account: "default" }, held: 8 }),
      host(4, { labels: { rack: "7" }, held: 9 }),
    ];
    expect(choices([gateway(1)], hosts)).toEqual([3]);
    expect(choices([gateway(1, { region: "bj" })], hosts)).toEqual([1]);
    expect(choices([gateway(1, { region: "sh" })], hosts)).toEqual([4]);
    expect(choices([gateway(1, { region: "sh", account: "other" })], hosts)).toEqual([2]);
  });

  it("none, and is told why", () => {
    expect(choices([gateway(1)], [])).toEqual([noHost.none]);
    expect(choices([gateway(1)], [host(1, { labels: { region: "bj" } })])).toEqual([noHost.unfit]);
    const full = [host(1, { capacity: 1, held: 1 }), host(2, { labels: { region: "bj" } })];
    expect(choices([gateway(1)], full)).toEqual([noHost.full]);
    expect(choices([gateway(1), gateway(2)], [host(1, { capacity: 1 })])).toEqual([1, noHost.full]);
  });
});

it("no host gets more than it may have, none that fits is passed over, and hosts without labels end up even", () => {
  const anyHost = fc.record({
    labels: fc.constantFrom({}, { region: "gz" }, { region: "bj" }),
    capacity: fc.nat(4),
    held: fc.nat(4),
  });
  const anyGateway = fc.record({ vpcId: fc.nat(3), region: fc.constantFrom("gz", "bj") });
  fc.assert(
    fc.property(fc.array(anyHost, { maxLength: 6 }), fc.array(anyGateway, { maxLength: 20 }), (some, wanted) => {
      const hosts = some.map((each, index) => host(index + 1, each));
      const gateways = wanted.map((each, index) => gateway(index + 1, each));
      const placed = place(gateways, hosts, []);
      const held = new Map(hosts.map(({ id, held }) => [id, held]));
      const hasRoom = ({ id, capacity }: Candidate) => capacity === 0 || (held.get(id) ?? 0) < capacity;
      for (const each of gateways) {
        const choice = placed.get(each.id);
        const fit = hosts.filter(
          ({ labels }) => (labels as { region?: string }).region !== (each.region === "gz" ? "bj" : "gz"),
        );
        if (choice === undefined || "failure" in choice) {
          expect(fit.filter(hasRoom)).toEqual([]);
          continue;
        }
        expect(fit.filter(hasRoom).map(({ id }) => id)).toContain(choice.hostId);
        held.set(choice.hostId, (held.get(choice.hostId) ?? 0) + 1);
      }
    }),
  );
  const even = choices(
    Array.from({ length: 100 }, (_, id) => gateway(id)),
    [host(1), host(2), host(3)],
  );
  const counts = [1, 2, 3].map((id) => even.filter((each) => each === id).length);
  expect(counts).toEqual([34, 33, 33]);
});
