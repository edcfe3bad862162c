// The tables as the database has them. Portable columns only: text and integer; times are milliseconds since 1970, booleans 0 and 1.
import type { Generated } from "kysely";

interface AccountsTable {
  id: Generated<number>;
  name: string;
  created_at: number;
}

interface ApiKeysTable {
  secret_id: string;
  account_id: number;
  /** Sealed. */
  secret_key: string;
  is_read_only: number;
  created_at: number;
  disabled_at: number | null;
}

/** Machines that run gateways. */
interface HostsTable {
  id: Generated<number>;
  name: string;
  /** Of SHA-256, in hexadecimal digits; null: a host within a server, which comes without a token. */
  token_digest: string | null;
  /** JSON of an object of texts. */
  labels: string;
  /** How many gateways it may run; 0: as many as there are. */
  capacity: number;
  state: string;
  /** Whose renewals are taken; null: whoever comes first. */
  session: string | null;
  /** 1: it said last that it is about to stop. */
  is_stopping: number;
  /** Raised by each renewal of its leases. */
  renewals: number;
  created_at: number;
}

interface ResourceColumns {
  id: Generated<number>;
  uid: string;
  account_id: number;
  region: string;
  name: string;
  created_at: number;
}

interface VpcsTable extends ResourceColumns {
  /** The name where it has to be unique, else null: unique indexes skip null. */
  name_key: string | null;
  cidr: string;
}

interface SubnetsTable extends ResourceColumns {
  vpc_id: number;
  cidr: string;
  zone: string;
}

interface VpnGwsTable extends ResourceColumns {
  vpc_id: number;
  /** Place among the VPC's gateways, from 0; decides the address inside the VPC. */
  slot: number;
  /** 32-bit number, so that the next free one can be found by an index. */
  public_address: number;
  bandwidth_mbps: number;
  charge_type: string;
  is_auto_renew: number;
  status: string;
  generation: number;
  observed_generation: number;
  failure: string | null;
  expires_at: number | null;
}

/** Who may run a gateway. Every gateway has a row. */
interface GatewayLeasesTable {
  vpn_gw_id: number;
  /** null: nobody. */
  host_id: number | null;
  /** Raised by each grant; 0: it has never been given to anybody. */
  fence: number;
  /** The host that it is on the way from, until it runs on another one: to leave as long as that is `host_id`. */
  moving_from: number | null;
}

interface UserGwsTable extends ResourceColumns {
  address: string;
  /** The address where it has to be unique, else null. */
  address_key: string | null;
}

/** What the data plane needs to know of a channel. */
export interface SettingsColumns {
  /** Sealed. */
  pre_shared_key: string;
  /** Channels with the same text on one gateway share one IKE_SA. */
  ike_identity: string;
  /** JSON of IkeSettings, IpsecSettings, StoredSpd[]. */
  ike: string;
  ipsec: string;
  spds: string;
  /** The gateway's generation since which key and phase 1, and phase 2, are what they are. */
  ike_generation: number;
  ipsec_generation: number;
}

interface VpnConnsTable extends ResourceColumns, SettingsColumns {
  name_key: string | null;
  vpc_id: number;
  vpn_gw_id: number;
  user_gw_id: number;
  status: string;
  generation: number;
  observed_generation: number;
  failure: string | null;
}

/** What a channel goes back to when the modification that is under way fails. */
interface VpnConnFallbacksTable extends SettingsColumns {
  vpn_conn_id: number;
  vpn_gw_id: number;
}

/** What was observed of a channel, apart from what is desired. */
interface VpnConnObservationsTable {
  vpn_conn_id: number;
  net_status: string;
  changed_at: number;
}

/** Why a channel is not up. A channel that is has no row. */
interface VpnConnDiagnosesTable {
  vpn_conn_id: number;
  cause: string;
  sentence: string;
  fix: string;
  since_at: number;
  offered: string;
  said: string;
  /** JSON of DiagnosisEvent[]. */
  events: string;
}

/** A peer that knocked at a gateway and fits none of its channels. */
interface UnknownPeersTable {
  vpn_gw_id: number;
  /** Its place in the gateway's list, from 0. */
  place: number;
  address: string;
  identity: string;
  offered: string;
  said: string;
  first_at: number;
  last_at: number;
  count: number;
}

/** Every (local, peer) pair as ranges of addresses, to find overlaps by an index. */
/** All columns are the primary key: the table is the tree by which pairs that overlap are found. */
interface SpdPairsTable {
  vpn_gw_id: number;
  peer_first: number;
  peer_last: number;
  local_first: number;
  local_last: number;
  vpn_conn_id: number;
}

interface TasksTable {
  id: Generated<number>;
  account_id: number;
  vpn_gw_id: number;
  /** null: a task of the gateway itself. */
  vpn_conn_id: number | null;
  action: string;
  generation: number;
  status: string;
  failure: string | null;
  created_at: number;
  finished_at: number | null;
}

/** Signed requests that wrote something, to refuse their replay. */
interface RequestStampsTable {
  /** Of SecretId and HMAC. */
  digest: string;
  expires_at: number;
}

/** What flowed through a channel from `starts_at` on, in five minutes. */
interface TrafficSlotsTable {
  vpn_conn_id: number;
  starts_at: number;
  bytes_in: number;
  bytes_out: number;
}

/** How far a CHILD_SA had counted when it was looked at last. */
interface SaCountersTable {
  vpn_conn_id: number;
  /** Inbound SPI, as charon writes it. */
  spi: string;
  bytes_in: number;
  bytes_out: number;
  seen_at: number;
}

export interface Schema {
  accounts: AccountsTable;
  api_keys: ApiKeysTable;
  hosts: HostsTable;
  vpcs: VpcsTable;
  subnets: SubnetsTable;
  vpn_gws: VpnGwsTable;
  gateway_leases: GatewayLeasesTable;
  user_gws: UserGwsTable;
  vpn_conns: VpnConnsTable;
  vpn_conn_fallbacks: VpnConnFallbacksTable;
  vpn_conn_observations: VpnConnObservationsTable;
  vpn_conn_diagnoses: VpnConnDiagnosesTable;
  unknown_peers: UnknownPeersTable;
  spd_pairs: SpdPairsTable;
  tasks: TasksTable;
  request_stamps: RequestStampsTable;
  traffic_slots: TrafficSlotsTable;
  sa_counters: SaCountersTable;
}
