// The load generator, a process of its own: signs AddVpnConnEx requests and sends them over connections that are kept.
// It looks at a reply no closer than to tell success from refusal: what it costs is missing from the server's half of the machine.
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { type Client, clientOf, signCall } from "../src/cli/client.ts";
import { formatAddress } from "../src/vpn/network.ts";
import { HttpConnection } from "./http-connection.ts";
import type { LoadPlan, LoadRequest, LoadResult } from "./load.ts";

const success = '{"code":0,';
const keptErrors = 5;
/** 11.0.0.0, public and outside every VPC: each channel takes the next 16 addresses, so that no two pairs overlap. */
const firstPeerAddress = 11 * 2 ** 24;
const peerNetworkSize = 16;

let counter = 0;

/** Consecutive channels go to different gateways; the peer gateway changes with every round over all gateways. */
function nextBody(client: Client, { gateways, userGwIds, preSharedKey }: LoadPlan): string {
  const n = counter;
  counter += 1;
  const gateway = gateways[n % gateways.length];
  const userGwId = userGwIds[Math.floor(n / gateways.length) % userGwIds.length];
  if (gateway === undefined || userGwId === undefined) throw new Error("a plan without gateways");
  const parameters = {
    ...gateway,
    userGwId,
    preSharedKey,
    vpnConnName: `bench-${n}`,
    "userGwCidrBlock.0": `${formatAddress(firstPeerAddress + n * peerNetworkSize)}/28`,
  };
  return signCall(client, "POST", "AddVpnConnEx", parameters).toString();
}

async function run({
  endpoint,
  plan,
  connections,
  seconds,
  perSecond,
  signedBefore,
}: LoadRequest): Promise<LoadResult> {
  const client = clientOf(plan.keyFile, endpoint, undefined);
  const ready = Array.from({ length: signedBefore }, () => nextBody(client, plan));
  const open = Array.from({ length: connections }, () => new HttpConnection(endpoint));
  await Promise.all(open.map((connection) => connection.open()));
  const latenciesMs: number[] = [];
  const errors: string[] = [];
  let lastReply = "";
  const busy = performance.eventLoopUtilization();
  const startedMs = performance.now();
  const deadlineMs = startedMs + seconds * 1_000;

  const betweenMs = perSecond === undefined ? 0 : 1_000 / perSecond;
  let nextMs = startedMs;
  const awaitTurn = async () => {
    const waitMs = nextMs - performance.now();
    nextMs += betweenMs;
    if (waitMs > 0) await pause(waitMs);
  };

  const work = async (connection: HttpConnection) => {
    while (performance.now() < deadlineMs && errors.length === 0) {
      if (betweenMs > 0) await awaitTurn();
      const body = ready.pop() ?? nextBody(client, plan);
      const sentMs = performance.now();
      try {
        const text = await connection.post(body);
        if (!text.startsWith(success)) throw new Error(text.slice(0, 500));
        latenciesMs.push(performance.now() - sentMs);
        lastReply = text;
      } catch (error) {
        errors.push(String(error));
      }
    }
  };
  await Promise.all(open.map(work));
  const elapsedMs = performance.now() - startedMs;
  const { utilization } = performance.eventLoopUtilization(busy);
  for (const connection of open) connection.close();
  return {
    succeeded: latenciesMs.length,
    elapsedMs,
    latenciesMs: Float64Array.from(latenciesMs),
    errors: errors.slice(0, keptErrors),
    errorCount: errors.length,
    utilization,
    lastReply,
  };
}

process.on("message", (message: LoadRequest) => {
  run(message).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
      process.exit(1);
    },
  );
});
// The bench has gone: so do we.
process.on("disconnect", () => process.exit());
