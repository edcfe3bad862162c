// The simulated data plane behind a real server: peers that never answer, and tunnels that take their time.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addVpnConn, findConn, makePlace, makeUserGw, type Place, waitForTask } from "../support/scene.ts";
import { ServerProcess } from "../support/server.ts";
import { waitFor } from "../support/wait-for.ts";

const delayMs = 700;
let server: ServerProcess;
let place: Place;
beforeAll(async () => {
  server = await ServerProcess.start({ CULVERT_SIMULATED_DELAY_MS: String(delayMs) });
  place = await makePlace(server.client);
});
afterAll(() => server.stop());

describe("with CULVERT_SIMULATED_DELAY_MS", () => {
  it("a tunnel comes up so much later, and its task does not wait for it", async () => {
    const answering = { ...place, userGwId: await makeUserGw(server.client, "203.0.113.5") };
    const startedMs = performance.now();
    const conn = await addVpnConn(server.client, answering);
    expect(await waitForTask(server.client, conn.taskId)).toEqual({ status: 0 });
    const early = await findConn(server.client, conn);
    // A machine that was asleep for so long has proved nothing.
    if (performance.now() - startedMs < delayMs) expect(early.netStatus).toBe("unavailable");
    const isUp = async () => (await findConn(server.client, conn)).netStatus === "available";
    await waitFor(isUp, { what: "the tunnel to come up" });
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(delayMs);
  });
});

describe("a peer in 192.0.2.0/24", () => {
  it("stays unavailable while its task succeeds and later ones come up", async () => {
    const silent = await addVpnConn(server.client, place);
    expect(await waitForTask(server.client, silent.taskId)).toEqual({ status: 0 });
    const other = { ...place, userGwId: await makeUserGw(server.client, "203.0.113.6") };
    const answering = await addVpnConn(server.client, other);
    const isUp = async () => (await findConn(server.client, answering)).netStatus === "available";
    await waitFor(isUp, { what: "the other tunnel to come up" });
    expect(await findConn(server.client, silent)).toMatchObject({ netStatus: "unavailable", vpcConnStatus: 6 });
  });
});
