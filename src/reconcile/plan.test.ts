import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ConnRequest, conn, publicAddress } from "../../test/support/conns.ts";
import { GatewayModel, type ModelState } from "../../test/support/gateway-model.ts";
import type { ActualGateway, ChildSa, IkeSa, Step } from "../dataplane/dataplane.ts";
import { Attempts, quickModeMs } from "./attempts.ts";
import { DesiredConns } from "./desired.ts";
import { isInstalled } from "./fit.ts";
import { type DesiredGateway, planGateway, planInitiations, planLoading, removal } from "./plan.ts";

const vpcCidr = "10.0.0.0/16";

function desire(...rows: readonly ReturnType<typeof conn>[]): DesiredGateway {
  const conns = new DesiredConns(publicAddress);
  for (const row of rows) conns.take(row);
  return { localNetworks: conns.localNetworks().add(vpcCidr), connections: conns.connections() };
}

/** A gateway on which everything is as desired, all children up. */
function fulfilled({ localNetworks, connections }: DesiredGateway): ModelState {
  const all = [...connections];
  return {
    hasNetwork: true,
    isRunning: true,
    localNetworks: [...localNetworks],
    connections: new Map(all.map(([name, each]) => [name, each.connectionFingerprint])),
    secrets: new Map(all.map(([name, each]) => [name, each.secretFingerprint])),
    ikeSas: all.map(([name, { spec }], index) => ({
      connection: name,
      uniqueId: `${index}`,
      state: "ESTABLISHED",
      children: spec.children.map((child, place) => childSa(child.name, `${index}.${place}`)),
    })),
  };
}

function childSa(name: string, uniqueId: string, state = "INSTALLED"): ChildSa {
  return { name, uniqueId, state, spi: "", ageSeconds: 0, bytesIn: 0, bytesOut: 0 };
}

function planAll(desired: DesiredGateway, actual: ActualGateway, attempts: Attempts, nowMs: number) {
  const { steps, lookAgainMs } = planInitiations(desired, actual.ikeSas, attempts, nowMs);
  return { steps: [...planLoading(desired, actual), ...steps], lookAgainMs };
}

function apply(model: GatewayModel, steps: readonly Step[], attempts: Attempts, nowMs: number): void {
  for (const step of steps) {
    if (step.kind === "initiate-child") attempts.start(step.child, nowMs);
    model.apply(step);
  }
}

/** Rounds as the loop has them, until nothing is left to do and nothing is on its way. @returns the steps of each that had some */
function converge(model: GatewayModel, desired: DesiredGateway, mostRounds = 10): Step[][] {
  const attempts = new Attempts();
  const rounds: Step[][] = [];
  let nowMs = 1_000_000;
  let idle = 0;
  for (let round = 0; round < mostRounds; round += 1) {
    const making = planGateway(model.observe());
    apply(model, making, attempts, nowMs);
    const actual = model.observe();
    attempts.see(actual.ikeSas, nowMs);
    const { steps, lookAgainMs } = planAll(desired, actual, attempts, nowMs);
    apply(model, steps, attempts, nowMs);
    const all = [...making, ...steps];
    idle = all.length === 0 && lookAgainMs === undefined ? idle + 1 : 0;
    if (idle > 1) return rounds;
    if (all.length > 0) rounds.push(all);
    model.passTime();
    nowMs = Math.max(nowMs + 1_000, lookAgainMs ?? 0);
  }
  throw new Error(`there is no end to it: ${JSON.stringify(rounds.at(-1))}`);
}

/** Says what is not as desired. */
function findFaults(desired: DesiredGateway, actual: ActualGateway): string[] {
  const wanted = (pick: "secretFingerprint" | "connectionFingerprint") =>
    new Map([...desired.connections].map(([name, each]) => [name, each[pick]]));
  expect(actual.connections).toEqual(wanted("connectionFingerprint"));
  expect(actual.secrets).toEqual(wanted("secretFingerprint"));
  expect(new Set(actual.localNetworks)).toEqual(desired.localNetworks);
  const up = actual.ikeSas.flatMap(({ children }) => children.filter(({ state }) => isInstalled(state)));
  const installed = new Set(up.map(({ name }) => name));
  const missing = [...desired.connections.values()].flatMap(({ spec }) =>
    spec.children.filter(({ name }) => !installed.has(name)).map(({ name }) => `${name} is missing`),
  );
  const strays = actual.ikeSas.flatMap(({ connection, children }) => {
    const names = desired.connections.get(connection)?.spec.children.map(({ name }) => name);
    if (names === undefined) return [`an IKE_SA of ${connection}`];
    return children.filter(({ name }) => !names.includes(name)).map(({ name }) => `${name} is there`);
  });
  return [...missing, ...strays];
}

