-- The tables and indexes of a fresh installation on SQLite, drawn by scripts/write-schema.ts. Not to be edited: to change the schema,
-- add a migration.

CREATE TABLE "accounts" (
  "id" integer primary key autoincrement,
  "name" text not null unique,
  "created_at" integer not null
);

CREATE TABLE "api_keys" (
  "secret_id" text primary key,
  "account_id" integer not null references "accounts" ("id"),
  "secret_key" text not null,
  "is_read_only" integer not null,
  "created_at" integer not null,
  "disabled_at" integer
);

CREATE TABLE "gateway_leases" (
  "vpn_gw_id" integer primary key,
  "host_id" integer references "hosts" ("id"),
  "fence" bigint not null,
  "moving_from" integer
);

CREATE INDEX "free_gateway_leases_by_vpn_gw_id" on "gateway_leases" ("vpn_gw_id") where "host_id" is null;

CREATE INDEX "gateway_leases_by_host_id_vpn_gw_id" on "gateway_leases" ("host_id", "vpn_gw_id");

CREATE INDEX "moving_gateway_leases_by_moving_from" on "gateway_leases" ("moving_from") where "moving_from" is not null;

CREATE TABLE "hosts" (
  "id" integer primary key autoincrement,
  "name" text not null unique,
  "token_digest" text unique,
  "labels" text not null,
  "capacity" bigint not null,
  "state" text not null,
  "session" text,
  "is_stopping" integer not null,
  "renewals" bigint not null,
  "created_at" bigint not null
);

CREATE TABLE "request_stamps" (
  "digest" text not null primary key,
  "expires_at" bigint not null
) without rowid;

CREATE INDEX "request_stamps_by_expires_at" on "request_stamps" ("expires_at");

CREATE TABLE "sa_counters" (
  "vpn_conn_id" integer not null,
  "spi" text not null,
  "bytes_in" bigint not null,
  "bytes_out" bigint not null,
  "seen_at" bigint not null,
  constraint "sa_counters_primary" primary key ("vpn_conn_id", "spi")
) without rowid;

CREATE TABLE "spd_pairs" (
  "vpn_gw_id" integer not null,
  "peer_first" bigint not null,
  "peer_last" bigint not null,
  "local_first" bigint not null,
  "local_last" bigint not null,
  "vpn_conn_id" integer not null,
  constraint "spd_pairs_primary" primary key ("vpn_gw_id", "peer_first", "peer_last", "local_first", "local_last", "vpn_conn_id")
) without rowid;

CREATE TABLE "subnets" (
  "id" integer primary key autoincrement,
  "uid" text not null unique,
  "account_id" integer not null,
  "region" text not null,
  "name" text not null,
  "created_at" bigint not null,
  "vpc_id" integer not null references "vpcs" ("id"),
  "cidr" text not null,
  "zone" text not null
);

CREATE UNIQUE INDEX "subnets_by_vpc_id_name" on "subnets" ("vpc_id", "name");

CREATE TABLE "tasks" (
  "id" integer primary key autoincrement,
  "account_id" integer not null,
  "vpn_gw_id" integer not null,
  "vpn_conn_id" integer,
  "action" text not null,
  "generation" integer not null,
  "status" text not null,
  "failure" text,
  "created_at" integer not null,
  "finished_at" integer
);

CREATE INDEX "running_tasks_by_vpn_gw_id_vpn_conn_id_generation" on "tasks" ("vpn_gw_id", "vpn_conn_id", "generation") where "finished_at" is null;

CREATE INDEX "tasks_by_finished_at" on "tasks" ("finished_at") where "finished_at" is not null;

CREATE TABLE "traffic_slots" (
  "vpn_conn_id" integer not null,
  "starts_at" bigint not null,
  "bytes_in" bigint not null,
  "bytes_out" bigint not null,
  constraint "traffic_slots_primary" primary key ("vpn_conn_id", "starts_at")
) without rowid;

CREATE INDEX "traffic_slots_by_starts_at" on "traffic_slots" ("starts_at");

CREATE TABLE "unknown_peers" (
  "vpn_gw_id" integer not null,
  "place" integer not null,
  "address" text not null,
  "identity" text not null,
  "offered" text not null,
  "said" text not null,
  "first_at" bigint not null,
  "last_at" bigint not null,
  "count" bigint not null,
  constraint "unknown_peers_primary" primary key ("vpn_gw_id", "place")
) without rowid;

CREATE TABLE "user_gws" (
  "id" integer primary key autoincrement,
  "uid" text not null unique,
  "account_id" integer not null,
  "region" text not null,
  "name" text not null,
  "created_at" integer not null,
  "address" text not null,
  "address_key" text
);

