// Two VPCs of the same network on one machine, each with a gateway and a channel of its own, to two sites of one and the same network:
// every address inside exists twice, and only the wires tell which is meant.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Client, call, clientOf } from "../../src/cli/client.ts";
import { type CharonPlace, startCharon, stopCharon, viciSocketOf } from "../../src/dataplane/charon/charon-process.ts";
import { run } from "../../src/dataplane/charon/ip.ts";
import { instanceOf, type Names, namesOf } from "../../src/dataplane/charon/names.ts";
import { removeInstance } from "../../src/dataplane/charon/remove-instance.ts";
import { type ServerProcess, startServerProcess } from "../../src/demo/server-process.ts";
import { captureWire, firstReply } from "../../src/lab/probe.ts";
import { describeOnMachine } from "../support/machine.ts";
import { dataOf, rowOf, textAt } from "../support/reply.ts";
import { makeConn, makeUserGw, makeVpc, makeVpnGw, waitForTask } from "../support/scene.ts";
import { waitFor } from "../support/wait-for.ts";
import { capture, type Host, makeHost, ping } from "./wires.ts";

const vpcNetwork = "10.0.0.0/16";
const siteNetwork = "10.56.20.0/24";
const siteHost = "10.56.20.10";
const timeoutMs = 30_000;

/** A VPC with all that belongs to it. */
interface Side {
  readonly ids: { readonly vpcId: string; readonly vpnGwId: string; readonly vpnConnId: string };
  readonly vpcHost: Host;
  readonly site: CharonPlace;
}

let dataDir: string;
let names: Names;
let server: ServerProcess;
let client: Client;
const sites: CharonPlace[] = [];
let [first, second]: [Side?, Side?] = [];

describeOnMachine("two VPCs of one network", () => {
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "culvert-test-"));
    names = namesOf(instanceOf(dataDir));
    server = await startServerProcess(dataDir, "charon");
    client = clientOf(server.keyFile, server.endpoint, "gz");
    first = await makeSide(1);
    second = await makeSide(2);
  });
  afterAll(async () => {
    await server?.stop();
    for (const site of sites) await stopCharon(site);
    await removeInstance(names);
    rmSync(dataDir, { recursive: true, force: true });
  });

  /** The VPC is the `number`th of this server, and so is its gateway. */
  async function makeSide(number: 1 | 2): Promise<Side> {
    const siteAddress = `198.51.100.${200 + number}`;
    const preSharedKey = `key of side ${number}`;
    const vpcId = await makeVpc(client, vpcNetwork);
    const vpnGwId = await makeVpnGw(client, vpcId);
    const userGwId = await makeUserGw(client, siteAddress);
    const inside = ["route add default via 10.0.0.1"];
    const vpcHost = await makeHost(names, `host${number}`, names.vpcNamespace(number), "10.0.0.2/16", inside);
    const site = await makeSite(number, siteAddress, preSharedKey);
    const networks = { "userGwCidrBlock.0": siteNetwork };
    const conn = await makeConn(client, { vpcId, vpnGwId, userGwId }, { ...networks, preSharedKey });
    return { ids: { vpcId, vpnGwId, vpnConnId: textAt(conn, "unVpnConnId") }, vpcHost, site };
  }

  /** A gateway that is its own network's only host. */
  async function makeSite(number: number, address: string, preSharedKey: string): Promise<CharonPlace> {
    const inside = [`address add ${siteHost}/24 dev lo`];
    const { namespace } = await makeHost(names, `site${number}`, names.publicNamespace, `${address}/24`, inside);
    const site = { namespace, dir: join(names.runDir, `site${number}`) };
    mkdirSync(site.dir, { recursive: true, mode: 0o700 });
    sites.push(site);
    await startCharon(site);
    const conf = join(site.dir, "swanctl.conf");
    writeFileSync(conf, swanctlConf(address, preSharedKey), { mode: 0o600 });
    await swanctl(site, "--load-all", "--file", conf);
    return site;
  }

  function sides(): [Side, Side] {
    if (first === undefined || second === undefined) throw new Error("no sides");
    return [first, second];
  }

  async function netStatusOf({ ids: { vpnConnId } }: Side): Promise<unknown> {
    return rowOf(await call(client, "DescribeVpnConn", { vpnConnId })).netStatus;
  }

  /** Pings from one side, and how many of the requests came out of the tunnel at either site. */
  async function pingFrom(side: Side, count: number) {
    const filter = "icmp[icmptype] == icmp-echo";
    const ears = await Promise.all(sides().map(({ site }) => capture(site.namespace, "ipsec0", filter)));
    const wire = await captureWire(names);
    const replies = await ping(side.vpcHost, siteHost, count);
    const { clear, lost } = await wire.stop();
    await Promise.all(ears.map((ear) => ear.stop()));
    // tcpdump ends with an empty line.
    const heard = ears.map(({ lines }) => lines.filter((line) => line.includes("echo request")).length);
    return { replies, heard, clear, lost };
  }

  it("has a channel up in each", { timeout: timeoutMs }, async () => {
    for (const side of sides()) {
      const isUp = async () => (await netStatusOf(side)) === "available";
      await waitFor(isUp, { what: "the channel to be available", timeoutMs });
      await firstReply(side.vpcHost.namespace, siteHost, { timeoutMs });
    }
  });

  it("brings packets to its own site and to no other", async () => {
    const [one, two] = sides();
    expect(await pingFrom(one, 3)).toEqual({ replies: 3, heard: [3, 0], clear: 0, lost: 0 });
    expect(await pingFrom(two, 4)).toEqual({ replies: 4, heard: [0, 4], clear: 0, lost: 0 });
  });

  it("loses one channel without a packet of it taking the other's way", { timeout: timeoutMs }, async () => {
    const [one, two] = sides();
    const { taskId } = dataOf(await call(client, "DeleteVpnConn", one.ids));
    expect(await waitForTask(client, String(taskId))).toMatchObject({ status: 0 });
    const hasGone = async () => !(await swanctl(one.site, "--list-sas")).includes("INSTALLED");
    await waitFor(hasGone, { what: "the end of the tunnel at the far end", timeoutMs });
    expect(await pingFrom(one, 3)).toEqual({ replies: 0, heard: [0, 0], clear: 0, lost: 0 });
    expect(await pingFrom(two, 3)).toEqual({ replies: 3, heard: [0, 3], clear: 0, lost: 0 });
    expect(await netStatusOf(two)).toBe("available");
  });
});

function swanctl(site: CharonPlace, ...args: string[]): Promise<string> {
  return run("/usr/sbin/swanctl", [...args, "--uri", `unix://${viciSocketOf(site)}`]);
}

function swanctlConf(address: string, preSharedKey: string): string {
  return `connections {
  cloud {
    version = 1
    local_addrs = ${address}
    proposals = 3des-md5-modp768
    local {
      auth = psk
      id = ${address}
    }
    remote {
      auth = psk
      id = %any
    }
    children {
      cloud {
        local_ts = ${siteNetwork}
        remote_ts = ${vpcNetwork}
        esp_proposals = 3des-md5, aes128-md5, aes128-sha1
      }
    }
  }
}
secrets {
  ike-cloud {
    secret = "${preSharedKey}"
  }
}
`;
}