describe("a gateway that is as desired", () => {
  const desired = desire(conn(1), conn(2, { peerAddress: "203.0.113.1", ikeIdentity: "another" }), conn(3));
  const state = fulfilled(desired);

  test("has nothing to be planned for", () => {
    const model = new GatewayModel(state);
    expect(planGateway(model.observe())).toEqual([]);
    expect(planAll(desired, model.observe(), new Attempts(), 0)).toEqual({ steps: [], lookAgainMs: undefined });
    expect(converge(model, desired)).toEqual([]);
  });

  test("is made from nothing: network, charon, addresses, secrets, connections, then children", () => {
    const model = new GatewayModel();
    const rounds = converge(model, desired);
    expect(rounds).toHaveLength(1);
    const kinds = rounds[0]?.map(({ kind }) => kind);
    const loads = [1, 2, 3].flatMap(() => ["load-secret", "load-connection"]);
    const children = [1, 2, 3].map(() => "initiate-child");
    expect(kinds).toEqual([
      "make-network",
      "start-charon",
      "add-local-network",
      "add-local-network",
      ...loads,
      ...children,
    ]);
    expect(findFaults(desired, model.observe())).toEqual([]);
  });

  test.each<[string, (model: GatewayModel) => void, Step["kind"][]]>([
    ["its network has gone", (model) => model.loseNetwork(), ["make-network"]],
    ["an address has gone", (model) => void model.localNetworks.delete(vpcCidr), ["add-local-network"]],
    ["an address is too many", (model) => void model.localNetworks.add("10.9.0.0/24"), ["remove-local-network"]],
    ["a secret has gone", (model) => void model.secrets.delete(nameOf(0)), ["load-secret"]],
    ["a secret is another", (model) => void model.secrets.set(nameOf(0), ""), ["load-secret"]],
    ["a connection has gone", (model) => void model.connections.delete(nameOf(0)), ["load-connection"]],
    ["a connection is another", (model) => void model.connections.set(nameOf(0), ""), ["load-connection"]],
    ["a connection is too many", (model) => void model.connections.set("stray", "x"), ["unload-connection"]],
    ["a secret is too many", (model) => void model.secrets.set("stray", "x"), ["unload-secret"]],
    [
      "an IKE_SA has gone",
      (model) => model.apply({ kind: "terminate-ike-sa", uniqueId: "0", connection: "" }),
      ["initiate-child"],
    ],
    [
      "a child has gone",
      (model) => model.apply({ kind: "terminate-child-sa", uniqueId: "0.0", child: "" }),
      ["initiate-child"],
    ],
  ])("is put right with one step when %s", (_what, break_, kinds) => {
    const model = new GatewayModel(state);
    break_(model);
    const rounds = converge(model, desired);
    expect(rounds.flat().map(({ kind }) => kind)).toEqual(kinds);
    expect(findFaults(desired, model.observe())).toEqual([]);
  });

  function nameOf(index: number): string {
    return [...desired.connections.keys()][index] ?? "";
  }
});

