// A real tunnel through the lab, and what the public wire shows of it.
import { afterAll, beforeAll, expect, it } from "vitest";
import { ipBatch } from "../../src/dataplane/charon/ip.ts";
import { labDefaults, labDown, labStatus, labUp } from "../../src/lab/lab.ts";
import { captureWire, firstReply, type PingCount, ping, type WireCount } from "../../src/lab/probe.ts";
import { Secret } from "../../src/vpn/secret.ts";
import { describeOnMachine } from "../support/machine.ts";
import { gatewayPlace, makeGateway, removeGateway, setUpChannel, tearDownChannel } from "./hand-made-gateway.ts";
import { listTraces, randomNames, removeRunRoot } from "./instance.ts";

const names = randomNames();
const vpc = { id: 1, uid: "vpc-amhnnao5", cidr: "10.0.0.0/16" };
const [vpcHost, siteHost] = [names.labNamespace("host1"), names.labNamespace("site")];
const gateway = gatewayPlace(names).namespace;
const asked = { ike: "3des-md5-modp768", esp: "3des-md5", preSharedKey: labDefaults.preSharedKey };
const few = { count: 5, intervalMs: 5, timeoutMs: 2_000 };
const unanswered = { count: 5, intervalMs: 5, timeoutMs: 100 };

async function countDuring<T>(work: () => Promise<T>): Promise<[WireCount, T]> {
  const capture = await captureWire(names);
  try {
    const result = await work();
    return [await capture.stop(), result];
  } finally {
    await capture.stop();
  }
}

describeOnMachine("tunnel through the lab", () => {
  beforeAll(async () => {
    await makeGateway(names, vpc.id);
    await labUp({ names, ...labDefaults, vpc });
  });
  afterAll(async () => {
    await labDown(names);
    await removeGateway(names, vpc.id);
    const traces = await listTraces(names);
    await removeRunRoot(names);
    expect(traces).toEqual([]);
  });

  it("counts every clear frame on the public wire: the positive control", async () => {
    const [count, pings] = await countDuring(() =>
      ping(gateway, "198.51.100.100", { count: 500, intervalMs: 1, timeoutMs: 2_000 }),
    );
    expect(pings).toEqual({ sent: 500, received: 500 });
    expect(count).toEqual({ ike: 0, esp: 0, clear: 1_000, arp: expect.any(Number), lost: 0 });
  });

  it("carries both directions, and the public wire sees IKE and ESP only", async () => {
    const [count, pings] = await countDuring(async (): Promise<PingCount[]> => {
      await setUpChannel(names, asked);
      await firstReply(vpcHost, "10.56.20.10", { timeoutMs: 5_000 });
      return [
        await ping(vpcHost, "10.56.20.10", few),
        await ping(vpcHost, "10.56.20.1", few),
        await ping(siteHost, "10.0.0.2", few),
      ];
    });
    expect(pings).toEqual(new Array(3).fill({ sent: 5, received: 5 }));
    expect(count).toMatchObject({ clear: 0, lost: 0 });
    expect(count.ike).toBeGreaterThanOrEqual(9); // main mode 6, quick mode 3
    expect(count.esp).toBeGreaterThanOrEqual(2 * (1 + 15));
    const { remote } = await labStatus(names);
    expect(remote?.ikeSas).toMatchObject([
      {
        peerAddress: "198.51.100.10",
        state: "ESTABLISHED",
        childSas: [
          { name: "site", state: "INSTALLED", localNetworks: ["10.56.20.0/24"], remoteNetworks: ["10.0.0.0/16"] },
        ],
      },
    ]);
    expect(remote?.ikeSas[0]?.childSas[0]?.bytesIn).toBeGreaterThanOrEqual(16 * 84);
  });

  it.each([
    { ike: "aes256-sha1-modp2048", esp: "aes256-sha1-modp2048" },
    { ike: "des-md5-modp2048s256", esp: "null-sha1-modp1536" },
    { ike: "aes192-md5-modp1024", esp: "des-md5-modp2048s256" },
  ])("takes what else the contract has: $ike, $esp", async (proposals) => {
    await setUpChannel(names, { ...asked, ...proposals });
    await firstReply(vpcHost, "10.56.20.10", { timeoutMs: 5_000 });
  });

  it("lets nothing out of the site in clear, and nothing in, while there is no tunnel", async () => {
    await tearDownChannel(names);
    await ipBatch(gateway, ["route replace 10.56.20.0/24 via 198.51.100.100"]);
    const [out, sent] = await countDuring(async () => [
      await ping(siteHost, "10.0.0.2", unanswered),
      await ping(siteHost, "198.51.100.10", unanswered),
    ]);
    expect(sent).toEqual(new Array(2).fill({ sent: 5, received: 0 }));
    expect(out).toMatchObject({ ike: 0, esp: 0, clear: 0, lost: 0 });
    const [into, injected] = await countDuring(() => ping(gateway, "10.56.20.10", unanswered));
    expect(injected).toEqual({ sent: 5, received: 0 });
    expect(into).toMatchObject({ clear: 5, lost: 0 });
    await ipBatch(gateway, ["route del 10.56.20.0/24"]);
  });

  it("uses a pre-shared key of any bytes, newly loaded into the running remote site", async () => {
    for (const preSharedKey of ['q"u\\o#te {}', "0x0102", "line\nbreak"].map((key) => new Secret(key))) {
      await labUp({ names, ...labDefaults, preSharedKey });
      await setUpChannel(names, { ...asked, preSharedKey });
    }
    await labUp({ names, ...labDefaults });
    // In main mode a wrong key is never refused: the peer cannot read who asks, and is silent.
    await expect(setUpChannel(names, { ...asked, preSharedKey: new Secret("another") }, 1)).rejects.toThrow();
  });

  it("gives up on a target that does not answer", async () => {
    await tearDownChannel(names);
    await expect(firstReply(vpcHost, "10.0.0.99", { timeoutMs: 300 })).rejects.toThrow("did not answer");
  });
});
