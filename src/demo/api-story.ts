// The part of the story that goes through the API: from nothing to a channel that is up. The same on either data plane.
import { type Client, type Reply, sendSigned, signCall } from "../cli/client.ts";
import type { Narrator } from "./narrator.ts";
import { poll } from "./poll.ts";

const gatewayBoundMs = 30_000;
const taskBoundMs = 60_000;
const netStatusBoundMs = 60_000;

/** The remote site of the seed's example, as the lab builds it. */
export const seed = { userGwCidrBlock: "10.56.20.1/24", preSharedKey: "dgdgd33" } as const;

/** What was made on the way. */
export interface Places {
  readonly vpcId: string;
  readonly vpcNumber: number;
  readonly vpcCidr: string;
  readonly vpnGwId: string;
  readonly userGwId: string;
}

/** What became of the channel; times are from the moment AddVpnConnEx was sent. */
export interface ChannelResult {
  readonly vpnConnId: string;
  readonly taskStatus: number;
  readonly vpcConnStatus: number;
  readonly netStatus: string;
  readonly ms: { readonly apiToTask: number; readonly apiToInstalled: number };
}

type Row = Readonly<Record<string, unknown>>;

/** Makes calls of the story. `check` is asked before each, so that Ctrl-C ends the story between two of them. */
export class ApiStory {
  readonly #client: Client;
  readonly #narrator: Narrator;
  readonly #check: () => void;

  constructor(client: Client, narrator: Narrator, check: () => void) {
    this.#client = client;
    this.#narrator = narrator;
    this.#check = check;
  }

  /** One call, told or silent. @throws Error when it is refused */
  async call(action: string, parameters: Record<string, string>, isTold = true): Promise<Reply> {
    this.#check();
    const { endpoint } = this.#client;
    const signed = signCall(this.#client, "GET", action, parameters);
    const reply = await sendSigned(this.#client, "GET", signed);
    if (isTold) this.#narrator.call("GET", `${endpoint}/v2/index.php`, signed, reply);
    if (reply.code !== 0) throw new Error(`${action} was refused: ${reply.code} ${reply.codeDesc} ${reply.message}`);
    return reply;
  }

  async makePlaces(vpcCidr: string, peerAddress: string): Promise<Places> {
    this.#narrator.step("A private network (VPC) in the cloud.");
    const vpc = await this.call("CreateVpc", { vpcName: "office", cidrBlock: vpcCidr });
    const vpcId = String(vpc.unVpcId);
    const vpcNumber = Number(String(vpc.vpcId).split("_").at(-1));

    this.#narrator.step("A VPN gateway for it. It is ready when its vpnGwStatus is 6.");
    const bought = await this.call("CreateVpn", { vpcId, name: "office-gateway", period: "1", bandwidth: "5" });
    const dealIds = bought.dealIds;
    const dealId = String(Array.isArray(dealIds) ? dealIds[0] : undefined);
    const gateway = await this.#waitForRow("DescribeVpnGw", { dealId }, gatewayBoundMs, (row) => row.vpnGwStatus === 6);
    const vpnGwId = String(gateway.unVpnGwId);
    this.#narrator.line(`${vpnGwId} runs at ${gateway.vpnGwAddress}.`);

    this.#narrator.step("A peer gateway: the public address of the remote site.");
    const peer = await this.call("AddUserGw", { userGwName: "remote-site", userGwAddr: peerAddress });
    return { vpcId, vpcNumber, vpcCidr, vpnGwId, userGwId: String(peer.userGwId) };
  }

  async makeChannel(places: Places): Promise<ChannelResult> {
    const { vpcId, vpnGwId, userGwId } = places;
    this.#narrator.step("The VPN channel: AddVpnConnEx, as its documentation shows it.");
    const startedMs = performance.now();
    const added = await this.call("AddVpnConnEx", {
      vpcId,
      userGwId,
      vpnGwId,
      "userGwCidrBlock.0": seed.userGwCidrBlock,
      preSharedKey: seed.preSharedKey,
    });
    const taskId = String((added.data as Row).taskId);
    const taskStatus = await poll(taskBoundMs, async () => {
      const { data } = await this.call("DescribeVpcTaskResult", { taskId }, false);
      const { status } = data as { status: number };
      return status === 2 ? undefined : status;
    });
    const apiToTask = elapsed(startedMs);

    this.#narrator.step("The gateway has accepted it; now both ends negotiate. netStatus tells when the tunnel is up.");
    const query = { taskId };
    const row = await this.#waitForRow(
      "DescribeVpnConn",
      query,
      netStatusBoundMs,
      (conn) => conn.netStatus === "available",
    );
    const apiToInstalled = elapsed(startedMs);
    await this.call("DescribeVpcTaskResult", { taskId });
    await this.call("DescribeVpnConn", query);
    this.#narrator.line(`Task done after ${apiToTask} ms, tunnel up after ${apiToInstalled} ms.`);
    return {
      vpnConnId: String(row.unVpnConnId),
      taskStatus: taskStatus ?? 2,
      vpcConnStatus: Number(row.vpcConnStatus),
      netStatus: String(row.netStatus),
      ms: { apiToTask, apiToInstalled },
    };
  }

  /** The one row of a list, when it is as wanted. @throws Error with what it was like at the bound */
  async #waitForRow(
    action: string,
    query: Record<string, string>,
    boundMs: number,
    isWanted: (row: Row) => boolean,
  ): Promise<Row> {
    let last: Row = {};
    const found = await poll(boundMs, async () => {
      const { data } = await this.call(action, query, false);
      last = (data as Row[])[0] ?? {};
      return isWanted(last) ? last : undefined;
    });
    if (found === undefined) {
      const { vpnGwStatus, vpcConnStatus, netStatus } = last;
      throw new Error(
        `${action} still says ${JSON.stringify({ vpnGwStatus, vpcConnStatus, netStatus })} after ${boundMs} ms`,
      );
    }
    return found;
  }

  /** Removes through the API what was made through it. */
  async removeAll(places: Places, vpnConnId: string | undefined): Promise<void> {
    const { vpcId, vpnGwId, userGwId } = places;
    if (vpnConnId !== undefined) await this.#runTask("DeleteVpnConn", { vpcId, vpnGwId, vpnConnId });
    await this.#runTask("DeleteVpnGw", { vpcId, vpnGwId });
    await this.call("DeleteUserGw", { userGwId }, false);
    await this.call("DeleteVpc", { vpcId }, false);
  }

  async #runTask(action: string, parameters: Record<string, string>): Promise<void> {
    const { data } = await this.call(action, parameters, false);
    const taskId = String((data as Row).taskId);
    await poll(taskBoundMs, async () => {
      const reply = await this.call("DescribeVpcTaskResult", { taskId }, false);
      return (reply.data as Row).status === 2 ? undefined : true;
    });
  }
}

function elapsed(startedMs: number): number {
  return Math.round((performance.now() - startedMs) * 10) / 10;
}
