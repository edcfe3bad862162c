// Control over real HTTPS: what is asked arrives, what is answered comes back, and what becomes of it when nodes die, hang or refuse.
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type Control, ControlError, type RoundOutcome } from "../../src/control/control.ts";
import { NudgeBoard } from "../../src/control/nudge-board.ts";
import { RemoteControl } from "../../src/control/remote/remote-control.ts";
import { type Method, wire } from "../../src/control/wire.ts";
import { Secret } from "../../src/vpn/secret.ts";
import { fences, hostId, type NodeOptions, placeOf, session, startNode, type TestNode } from "../support/host-desk.ts";
import { waitFor } from "../support/wait-for.ts";
import { argumentsOf, resultOf } from "../support/wire-values.ts";

const methods = Object.keys(wire) as Method[];
const leases = { termMs: 30_000, gatewayIds: [1], leavingIds: [] };

/** Everything to take down, the last one first. */
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** A Control that answers as it is told, and knows what it was asked. */
function recording(answer: (method: Method, args: readonly unknown[]) => unknown) {
  const calls: [Method, readonly unknown[]][] = [];
  const entries = methods.map((method) => {
    const act = async (...args: readonly unknown[]) => {
      calls.push([method, args]);
      return answer(method, args);
    };
    return [method, act];
  });
  return {
    calls,
    control: { ...Object.fromEntries(entries), watch: () => Promise.reject(new TypeError()) } as Control,
  };
}

async function start(control: Control, options: NodeOptions = {}): Promise<TestNode> {
  const node = await startNode(() => control, options);
  cleanups.push(node.stop);
  return node;
}

type Change = Partial<ConstructorParameters<typeof RemoteControl>[0]>;
type Patience = ConstructorParameters<typeof RemoteControl>[1];

async function connect(nodes: readonly { endpoint: string }[], patience: Patience = {}, change: Change = {}) {
  const remote = new RemoteControl(
    { ...(await placeOf(...nodes.map(({ endpoint }) => endpoint))), ...change },
    patience,
  );
  cleanups.push(() => remote.close());
  return remote;
}

/** Takes connections and never says a word. */
async function startHung(port = 0) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => sockets.add(socket.on("error", () => {})));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

