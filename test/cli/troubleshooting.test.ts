// docs/guide/troubleshooting.md as its reader: a section for each cause, an example that the command would print, and commands that run.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatExplanation } from "../../src/cli/explanation.ts";
import { causes } from "../../src/vpn/diagnosis.ts";
import { Checkout, readBlocks, readDocument } from "../support/checkout.ts";
import { ServerProcess } from "../support/server.ts";

const path = "docs/guide/troubleshooting.md";
const blocks = readBlocks(path);
const commands = blocks.filter(({ kind }) => kind === "sh").flatMap(({ text }) => text.trimEnd().split("\n"));

const prepare = `
bin/culvert call CreateVpc vpcName=office cidrBlock=10.0.0.0/16
bin/culvert call RunVpnGw vpcId=1 name=gateway bandwidth=5 chargeType=POSTPAID_BY_HOUR
bin/culvert call AddUserGw userGwName=site userGwAddr=192.0.2.7
(umask 077; printf dgdgd33 >key.txt)
bin/culvert call AddVpnConnEx vpcId=1 vpnGwId=1 userGwId=1 userGwCidrBlock.0=10.56.20.1/24 preSharedKey=@key.txt`;

it("has a section for each cause, and for nothing else", () => {
  const sections = [...readDocument(path).matchAll(/^### `(.*)`$/gm)].map(([, cause]) => cause);
  expect(sections.toSorted()).toEqual([...causes].toSorted());
});

it("shows the same channel to a person and to a program", () => {
  const [shown, json] = ["text", "json"].map((kind) => blocks.find((block) => block.kind === kind)?.text);
  const { unknownPeers, ...channel } = JSON.parse(json ?? "");
  expect(formatExplanation(channel, unknownPeers, undefined)).toBe(shown?.trimEnd());
});

describe("its commands, for a channel to a peer that is silent", () => {
  let checkout: Checkout;
  let server: ServerProcess;
  beforeAll(async () => {
    server = await ServerProcess.start();
    checkout = new Checkout(server);
    expect(await checkout.run(prepare)).toMatchObject({ code: 0, stderr: "" });
    await server.database.settle();
  });
  afterAll(() => checkout.remove());

  it("are there", () => expect(commands.length).toBeGreaterThan(10));

  it.each(commands)(
    "%s",
    async (command) => {
      const { code, stdout, stderr } = await checkout.run(command);
      const expected = command.startsWith("bin/culvert channel explain ") ? 1 : 0;
      expect({ code, stderr }, stdout).toEqual({ code: expected, stderr: "" });
      // A channel that is being changed takes no other change.
      await server.database.settle();
    },
    20_000,
  );
});
