// kill -9 under load: what a server has acknowledged is there after the next start, once, and comes up.
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { sendText, signedText } from "../support/raw-call.ts";
import { dataOf, numberAt, rowsOf, textAt } from "../support/reply.ts";
import {
  makeUserGw,
  makeVpc,
  makeVpnGw,
  nextNetwork,
  nextNumber,
  nextPeerAddress,
  type Place,
} from "../support/scene.ts";
import { ServerProcess } from "../support/server.ts";

const rounds = 5;
const workers = 6;
const gateways = 8;
/** After the first acknowledgement of a round. */
const killWithinMs = 120;

/** A request that was sent, and the number of its task if it was acknowledged. */
interface Sent {
  readonly name: string;
  readonly text: string;
  taskId: number | undefined;
}

let server: ServerProcess;
let places: Place[];
beforeAll(async () => {
  server = await ServerProcess.start({
    CULVERT_QUOTA_VPN_CONNS: "0",
    CULVERT_NETWORK_PUBLIC_POOL: "198.51.100.10-198.51.100.99",
    CULVERT_LOG_LEVEL: "error",
  });
  const { client } = server;
  const vpcId = await makeVpc(client);
  const userGwId = await makeUserGw(client, nextPeerAddress());
  const ids = await Promise.all(Array.from({ length: gateways }, () => makeVpnGw(client, vpcId)));
  places = ids.map((vpnGwId) => ({ vpcId, vpnGwId, userGwId }));
});
afterAll(() => server.stop());

/** A new channel as text that can be sent again; signed for a host that stays the same over restarts. */
function signChannel(): Sent {
  const number = nextNumber();
  const name = `channel ${number}`;
  const networks = { "userGwCidrBlock.0": nextNetwork(), vpnConnName: name, preSharedKey: "one for all" };
  const parameters = { ...places[number % places.length], ...networks };
  const text = signedText(server.client, "AddVpnConnEx", parameters, { host: "vpc.api.qcloud.com" });
  return { name, text, taskId: undefined };
}

/** Adds channels until the server is gone, which happens at a random moment after the first one was acknowledged. */
async function loadAndKill(): Promise<Sent[]> {
  const sent: Sent[] = [];
  const { endpoint } = server;
  let killed: Promise<unknown> | undefined;
  const work = async () => {
    for (;;) {
      const channel = signChannel();
      sent.push(channel);
      try {
        const { reply } = await sendText(endpoint, "POST", channel.text);
        channel.taskId = numberAt(dataOf(reply), "taskId");
      } catch (error) {
        if (killed === undefined) throw error;
        return;
      }
      killed ??= new Promise((resolve) => setTimeout(resolve, randomInt(killWithinMs))).then(() =>
        server.kill("SIGKILL"),
      );
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  await killed;
  return sent;
}

/** All channels by name; a name that is there twice fails. */
async function listChannels(): Promise<Map<string, ReturnType<typeof rowsOf>[number]>> {
  const channels = new Map<string, ReturnType<typeof rowsOf>[number]>();
  for (let offset = 0; ; offset += 50) {
    const page = { orderDirection: "asc", limit: "50", offset: String(offset) };
    const rows = rowsOf(await call(server.client, "DescribeVpnConn", page));
    for (const row of rows) {
      expect(channels.has(textAt(row, "vpnConnName"))).toBe(false);
      channels.set(textAt(row, "vpnConnName"), row);
    }
    if (rows.length < 50) return channels;
  }
}

describe("after kill -9", () => {
  it("every acknowledged channel is there once and comes up; what is sent again is refused or done, never doubled", async () => {
    const sent: Sent[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const before = sent.length;
      sent.push(...(await loadAndKill()));
      await server.restart();

      const kept = await listChannels();
      for (const { name, taskId } of sent) if (taskId !== undefined) expect(kept.has(name)).toBe(true);

      // A client that got no answer sends the same request again.
      for (const channel of sent.slice(before)) {
        const { reply } = await sendText(server.endpoint, "POST", channel.text);
        expect([0, 4500]).toContain(reply.code);
        expect(reply.code === 4500).toBe(kept.has(channel.name));
      }
    }
    await server.database.settle();
    for (const { taskId } of sent) {
      if (taskId === undefined) continue;
      const result = await call(server.client, "DescribeVpcTaskResult", { taskId: String(taskId) });
      expect(result.data).toEqual({ status: 0 });
    }
    const channels = await listChannels();
    expect([...channels.keys()].sort()).toEqual(sent.map(({ name }) => name).sort());
    for (const row of channels.values()) expect(row).toMatchObject({ vpcConnStatus: 6, netStatus: "available" });
    const { vpn_conns, spd_pairs, tasks } = await server.database.countRows();
    expect({ vpn_conns, spd_pairs, tasks }).toEqual({
      vpn_conns: sent.length,
      spd_pairs: sent.length,
      tasks: sent.length,
    });
    expect(sent.filter(({ taskId }) => taskId === undefined).length).toBeGreaterThan(0);
  }, 60_000);
});
