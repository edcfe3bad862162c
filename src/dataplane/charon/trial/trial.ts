// What this machine's strongSwan can really do: two charons of ours come up with each choice of phase 1, and send packets through each
// pair of cipher and hash of ESP. What charon lists proves nothing: without OpenSSL's legacy provider it lists DES, shows such a tunnel as
// INSTALLED and carries nothing through it. Takes less than a second where everything works.
import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ViciSession } from "../../../vici/session.ts";
import { ikeDefaults, ipsecDefaults } from "../../../vpn/algorithms.ts";
import { Secret } from "../../../vpn/secret.ts";
import { type ConnectionSpec, DataplaneError } from "../../dataplane.ts";
import { makeNamespace } from "../bridges.ts";
import { startCharon, viciSocketOf } from "../charon-process.ts";
import { toLoadConn, toLoadShared } from "../connection-message.ts";
import type { Esp } from "../esp.ts";
import { ipBatch } from "../ip.ts";
import { readIkeSas } from "../sas.ts";
import type { Stage } from "../stage.ts";
import {
  type Ability,
  allAbilities,
  hasUsual,
  phase1Abilities,
  phase1Choices,
  phase2Ability,
  phase2Choices,
  usual,
} from "./choices.ts";

/** Addresses of both ends, for measurements among one's own (RFC 2544, appendix C.2.2): of IKE, and inside of the tunnels. */
const outside = ["198.18.0.", "198.18.1."] as const;
const inside = ["198.19.0.", "198.19.1."] as const;
/** Until the usual works. */
const boundMs = 10_000;
/** Once the usual works: for so long nothing more has. charon asks again after 0.5 and 1.4 s, packets go every 50 ms. */
const quietMs = 3_000;
const lookMs = 20;
const knockProgram = fileURLToPath(new URL("knock.ts", import.meta.url));

export interface TrialOptions {
  /** Hears of everything that works, as soon as it does. */
  readonly onProved?: (ability: Ability) => void;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/**
 * Tries everything once. The stage's charons run from then on.
 * @returns what works
 * @throws DataplaneError, CommandError or ViciError when it cannot be tried: not even the usual came up
 */
export async function tryAbilities(stage: Stage, esp: Esp, options: TrialOptions = {}): Promise<ReadonlySet<Ability>> {
  await setUp(stage, esp);
  const sessions: ViciSession[] = [];
  const knocking = knock(stage[0].namespace);
  try {
    for (const [end, place] of stage.entries()) {
      const session = await ViciSession.connect(viciSocketOf(place));
      sessions.push(session);
      await load(session, end === 0 ? 0 : 1);
    }
    const [session] = sessions as [ViciSession];
    await initiate(session);
    return await watch(session, options);
  } finally {
    knocking.stop();
    for (const session of sessions) session.close();
  }
}

/** Both namespaces, a cable between them, addresses, charons. */
async function setUp(stage: Stage, esp: Esp): Promise<void> {
  for (const { namespace } of stage) await makeNamespace(namespace);
  const [here, there] = stage;
  await ipBatch(undefined, [`link add wan0 netns ${here.namespace} type veth peer name wan0 netns ${there.namespace}`]);
  for (const [end, { namespace }] of stage.entries()) {
    await ipBatch(namespace, [
      "link set wan0 up",
      ...phase1Choices.map((_, index) => `address add ${outside[end]}${index + 1}/16 dev wan0`),
      ...phase2Choices.map((_, index) => `address add ${inside[end]}${index + 1}/32 dev lo`),
    ]);
  }
  await Promise.all(stage.map((place) => startCharon(place, esp)));
}

/** @param end 0: the one that begins */
async function load(session: ViciSession, end: 0 | 1): Promise<void> {
  for (const connection of connections(end)) {
    await session.request("load-shared", toLoadShared(connection));
    await session.request("load-conn", toLoadConn(connection, { delaySeconds: 30, timeoutSeconds: 120 }));
  }
}

const nameOf = (index: number) => `phase1-${index}`;
const childNameOf = (index: number) => `phase2-${index}`;

/** One for each choice of phase 1, with addresses of its own, by which a responder tells them apart. The first has all children. */
function connections(end: 0 | 1): ConnectionSpec[] {
  const network = (side: 0 | 1, index: number) => `${inside[side]}${index + 1}/32`;
  const [here, there] = end === 0 ? ([0, 1] as const) : ([1, 0] as const);
  const children = phase2Choices.map((choice, index) => ({
    name: childNameOf(index),
    localNetwork: network(here, index),
    peerNetwork: network(there, index),
    ipsec: { ...ipsecDefaults, ...choice },
  }));
  return phase1Choices.map((choice, index) => {
    const [localAddress, remoteAddress] = [`${outside[here]}${index + 1}`, `${outside[there]}${index + 1}`];
    const localIdentity = { type: "address", value: localAddress } as const;
    const remoteIdentity = { type: "address", value: remoteAddress } as const;
    return {
      name: nameOf(index),
      localAddress,
      remoteAddress,
      ike: { ...ikeDefaults, ...choice, localIdentity, remoteIdentity },
      preSharedKey: new Secret("a trial, and nothing to hide"),
      children: choice === usual ? children : [],
    };
  });
}

async function initiate(session: ViciSession): Promise<void> {
  const begin = (what: Record<string, string>) =>
    session.request("initiate", { ...what, "init-limits": "no", timeout: "-1" });
  for (const [index] of phase2Choices.entries()) await begin({ ike: nameOf(0), child: childNameOf(index) });
  for (const [index] of phase1Choices.entries()) if (index > 0) await begin({ ike: nameOf(index) });
}

async function watch(session: ViciSession, { onProved, signal }: TrialOptions): Promise<ReadonlySet<Ability>> {
  const proved = new Set<Ability>();
  let lastProofMs = performance.now();
  for (;;) {
    for (const ability of await listWorking(session)) {
      if (proved.has(ability)) continue;
      proved.add(ability);
      lastProofMs = performance.now();
      onProved?.(ability);
    }
    if (proved.size === allAbilities.length || signal?.aborted) return proved;
    const isQuietMs = performance.now() - lastProofMs;
    if (hasUsual(proved) && isQuietMs > quietMs) return proved;
    if (isQuietMs > boundMs) throw new DataplaneError("gateway", "no tunnel between two charons came up");
    await pause(lookMs);
  }
}

async function listWorking(session: ViciSession): Promise<Ability[]> {
  const ikeSas = readIkeSas(await session.stream("list-sas", "list-sa"));
  const established = new Set(ikeSas.flatMap(({ connection, state }) => (state === "ESTABLISHED" ? connection : [])));
  // A packet that came back has been encrypted and decrypted at both ends.
  const carrying = new Set(
    ikeSas.flatMap(({ children }) => children.flatMap(({ name, bytesIn }) => (bytesIn > 0 ? name : []))),
  );
  return [
    ...phase1Choices.flatMap((choice, index) => (established.has(nameOf(index)) ? phase1Abilities(choice) : [])),
    ...phase2Choices.flatMap((choice, index) => (carrying.has(childNameOf(index)) ? phase2Ability(choice) : [])),
  ];
}

/** It ends with its standard input, so also when this process is killed. */
function knock(namespace: string): { stop(): void } {
  const command = ["netns", "exec", namespace, process.execPath, knockProgram, ...inside, `${phase2Choices.length}`];
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  const child = spawn("ip", command, { stdio: ["pipe", "ignore", "ignore"], env, cwd: "/" });
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  return { stop: () => child.stdin.end() };
}