CREATE INDEX "user_gws_by_account_id_region_address" on "user_gws" ("account_id", "region", "address");

CREATE UNIQUE INDEX "user_gws_by_account_id_region_address_key" on "user_gws" ("account_id", "region", "address_key");

CREATE INDEX "user_gws_by_account_id_region_created_at_id" on "user_gws" ("account_id", "region", "created_at", "id");

CREATE TABLE "vpcs" (
  "id" integer primary key autoincrement,
  "uid" text not null unique,
  "account_id" integer not null,
  "region" text not null,
  "name" text not null,
  "created_at" integer not null,
  "name_key" text,
  "cidr" text not null
);

CREATE INDEX "vpcs_by_account_id_region_created_at_id" on "vpcs" ("account_id", "region", "created_at", "id");

CREATE UNIQUE INDEX "vpcs_by_account_id_region_name_key" on "vpcs" ("account_id", "region", "name_key");

CREATE TABLE "vpn_conn_diagnoses" (
  "vpn_conn_id" integer primary key,
  "cause" text not null,
  "sentence" text not null,
  "fix" text not null,
  "since_at" bigint not null,
  "offered" text not null,
  "said" text not null,
  "events" text not null
);

CREATE TABLE "vpn_conn_fallbacks" (
  "vpn_conn_id" integer primary key,
  "vpn_gw_id" integer not null,
  "pre_shared_key" text not null,
  "ike_identity" text not null,
  "ike" text not null,
  "ipsec" text not null,
  "spds" text not null,
  "ike_generation" bigint not null,
  "ipsec_generation" bigint not null
);

CREATE INDEX "vpn_conn_fallbacks_by_vpn_gw_id_ike_identity" on "vpn_conn_fallbacks" ("vpn_gw_id", "ike_identity");

CREATE TABLE "vpn_conn_observations" (
  "vpn_conn_id" integer primary key,
  "net_status" text not null,
  "changed_at" integer not null
);

CREATE TABLE "vpn_conns" (
  "id" integer primary key autoincrement,
  "uid" text not null unique,
  "account_id" integer not null,
  "region" text not null,
  "name" text not null,
  "created_at" integer not null,
  "name_key" text,
  "vpc_id" integer not null references "vpcs" ("id"),
  "vpn_gw_id" integer not null references "vpn_gws" ("id"),
  "user_gw_id" integer not null references "user_gws" ("id"),
  "pre_shared_key" text not null,
  "ike_identity" text not null,
  "ike" text not null,
  "ipsec" text not null,
  "spds" text not null,
  "status" text not null,
  "generation" integer not null,
  "observed_generation" integer not null,
  "failure" text,
  "ike_generation" bigint default 0 not null,
  "ipsec_generation" bigint default 0 not null
);

CREATE INDEX "vpn_conns_by_account_id_region_created_at_id" on "vpn_conns" ("account_id", "region", "created_at", "id");

CREATE INDEX "vpn_conns_by_account_id_region_vpc_id_created_at_id" on "vpn_conns" ("account_id", "region", "vpc_id", "created_at", "id");

CREATE INDEX "vpn_conns_by_account_id_region_vpn_gw_id_created_at_id" on "vpn_conns" ("account_id", "region", "vpn_gw_id", "created_at", "id");

CREATE INDEX "vpn_conns_by_user_gw_id" on "vpn_conns" ("user_gw_id");

CREATE UNIQUE INDEX "vpn_conns_by_vpc_id_name_key" on "vpn_conns" ("vpc_id", "name_key");

CREATE INDEX "vpn_conns_by_vpn_gw_id_generation" on "vpn_conns" ("vpn_gw_id", "generation");

CREATE INDEX "vpn_conns_by_vpn_gw_id_ike_identity" on "vpn_conns" ("vpn_gw_id", "ike_identity");

CREATE TABLE "vpn_gws" (
  "id" integer primary key autoincrement,
  "uid" text not null unique,
  "account_id" integer not null,
  "region" text not null,
  "name" text not null,
  "created_at" integer not null,
  "vpc_id" integer not null references "vpcs" ("id"),
  "slot" integer not null,
  "public_address" integer not null unique,
  "bandwidth_mbps" integer not null,
  "charge_type" text not null,
  "is_auto_renew" integer not null,
  "status" text not null,
  "generation" integer not null,
  "observed_generation" integer not null,
  "failure" text,
  "expires_at" integer
);

CREATE INDEX "vpn_gws_by_account_id_region_created_at_id" on "vpn_gws" ("account_id", "region", "created_at", "id");

CREATE UNIQUE INDEX "vpn_gws_by_vpc_id_slot" on "vpn_gws" ("vpc_id", "slot");
