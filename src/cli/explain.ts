// `culvert channel explain`: asks the API, as any client does, why a VPN channel is not up.
import type { Config } from "../config.ts";
import { call, clientOfConfig } from "./client.ts";
import { exitCodes } from "./exit-codes.ts";
import { carries, type ExplainedChannel, formatExplanation, printable, type ShownPeer } from "./explanation.ts";

/** @param id either form of a channel's id */
export async function runExplain(id: string, config: Config, options: { json?: boolean }): Promise<void> {
  try {
    // An empty parameter would count as none, and the answer would be another channel's.
    if (id === "") throw new Error("the id of a VPN channel is expected");
    const reply = await call(clientOfConfig(config), "DescribeVpnConnDiagnosis", { vpnConnId: id });
    if (reply.code !== 0) throw new Error(reply.message);
    const [channel] = reply.data as readonly ExplainedChannel[];
    if (channel === undefined) throw new Error(`There is no VPN channel ${id}.`);
    const unknownPeers = reply.unknownPeers as readonly ShownPeer[];
    const text = options.json
      ? JSON.stringify({ ...channel, unknownPeers })
      : formatExplanation(channel, unknownPeers, process.stdout.columns);
    process.stdout.write(`${text}\n`);
    if (!carries(channel)) process.exitCode = exitCodes.failed;
  } catch (error) {
    process.stderr.write(`culvert: ${error instanceof Error ? printable(error.message) : error}\n`);
    process.exitCode = exitCodes.unusable;
  }
}
