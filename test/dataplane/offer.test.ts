// What we offer is what was configured and nothing beside it, and what we take is that alone: in both phases, whichever end begins. Two of
// our gateways are each other's peer; what differs is the settings of the far end.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { CharonDataplane } from "../../src/dataplane/charon/charon-dataplane.ts";
import type { ConnectionSpec } from "../../src/dataplane/dataplane.ts";
import { ViciSession } from "../../src/vici/session.ts";
import type { IkeSettings, IpsecSettings } from "../../src/vpn/algorithms.ts";
import { describeOnMachine } from "../support/machine.ts";
import { waitFor } from "../support/wait-for.ts";
import { applyAll, cleanUp, clearGateway, makeCharonDataplane, makeNames, makeSteps } from "./instance.ts";
import { connectionBetween, gatewayNumber } from "./specs.ts";

const names = makeNames();
const [ours, theirs] = [gatewayNumber(1), gatewayNumber(2)];
const ends = { ours: [ours, theirs], theirs: [theirs, ours] } as const;
type End = keyof typeof ends;

interface Settings {
  readonly ike?: Partial<IkeSettings>;
  readonly ipsec?: Partial<IpsecSettings>;
}

let dataplane: CharonDataplane;
/** How long the logs were when a test began. */
const logLengths = new Map<End, number>();

const logOf = (end: End) => readFile(join(names.gatewayDir(ends[end][0].id), "charon.log"), "utf8");

/** What an end has logged in this test. */
async function logged(end: End): Promise<string> {
  return (await logOf(end)).slice(logLengths.get(end));
}

/** Both ends with settings of their own; one begins. */
async function begin(who: End, settings: Readonly<Record<End, Settings>>): Promise<ConnectionSpec> {
  const specs = Object.fromEntries(
    (["ours", "theirs"] as const).map((end) => [end, connectionBetween(...ends[end], settings[end])] as const),
  ) as Record<End, ConnectionSpec>;
  for (const end of ["ours", "theirs"] as const) {
    logLengths.set(end, (await logOf(end)).length);
    const [gateway] = ends[end];
    await applyAll(dataplane, gateway, [
      { kind: "load-secret", connection: specs[end], fingerprint: "s" },
      { kind: "load-connection", connection: specs[end], fingerprint: "c" },
    ]);
  }
  const { name } = specs[who];
  await dataplane.apply(ends[who][0], { kind: "initiate-child", connection: name, child: `${name}-0` });
  return specs[who];
}

async function countInstalled(end: End): Promise<number> {
  const { ikeSas } = await dataplane.observe(ends[end][0].id, false);
  return ikeSas.flatMap(({ children }) => children.filter(({ state }) => state === "INSTALLED")).length;
}

/** charon tells what it has been offered at level 2 only. */
async function logOffers(end: End): Promise<void> {
  const dir = names.gatewayDir(ends[end][0].id);
  const conf = join(dir, "strongswan.conf");
  const text = await readFile(conf, "utf8");
  await writeFile(conf, `${text}charon {\n  filelog {\n    log {\n      cfg = 2\n    }\n  }\n}\n`);
  const session = await ViciSession.connect(names.viciSocket(ends[end][0].id));
  await session.request("reload-settings");
  session.close();
}

describeOnMachine("what is offered", () => {
  beforeAll(async () => {
    dataplane = makeCharonDataplane(names);
    await dataplane.start();
    for (const [gateway] of Object.values(ends)) await applyAll(dataplane, gateway, makeSteps);
    await logOffers("theirs");
  });
  afterEach(async () => {
    for (const [gateway] of Object.values(ends)) await clearGateway(dataplane, gateway);
  });
  afterAll(async () => {
    await dataplane.close();
    await cleanUp(names);
  });

  it.each<[string, Settings, string, string]>([
    ["no PFS", {}, "IKE:AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024", "ESP:AES_CBC_128/HMAC_SHA1_96/NO_EXT_SEQ"],
    [
      "PFS",
      {
        ike: { encryption: "3des", integrity: "md5", dhGroup: 5 },
        ipsec: { encryption: "aes256", integrity: "md5", pfsGroup: 14 },
      },
      "IKE:3DES_CBC/HMAC_MD5_96/PRF_HMAC_MD5/MODP_1536",
      "ESP:AES_CBC_256/HMAC_MD5_96/MODP_2048/NO_EXT_SEQ",
    ],
  ])("is what was configured, and nothing beside it: %s", async (_what, settings, ike, esp) => {
    await begin("ours", { ours: settings, theirs: settings });
    await waitFor(async () => (await countInstalled("ours")) === 1, { what: "the tunnel" });
    const offers = [...(await logged("theirs")).matchAll(/received proposals: (.*)/g)].map(([, offer]) => offer);
    expect(offers).toEqual([ike, esp]);
  });

  const other: [string, Settings, Settings?][] = [
    ["another cipher in phase 1", { ike: { encryption: "aes256" } }],
    ["a weaker cipher in phase 1", { ike: { encryption: "des" } }],
    ["another hash in phase 1", { ike: { integrity: "md5" } }],
    ["another group in phase 1", { ike: { dhGroup: 14 } }],
    ["another cipher in phase 2", { ipsec: { encryption: "aes256" } }],
    ["no cipher in phase 2", { ipsec: { encryption: "null" } }],
    ["another hash in phase 2", { ipsec: { integrity: "md5" } }],
    ["PFS, where we have none", { ipsec: { pfsGroup: 2 } }],
    ["no PFS, where we have it", {}, { ipsec: { pfsGroup: 2 } }],
    ["another group of PFS", { ipsec: { pfsGroup: 14 } }, { ipsec: { pfsGroup: 2 } }],
  ];
  const cases = other.flatMap(([what, far, near = {}]) =>
    (["ours", "theirs"] as const).map((who) => [what, who, { ours: near, theirs: far }] as const),
  );

  it.each(cases)("is not taken when the far end has %s and %s begin", async (_what, who, settings) => {
    await begin(who, settings);
    const isRefused = async () => (await logged(who)).includes("received NO_PROPOSAL_CHOSEN error notify");
    await waitFor(isRefused, { what: "the refusal" });
    expect([await countInstalled("ours"), await countInstalled("theirs")]).toEqual([0, 0]);
  });
});
