// The story of the demo, on the real data plane and on the simulated one. Everything in its result is measured.
import type { Names } from "../dataplane/charon/names.ts";
import { labDefaults, labUp } from "../lab/lab.ts";
import { captureWire, firstReply, ping, type WireCount } from "../lab/probe.ts";
import type { ApiStory, ChannelResult, Places } from "./api-story.ts";
import type { Narrator } from "./narrator.ts";

const vpcCidr = "10.0.0.0/16";
/** The remote host: the second half of the seed's 10.56.20.1/24, as the lab has it. */
const remoteHost = "10.56.20.10";
const pings = { count: 10, intervalMs: 100, timeoutMs: 2_000 };
const firstReplyBoundMs = 20_000;

/** The last line of a run. */
export interface DemoResult {
  readonly ok: boolean;
  readonly dataplane: "charon" | "simulated";
  readonly taskStatus: number;
  readonly vpcConnStatus: number;
  readonly netStatus: string;
  readonly ping?: { readonly sent: number; readonly received: number };
  readonly wire?: Pick<WireCount, "ike" | "esp" | "clear">;
  readonly ms: ChannelResult["ms"];
}

/** What a run leaves to be cleaned up. */
export interface Made {
  places: Places | undefined;
  vpnConnId: string | undefined;
}

export async function tellSimulated(api: ApiStory, made: Made): Promise<DemoResult> {
  made.places = await api.makePlaces(vpcCidr, labDefaults.remoteAddress);
  const { vpnConnId, ...channel } = await api.makeChannel(made.places);
  made.vpnConnId = vpnConnId;
  return { ok: isUp(channel), dataplane: "simulated", ...channel };
}

export async function tellReal(api: ApiStory, narrator: Narrator, names: Names, made: Made): Promise<DemoResult> {
  const places = await api.makePlaces(vpcCidr, labDefaults.remoteAddress);
  made.places = places;
  narrator.step("The lab: a host in the VPC, a public wire, and a remote site with a strongSwan of its own.");
  const vpc = { id: places.vpcNumber, uid: places.vpcId, cidr: places.vpcCidr };
  await labUp({ ...labDefaults, names, vpc });
  const host = names.labNamespace(`host${vpc.id}`);
  narrator.line(`The remote gateway is at ${labDefaults.remoteAddress}; behind it, ${remoteHost} waits.`);
  narrator.line("From here on, every packet on the public wire is captured.");
  const capture = await captureWire(names);
  let wire: WireCount;
  let channel: Omit<ChannelResult, "vpnConnId">;
  let answered: { sent: number; received: number };
  try {
    const { vpnConnId, ...rest } = await api.makeChannel(places);
    made.vpnConnId = vpnConnId;
    channel = rest;
    narrator.step(`A ping from the VPC host to ${remoteHost}, through the tunnel.`);
    const warmUp = await firstReply(host, remoteHost, { timeoutMs: firstReplyBoundMs });
    narrator.line(`First reply after ${warmUp.attempts} request(s); that was the warm-up and is not counted.`);
    answered = await ping(host, remoteHost, pings);
    narrator.line(`${answered.received} of ${answered.sent} answered.`);
  } finally {
    wire = await capture.stop();
  }
  narrator.step("What was on the public wire meanwhile?");
  narrator.line(`${wire.ike} IKE packets, ${wire.esp} ESP packets, ${wire.clear} others.`);
  const isPrivate = wire.clear === 0 && wire.ike > 0 && wire.esp > 0;
  narrator.line(isPrivate ? "Nothing crossed in clear." : "THIS IS NOT HOW IT SHOULD BE.");
  const isAnswered = answered.sent === pings.count && answered.received === pings.count;
  const ok = isUp(channel) && isAnswered && isPrivate;
  const { ike, esp, clear } = wire;
  const { ms, ...status } = channel;
  return { ok, dataplane: "charon", ...status, ping: answered, wire: { ike, esp, clear }, ms };
}

function isUp({ taskStatus, vpcConnStatus, netStatus }: Omit<ChannelResult, "vpnConnId">): boolean {
  return taskStatus === 0 && vpcConnStatus === 6 && netStatus === "available";
}
