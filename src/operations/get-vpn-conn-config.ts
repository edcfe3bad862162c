// Writes the configuration for the device at the far end of a VPN channel.
import { ApiError, refuseField } from "../errors.ts";
import { type DeviceNames, findVendor, isInterfaceName, peerViewOf, writeConfig } from "../peer-config/peer-config.ts";
import { listVpnConnViews } from "../store/vpn-conn-views.ts";
import { readRef } from "../vpn/id.ts";
import type { Caller, Context } from "./context.ts";
import { requireVpnConn } from "./find.ts";

export interface GetVpnConnConfig extends DeviceNames {
  readonly vpnConn: string;
  /** The device's interface on the public side; undefined is the device's usual one. */
  readonly interfaceName: string | undefined;
}

const onlyOne = { offset: 0, limit: 1, orderBy: "createdAt", direction: "asc" } as const;

/**
 * The text, with the pre-shared key in clear unless the caller may only read.
 * @throws ApiError parameter-invalid, naming field `vendor`, `platform`, `software` or `interfaceName`
 * @throws ApiError vpn-conn-not-found
 */
export async function getVpnConnConfig(
  { store: { db } }: Context,
  caller: Caller,
  input: GetVpnConnConfig,
): Promise<string> {
  const vendor = findVendor(input);
  if ("unknown" in vendor) {
    throw refuseField(
      vendor.unknown,
      `there is no configuration for this device; known are ${vendor.known.join(", ")}`,
    );
  }
  const { interfaceName = vendor.defaultInterface } = input;
  if (!isInterfaceName(interfaceName)) {
    throw refuseField(
      "interfaceName",
      "1 to 64 letters, digits, blanks and . _ : / @ - are expected, the first and the last a letter or a digit",
    );
  }
  const { uid } = await requireVpnConn(db, caller, input.vpnConn);
  const [view] = (await listVpnConnViews(db, caller, { ref: readRef(uid, "vpn-conn") }, onlyOne)).rows;
  if (view === undefined) {
    throw new ApiError("vpn-conn-not-found", `VPN channel ${uid} has just been deleted`, { field: "vpnConn" });
  }
  return writeConfig(vendor, peerViewOf(view, { interfaceName, mayShowKey: !caller.isReadOnly }));
}
