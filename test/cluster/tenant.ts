// A tenant of a cluster: calls an API node, goes to the other when that one does not answer, and knows what was acknowledged.
import type { Reply } from "../../src/cli/client.ts";
import { dataOf, numberAt, rowOf, rowsOf, textAt } from "../support/reply.ts";
import { waitFor } from "../support/wait-for.ts";
import type { Caller } from "./caller.ts";

const timeoutMs = 60_000;

export class Tenant {
  readonly #caller: Caller;
  readonly #endpoints: readonly string[];
  #node = 0;
  /** Names of channels whose creation was acknowledged, and of those whose caller heard nothing. */
  readonly acknowledged = new Set<string>();
  readonly unsure = new Set<string>();
  readonly #tasks: number[] = [];
  /** What callers heard instead of a reply. */
  readonly failures: string[] = [];

  constructor(caller: Caller, endpoints: readonly string[]) {
    this.#caller = caller;
    this.#endpoints = endpoints;
  }

  /** The reply of the node that gave the last one, else of the other. @throws Error when neither gives one within a minute */
  async call(action: string, parameters: Readonly<Record<string, string>>): Promise<Reply> {
    return await waitFor(
      async () => {
        const came = await this.callOnce(this.#node, action, parameters);
        // 6000: the node answers and its database does not.
        if (came !== undefined && came.code !== 6000) return came;
        this.#node = (this.#node + 1) % this.#endpoints.length;
        return undefined;
      },
      { what: `a reply to ${action}`, timeoutMs },
    );
  }

  /** @returns undefined when there was no reply, as when a node is killed */
  async callOnce(
    node: number,
    action: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<Reply | undefined> {
    const came = await this.#caller.ask(this.#endpoints[node] ?? "", action, parameters);
    if ("reply" in came) {
      this.#node = node;
      return came.reply;
    }
    this.failures.push(came.failure);
    return undefined;
  }

  /** Adds a channel and remembers what was said of it. */
  async addChannel(place: Place, name: string, peerNetwork: string, node = 0): Promise<void> {
    const reply = await this.callOnce(node, "AddVpnConnEx", channelParameters(place, name, peerNetwork));
    if (reply === undefined || reply.code === 6000) {
      this.unsure.add(name);
      return;
    }
    this.#tasks.push(numberAt(dataOf(reply), "taskId"));
    this.acknowledged.add(name);
  }

  /** @throws Error when an acknowledged channel is not there, one is there that nobody asked for, or a task does not succeed */
  async check(place: Place): Promise<void> {
    for (const taskId of this.#tasks) await this.#waitForTask(taskId);
    const found = await this.#listNames(place);
    const missing = [...this.acknowledged].filter((name) => !found.includes(name));
    const strange = found.filter((name) => !this.acknowledged.has(name) && !this.unsure.has(name));
    const doubled = found.filter((name, index) => found.indexOf(name) !== index);
    if (missing.length + strange.length + doubled.length > 0) {
      throw new Error(`channels missing: ${missing}; that nobody asked for: ${strange}; twice: ${doubled}`);
    }
  }

  async #listNames({ vpcId }: Place): Promise<string[]> {
    const names: string[] = [];
    for (;;) {
      const page = { vpcId, limit: "50", offset: String(names.length) };
      const rows = rowsOf(await this.call("DescribeVpnConn", page));
      names.push(...rows.map((row) => textAt(row, "vpnConnName")));
      if (rows.length < 50) return names;
    }
  }

  async #waitForTask(taskId: number): Promise<void> {
    const status = async () =>
      numberAt(dataOf(await this.call("DescribeVpcTaskResult", { taskId: String(taskId) })), "status");
    const ended = await waitFor(
      async () => {
        const found = await status();
        return found === 2 ? undefined : { found };
      },
      { what: `task ${taskId} to end`, timeoutMs },
    );
    if (ended.found !== 0) throw new Error(`task ${taskId} ended with ${ended.found}`);
  }

  /** A VPC with a gateway that runs. */
  async makePlace(vpcName: string, cidrBlock: string, peerAddress: string): Promise<Place> {
    const vpcId = textAt(await this.call("CreateVpc", { vpcName, cidrBlock }), "unVpcId");
    const asked = { name: vpcName, vpcId, bandwidth: "5", chargeType: "POSTPAID_BY_HOUR" };
    const vpnGwId = textAt(dataOf(await this.call("RunVpnGw", asked)), "vpnGwId");
    const gateway = async () => rowOf(await this.call("DescribeVpnGw", { vpnGwId }));
    const running = async () => (await gateway()).vpnGwStatus === 6;
    await waitFor(running, { what: "the gateway to run", timeoutMs });
    const peer = { userGwName: vpcName, userGwAddr: peerAddress };
    const userGwId = textAt(await this.call("AddUserGw", peer), "userGwId");
    const address = textAt(await gateway(), "vpnGwAddress");
    return { vpcId, vpnGwId, userGwId, address };
  }
}

/** What a channel is made on. */
export interface Place {
  readonly vpcId: string;
  readonly vpnGwId: string;
  readonly userGwId: string;
  /** The gateway's public address. */
  readonly address: string;
}

function channelParameters(
  { vpcId, vpnGwId, userGwId }: Place,
  vpnConnName: string,
  network: string,
): Record<string, string> {
  return {
    ...{ vpcId, vpnGwId, userGwId, vpnConnName, preSharedKey: "key of the cluster" },
    "IKESet.propoEncryAlgorithm": "aes-cbc-128",
    "IKESet.propoAuthenAlgorithm": "sha",
    "IKESet.dhGroupName": "group2",
    "IPSECSet.encryptAlgorithm": "aes-cbc-128",
    "IPSECSet.integrityAlgorith": "sha",
    "userGwCidrBlock.0": network,
  };
}
