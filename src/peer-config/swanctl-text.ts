// How values are written in swanctl.conf so that swanctl reads them back byte by byte.

/**
 * A secret: in quotes, or in base64 where quotes do not do - a value that begins with 0x or 0s would be decoded, and a control
 * character would end the line (https://docs.strongswan.org/docs/5.9/swanctl/swanctlConf.html, secrets).
 */
export function swanctlSecret(key: string): string {
  const isPlain = /^[\x20-\x7e]+$/.test(key) && !/^0[xs]/i.test(key);
  return isPlain ? `"${key.replace(/["\\]/g, "\\$&")}"` : base64Secret(key);
}

/** A secret of letters, digits and `+ / =` only. */
export function base64Secret(key: string): string {
  return `0s${Buffer.from(key).toString("base64")}`;
}
