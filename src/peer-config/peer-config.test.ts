import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyKey, anyView, channels } from "../../test/support/peer-views.ts";
import { Secret } from "../vpn/secret.ts";
import { findVendor, isInterfaceName, type PeerView, type Vendor, vendors, writeConfig } from "./peer-config.ts";
import { cidr, withNetmask, withWildcard } from "./script.ts";

type AnyView = Omit<PeerView, "interfaceName">;

const textFor = (vendor: Vendor, view: AnyView) =>
  writeConfig(vendor, { interfaceName: vendor.defaultInterface, ...view });
const linesOf = (text: string) => text.split("\n");
/** What the device reads: not the remarks. */
const commandsOf = (text: string) => linesOf(text).filter((line) => !/^\s*[!#]/.test(line));

/** How a reader of the device's commands finds its pairs of networks, and how it writes a network. */
const readers: Readonly<
  Record<string, { pairs: RegExp; write: (network: PeerView["pairs"][number]["own"]) => string }>
> = {
  cisco: { pairs: /permit ip (\S+ \S+) (\S+ \S+)/g, write: withWildcard },
  h3c: { pairs: /source (\S+ \S+) destination (\S+ \S+)/g, write: withWildcard },
  huawei: { pairs: /source (\S+ \S+) destination (\S+ \S+)/g, write: withWildcard },
  strongswan: { pairs: /local_ts = (\S+)\n *remote_ts = (\S+)/g, write: cidr },
  juniper: { pairs: /local-ip (\S+) remote-ip (\S+)/g, write: cidr },
  fortinet: { pairs: /src-subnet (\S+ \S+)\n *set dst-subnet (\S+ \S+)/g, write: withNetmask },
  mikrotik: { pairs: /src-address=(\S+) dst-address=(\S+)/g, write: cidr },
  vyos: { pairs: /local prefix (\S+)\n.* remote prefix (\S+)/g, write: cidr },
};

const hex = (digits: string) => Buffer.from(digits, "hex").toString("utf8");
const base64 = (text: string) => Buffer.from(text, "base64").toString("utf8");
const strip = (word: string) => word.slice(1, -1);

/** What each device makes of the word in its command, by the rules of its documents. */
const keyReaders: Readonly<Record<string, { word: RegExp; read: (word: string) => string }>> = {
  cisco: { word: /pre-shared-key address \S+ key (\S+)$/m, read: (word) => word },
  h3c: { word: /pre-shared-key address \S+ \S+ key simple (\S+)$/m, read: (word) => word },
  huawei: { word: /pre-shared-key cipher (\S+)$/m, read: (word) => word },
  strongswan: { word: /^ *secret = (.*)$/m, read: readSwanctl },
  juniper: {
    word: /pre-shared-key (ascii-text "(?!\$)[^"\\]*"|hexadecimal [0-9a-f]{2,255})$/m,
    read: (word) =>
      word.startsWith("h") ? hex(word.slice("hexadecimal ".length)) : strip(word.slice("ascii-text ".length)),
  },
  fortinet: {
    word: /set psksecret ("(?!ENC|0x)[^"\\]*"|0x[0-9a-f]+)$/m,
    read: (word) => (word.startsWith("0x") ? hex(word.slice(2)) : strip(word)),
  },
  mikrotik: {
    word: /secret=("[^"\\$]*") my-id/,
    read: (word) => (word.startsWith('"0x') ? hex(strip(word).slice(2)) : strip(word)),
  },
  vyos: {
    word: / secret ('[^'"\\]*')$/m,
    read: (word) => (word.startsWith("'0s") ? base64(strip(word).slice(2)) : strip(word)),
  },
};

function readSwanctl(word: string): string {
  return word.startsWith("0s") ? base64(word.slice(2)) : strip(word).replace(/\\(.)/g, "$1");
}

const readKey = (vendor: Vendor, text: string) => {
  const reader = keyReaders[vendor.vendor];
  const word = reader?.word.exec(commandsOf(text).join("\n"))?.[1];
  return word === undefined ? undefined : reader?.read(word);
};

describe.each(vendors)("$vendor: any channel's text", (vendor) => {
  it("is the same for the same channel", () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const again = { ...view, preSharedKey: new Secret(view.preSharedKey?.reveal() ?? "") };
        expect(textFor(vendor, view)).toBe(textFor(vendor, again));
      }),
    );
  });

  it("is lines of printable ASCII, the last one ended, and asks no device's help", () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const text = textFor(vendor, view);
        expect(text).toMatch(/^[\n\x20-\x7e]*[\x21-\x7e]\n$/);
        // strongSwan reads a file; the others answer a question mark at once, wherever it stands.
        if (vendor.vendor !== "strongswan") expect(text).not.toContain("?");
      }),
    );
  });

  it("has every pair of networks in its commands, in order", () => {
    const reader = readers[vendor.vendor];
    fc.assert(
      fc.property(anyView, (view) => {
        const commands = commandsOf(textFor(vendor, view)).join("\n");
        const found = [...commands.matchAll(reader?.pairs ?? /(?!)/g)].map(([, own, cloud]) => [own, cloud]);
        expect(found).toEqual(view.pairs.map(({ own, cloud }) => [reader?.write(own), reader?.write(cloud)]));
      }),
    );
  });

  it("has the gateway's address in its commands, and both identities", () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const text = textFor(vendor, view);
        expect(commandsOf(text).join("\n")).toContain(view.gatewayAddress);
        for (const { value } of [view.ownIdentity, view.gatewayIdentity]) expect(text).toContain(value);
      }),
    );
  });

  it("has every lifetime, as it is or in a remark that says what is instead", () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const text = textFor(vendor, view);
        const { lifetimeSeconds, lifetimeKilobytes } = view.ipsec;
        expect(text).toMatch(new RegExp(`\\b${view.ike.lifetimeSeconds}s?\\b`));
        expect(text).toMatch(new RegExp(`\\b${lifetimeSeconds}s?\\b`));
        expect(text).toMatch(new RegExp(`\\b${lifetimeKilobytes}(000)?\\b`));
      }),
    );
  });

  it("has the mode in its commands", () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const isAggressive = view.exchangeMode === "aggressive";
        expect(/aggressive(?! = no)/.test(commandsOf(textFor(vendor, view)).join("\n"))).toBe(isAggressive);
      }),
    );
  });

  it("has the key so that the device reads it as it is, or says that it cannot be given", () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const text = textFor(vendor, view);
        const read = readKey(vendor, text);
        if (read === undefined) expect(text).toMatch(/^\s*[!#] ATTENTION: this command takes /m);
        else expect(read).toBe(view.preSharedKey?.reveal());
      }),
      { numRuns: 300 },
    );
  });

  it("differs by another key in the key's own lines only", () => {
    fc.assert(
      fc.property(anyView, anyKey, (view, key) => {
        const rest = (preSharedKey: Secret) =>
          linesOf(textFor(vendor, { ...view, preSharedKey })).filter((line) => !isKeyLine(line));
        expect(rest(new Secret(key))).toEqual(rest(new Secret("dgdgd33")));
      }),
    );
  });

  it("has no key that may not be shown, and no command with a placeholder", () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const text = textFor(vendor, { ...view, preSharedKey: undefined });
        expect(readKey(vendor, text)).toBeUndefined();
        expect(text).toMatch(/^\s*[!#] ATTENTION: the pre-shared key is not shown to a read-only API key/m);
        expect(commandsOf(text).join("\n")).not.toContain("PRE-SHARED-KEY");
      }),
    );
  });
});

