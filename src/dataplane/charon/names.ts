// Names of everything that is made on the machine. All carry the instance, so two servers never touch each other's gateways
// and what belongs to nobody can be told.
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { join } from "node:path";

/** The instance id of a data directory: eight hex digits of the hash of its real path. */
export function instanceOf(dataDir: string): string {
  return createHash("sha256").update(realpathSync(dataDir)).digest("hex").slice(0, 8);
}

/** Names of one instance. Namespaces are at most 32 characters, socket paths at most 100 bytes (sun_path has 108). */
export function namesOf(instance: string, runRoot = "/run/culvert") {
  const prefix = `cv-${instance}-`;
  const runDir = join(runRoot, instance);
  return {
    instance,
    prefix,
    runDir,
    publicNamespace: `${prefix}public`,
    vpcNamespace: (vpcId: number) => `${prefix}vpc${vpcId}`,
    gatewayNamespace: (gatewayId: number) => `${prefix}gw${gatewayId}`,
    gatewayDir: (gatewayId: number) => join(runDir, `gw${gatewayId}`),
    viciSocket: (gatewayId: number) => join(runDir, `gw${gatewayId}`, "charon.vici"),
    /** The bridge in the public namespace and in each VPC namespace. */
    bridge: "br0",
    /** A port's name in a shared namespace: at most 15 characters. */
    gatewayPort: (gatewayId: number) => `gw${gatewayId}`,
    /** The same on a bridge of the machine, where the name carries the instance too: 15 characters up to gateway 1,679,615. */
    machinePort: (leg: "public" | "vpc", gatewayId: number) =>
      `cv${instance}${leg === "public" ? "p" : "v"}${gatewayId.toString(36)}`,
    /** The end of a VPC's wire in a namespace of the operator's. */
    vpcLink: (vpcId: number) => `cv${instance}n${vpcId.toString(36)}`,
    vpcLinkPrefix: `cv${instance}n`,
    labNamespace: (role: "remote" | "site" | `host${number}`) => `${prefix}lab-${role}`,
    labDir: join(runDir, "lab"),
  };
}

export type Names = ReturnType<typeof namesOf>;
