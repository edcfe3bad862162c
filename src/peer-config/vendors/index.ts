// The devices that there is a configuration for: the two of the contract (api-v2.md 6.5), then ours.
import type { Vendor } from "../vendor.ts";
import { ciscoIos } from "./cisco-ios.ts";
import { fortinetFortios } from "./fortinet-fortios.ts";
import { h3cComware } from "./h3c-comware.ts";
import { huaweiVrp } from "./huawei-vrp.ts";
import { juniperSrx } from "./juniper-srx.ts";
import { mikrotikRouteros } from "./mikrotik-routeros.ts";
import { strongswan } from "./strongswan.ts";
import { vyos } from "./vyos.ts";

export const vendors: readonly Vendor[] = [
  ciscoIos,
  h3cComware,
  strongswan,
  juniperSrx,
  huaweiVrp,
  fortinetFortios,
  mikrotikRouteros,
  vyos,
];
