// A server with the real data plane, a VPC with a host, a gateway, and the lab's remote site as its peer: what a test of real tunnels
// through the API begins with.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, clientOf } from "../../src/cli/client.ts";
import { instanceOf, type Names, namesOf } from "../../src/dataplane/charon/names.ts";
import { removeInstance } from "../../src/dataplane/charon/remove-instance.ts";
import { type ServerProcess, startServerProcess } from "../../src/demo/server-process.ts";
import { labDefaults, labDown, labUp } from "../../src/lab/lab.ts";
import { makeUserGw, makeVpc, makeVpnGw, type Place } from "./scene.ts";

export interface RealSite {
  readonly names: Names;
  readonly dataDir: string;
  readonly client: Client;
  /** The VPC is 10.0.0.0/16, its gateway the first of the server. */
  readonly place: Place;
  readonly server: ServerProcess;
  /** Starts the server anew; the one that runs is killed. */
  restart(): Promise<void>;
  /** Takes everything away, also what is half made. */
  remove(): Promise<void>;
}

/**
 * @param siteNetwork behind the remote site's gateway: the lab's own unless told
 * @param options.env settings of the server
 * @param options.dataDir an empty directory: one of its own unless told
 */
export async function makeRealSite(
  siteNetwork: string = labDefaults.siteNetwork,
  options: { readonly env?: Readonly<Record<string, string>>; readonly dataDir?: string } = {},
): Promise<RealSite> {
  const { env = {}, dataDir = mkdtempSync(join(tmpdir(), "culvert-test-")) } = options;
  const names = namesOf(instanceOf(dataDir));
  let server: ServerProcess | undefined;
  const remove = async () => {
    await server?.stop();
    await labDown(names);
    await removeInstance(names);
    rmSync(dataDir, { recursive: true, force: true });
  };
  const start = async () => {
    server = await startServerProcess(dataDir, "charon", env);
    return { server, client: clientOf(server.keyFile, server.endpoint, "gz") };
  };
  try {
    let running = await start();
    const { client } = running;
    const vpcId = await makeVpc(client);
    const vpnGwId = await makeVpnGw(client, vpcId);
    const place = { vpcId, vpnGwId, userGwId: await makeUserGw(client, labDefaults.remoteAddress) };
    await labUp({ ...labDefaults, siteNetwork, names, vpc: { id: 1, uid: vpcId, cidr: "10.0.0.0/16" } });
    return {
      names,
      dataDir,
      place,
      get client() {
        return running.client;
      },
      get server() {
        return running.server;
      },
      async restart() {
        await running.server.stop("SIGKILL");
        running = await start();
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
