// What the dumps beside this file hold in secret.
/** Of these dumps alone. */
export const masterKey = Buffer.alloc(32, "culvert");

export const secrets = {
  secretKey: "the secret key of a release",
  preSharedKey: "the pre-shared key of a release",
} as const;
