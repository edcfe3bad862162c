// The columns of a channel's settings: in the channel's own row, and in the one that it falls back to.
import type { VpnConnSettings } from "../vpn/entities.ts";
import { pick } from "./prepared.ts";
import type { SettingsColumns } from "./schema.ts";
import type { Db } from "./store.ts";

const columns = [
  "pre_shared_key",
  "ike_identity",
  "ike",
  "ipsec",
  "spds",
  "ike_generation",
  "ipsec_generation",
] as const satisfies readonly (keyof SettingsColumns)[];

/** The settings alone, out of a row that has more. */
export function pickSettings(row: SettingsColumns): SettingsColumns {
  return pick(row, columns);
}

/** @throws StoreError unsealable */
export function readSettings(db: Db, row: SettingsColumns): VpnConnSettings {
  return {
    preSharedKey: db.sealer.open(row.pre_shared_key, "pre-shared-key"),
    ike: JSON.parse(row.ike),
    ipsec: JSON.parse(row.ipsec),
    spds: JSON.parse(row.spds),
    ikeGeneration: row.ike_generation,
    ipsecGeneration: row.ipsec_generation,
  };
}

/** @param ikeIdentity from ikeIdentityKey */
export function writeSettings(db: Db, settings: VpnConnSettings, ikeIdentity: string): SettingsColumns {
  return {
    pre_shared_key: db.sealer.seal(settings.preSharedKey, "pre-shared-key"),
    ike_identity: ikeIdentity,
    ike: JSON.stringify(settings.ike),
    ipsec: JSON.stringify(settings.ipsec),
    spds: JSON.stringify(settings.spds),
    ike_generation: settings.ikeGeneration,
    ipsec_generation: settings.ipsecGeneration,
  };
}
