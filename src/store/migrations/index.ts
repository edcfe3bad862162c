// Every migration, in order. Append only.
import type { Migration } from "kysely/migration";
import * as firstTables from "./202611222000-first-tables.ts";
import * as listsByParent from "./202611222050-lists-by-parent.ts";
import * as modifyVpnConns from "./202611222305-modify-vpn-conns.ts";

export const migrations: Readonly<Record<string, Migration>> = {
  "202611222000-first-tables": firstTables,
  "202611222050-lists-by-parent": listsByParent,
  "202611222305-modify-vpn-conns": modifyVpnConns,
};
