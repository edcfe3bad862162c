// DescribeUserGw: api-v2.md 6.4.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { describeListRules } from "../support/list-rules.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { addVpnConn, makePlace, nextPeerAddress } from "../support/scene.ts";
import { shapeOf } from "../support/shape.ts";

/** One row of the page's, with the numbers of its table in place of the sample's strings (2.1). */
const sample = {
  code: 0,
  message: "",
  codeDesc: "Success",
  totalCount: 1,
  data: [
    {
      userGwName: "183.60.249.12",
      userGwId: 404,
      unUserGwId: "cgw-1tb1k34n",
      userGwAddr: "183.60.249.12",
      vpnConnNum: 0,
      createTime: "2016-06-23 11:11:49",
    },
  ],
};

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
});
afterAll(() => server.stop());

describe("DescribeUserGw", () => {
  it("answers as the page says", async () => {
    const address = nextPeerAddress();
    const added = await call(server.client, "AddUserGw", { userGwName: address, userGwAddr: address });
    const userGwId = textAt(requireSuccess(added), "userGwId");
    const reply = await call(server.client, "DescribeUserGw", { userGwId });
    expect(shapeOf(reply)).toEqual(shapeOf(sample));
    expect(rowOf(reply)).toEqual({
      userGwName: address,
      userGwId: expect.any(Number),
      unUserGwId: userGwId,
      userGwAddr: address,
      vpnConnNum: 0,
      createTime: expect.stringMatching(/^[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}$/),
    });
  });

  it("counts the channels on it", async () => {
    const place = await makePlace(server.client);
    await addVpnConn(server.client, place);
    await addVpnConn(server.client, place);
    const row = rowOf(await call(server.client, "DescribeUserGw", { userGwId: place.userGwId }));
    expect(row.vpnConnNum).toBe(2);
  });
});

describeListRules(() => server, {
  action: "DescribeUserGw",
  idParameter: "userGwId",
  nameParameter: "userGwName",
  uidField: "unUserGwId",
  oldIdField: "userGwId",
  notFound: "user-gw-not-found",
  maxLimit: 50,
  prepare: async (client) => async (userGwName) =>
    requireSuccess(await call(client, "AddUserGw", { userGwName, userGwAddr: nextPeerAddress() })),
});