/** Nobody listens there. */
async function deadEndpoint(): Promise<{ endpoint: string }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return { endpoint: `https://127.0.0.1:${port}` };
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("a method", () => {
  it.each(methods)("%s arrives as it was called, and its result comes back as it was given", async (method) => {
    const results = fc.sample<unknown>(resultOf[method] as fc.Arbitrary<unknown>, 30);
    const given = fc.sample<readonly unknown[]>(argumentsOf[method] as fc.Arbitrary<unknown[]>, 30);
    let next = 0;
    const { calls, control } = recording(() => results[next]);
    const node = await start(control);
    const remote = await connect([node]);
    for (const [index, args] of given.entries()) {
      next = index;
      const call: (...args: never[]) => Promise<unknown> = remote[method];
      expect(await call.apply(remote, [...args] as never[])).toStrictEqual(results[index]);
      expect(calls.at(-1)).toStrictEqual([method, args]);
    }
    expect(calls).toHaveLength(30);
    expect(node.counts.connections).toBe(1);
  });

  it("comes with the fence that the host was told with its last leases, whichever node it goes to", async () => {
    const { control } = recording((method) => (method === "renew" ? leases : undefined));
    const nodes = [await startNode(() => control), await start(control)] as const;
    const remote = await connect(nodes);
    await remote.readGateway(1, 0);
    await remote.renew();
    await nodes[0].stop();
    await remote.readGateway(1, 0);
    await remote.readGateway(2, 0);
    const gateway = fc.sample(argumentsOf.recordRemoval, 1)[0]?.[0];
    if (gateway !== undefined) await remote.recordRemoval({ ...gateway, id: 1 });
    expect([nodes[0].asked, nodes[1].asked]).toEqual([[], [...fences, ...fences]]);
  });

  it("that is refused is refused with the same kind and sentence; the next node is not asked", async () => {
    for (const kind of ["not-held", "refused"] as const) {
      const [first, second] = [0, 1].map(() =>
        recording(() => {
          throw new ControlError(kind, `because it is ${kind}`);
        }),
      );
      const remote = await connect([await start(first?.control as Control), await start(second?.control as Control)]);
      const error = await failureOf(remote.readMemory(1));
      expect(error).toBeInstanceOf(ControlError);
      expect(error).toMatchObject({ kind, message: `because it is ${kind}` });
      expect([first?.calls.length, second?.calls.length]).toEqual([1, 0]);
    }
  });

  it("that fails at one node is asked of the next, and when all fail nobody is available", async () => {
    const broken = recording(() => {
      throw new Error("secret words of the database");
    });
    const away = recording(() => {
      throw new ControlError("unavailable", "the database is away");
    });
    const nodes = [await start(broken.control), await start(away.control)];
    const remote = await connect(nodes);
    const error = await failureOf(remote.readMemory(1));
    expect(error).toMatchObject({ kind: "unavailable" });
    expect(String(error)).toContain(`${nodes[0]?.endpoint}: HTTP status 500; ${nodes[1]?.endpoint}: HTTP status 503`);
    expect(String(error)).not.toContain("secret words");
    expect(nodes[0]?.lines.join("")).toContain("secret words");
  });

  it("may carry more than the API's own limit, in parts where that is too much for one", async () => {
    const { calls, control } = recording(() => undefined);
    const remote = await connect([await start(control)]);
    const round = fc.sample(argumentsOf.recordRound, 1)[0];
    if (round === undefined) throw new TypeError("there is one");
    const [gateway, outcome] = round;
    const diagnosis = {
      cause: "pfs",
      sentence: "s".repeat(8_000),
      fix: "",
      sinceMs: 0,
      offered: "",
      said: "",
    } as const;
    const ofChannels = (channels: number) => {
      const ids = Array.from({ length: channels }, (_, index) => index + 2 ** 40);
      return { ...outcome, diagnoses: new Map(ids.map((id) => [id, { ...diagnosis, events: [] }])) };
    };
    await remote.recordRound(gateway, ofChannels(500));
    expect(calls).toStrictEqual([["recordRound", [gateway, ofChannels(500)]]]);
    calls.length = 0;
    await remote.recordRound(gateway, ofChannels(2_300));
    const parts = calls.map(([, [, part]]) => part as RoundOutcome);
    expect(parts.map(({ diagnoses }) => diagnoses.size)).toEqual([500, 500, 500, 500, 300]);
    expect(parts.flatMap(({ diagnoses }) => [...diagnoses.keys()])).toEqual([...ofChannels(2_300).diagnoses.keys()]);
    const { diagnoses: _, ...rest } = parts.at(-1) as RoundOutcome;
    const { diagnoses: __, ...expected } = outcome;
    expect(rest).toStrictEqual(expected);
    for (const { conns, netStatuses, observedGeneration } of parts.slice(0, -1)) {
      expect([conns, netStatuses.size, observedGeneration]).toEqual([[], 0, undefined]);
    }
  });

  it("that is more than the desk takes is not taken", async () => {
    const { calls, control } = recording(() => undefined);
    const remote = await connect([await start(control)]);
    const gateway = fc.sample(argumentsOf.recordRemoval, 1)[0]?.[0];
    if (gateway === undefined) throw new TypeError("there is one");
    const error = await failureOf(remote.recordFailure(gateway, "x".repeat(17 << 20), []));
    expect(error).toMatchObject({ kind: "unavailable" });
    expect(calls).toEqual([]);
  });
});

