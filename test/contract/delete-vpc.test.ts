// DeleteVpc: api-v2.md 7.2.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call } from "../../src/cli/client.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { sendCall } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { makeVpc, makeVpnGw } from "../support/scene.ts";

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
});
afterAll(() => server.stop());

const deleteVpc = (vpcId: string) => call(server.client, "DeleteVpc", { vpcId });

describe("DeleteVpc", () => {
  it.each(["GET", "POST"] as const)("removes a VPC, by %s", async (method) => {
    const vpcId = await makeVpc(server.client);
    const { reply } = await sendCall(server.client, "DeleteVpc", { vpcId }, { method });
    expect(reply).toEqual({ code: 0, message: "", codeDesc: "Success" });
    await expectRefusal(server, "vpc-not-found", () => call(server.client, "DescribeVpcEx", { vpcId }), [vpcId]);
    await expectRefusal(server, "vpc-not-found", () => deleteVpc(vpcId), [vpcId]);
  });

  it("takes every form of id", async () => {
    const readRow = async (vpcId: string) => rowOf(await call(server.client, "DescribeVpcEx", { vpcId }));
    for (const formOf of [(id: string) => id, (id: string) => id.replace("gz_vpc_", "")]) {
      const row = await readRow(await makeVpc(server.client));
      expect(await deleteVpc(formOf(textAt(row, "vpcId")))).toMatchObject({ code: 0 });
      const count = await call(server.client, "DescribeVpcEx", { vpcName: textAt(row, "vpcName") });
      expect(count.totalCount).toBe(0);
    }
  });

  it("frees the name, and never gives a number again", async () => {
    const first = rowOf(
      await call(server.client, "DescribeVpcEx", { vpcId: await makeVpc(server.client, "10.0.0.0/16", "again") }),
    );
    await deleteVpc(textAt(first, "unVpcId"));
    const second = rowOf(
      await call(server.client, "DescribeVpcEx", { vpcId: await makeVpc(server.client, "10.0.0.0/16", "again") }),
    );
    const numberOf = (id: string) => Number(id.replace("gz_vpc_", ""));
    expect(numberOf(textAt(second, "vpcId"))).toBeGreaterThan(numberOf(textAt(first, "vpcId")));
  });

  it("takes the subnets along that the VPC was made with, and no others", async () => {
    const subnet = {
      "subnetSet.0.subnetName": "one",
      "subnetSet.0.cidrBlock": "10.0.1.0/24",
      "subnetSet.0.zoneId": "100001",
    };
    const create = async (vpcName: string) =>
      textAt(
        requireSuccess(await call(server.client, "CreateVpc", { vpcName, cidrBlock: "10.0.0.0/16", ...subnet })),
        "unVpcId",
      );
    const before = (await server.database.countRows()).subnets ?? 0;
    const [first, second] = [await create("goes"), await create("stays")];
    expect((await server.database.countRows()).subnets).toBe(before + 2);
    requireSuccess(await deleteVpc(first));
    expect((await server.database.countRows()).subnets).toBe(before + 1);
    expect(rowOf(await call(server.client, "DescribeVpcEx", { vpcId: second })).subnetNum).toBe(1);
  });

  it("refuses while the VPC has VPN gateways", async () => {
    const vpcId = await makeVpc(server.client);
    await makeVpnGw(server.client, vpcId);
    await expectRefusal(server, "vpc-in-use", () => deleteVpc(vpcId), [vpcId]);
  });

  it("refuses a call without vpcId", async () => {
    await expectRefusal(server, "parameter-invalid", () => call(server.client, "DeleteVpc", {}), ["[vpcId]"]);
  });

  it.each(["vpc-zzzzzzzz", "gz_vpc_999999", "999999"])("refuses %s, which is not there", async (vpcId) => {
    await expectRefusal(server, "vpc-not-found", () => deleteVpc(vpcId), [vpcId]);
  });

  it("refuses another's VPC", async () => {
    const vpcId = await makeVpc(server.client);
    const other = await server.addKey({ account: "other" });
    await expectRefusal(server, "vpc-not-found", () => call(other, "DeleteVpc", { vpcId }));
    const elsewhere = { ...server.client, region: "bj" };
    await expectRefusal(server, "vpc-not-found", () => call(elsewhere, "DeleteVpc", { vpcId }));
  });
});
