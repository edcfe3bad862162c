// What the queries of all lists have in common: an order, a fuzzy name, a resource by either form of id.
import { type ExpressionBuilder, type ExpressionWrapper, type SqlBool, sql } from "kysely";
import type { ResourceRef } from "../vpn/id.ts";
import type { Owner, Page } from "../vpn/listing.ts";
import { longestName } from "../vpn/text.ts";
import type { Statement } from "./prepared.ts";
import type { Schema } from "./schema.ts";
import type { Db } from "./store.ts";

export type ResourceTable = "vpcs" | "vpn_gws" | "user_gws" | "vpn_conns";

/** Columns to order by; the id settles ties, so that pages never overlap. */
export function orderColumns(page: Page): readonly ["created_at" | "name", "id"] {
  return [page.orderBy === "name" ? "name" : "created_at", "id"];
}

type Where = (eb: ExpressionBuilder<Schema, ResourceTable>) => ExpressionWrapper<Schema, ResourceTable, SqlBool>;

/** Rows of an owner that a caller's id names. An old id counts only in the region it is asked in. */
export function isRef(owner: Owner, ref: ResourceRef, table: ResourceTable): Where {
  return (eb) => {
    const isOwned = [eb(`${table}.account_id`, "=", owner.accountId), eb(`${table}.region`, "=", owner.region)];
    if ("uid" in ref) return eb.and([...isOwned, eb(`${table}.uid`, "=", ref.uid)]);
    const isOfRegion = ref.region === undefined || ref.region === owner.region;
    return eb.and([...isOwned, eb(`${table}.id`, "=", isOfRegion ? ref.number : -1)]);
  };
}

/** What a statement needs to find an owner's resource by its unified id, and by its old one. */
export type ByUid = Owner & { readonly uid: string };
export type ByNumber = Owner & { readonly number: number };

/** Finds a resource by either form of id. */
export async function findByRef<Row>(
  db: Db,
  { accountId, region }: Owner,
  ref: ResourceRef,
  statements: { readonly byUid: Statement<ByUid, Row>; readonly byNumber: Statement<ByNumber, Row> },
): Promise<Row | undefined> {
  if ("uid" in ref) return (await statements.byUid(db, { accountId, region, uid: ref.uid }))[0];
  if (ref.region !== undefined && ref.region !== region) return undefined;
  return (await statements.byNumber(db, { accountId, region, number: ref.number }))[0];
}

/** A condition that a text occurs in a name, whatever the case of its ASCII letters; `%` and `_` in the text mean themselves. */
export function isLike(column: string, part: string) {
  // No name is that long, and SQLite refuses patterns of more than 50 000 bytes.
  if (part.length > 2 * longestName) return sql<SqlBool>`1 = 0`;
  const pattern = `%${foldCase(part).replace(/[\\%_]/g, "\\$&")}%`;
  // SQLite's `like` folds these letters anyway, PostgreSQL's none.
  return sql<SqlBool>`lower(${sql.ref(column)}) like ${pattern} escape '\\'`;
}

function foldCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
