// What is known of a VPN channel that is not up, as text for one screen.
import { Help } from "commander";
import { vpnConnStatusNumbers } from "../v2/status.ts";
import type { VpnConnStatus } from "../vpn/status.ts";

/** A row of DescribeVpnConnDiagnosis, as far as it is shown. */
export interface ExplainedChannel {
  readonly unVpnConnId: string;
  readonly vpnConnName: string;
  readonly unVpnGwId: string;
  readonly vpnGwAddress: string;
  readonly unUserGwId: string;
  readonly userGwAddress: string;
  readonly vpcConnStatus: number;
  readonly netStatus: string;
  readonly failure: string;
  readonly diagnosis?: ShownDiagnosis;
}

interface ShownDiagnosis {
  readonly cause: string;
  readonly sentence: string;
  readonly side: string;
  readonly fix: string;
  readonly offered: string;
  readonly said: string;
  readonly sinceTime: string;
  readonly events: readonly { readonly time: string; readonly text: string }[];
}

export interface ShownPeer {
  readonly address: string;
  readonly identity: string;
  readonly offered: string;
  readonly said: string;
  readonly lastTime: string;
  readonly count: number;
}

/** Of the lists, what one screen has room for: the newest. */
const mostEvents = 10;
const mostPeers = 5;

/** Whether there is nothing to explain. */
export function carries({ netStatus, diagnosis }: ExplainedChannel): boolean {
  return netStatus === "available" && diagnosis === undefined;
}

/** @param width of the screen in columns; undefined: lines are as long as they are */
export function formatExplanation(
  channel: ExplainedChannel,
  peers: readonly ShownPeer[],
  width: number | undefined,
): string {
  const { diagnosis, failure } = channel;
  const fields: [string, string][] = [
    ["between", `${channel.vpnGwAddress} (${channel.unVpnGwId}) and ${channel.userGwAddress} (${channel.unUserGwId})`],
    ["refused", failure],
  ];
  if (diagnosis !== undefined) {
    fields.push(
      ["cause", `${diagnosis.sentence} [${diagnosis.cause}]`],
      ["to change", `${ends[diagnosis.side] ?? diagnosis.side}: ${diagnosis.fix}`],
      ["we offered", diagnosis.offered],
      ["the peer said", diagnosis.said],
      ["since", diagnosis.sinceTime],
    );
  }
  const lines = [
    `${channel.unVpnConnId} (${printable(channel.vpnConnName)}) ${stateOf(channel)}.`,
    ...formatFields(
      fields.filter(([, text]) => text !== ""),
      width,
    ),
  ];
  const events = diagnosis?.events.slice(-mostEvents) ?? [];
  if (events.length > 0) {
    lines.push("", "last events");
    lines.push(
      ...formatFields(
        events.map(({ time, text }) => [time, text]),
        width,
      ),
    );
  }
  if (!carries(channel)) lines.push(...formatPeers(peers, width));
  return lines.join("\n");
}

const ends: Readonly<Record<string, string>> = { local: "here", peer: "at the peer", either: "at either end" };

const working: Readonly<Partial<Record<VpnConnStatus, string>>> = {
  creating: "is being created",
  modifying: "is being changed",
  deleting: "is being deleted",
  "create-failed": "was refused by its gateway",
  "modify-failed": "is not up, and its last change was refused",
  "delete-failed": "could not be deleted yet",
};

function stateOf({ netStatus, vpcConnStatus, diagnosis }: ExplainedChannel): string {
  if (netStatus === "available") return diagnosis === undefined ? "is up" : "is up, and something is wrong";
  if (diagnosis !== undefined) return "is not up";
  const status = (Object.keys(vpnConnStatusNumbers) as VpnConnStatus[]).find(
    (each) => vpnConnStatusNumbers[each] === vpcConnStatus,
  );
  return (status && working[status]) ?? "is not up, and nothing is known yet of why; ask again in a few seconds";
}

function formatPeers(peers: readonly ShownPeer[], width: number | undefined): string[] {
  if (peers.length === 0) return [];
  const newest = peers.toSorted((a, b) => (a.lastTime < b.lastTime ? 1 : -1)).slice(0, mostPeers);
  const more = peers.length > newest.length ? `, ${newest.length} of ${peers.length}` : "";
  const fields = newest.map(({ address, identity, offered, said, lastTime, count }): [string, string] => {
    const parts = [identity && `calls itself ${identity}`, offered && `offers ${offered}`, said];
    return [
      address,
      [...parts, `${count === 1 ? "once" : `${count} times`}, last ${lastTime}`]
        .filter((part) => part !== "")
        .join("; "),
    ];
  });
  return ["", `peers that began with this gateway and fit no channel${more}`, ...formatFields(fields, width)];
}

/** Names in a column, and texts beside them. */
function formatFields(fields: readonly (readonly [string, string])[], width: number | undefined): string[] {
  const indent = Math.max(0, ...fields.map(([name]) => printable(name).length)) + 4;
  return fields.map(([name, text]) => {
    const shown = printable(text);
    const wrapped = width === undefined ? shown : new Help().boxWrap(shown, width - indent);
    return `  ${printable(name).padEnd(indent - 2)}${wrapped.replaceAll("\n", `\n${" ".repeat(indent)}`)}`;
  });
}

/** Some of it was said by a peer, who may not write to this terminal what moves its cursor. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
}
