// Lists the devices that there is a configuration for.
import { type Vendor, vendors } from "../peer-config/peer-config.ts";

export function listUserGwVendors(): readonly Vendor[] {
  return vendors;
}
