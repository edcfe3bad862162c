// AddVpnConnEx and ModifyVpnConnEx: how many pairs of networks the channels of one IKE identity may have together (decision 87).
import { afterAll, beforeAll, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { expectRefusal } from "../support/refusal.ts";
import { requireSuccess, textAt } from "../support/reply.ts";
import { makeConn, makePlace, makeUserGw, type Place } from "../support/scene.ts";

let server: LocalServer;
let place: Place;
beforeAll(async () => {
  server = await startLocalServer({ ...unlimited, "quota.spdsPerConn": "10", "quota.peersPerSpd": "50" });
  place = await makePlace(server.client, "10.0.0.0/16");
});
afterAll(() => server.stop());

/** Ten local networks with so many peers each; those of another `part` share no network with these. */
function rules(part: number, peersEach = 50): string {
  const peersOf = (local: number) =>
    Array.from(
      { length: peersEach },
      (_, peer) => `172.${16 + part}.${local * 20 + (peer >> 4)}.${(peer & 15) * 16}/28`,
    );
  const locals = Array.from({ length: 10 }, (_, local) => [`10.0.${local}.0/24`, peersOf(local)]);
  return JSON.stringify(Object.fromEntries(locals));
}

const small = { "userGwCidrBlock.0": "11.0.0.0/24" };
const add = (parameters: Readonly<Record<string, string>>) =>
  call(server.client, "AddVpnConnEx", { ...place, ...parameters });

it("is 1,500 over all of them, when one is added and when one is changed", async () => {
  for (const part of [0, 1]) await makeConn(server.client, place, { spdAcl: rules(part) });
  const third = await makeConn(server.client, place, { spdAcl: rules(2, 49) });
  const tooMany = ["500", "1490", "1500"];
  await expectRefusal(server, "parameter-invalid", () => add({ spdAcl: rules(3) }), tooMany);
  await makeConn(server.client, place, { spdAcl: rules(4, 1) });
  await expectRefusal(server, "parameter-invalid", () => add(small), ["1500"]);

  const { vpcId, vpnGwId } = place;
  const ids = { vpcId, vpnGwId, vpnConnId: textAt(third, "unVpnConnId") };
  const grow = () => call(server.client, "ModifyVpnConnEx", { ...ids, spdAcl: rules(2) });
  await expectRefusal(server, "parameter-invalid", grow, ["500", "1010", "1500"]);
  requireSuccess(await call(server.client, "ModifyVpnConnEx", { ...ids, spdAcl: rules(2, 48) }));
});

it("counts for each identity on its own", async () => {
  const userGwId = await makeUserGw(server.client);
  requireSuccess(await add({ userGwId, ...small }));
});