describe("channels of one IKE identity", () => {
  const shared = { peerAddress: "203.0.113.9", ikeIdentity: "shared" } satisfies ConnRequest;
  const both = desire(conn(1, shared), conn(2, shared));

  test("lose, with one of them, its children only: no IKE_SA ends, no secret is loaded", () => {
    const one = desire(conn(2, shared));
    const model = new GatewayModel(fulfilled(both));
    const [spec] = [...both.connections.values()].map((each) => each.spec);
    const steps = planLoading(one, model.observe());
    expect(steps.map(({ kind }) => kind)).toEqual(["load-connection", "terminate-child-sa"]);
    expect(steps[1]).toEqual({ kind: "terminate-child-sa", uniqueId: "0.0", child: spec?.children[0]?.name });
    converge(model, one);
    expect(model.observe().ikeSas.map((each) => [each.uniqueId, each.children.map((child) => child.uniqueId)])).toEqual(
      [["0", ["0.1"]]],
    );
  });

  test("get, with one more, its children in the IKE_SA that is there", () => {
    const model = new GatewayModel(fulfilled(desire(conn(1, shared))));
    const steps = planAll(both, model.observe(), new Attempts(), 0).steps;
    expect(steps.map(({ kind }) => kind)).toEqual(["load-connection", "initiate-child"]);
    converge(model, both);
    expect(model.observe().ikeSas.map((each) => each.children.length)).toEqual([2]);
  });

  test("go with the last of them: connection and secret before the IKE_SA, so that it cannot come again", () => {
    const model = new GatewayModel(fulfilled(both));
    const steps = planLoading(desire(), model.observe());
    expect(steps.map(({ kind }) => kind)).toEqual([
      "unload-connection",
      "unload-secret",
      "terminate-ike-sa",
      "remove-local-network",
    ]);
  });

  test("go one after the other when they are many, and the IKE_SA last: it would tell the peer of all in one burst", () => {
    const children = Array.from({ length: 51 }, (_, child) => childSa("gone", `${child}`));
    const ikeSas = [{ connection: "gone", uniqueId: "1", state: "ESTABLISHED", children }];
    const steps = planLoading(desire(), { ...new GatewayModel(fulfilled(desire())).observe(), ikeSas });
    expect(steps).toEqual([
      ...children.map(({ uniqueId, name: child }) => ({ kind: "terminate-child-sa", uniqueId, child })),
      { kind: "terminate-ike-sa", uniqueId: "1", connection: "gone" },
    ]);
  });
});

describe("what is going already", () => {
  const desired = desire(conn(1));
  const [name = ""] = desired.connections.keys();

  test.each([
    ["an IKE_SA", [{ connection: "stray", uniqueId: "1", state: "DELETING", children: [childSa("stray", "2")] }]],
    [
      "a child",
      [{ connection: name, uniqueId: "1", state: "ESTABLISHED", children: [childSa("stray", "2", "DELETING")] }],
    ],
  ])("is not told to go once more: %s", (_what, ikeSas) => {
    const { ikeSas: own = [], ...rest } = fulfilled(desired);
    const model = new GatewayModel({ ...rest, ikeSas: [...own, ...ikeSas] });
    expect(planLoading(desired, model.observe())).toEqual([]);
  });

  test("does not count as being there", () => {
    expect(
      ["INSTALLED", "REKEYING", "UPDATING", "REKEYED", "DELETING", "INSTALLING", "CREATED"].filter(isInstalled),
    ).toEqual(["INSTALLED", "REKEYING", "UPDATING"]);
  });
});

describe("initiations", () => {
  const many = desire(...Array.from({ length: 80 }, (_, index) => conn(index + 1)));
  const children = [...many.connections.values()].flatMap(({ spec }) => spec.children.map((child) => child.name));

  test("are 32 at a time, and the rest soon after", () => {
    const attempts = new Attempts();
    const initiated: string[] = [];
    const counts = [0, 50, 1_000, 1_050, 2_000].map((atMs) => {
      const { steps, lookAgainMs } = planInitiations(many, [], attempts, atMs);
      for (const step of steps) {
        if (step.kind !== "initiate-child") continue;
        attempts.start(step.child, atMs);
        initiated.push(step.child);
      }
      expect(lookAgainMs).toBeLessThanOrEqual(atMs + 1_000);
      return steps.length;
    });
    expect(counts).toEqual([32, 0, 32, 0, 32]);
    // Those that have not been tried come first, then those that were tried first.
    expect(initiated).toEqual([...children, ...children.slice(0, 16)]);
  });

  test("of silent peers, tried again and again, do not keep out a channel that is new", () => {
    const attempts = new Attempts();
    for (const child of children) attempts.start(child, 0);
    const withNew = desire(...Array.from({ length: 81 }, (_, index) => conn(index + 1)));
    const { steps } = planInitiations(withNew, [], attempts, 100_000);
    expect(steps).toHaveLength(32);
    expect(steps[0]).toMatchObject({ kind: "initiate-child", child: expect.stringContaining("vpnx-00000081") });
  });

  test("are looked after, since charon does not report a quick mode that is refused", () => {
    const { steps, lookAgainMs } = planInitiations(desire(conn(1)), [], new Attempts(), 5_000);
    expect(steps).toHaveLength(1);
    expect(lookAgainMs).toBe(5_000 + quickModeMs);
  });

  test("wait for what is under way, and give up what takes too long, and only that", () => {
    const desired = desire(conn(1));
    const [[name = "", connection] = []] = desired.connections;
    const child = connection?.spec.children[0]?.name ?? "";
    const attempts = new Attempts();
    attempts.start(child, 0);
    const ours: IkeSa = { connection: name, uniqueId: "1", state: "CONNECTING", children: [] };
    attempts.see([ours], 0);
    expect(planInitiations(desired, [ours], attempts, 24_999)).toEqual({ steps: [], lookAgainMs: 25_000 });
    const ofPeer = { ...ours, uniqueId: "2" };
    attempts.see([ours, ofPeer], 25_000);
    expect(planInitiations(desired, [ours, ofPeer], attempts, 25_000)).toEqual({
      steps: [{ kind: "terminate-ike-sa", uniqueId: "1", connection: name }],
      lookAgainMs: 25_100,
    });
    attempts.see([ofPeer], 25_100);
    expect(planInitiations(desired, [ofPeer], attempts, 25_100)).toEqual({ steps: [], lookAgainMs: 50_000 });
  });
});

