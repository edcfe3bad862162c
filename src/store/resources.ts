// What the rows of all resources have in common.
import type { Resource } from "../vpn/entities.ts";

interface ResourceRow {
  readonly id: number;
  readonly uid: string;
  readonly account_id: number;
  readonly region: string;
  readonly name: string;
  readonly created_at: number;
}

export function readResource(row: ResourceRow): Resource {
  return {
    id: row.id,
    uid: row.uid,
    accountId: row.account_id,
    region: row.region,
    name: row.name,
    createdAtMs: row.created_at,
  };
}

/** The columns of a new resource; the database gives the id. */
export function writeResource(resource: Omit<Resource, "id">): Omit<ResourceRow, "id"> {
  return {
    uid: resource.uid,
    account_id: resource.accountId,
    region: resource.region,
    name: resource.name,
    created_at: resource.createdAtMs,
  };
}
