// Proposals as charon writes them into its log, held against each other.

export type Part = "encryption" | "hash" | "group";

/**
 * What differs between the proposals of two ends: `IKE:AES_CBC_128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024`, several with commas between.
 * Of several, those two count that are nearest to each other.
 */
export function compareProposals(received: string, configured: string): Part[] {
  const pairs = split(received).flatMap((theirs) => split(configured).map((ours) => differenceOf(theirs, ours)));
  return (
    pairs.reduce<Part[] | undefined>((best, each) => (best && best.length <= each.length ? best : each), undefined) ??
    []
  );
}

function split(proposals: string): Partial<Record<Part, string>>[] {
  return proposals.split(", ").map((proposal) => {
    const words = proposal.replace(/^\w+:/, "").split("/");
    return Object.fromEntries(words.flatMap((word) => partOf(word)?.map((part) => [part, word]) ?? []));
  });
}

/** The PRF goes with the hash, and extended sequence numbers are not for IKEv1 peers to choose. */
function partOf(word: string): Part[] | undefined {
  if (/^PRF_|EXT_SEQ$/.test(word)) return undefined;
  if (/^(MODP|ECP|CURVE)_/.test(word)) return ["group"];
  return /^HMAC_|XCBC|CMAC/.test(word) ? ["hash"] : ["encryption"];
}

function differenceOf(a: Partial<Record<Part, string>>, b: Partial<Record<Part, string>>): Part[] {
  return (["encryption", "hash", "group"] as const).filter((part) => a[part] !== b[part]);
}
