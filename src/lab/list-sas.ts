// Reads what `swanctl --list-sas --pretty` prints: one line per brace, per value and per list item. Pure.

/** A CHILD_SA as the remote site sees it. */
export interface RemoteChildSa {
  readonly name: string;
  readonly state: string;
  readonly localNetworks: readonly string[];
  readonly remoteNetworks: readonly string[];
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** An IKE_SA as the remote site sees it. */
export interface RemoteIkeSa {
  readonly peerAddress: string;
  readonly state: string;
  readonly childSas: readonly RemoteChildSa[];
}

interface Section {
  readonly name: string;
  readonly values: Map<string, string>;
  readonly lists: Map<string, string[]>;
  readonly sections: Section[];
}

/** Reads the listing; what charon left out reads as empty. */
export function parseSas(text: string): RemoteIkeSa[] {
  const events = readSections(text).filter(({ name }) => name === "list-sa");
  return events
    .flatMap((event) => event.sections)
    .map((sa) => ({
      peerAddress: sa.values.get("remote-host") ?? "",
      state: sa.values.get("state") ?? "",
      childSas: sa.sections
        .filter(({ name }) => name === "child-sas")
        .flatMap((children) => children.sections.map(readChild)),
    }));
}

function readChild({ values, lists }: Section): RemoteChildSa {
  return {
    name: values.get("name") ?? "",
    state: values.get("state") ?? "",
    localNetworks: lists.get("local-ts") ?? [],
    remoteNetworks: lists.get("remote-ts") ?? [],
    bytesIn: Number(values.get("bytes-in") ?? 0),
    bytesOut: Number(values.get("bytes-out") ?? 0),
  };
}

function readSections(text: string): Section[] {
  const root = makeSection("");
  const open = [root];
  let list: string[] | undefined;
  for (const line of text.split("\n").map((each) => each.trim())) {
    const section = open.at(-1) ?? root;
    const [, name = "", opening, value = ""] = /^(\S+)(?: event| reply)? (?:(\{)|= (.*))$/.exec(line) ?? [];
    if (line === "]") list = undefined;
    else if (list !== undefined) list.push(line);
    else if (line === "}") open.pop();
    else if (opening !== undefined) {
      const inner = makeSection(name);
      section.sections.push(inner);
      open.push(inner);
    } else if (value === "[") {
      list = [];
      section.lists.set(name, list);
    } else if (name !== "") section.values.set(name, value);
  }
  return root.sections;
}

function makeSection(name: string): Section {
  return { name, values: new Map(), lists: new Map(), sections: [] };
}
