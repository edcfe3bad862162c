// Bodies of type multipart/form-data, as clients write them: api-v2.md 1.1.

export type Pairs = readonly (readonly [string, string])[];

/** The Java SDK 2.0.7 and the .NET SDK 1.1 differ in the boundary alone: an empty line first, no type of a part. */
export function vendorBody(pairs: Pairs, boundary: string): string {
  const partOf = (name: string, value: string) =>
    `\r\n--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}`;
  return `${pairs.map(([name, value]) => partOf(name, value)).join("")}\r\n--${boundary}--\r\n`;
}

/** The same without the empty line. */
export function curlBody(pairs: Pairs, boundary: string): string {
  return vendorBody(pairs, boundary).slice(2);
}
