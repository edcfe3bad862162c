// Every migration, in order. Append only.
import type { Migration } from "kysely/migration";
import * as firstTables from "./202611222000-first-tables.ts";
import * as listsByParent from "./202611222050-lists-by-parent.ts";
import * as tasksByConn from "./202611222240-tasks-by-conn.ts";
import * as traffic from "./202611222300-traffic.ts";
import * as subnets from "./202611222305-subnets.ts";
import * as modifyVpnConns from "./202611222310-modify-vpn-conns.ts";
import * as lighterWrites from "./202611222350-lighter-writes.ts";
import * as diagnoses from "./202611230200-diagnoses.ts";
import * as leanWrites from "./202611230215-lean-writes.ts";
import * as hostsAndLeases from "./202611230520-hosts-and-leases.ts";

export const migrations: Readonly<Record<string, Migration>> = {
  "202611222000-first-tables": firstTables,
  "202611222050-lists-by-parent": listsByParent,
  "202611222240-tasks-by-conn": tasksByConn,
  "202611222300-traffic": traffic,
  "202611222305-subnets": subnets,
  "202611222310-modify-vpn-conns": modifyVpnConns,
  "202611222350-lighter-writes": lighterWrites,
  "202611230200-diagnoses": diagnoses,
  "202611230215-lean-writes": leanWrites,
  "202611230520-hosts-and-leases": hostsAndLeases,
};
