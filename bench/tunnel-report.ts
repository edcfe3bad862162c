// The result of the bench `tunnel`, for people and for programs.
import { printJson, printLine, printTable } from "./report.ts";
import type { TunnelResult } from "./tunnel.ts";

const head = [
  "main mode",
  "ratio",
  "ours: median ms",
  "p95 ms",
  "of it reply",
  "raw VICI: median ms",
  "p95 ms",
  "raw commit ms",
];

export function printTunnelReport(result: TunnelResult, isJson: boolean): void {
  const { machine, rounds, profiles, floor, isMet } = result;
  const { cores, node, disk } = machine;
  printLine(
    `AddVpnConnEx to CHILD_SA, ${rounds} tunnels of each kind in turn on ${cores} cores, Node ${node}, database on ${disk}`,
  );
  printTable(
    head,
    profiles.map(({ profile, ratio, ours, raw, commit }) => {
      const own = [ours.medianMs, ours.p95Ms, ours.replyMedianMs];
      return [profile, ratio, ...own, raw.medianMs, raw.p95Ms, commit.medianMs];
    }),
  );
  printLine(`floor: at most ${floor} times raw VICI and one commit, ${isMet ? "met" : "NOT MET"}`);
  if (!isJson) return;
  const perProfile = profiles.map(({ profile, ...figures }) => [profile, figures]);
  printJson({ bench: "tunnel", rounds, profiles: Object.fromEntries(perProfile), machine, floor, isMet });
}