function isKeyLine(line: string): boolean {
  return /pre-shared-key (address|hostname|cipher|ascii-text|hexadecimal|PRE)|psksecret|secret ?[='P]| secret '|takes/.test(
    line,
  );
}

describe("a device", () => {
  it.each([
    ["cisco", "ios", "V15.4"],
    ["h3c", "comware", "V1.0"],
    ["Cisco", "IOS", "v15.4"],
  ])("is found by its names, in any case: %s %s %s", (vendor, platform, software) => {
    expect(findVendor({ vendor, platform, software })).toMatchObject({ vendor: vendor.toLowerCase() });
  });

  it.each([
    [{ vendor: "acme", platform: "ios", software: "V15.4" }, "vendor", "h3c"],
    [{ vendor: "cisco", platform: "comware", software: "V15.4" }, "platform", "ios"],
    [{ vendor: "cisco", platform: "ios", software: "V15.40" }, "software", "V15.4"],
    [{ vendor: "", platform: "", software: "" }, "vendor", "vyos"],
  ] as const)("is not found: %o", (names, unknown, known) => {
    expect(findVendor(names)).toEqual({ unknown, known: expect.arrayContaining([known]) });
  });

  it("has names of its own and a default interface that is a name", () => {
    const triples = vendors.map(({ vendor, platform, software }) => `${vendor} ${platform} ${software}`);
    expect(new Set(triples).size).toBe(triples.length);
    for (const { defaultInterface } of vendors) expect(defaultInterface).toSatisfy(isInterfaceName);
  });
});

describe("an interface's name", () => {
  it.each(["GigabitEthernet0/0", "GigabitEthernet 0/0/1.100", "ge-0/0/0.0", "wan1", "eth0@if2", "e", "a".repeat(64)])(
    "may be %s",
    (name) => {
      expect(isInterfaceName(name)).toBe(true);
    },
  );

  it.each([
    "",
    " ",
    "a\nb",
    "a\rb",
    "a\tb",
    "a\0b",
    "a;b",
    'a"b',
    "a'b",
    "a\\b",
    "$a",
    "a#b",
    "a!b",
    "a?b",
    "a ",
    " a",
    "é",
    "a\u2028b",
    "a".repeat(65),
  ])("may not be %j", (name) => {
    expect(isInterfaceName(name)).toBe(false);
  });
});

describe("what a device cannot do", () => {
  const attentions = (vendor: string, channel: string) =>
    vendors
      .filter((each) => each.vendor === vendor)
      .flatMap((each) =>
        linesOf(
          textFor(
            each,
            channels[channel] ??
              (() => {
                throw new TypeError(channel);
              })(),
          ),
        ),
      )
      .filter((line) => line.includes("ATTENTION"));

  it.each([
    ["huawei", "des-group24", "no DH group 24"],
    ["fortinet", "des-group24", "no DH group 24"],
    ["mikrotik", "des-group24", "no DH group 24"],
    ["vyos", "des-group24", "no DES"],
    ["juniper", "null-encryption", "no ESP without encryption"],
    ["cisco", "longest-lifetimes", "604800"],
    ["cisco", "aggressive-names", "hostname idc, ip domain-name example.org"],
    ["strongswan", "aggressive-names", "answers aggressive mode"],
    ["vyos", "aggressive-names", "does not answer aggressive mode"],
    ["h3c", "awkward-key", "this command takes"],
  ])("stands in a remark: %s, %s", (vendor, channel, words) => {
    expect(attentions(vendor, channel).join("\n")).toContain(words);
  });

  it("is nothing for the defaults on any device but for what every channel has", () => {
    for (const { vendor } of vendors) expect(attentions(vendor, "defaults")).toEqual([]);
  });
});
