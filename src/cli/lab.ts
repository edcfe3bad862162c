// `culvert lab …`: the two-site lab beside a server of this machine.
import { existsSync, mkdirSync } from "node:fs";
import type { Config } from "../config.ts";
import { instanceOf, type Names, namesOf } from "../dataplane/charon/names.ts";
import { type LabVpc, labDefaults, labDown, labStatus, labUp } from "../lab/lab.ts";
import { openExistingStore } from "../store/open.ts";
import { findVpcByUid } from "../store/vpcs.ts";
import { exitCodes } from "./exit-codes.ts";

function labNames(config: Config): Names {
  mkdirSync(config.data, { recursive: true, mode: 0o700 });
  return namesOf(instanceOf(config.data));
}

async function findVpc(config: Config, uid: string): Promise<LabVpc> {
  const store = await openExistingStore(config);
  try {
    const vpc = await findVpcByUid(store.db, uid);
    if (vpc === undefined) throw new Error(`There is no VPC ${uid} in ${config.data}.`);
    return vpc;
  } finally {
    await store.close();
  }
}

/** What goes wrong in the lab is one sentence for a person. */
async function tell(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    process.stderr.write(`culvert: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = exitCodes.failed;
  }
}

export function labUpCommand(config: Config, options: { vpc?: string }): Promise<void> {
  return tell(async () => {
    const publicNetwork = config["network.public"];
    if (publicNetwork !== "own") {
      throw new Error(`The lab has a public network of its own; network.public is ${publicNetwork} and not own.`);
    }
    const vpc = options.vpc === undefined ? undefined : await findVpc(config, options.vpc);
    await labUp({ ...labDefaults, names: labNames(config), vpc });
    await printStatus(config);
  });
}

export function labDownCommand(config: Config): Promise<void> {
  return tell(() => labDown(labNames(config)));
}

export function labStatusCommand(config: Config, options: { json?: boolean }): Promise<void> {
  return tell(async () => {
    // The others may make the directory: without it nothing has a name on the machine.
    if (!existsSync(config.data)) throw new Error(`There is no data directory ${config.data}.`);
    if (options.json) process.stdout.write(`${JSON.stringify(await labStatus(labNames(config)))}\n`);
    else await printStatus(config);
  });
}

async function printStatus(config: Config): Promise<void> {
  const { isUp, remote, siteHost, hosts } = await labStatus(labNames(config));
  const lines = [`The lab is ${isUp ? "up" : "down"}.`];
  if (remote !== undefined) {
    lines.push(`remote gateway  ${remote.address}, namespace ${remote.namespace}, IKE_SAs: ${remote.ikeSas.length}`);
    lines.push(`remote network  ${remote.siteNetwork}`);
  }
  if (siteHost !== undefined) lines.push(`remote host     ${siteHost.address}, namespace ${siteHost.namespace}`);
  for (const { vpc, address, namespace } of hosts) {
    lines.push(`VPC host        ${address}, namespace ${namespace}, in ${vpc.uid} ${vpc.cidr}`);
  }
  const [host] = hosts;
  if (host !== undefined && siteHost !== undefined) {
    lines.push("", "Across the tunnel, once there is one:");
    lines.push(`  ip netns exec ${host.namespace} ping ${siteHost.address}`);
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}