describe("a node", () => {
  const ok = () => recording(() => leases).control;

  it("that is dead is passed over, and the next one is stayed with", async () => {
    const [dead, good, other] = [await deadEndpoint(), await start(ok()), await start(ok())];
    const remote = await connect([dead, good, other]);
    for (let count = 0; count < 5; count += 1) expect(await remote.renew()).toEqual(leases);
    expect([good.counts.requests, other.counts.requests]).toEqual([5, 0]);
  });

  it("that hangs is given up after a while, by all who wait for it together", async () => {
    const [hung, good] = [await startHung(), await start(recording(() => undefined).control)];
    const remote = await connect([hung, good], { silenceMs: 1_000 });
    await Promise.all(Array.from({ length: 200 }, (_, id) => remote.readGateway(id, 0)));
    // Those that went at once, and nobody after them.
    expect(hung.sockets.size).toBeLessThanOrEqual(16);
    expect(good.counts.requests).toBe(200);
  });

  it("that hangs is given up by a renewal soon enough for others to be asked within the term", async () => {
    const { control } = recording(() => ({ ...leases, termMs: 3_000 }));
    const [first, second] = [await startNode(() => control), await start(control)] as const;
    const remote = await connect([first, second]);
    await remote.renew();
    await first.stop();
    const silent = await startHung(first.port);
    const beganMs = performance.now();
    await remote.renew();
    expect(performance.now() - beganMs).toBeLessThan(3_000);
    expect(silent.sockets.size).toBe(1);
  });

  it("that hangs does not keep a renewal behind what else there is to ask", async () => {
    const hung = await startHung();
    const remote = await connect([hung], { silenceMs: 60_000, renewalSilenceMs: 100 });
    const reads = Array.from({ length: 50 }, () => failureOf(remote.readGateway(1, 0)));
    expect(await failureOf(remote.renew())).toMatchObject({ kind: "unavailable" });
    remote.close();
    expect(await Promise.all(reads)).toEqual(Array(50).fill(expect.objectContaining({ kind: "unavailable" })));
    expect(String(await failureOf(remote.renew()))).toContain("the host is being stopped");
  });

  it("that was restarted is found again over connections that were kept", async () => {
    const first = await startNode(() => ok());
    const remote = await connect([first]);
    expect(await remote.renew()).toEqual(leases);
    await first.stop();
    expect(await failureOf(remote.renew())).toMatchObject({ kind: "unavailable" });
    await start(ok(), { port: first.port });
    expect(await remote.renew()).toEqual(leases);
  });

  it("with somebody else's certificate is not spoken to", async () => {
    const node = await start(ok());
    const remote = await connect([node], {}, { trusted: undefined });
    const error = await failureOf(remote.renew());
    expect(error).toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("DEPTH_ZERO_SELF_SIGNED_CERT"),
    });
    expect(node.counts.requests).toBe(0);
  });

  it("that says what is not understood is not believed, and not quoted", async () => {
    const { control } = recording(() => ({ ...leases, gatewayIds: ["a secret"] }));
    const remote = await connect([await start(control)]);
    const error = await failureOf(remote.renew());
    expect(error).toMatchObject({ kind: "unavailable", message: expect.stringContaining(".gatewayIds[0]") });
    expect(String(error)).not.toContain("a secret");
  });
});

