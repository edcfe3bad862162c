// The vendor's zones, which have a number and a name each: 100001 is ap-guangzhou-1 (api-v2.md 1.3). Others have what they were given.

/** By the number that the zones of a region have in front: 10 in 100001. */
const regions: ReadonlyMap<number, string> = new Map([
  [10, "ap-guangzhou"],
  [11, "ap-shenzhen-fsi"],
  [20, "ap-shanghai"],
  [30, "ap-hongkong"],
  [40, "na-toronto"],
  [70, "ap-shanghai-fsi"],
  [80, "ap-beijing"],
]);

const perRegion = 10_000;

/** A zone as it is kept: the number, where the text is the name of one of the vendor's. */
export function readZone(text: string): string {
  const [, region, zone] = /^(.+)-([1-9][0-9]{0,2})$/.exec(text) ?? [];
  const found = [...regions].find(([, name]) => name === region);
  return found === undefined ? text : String(found[0] * perRegion + Number(zone));
}

/** Both fields of a reply; the one that a zone does not have is 0 or empty. */
export function showZone(zone: string): { readonly zoneId: number; readonly zone: string } {
  if (!/^[0-9]+$/.test(zone)) return { zoneId: 0, zone };
  const zoneId = Number(zone);
  const region = regions.get(Math.floor(zoneId / perRegion));
  return { zoneId, zone: region === undefined ? "" : `${region}-${zoneId % perRegion}` };
}
