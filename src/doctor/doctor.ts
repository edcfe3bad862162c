// Is this machine able to run Culvert in its role, and does it? The order of the checks, and which need which. It changes nothing and leaves
// nothing.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Config, readListen } from "../config.ts";
import { probeKernelEsp } from "../dataplane/charon/esp.ts";
import { instanceOf, type Names, namesOf } from "../dataplane/charon/names.ts";
import { type Stage, stageOf, withStage } from "../dataplane/charon/stage.ts";
import { sqlitePath } from "../store/open.ts";
import type { PeekedVpnGw } from "../store/peek.ts";
import { checkApi } from "./api.ts";
import { judgeAppArmor, probeAppArmor } from "./apparmor.ts";
import { judgeAlgorithms, judgeCharon, judgePlugins, probeCharon } from "./charon.ts";
import { type Check, ok, skip } from "./check.ts";
import {
  adminKeyOf,
  judgeDataDir,
  judgeKeys,
  judgeServer,
  probeDataDir,
  probeFile,
  probeServer,
  type SeenServer,
} from "./data-dir.ts";
import { espInKernel, findEsp, judgeEsp } from "./esp.ts";
import { judgeGateways, probeGateways, probeSilent } from "./gateways.ts";
import { judgeHostIke, probeHostIke } from "./host-ike.ts";
import { findLeftovers, judgeLeftovers, probeTraces } from "./leftovers.ts";
import { judgeListen, probeListen } from "./listen.ts";
import { judgeNamespace, probeNamespace } from "./namespaces.ts";
import {
  judgeAttachments,
  judgeFilter,
  judgeLeaseGuard,
  judgeLinkKinds,
  judgePublicAddresses,
  type NetworkConfig,
  namespacesIn,
} from "./network.ts";
import { probeFilter, probeLeaseGuard, probeLinkKinds, probeMachine } from "./network-probe.ts";
import {
  judgeLabPrograms,
  judgePrograms,
  judgeStrongswan,
  judgeTun,
  labPrograms,
  probeProgram,
  probeStrongswan,
  probeTun,
  serverPrograms,
} from "./programs.ts";
import { hasRights, judgeRights, probeRights } from "./rights.ts";
import { judgeNode, judgeSystem, probeSystem } from "./system.ts";
import { judgeTrial, probeTrial } from "./trial.ts";
import { judgeVolumes, probeVolumes } from "./volumes.ts";

