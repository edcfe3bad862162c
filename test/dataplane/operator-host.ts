// A machine of an operator's, in namespaces: `host` stands for the machine's own network, `nic0` there for its network card, behind which
// a router leads to a peer. Culvert runs in it as it would there: by its program, with a configuration file.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Reply } from "../../src/cli/client.ts";
import { makeNamespace, removeNamespace } from "../../src/dataplane/charon/bridges.ts";
import { ipBatch, ipJson } from "../../src/dataplane/charon/ip.ts";
import { instanceOf, namesOf } from "../../src/dataplane/charon/names.ts";
import { removeInstance } from "../../src/dataplane/charon/remove-instance.ts";
import type { Link } from "../../src/dataplane/charon/wire-commands.ts";
import { HandMadePeer } from "../support/hand-made-peer.ts";
import { waitFor } from "../support/wait-for.ts";

const program = fileURLToPath(new URL("../../bin/culvert", import.meta.url));
const timeoutMs = 20_000;

export const routerAddress = "198.51.100.254";
export const peerAddress = "192.0.2.2";
export const siteNetwork = "10.56.20.0/24";
export const siteHost = "10.56.20.10";
const preSharedKey = "key of the operator";

export interface OperatorHost {
  /** Namespaces: the machine's own network, the router, the peer. */
  readonly host: string;
  readonly router: string;
  readonly peer: string;
  readonly keyFile: string;
  /** A namespace that goes in the end, with a name that nobody else has. */
  makeNamespace(name: string): Promise<string>;
  /** `culvert serve` with this `network` section. Stops the one that runs. */
  serve(network: object): Promise<void>;
  stop(): Promise<void>;
  /** Any other command of Culvert's: its exit code and what it said. */
  culvert(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }>;
  call(action: string, parameters: Readonly<Record<string, string>>): Promise<Reply>;
  links(namespace: string): Promise<readonly Link[]>;
  /** The peer's charon, told of one connection from anywhere for a VPC. */
  startPeer(vpcCidr: string): Promise<void>;
  stopPeer(): Promise<void>;
  remove(): Promise<void>;
}

export async function makeOperatorHost(): Promise<OperatorHost> {
  const dir = mkdtempSync(join(tmpdir(), "culvert-test-"));
  const data = join(dir, "data");
  mkdirSync(data, { mode: 0o700 });
  const names = namesOf(instanceOf(data));
  const namespaces: string[] = [];
  const make = async (name: string, sysctls: readonly string[] = []) => {
    const namespace = `cvop-${names.instance}-${name}`;
    namespaces.push(namespace);
    await makeNamespace(namespace, sysctls);
    return namespace;
  };
  const host = await make("host");
  const router = await make("router", ["net.ipv4.ip_forward=1"]);
  const peer = await make("peer");
  await ipBatch(undefined, [
    `link add nic0 netns ${host} type veth peer name wan netns ${router}`,
    `link add inner netns ${router} type veth peer name eth0 netns ${peer}`,
  ]);
  await ipBatch(host, ["link set nic0 up"]);
  await ipBatch(router, [
    `address add ${routerAddress}/24 dev wan`,
    "address add 192.0.2.1/24 dev inner",
    "link set wan up",
    "link set inner up",
  ]);
  await ipBatch(peer, [
    `address add ${peerAddress}/24 dev eth0`,
    `address add ${siteHost}/24 dev lo`,
    "link set eth0 up",
    "route add default via 192.0.2.1",
  ]);

  const peerDirectory = join(dir, "peer");
  const ends = { address: peerAddress, network: siteNetwork, preSharedKey };
  const handMade = new HandMadePeer({ namespace: peer, directory: peerDirectory, ...ends });
  const keyFile = join(dir, "psk");
  writeFileSync(keyFile, preSharedKey, { mode: 0o600 });
  const config = join(dir, "culvert.json");
  const inHost = (args: readonly string[]) => [`--net=/run/netns/${host}`, program, ...args, "--config", config];
  const [listen, endpoint] = ["127.0.0.1:8080", "http://127.0.0.1:8080"];
  let server: ChildProcess | undefined;

  const stop = async () => {
    if (server === undefined) return;
    const ended = server.exitCode === null ? once(server, "exit") : undefined;
    server.kill();
    await ended;
    server = undefined;
  };
  const culvert = (...args: readonly string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      execFile("nsenter", inHost(args), { timeout: timeoutMs }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });

  return {
    host,
    router,
    peer,
    keyFile,
    makeNamespace: make,
    stop,
    culvert,
    async serve(network) {
      await stop();
      writeFileSync(config, JSON.stringify({ data, listen, endpoint, reconcilePeriodSeconds: 1, network }));
      const logFile = join(dir, "serve.log");
      const log = openSync(logFile, "w", 0o600);
      server = spawn("nsenter", inHost(["serve"]), { stdio: ["ignore", log, log] });
      const isUp = () => {
        const said = readFileSync(logFile, "utf8");
        if (server?.exitCode !== null) throw new Error(`the server did not start: ${said}`);
        return said.includes("the API is at ");
      };
      await waitFor(isUp, { what: "the server", timeoutMs });
    },
    async call(action, parameters) {
      const pairs = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
      const { stdout, stderr } = await culvert("call", action, ...pairs, "--json");
      expect(stderr).toBe("");
      const reply = JSON.parse(stdout) as Reply;
      expect(reply, action).toMatchObject({ code: 0 });
      return reply;
    },
    links: (namespace) => ipJson<Link[]>(namespace, ["-details", "address", "show"]),
    startPeer: (vpcCidr) => handMade.start(vpcCidr),
    stopPeer: () => handMade.stop(),
    async remove() {
      await stop();
      await handMade.stop();
      await removeInstance(names);
      for (const namespace of namespaces) await removeNamespace(namespace);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
