// The keys of ESP as charon writes them into its log at level 4 of `chd`. Only a charon of the tests is ever told to.

/** Keys of both directions, in hex; encryption keys are empty with the null cipher. */
export interface EspKeys {
  readonly initiator: { readonly encryptionKey: string; readonly integrityKey: string };
  readonly responder: { readonly encryptionKey: string; readonly integrityKey: string };
}

/** Of the quick mode that a piece of log tells of. @throws Error when it tells of none, or of two */
export function readEspKeys(log: string): EspKeys {
  const keys = new Map<string, string>();
  let open: string | undefined;
  for (const line of log.split("\n")) {
    const name = /\[CHD\].* (\w+ (?:initiator|responder)) key => \d+ bytes/.exec(line)?.[1];
    const bytes = /\[CHD\].* \d+: ((?:[0-9A-F]{2} )+)/.exec(line)?.[1];
    if (name !== undefined) {
      if (keys.has(name)) throw new Error(`the log has two keys for ${name}`);
      keys.set(name, "");
      open = name;
    } else if (open !== undefined && bytes !== undefined) {
      keys.set(open, `${keys.get(open)}${bytes.replaceAll(" ", "").toLowerCase()}`);
    } else open = undefined;
  }
  const keysOf = (side: "initiator" | "responder") => {
    const integrityKey = keys.get(`integrity ${side}`);
    if (integrityKey === undefined) throw new Error(`the log has no key of the ${side}`);
    return { encryptionKey: keys.get(`encryption ${side}`) ?? "", integrityKey };
  };
  return { initiator: keysOf("initiator"), responder: keysOf("responder") };
}