export interface Report {
  /** Nothing fails; there may be warnings. */
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

export async function runDoctor(config: Config): Promise<Report> {
  const dir = await probeDataDir(config.data);
  const isDirThere = dir.kind === "directory";
  const names = namesOf(isDirThere ? instanceOf(config.data) : randomBytes(4).toString("hex"));
  const server: SeenServer = isDirThere ? await probeServer(config.data) : { kind: "none" };
  const rights = await probeRights();
  const needless = findNeedless(config);
  const canLook = needless === undefined && hasRights(rights);
  const checks = [
    judgeNode(process.versions.node),
    judgeSystem(await probeSystem()),
    ...(needless === undefined
      ? [judgeRights(rights), ...(await checkMachine(names, config, canLook))]
      : [ok("machine", `Not looked at: ${needless}.`)]),
    ...(config.role === "host"
      ? await checkApi(config)
      : [judgeListen(config.listen, await probeListen(readListen(config.listen)), isServerHereOf(server))]),
    judgeDataDir(config.data, dir),
    ...(isDirThere ? await checkContent(config, names, server, canLook) : []),
  ];
  return { ok: checks.every(({ status }) => status !== "fail"), checks };
}

/** Why the machine need not be able to carry tunnels; undefined when it has to. */
function findNeedless({ role, dataplane }: Config): string | undefined {
  if (role === "api") return "an API node carries no tunnels";
  return dataplane === "simulated" ? "the simulated data plane needs no rights and no strongSwan" : undefined;
}

/** A gateway host has no database and no keys. */
async function checkContent(config: Config, names: Names, server: SeenServer, canLook: boolean): Promise<Check[]> {
  return config.role === "host" ? [judgeServer(server)] : checkData(config, names, server, canLook);
}

async function checkMachine(names: Names, config: Config, canLook: boolean): Promise<Check[]> {
  const [programs, forLab] = await Promise.all([
    Promise.all(serverPrograms.map(probeProgram)),
    Promise.all(labPrograms.map(probeProgram)),
  ]);
  const hasStrongswan = await probeStrongswan();
  const staged = canLook
    ? await checkStage(stageOf(names, "doctor"), config, hasStrongswan)
    : skipAll(onStage, lacksRights);
  const isTunNeeded = !staged.some(({ name, found }) => name === "esp" && found === espInKernel);
  return [
    judgePrograms(programs),
    canLook ? judgeTun(await probeTun(), isTunNeeded) : skip("tun", lacksRights),
    judgeStrongswan(hasStrongswan),
    ...staged,
    ...(canLook ? await checkNetworks(names, config) : skipAll(["networks", "public addresses"], lacksRights)),
    judgeAppArmor(await probeAppArmor()),
    judgeHostIke(await probeHostIke()),
    judgeLabPrograms(forLab),
  ];
}

async function checkNetworks(names: Names, config: NetworkConfig): Promise<Check[]> {
  const machine = await probeMachine(namespacesIn(config), names.vpcLinkPrefix);
  return [...judgeAttachments(config, machine), judgePublicAddresses(config, machine.links)];
}

const lacksRights = "that needs the rights above";
const ofCharon = ["charon", "plugins", "algorithms", "esp", "packets"] as const;
const ofNetwork = ["link kinds", "packet filter", "lease guard"] as const;
const onStage = ["namespaces", ...ofNetwork, ...ofCharon] as const;

function skipAll(names: readonly string[], reason: string): Check[] {
  return names.map((name) => skip(name, reason));
}

function checkStage(stage: Stage, config: Config, hasStrongswan: boolean): Promise<Check[]> {
  const wish = config["network.esp"];
  return withStage(stage, async () => {
    const [place] = stage;
    const refusal = await probeNamespace(place.namespace);
    const namespaces = judgeNamespace(refusal);
    if (refusal !== undefined)
      return [namespaces, ...skipAll([...ofNetwork, ...ofCharon], "there is no namespace for it")];
    const kernelEsp = await probeKernelEsp(place.namespace);
    const esp = findEsp(wish, kernelEsp) ?? "userspace";
    const made = [
      namespaces,
      judgeLinkKinds(config, await probeLinkKinds(place.namespace)),
      judgeFilter(await probeFilter(place.namespace, esp)),
      judgeLeaseGuard(await probeLeaseGuard(place.namespace)),
    ];
    if (!hasStrongswan) return [...made, ...skipAll(ofCharon, "there is no charon")];
    const charon = await probeCharon(place, esp);
    const up = judgeCharon(charon);
    if (typeof charon === "string") return [...made, up, ...skipAll(ofCharon.slice(1), "no charon runs")];
    const { plugins, algorithms } = charon;
    const carrier = judgeEsp(wish, kernelEsp, charon);
    return [
      ...made,
      up,
      judgePlugins(plugins, esp),
      judgeAlgorithms(algorithms),
      carrier,
      carrier.status === "ok"
        ? judgeTrial(await probeTrial(stage, esp), charon.hasLegacyProvider)
        : skip("packets", "there is no ESP"),
    ];
  });
}

async function checkData(config: Config, names: Names, server: SeenServer, canLook: boolean): Promise<Check[]> {
  const { data, masterKeyFile } = config;
  const databaseFile = sqlitePath(config);
  const masterKey = masterKeyFile === "" ? join(data, "master.key") : masterKeyFile;
  const [seenDatabase, seenMasterKey, seenAdminKey] = await Promise.all([
    databaseFile === undefined ? undefined : probeFile(databaseFile),
    probeFile(masterKey),
    probeFile(adminKeyOf(data)),
  ]);
  const gateways = await probeGateways(config);
  const silent = canLook && typeof gateways !== "string" ? await probeSilent(names, gateways) : undefined;
  return [
    judgeKeys(seenDatabase, seenMasterKey, seenAdminKey),
    judgeServer(server),
    // Those of an API node run elsewhere, whether it runs or not.
    ...judgeGateways(gateways, silent, config.role === "api" ? undefined : isServerHereOf(server)),
    judgeVolumes(await probeVolumes(config)),
    ...(findNeedless(config) === undefined ? [await checkLeftovers(names, gateways, canLook)] : []),
  ];
}

async function checkLeftovers(
  names: Names,
  gateways: readonly PeekedVpnGw[] | string,
  canLook: boolean,
): Promise<Check> {
  if (!canLook) return skip("leftovers", lacksRights);
  if (typeof gateways === "string") return skip("leftovers", "the database cannot be read");
  return judgeLeftovers(names.prefix, findLeftovers(await probeTraces(names), gateways));
}

/** undefined: it cannot be told. */
function isServerHereOf({ kind }: SeenServer): boolean | undefined {
  return kind === "unknown" ? undefined : kind === "running";
}