describe("any gateway", () => {
  const locals = ["10.0.0.0/24", "10.0.1.0/24"];
  const peers = ["192.168.0.0/24", "192.168.1.0/24", "192.168.2.0/24"];
  const identities = ["a", "b", "c"];
  const anyRequest: fc.Arbitrary<ConnRequest> = fc.record({
    peerAddress: fc.constant("203.0.113.9"),
    ikeIdentity: fc.constantFrom(...identities),
    spds: fc
      .uniqueArray(fc.record({ local: fc.constantFrom(...locals), peers: fc.subarray(peers, { minLength: 1 }) }), {
        selector: ({ local }) => local,
        minLength: 1,
      })
      .map((spds) => spds),
  });
  const anyDesired = fc
    .array(anyRequest, { maxLength: 5 })
    .map((requests) => desire(...requests.map((request, index) => conn(index + 1, request))));

  /** Any state that a gateway can be found in, with a grain of what is desired in it. */
  const anyCase = anyDesired.chain((desired) => {
    const connections = [...desired.connections.keys(), "stray-1", "stray-2"];
    const names = [...desired.connections.values()].flatMap(({ spec }) => spec.children.map((child) => child.name));
    const loaded = (pick: "secretFingerprint" | "connectionFingerprint") =>
      fc
        .tuple(
          ...connections.map((name) => fc.constantFrom(undefined, "", "wrong", desired.connections.get(name)?.[pick])),
        )
        .map(
          (prints) =>
            new Map(
              connections.flatMap((name, index) => {
                const print = prints[index];
                return print === undefined ? [] : [[name, print] as const];
              }),
            ),
        );
    const child = fc.record({
      name: fc.constantFrom(...names, "stray-child-1"),
      state: fc.constantFrom("INSTALLED", "REKEYING", "REKEYED", "DELETING"),
    });
    const ikeSa = fc.record({
      connection: fc.constantFrom(...connections),
      state: fc.constantFrom("CONNECTING", "ESTABLISHED", "DELETING"),
      children: fc.array(child, { maxLength: 3 }),
    });
    const running = fc.record({
      hasNetwork: fc.boolean(),
      isRunning: fc.constant(true),
      localNetworks: fc.subarray([...desired.localNetworks, "10.9.0.0/24"]),
      connections: loaded("connectionFingerprint"),
      secrets: loaded("secretFingerprint"),
      ikeSas: fc.array(ikeSa, { maxLength: 5 }).map((all) =>
        all.map((each, index) => ({
          ...each,
          uniqueId: `${index}`,
          children: each.children.map(({ name, state }, place) => childSa(name, `${index}.${place}`, state)),
        })),
      ),
    });
    const down = fc.record({
      hasNetwork: fc.boolean(),
      isRunning: fc.constant(false),
      localNetworks: fc.subarray([...desired.localNetworks, "10.9.0.0/24"]),
    });
    const state: fc.Arbitrary<ModelState> = fc.oneof({ weight: 5, arbitrary: running }, { weight: 1, arbitrary: down });
    return fc.record({ desired: fc.constant(desired), state });
  });

  test("comes to what is desired in a few rounds, and then there is nothing left to plan", () => {
    fc.assert(
      fc.property(anyCase, ({ desired, state }) => {
        const model = new GatewayModel(state);
        converge(model, desired);
        expect(findFaults(desired, model.observe())).toEqual([]);
        expect(planAll(desired, model.observe(), new Attempts(), 0)).toEqual({ steps: [], lookAgainMs: undefined });
      }),
      { numRuns: 400 },
    );
  });

  test("is touched nowhere where it is right", () => {
    fc.assert(
      fc.property(anyCase, ({ desired, state }) => {
        const model = new GatewayModel(state);
        const before = model.observe();
        for (const step of planLoading(desired, before)) expect(isCalledFor(step, desired, before)).toBe(true);
        const right = findRightChildren(desired, before);
        converge(model, desired);
        const after = model.observe().ikeSas.flatMap((sa) => sa.children.map((child) => child.uniqueId));
        expect(right.filter((id) => !after.includes(id))).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });

  test("comes to it also when the server, or charon, ends after any step, half of it done or not", () => {
    fc.assert(
      fc.property(anyCase, fc.boolean(), ({ desired, state }, doesCharonEnd) => {
        const plan = planFirst(desired, state);
        for (let at = 0; at <= plan.length; at += 1) {
          const model = new GatewayModel(state);
          apply(model, plan.slice(0, at), new Attempts(), 0);
          if (doesCharonEnd) model.dieOut();
          converge(model, desired);
          expect(findFaults(desired, model.observe())).toEqual([]);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("comes to it also when every step is done twice", () => {
    fc.assert(
      fc.property(anyCase, ({ desired, state }) => {
        const model = new GatewayModel(state);
        const plan = planFirst(desired, state);
        apply(
          model,
          plan.flatMap((step) => [step, step]),
          new Attempts(),
          0,
        );
        converge(model, desired);
        expect(findFaults(desired, model.observe())).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test("is gone when it was removed, twice too", () => {
    fc.assert(
      fc.property(anyCase, ({ state }) => {
        const model = new GatewayModel(state);
        apply(model, [...removal, ...removal], new Attempts(), 0);
        expect(model.observe()).toEqual(new GatewayModel().observe());
      }),
    );
  });

  /** Everything that a first round would do. */
  function planFirst(desired: DesiredGateway, state: ModelState): Step[] {
    const model = new GatewayModel(state);
    const making = planGateway(model.observe());
    apply(model, making, new Attempts(), 0);
    return [...making, ...planAll(desired, model.observe(), new Attempts(), 0).steps];
  }

  function isCalledFor(step: Step, desired: DesiredGateway, actual: ActualGateway): boolean {
    const ofSa = (uniqueId: string) => actual.ikeSas.find((sa) => sa.uniqueId === uniqueId);
    switch (step.kind) {
      case "add-local-network":
        return desired.localNetworks.has(step.network) && !actual.localNetworks.includes(step.network);
      case "remove-local-network":
        return !desired.localNetworks.has(step.network) && actual.localNetworks.includes(step.network);
      case "load-secret":
        return actual.secrets.get(step.connection.name) !== step.fingerprint;
      case "load-connection":
        return actual.connections.get(step.connection.name) !== step.fingerprint;
      case "unload-connection":
        return !desired.connections.has(step.name) && actual.connections.has(step.name);
      case "unload-secret":
        return !desired.connections.has(step.name) && actual.secrets.has(step.name);
      case "terminate-ike-sa":
        return !desired.connections.has(ofSa(step.uniqueId)?.connection ?? "");
      case "terminate-child-sa": {
        const sa = actual.ikeSas.find(({ children }) => children.some((child) => child.uniqueId === step.uniqueId));
        const names = desired.connections.get(sa?.connection ?? "")?.spec.children.map(({ name }) => name);
        return names !== undefined && !names.includes(step.child);
      }
      default:
        return false;
    }
  }

  /** Unique ids of the children that are up and belong where they are. */
  function findRightChildren(desired: DesiredGateway, actual: ActualGateway): string[] {
    if (!actual.isRunning) return [];
    return actual.ikeSas.flatMap(({ connection, state, children }) => {
      const names = desired.connections.get(connection)?.spec.children.map(({ name }) => name) ?? [];
      if (state === "DELETING") return [];
      return children
        .filter((child) => names.includes(child.name) && isInstalled(child.state))
        .map((child) => child.uniqueId);
    });
  }
});
