// Makes a self-signed certificate. The only user of the X.509 library, which is loaded when one has to be made and not before.
import { KeyObject, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";

/** A certificate and its key, both in PEM. */
export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

const dayMs = 86_400_000;
/** Ten years: clients that pin it need to be told of a new one. */
const validityMs = 3_650 * dayMs;
/** For clients whose clock is behind. */
const backdatedMs = dayMs;

/**
 * ECDSA on P-256 with SHA-256: what every TLS 1.2 client has.
 * @param names host names (ASCII) and IP addresses, of which the first is the common name too
 */
export async function makeSelfSigned(names: readonly string[], nowMs: number): Promise<PemPair> {
  await import("reflect-metadata"); // a library of the library asks for it
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // Positive, at most 20 bytes (RFC 5280 4.1.2.2).
    serialNumber: `01${randomBytes(16).toString("hex")}`,
    name: [{ CN: [names[0] ?? "localhost"] }, { O: ["Culvert"] }],
    notBefore: new Date(nowMs - backdatedMs),
    notAfter: new Date(nowMs + validityMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((name) => ({ type: isIP(name) === 0 ? ("dns" as const) : ("ip" as const), value: name })),
      ),
    ],
  });
  const key = KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" });
  return { cert: `${certificate.toString("pem")}\n`, key: String(key) };
}