describe("a watch", () => {
  /** What it says, in order, until the test ends. */
  function follow(remote: RemoteControl) {
    const heard: unknown[] = [];
    const end = new AbortController();
    const done = remote.watch((nudged) => heard.push(nudged), end.signal);
    cleanups.push(async () => {
      end.abort();
      await done;
    });
    const hears = (what: unknown) =>
      waitFor(() => heard.some((each) => JSON.stringify(each) === JSON.stringify(what)), {
        what: JSON.stringify(what),
      });
    return { heard, hears, stop: () => end.abort(), done };
  }
  const quick = { firstPauseMs: 10, longestPauseMs: 100 };
  const idle = () => recording(() => leases).control;

  it("begins with everything, and hears every nudge from then on", async () => {
    const node = await start(idle());
    const { heard, hears } = follow(await connect([node], quick));
    await hears("all");
    expect(heard).toEqual(["leases", "all"]);
    for (const id of [1, 2, 3]) {
      node.board.say({ kind: "gateways", ids: [id] });
      await hears([id]);
    }
    node.board.say({ kind: "leases", hostIds: [hostId] });
    await waitFor(() => heard.length === 6, { what: "leases" });
    expect(heard).toEqual(["leases", "all", [1], [2], [3], "leases"]);
  });

  it("hears of gateways that a renewal has told it of, and not of others'", async () => {
    const node = await start(idle());
    const remote = await connect([node], quick);
    const { heard, hears } = follow(remote);
    await hears("all");
    await remote.renew();
    node.board.say({ kind: "gateways", ids: [2] });
    node.board.say({ kind: "gateways", ids: [1] });
    await hears([1]);
    expect(heard).toEqual(["leases", "all", [1]]);
  });

  it("ends at once when it is told to", async () => {
    const node = await start(idle());
    const { hears, stop, done } = follow(await connect([node], quick));
    await hears("all");
    stop();
    await done;
  });

  it("is answered at once by a node that stops, and goes on at the next one with everything", async () => {
    const [first, second] = [await startNode(() => idle()), await start(idle())];
    const { heard, hears } = follow(await connect([first, second], quick));
    await hears("all");
    await waitFor(() => first.counts.requests === 2, { what: "the second poll" });
    const beganMs = performance.now();
    await first.stop();
    expect(performance.now() - beganMs).toBeLessThan(2_000);
    await waitFor(() => heard.length === 4, { what: "everything once more" });
    second.board.say({ kind: "gateways", ids: [9] });
    await hears([9]);
    expect(heard).toEqual(["leases", "all", "leases", "all", [9]]);
  });

  /** How many connections or requests a watch makes in a while that hears nothing of use. */
  async function countIn(ms: number, place: { endpoint: string }, count: () => number, change: Change = {}) {
    const { stop, done } = follow(await connect([place], { firstPauseMs: 20, longestPauseMs: 100 }, change));
    await setTimeout(ms);
    stop();
    await done;
    return count();
  }
  // With pauses of 10 to 20, 20 to 40, 40 to 80 and then 50 to 100 ms; without any there would be hundreds.
  const few = 15;

  it("does not spin where everybody hangs up", async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanups.push(() => server.close());
    const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const counted = await countIn(500, { endpoint }, () => connections);
    expect(counted).toBeGreaterThan(1);
    expect(counted).toBeLessThan(few);
  });

  it("does not spin where it is refused", async () => {
    const node = await start(idle());
    const counted = await countIn(500, node, () => node.counts.requests, { token: new Secret("nobody's") });
    expect(counted).toBeGreaterThan(1);
    expect(counted).toBeLessThan(few);
  });

  it("does not spin behind a balancer that takes each poll to another node, and looks at everything now and then", async () => {
    const boards = [new NudgeBoard(), new NudgeBoard()];
    let turn = 0;
    const takeTurns = () => {
      turn += 1;
      return boards[turn % 2] as NudgeBoard;
    };
    const node = await start(idle(), { boardOf: takeTurns });
    const counted = await countIn(500, node, () => node.counts.requests);
    expect(counted).toBeGreaterThan(1);
    expect(counted).toBeLessThan(few);
  });
});

it("no token and no body is ever logged", async () => {
  const { control } = recording(() => {
    throw new ControlError("not-held", "the gateway is not this host's");
  });
  const node = await start(control);
  const remote = await connect([node]);
  const gateway = fc.sample(argumentsOf.recordRemoval, 1)[0]?.[0];
  if (gateway === undefined) throw new TypeError("there is one");
  await failureOf(remote.recordFailure(gateway, "words of a failure", []));
  const { token } = await placeOf();
  const stranger = await connect([node], {}, { token: new Secret("somebody-elses-token") });
  expect(await failureOf(stranger.renew())).toMatchObject({ kind: "refused", message: "the token is nobody's" });
  const logged = node.lines.join("");
  expect(logged).toContain("a host was refused");
  for (const hidden of ["words of a failure", token.reveal(), "somebody-elses-token", session]) {
    expect(logged).not.toContain(hidden);
  }
});
