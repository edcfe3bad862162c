// Subnets of VPCs.
import type { Subnet } from "../vpn/entities.ts";
import { writeResource } from "./resources.ts";
import type { Db } from "./store.ts";

export async function insertSubnet(db: Db, subnet: Omit<Subnet, "id">): Promise<Subnet> {
  const row = { ...writeResource(subnet), vpc_id: subnet.vpcId, cidr: subnet.cidr, zone: subnet.zone };
  const { id } = await db.sql.insertInto("subnets").values(row).returning("id").executeTakeFirstOrThrow();
  return { ...subnet, id };
}

export async function deleteSubnetsOfVpc(db: Db, vpcId: number): Promise<void> {
  await db.sql.deleteFrom("subnets").where("vpc_id", "=", vpcId).execute();
}
