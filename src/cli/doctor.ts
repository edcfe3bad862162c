// `culvert doctor`: prints what the checks found, for a person or as JSON.
import type { Config } from "../config.ts";
import type { Check } from "../doctor/check.ts";
import { type Report, runDoctor } from "../doctor/doctor.ts";
import { exitCodes } from "./exit-codes.ts";

export async function runDoctorCommand(config: Config, options: { json?: boolean }): Promise<void> {
  // The first Ctrl-C ends nothing by itself: what has been made for the checks is taken away, and that is soon.
  let isInterrupted = false;
  process.once("SIGINT", () => {
    isInterrupted = true;
  });
  const report = await runDoctor(config);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : formatReport(report));
  if (!report.ok) process.exitCode = exitCodes.failed;
  if (isInterrupted) process.exitCode = exitCodes.unusable;
}

/** Aligned lines, what mends a check beneath it, and a line that counts. */
export function formatReport({ checks }: Report): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, status, found, fix }) => [
    `${status.padEnd(4)}  ${name.padEnd(width)}  ${found}`,
    ...(fix === undefined ? [] : [`${" ".repeat(width + 8)}fix: ${fix}`]),
  ]);
  const count = (wanted: Check["status"]) => checks.filter(({ status }) => status === wanted).length;
  return `${lines.join("\n")}\n${checks.length} checks, ${count("warn")} to look at, ${count("fail")} failed.\n`;
}
