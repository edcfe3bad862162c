// Identifiers: unified ids (vpc-2ari9m7h) and old ones (266, gz_vpc_266), and regions in either spelling. api-v2.md 1.3, 3.1.
export const idPrefixes = {
  vpc: "vpc",
  subnet: "subnet",
  "vpn-gw": "vpngw",
  "user-gw": "cgw",
  "vpn-conn": "vpnx",
} as const;
export type ResourceKind = keyof typeof idPrefixes;

/** How a caller names a resource. A `region` is there only in the form `gz_vpc_266`, which only VPCs have. */
export type ResourceRef = { readonly uid: string } | { readonly number: number; readonly region?: string };

const numberPattern = /^[1-9][0-9]{0,14}$/;
const regionalPattern = /^([a-z0-9-]{1,32})_vpc_([1-9][0-9]{0,14})$/;

/** Reads any form of id that a kind has; any other text is taken as a unified id that does not exist. Case matters. */
export function readRef(text: string, kind: ResourceKind): ResourceRef {
  if (numberPattern.test(text)) return { number: Number(text) };
  const regional = kind === "vpc" ? regionalPattern.exec(text) : null;
  if (regional?.[1] !== undefined) return { number: Number(regional[2]), region: normaliseRegion(regional[1]) };
  return { uid: text };
}

// A map and not an object: `constructor` is a name that a region can have.
const longRegions = new Map(
  Object.entries({
    "ap-beijing": "bj",
    "ap-guangzhou": "gz",
    "ap-shanghai": "sh",
    "ap-hongkong": "hk",
    "na-toronto": "ca",
    "ap-singapore": "sg",
    "na-siliconvalley": "usw",
    "ap-chengdu": "cd",
    "eu-frankfurt": "de",
    "ap-seoul": "kr",
    "ap-shanghai-fsi": "shjr",
    "ap-shenzhen-fsi": "szjr",
    "ap-guangzhou-open": "gzopen",
    "ap-chongqing": "cq",
    "ap-bangkok": "th",
    "ap-tokyo": "jp",
    "ap-mumbai": "in",
    "na-ashburn": "use",
  }),
);

/** One spelling for both: the short code where the vendor has one, else the text itself. */
export function normaliseRegion(region: string): string {
  return longRegions.get(region) ?? region;
}

/** Whether a text can be a region: `gz`, `ap-guangzhou`, or any name of an operator's own. */
export function isRegion(text: string): boolean {
  return /^[a-z][a-z0-9-]{0,31}$/.test(text);
}
