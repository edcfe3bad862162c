// The remote site's files as text. That strongSwan reads them is proved in test/lab.
import { describe, expect, it } from "vitest";
import { Secret } from "../vpn/secret.ts";
import { swanctlConf } from "./remote-config.ts";

const site = { remoteAddress: "198.51.100.100", siteNetwork: "10.56.20.0/24", publicNetwork: "198.51.100.0/24" };
const secretLine = (key: string) => /^ *secret = (.*)$/m.exec(swanctlConf(site, new Secret(key)))?.[1];

describe("swanctlConf", () => {
  it("offers the service's defaults first", () => {
    const text = swanctlConf(site, new Secret("dgdgd33"));
    expect(text).toMatch(/^ *proposals = 3des-md5-modp768, /m);
    expect(text).toMatch(/^ *esp_proposals = 3des-md5, /m);
  });

  it.each([
    ["dgdgd33", '"dgdgd33"'],
    ["two words # and {more}", '"two words # and {more}"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ["0x1234", `0s${Buffer.from("0x1234").toString("base64")}`],
    ["0Sabcd", `0s${Buffer.from("0Sabcd").toString("base64")}`],
    ["line\nbreak", `0s${Buffer.from("line\nbreak").toString("base64")}`],
    ["密钥", `0s${Buffer.from("密钥").toString("base64")}`],
  ])("writes a secret so that it reads back the same: case %#", (key, line) => {
    expect(secretLine(key)).toBe(line);
  });
});
