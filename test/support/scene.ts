// What a channel needs before there can be one, made through the API itself: VPCs, gateways, peer gateways.
import { type Client, call } from "../../src/cli/client.ts";
import { dataOf, numberAt, type Row, requireSuccess, rowOf, textAt } from "./reply.ts";
import { waitFor } from "./wait-for.ts";

/** What is under way takes milliseconds, but not on a machine with more to do. */
const timeoutMs = 12_000;

/** A number for each thing of this process that must be unlike the others. */
let lastNumber = 0;

export function nextNumber(): number {
  lastNumber += 1;
  return lastNumber;
}

/** A network that no channel of this process has yet, outside every VPC. */
export function nextNetwork(): string {
  const number = nextNumber();
  return `100.${64 + (number >> 8)}.${number & 255}.0/24`;
}

/** @returns the unified id */
export async function makeVpc(client: Client, cidrBlock = "10.0.0.0/16", vpcName = `vpc ${nextNumber()}`) {
  return textAt(requireSuccess(await call(client, "CreateVpc", { vpcName, cidrBlock })), "unVpcId");
}

/** @returns the unified id of a gateway that runs */
export async function makeVpnGw(client: Client, vpcId: string, name = `gateway ${nextNumber()}`): Promise<string> {
  const order = { name, vpcId, bandwidth: "5", chargeType: "POSTPAID_BY_HOUR" };
  const vpnGwId = textAt(dataOf(await call(client, "RunVpnGw", order)), "vpnGwId");
  const isRunning = async () => (await findVpnGw(client, vpnGwId)).vpnGwStatus === 6;
  await waitFor(isRunning, { what: `${vpnGwId} to run`, timeoutMs });
  return vpnGwId;
}

export async function findVpnGw(client: Client, vpnGwId: string): Promise<Row> {
  return rowOf(await call(client, "DescribeVpnGw", { vpnGwId }));
}

let lastPeer = 0;

/** The next address of TEST-NET-1, where the simulated data plane has peers that never answer. */
export function nextSilentAddress(): string {
  lastPeer += 1;
  return `192.0.2.${lastPeer}`;
}

/** An address where the simulated data plane has a peer that agrees at once. */
export function nextPeerAddress(): string {
  const number = nextNumber();
  return `203.0.${113 + Math.floor(number / 250)}.${1 + (number % 250)}`;
}

/** @returns the unified id of a peer gateway; a silent one unless told */
export async function makeUserGw(client: Client, userGwAddr = nextSilentAddress()): Promise<string> {
  const reply = await call(client, "AddUserGw", { userGwName: `peer ${userGwAddr}`, userGwAddr });
  return textAt(requireSuccess(reply), "userGwId");
}

/** Where a channel goes. */
export interface Place {
  readonly vpcId: string;
  readonly vpnGwId: string;
  readonly userGwId: string;
}

export async function makePlace(client: Client, cidrBlock = "10.0.0.0/16"): Promise<Place> {
  const vpcId = await makeVpc(client, cidrBlock);
  const vpnGwId = await makeVpnGw(client, vpcId);
  return { vpcId, vpnGwId, userGwId: await makeUserGw(client) };
}

/** A channel that was just made: what the reply said, and how to find it. */
export interface MadeConn {
  readonly taskId: string;
  readonly data: Row;
}

/** Makes a channel, with a network of its own unless told, and does not wait. */
export async function addVpnConn(
  client: Client,
  place: Place,
  parameters: Readonly<Record<string, string>> = {},
): Promise<MadeConn> {
  const hasNetworks = Object.keys(parameters).some((name) => /^(spdAcl|userGwCidrBlock)/.test(name));
  const networks = hasNetworks ? {} : { "userGwCidrBlock.0": nextNetwork() };
  const data = dataOf(await call(client, "AddVpnConnEx", { ...place, ...networks, ...parameters }));
  return { taskId: String(numberAt(data, "taskId")), data };
}

/** The channel that a task made, as DescribeVpnConn shows it. */
export async function findConn(client: Client, { taskId }: { readonly taskId: string }): Promise<Row> {
  return rowOf(await call(client, "DescribeVpnConn", { taskId }));
}

/** Waits for a task to end and gives `data` of the result. */
export async function waitForTask(client: Client, taskId: string): Promise<Row> {
  const what = `task ${taskId} to end`;
  return waitFor(
    async () => {
      const data = dataOf(await call(client, "DescribeVpcTaskResult", { taskId }));
      return data.status === 2 ? undefined : data;
    },
    { what, timeoutMs },
  );
}

/** A channel that runs: its task has ended. */
export async function makeConn(
  client: Client,
  place: Place,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Row> {
  const made = await addVpnConn(client, place, parameters);
  const { status } = await waitForTask(client, made.taskId);
  if (status !== 0) throw new Error(`task ${made.taskId} failed`);
  return findConn(client, made);
}
