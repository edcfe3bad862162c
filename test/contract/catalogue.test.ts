// The catalogue of actions and refusals beside the published contract, and the files of the tests. What the tests send and get is held
// against the contract elsewhere (test/api-coverage).
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { refusalKinds } from "../../src/errors.ts";
import { actions, aliases, notOffered } from "../../src/v2/actions/index.ts";
import { v2Errors } from "../../src/v2/errors.ts";
import { commonErrors, contract, notOffered as publishedNotOffered } from "../api-coverage/contract.ts";
import { refusals } from "../support/refusal.ts";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const contractFiles = globSync("test/contract/*.test.ts", { cwd: root }).filter((path) => !path.includes("catalogue"));

/** `AddVpnConnEx` -> `add-vpn-conn-ex`. */
function kebab(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, "-$&").toLowerCase();
}

describe("the catalogue", () => {
  it("has the actions of the contract, and knows of the others", () => {
    expect([...actions.keys()].sort()).toEqual(Object.keys(contract).sort());
    expect([...notOffered].sort()).toEqual([...publishedNotOffered].sort());
  });

  it("has the older names of the contract for what they stand for", () => {
    const published = Object.entries(contract).flatMap(([name, { aliasOf }]) => (aliasOf ? [[name, aliasOf]] : []));
    const own = Object.entries(aliases).map(([name, action]) => [name, action.name]);
    expect(Object.fromEntries(own)).toEqual(Object.fromEntries(published));
  });

  it("reads if an action describes or asks, and writes if it does not", () => {
    for (const { name, isWrite } of actions.values())
      expect([name, isWrite]).toEqual([name, !/^(Describe|Get|Inquiry)/.test(name)]);
  });

  it.each([...actions.keys()].filter((name) => !Object.hasOwn(aliases, name)))("has a test named after %s", (name) => {
    expect(contractFiles).toContain(`test/contract/${kebab(name)}.test.ts`);
  });
});

describe("every refusal", () => {
  const tests = contractFiles.map(read).join("\n");

  it.each(refusalKinds)("%s is produced by a contract test", (kind) => {
    expect(tests).toContain(`"${kind}"`);
  });

  it("has the number and the name of the contract", () => {
    const spelt = Object.entries(v2Errors).map(([kind, { code, codeDesc }]) => [kind, [code, codeDesc]]);
    expect(Object.fromEntries(spelt)).toEqual(refusals);
  });

  it("is an error of some action, or of all, and there is no error without a refusal", () => {
    const ofAll = Object.entries(commonErrors).flatMap(([name, codes]) => codes.map((code) => `${code} ${name}`));
    const ofSome = Object.values(contract).flatMap(({ errors }) =>
      Object.entries(errors).map(([name, code]) => `${code} ${name}`),
    );
    const known = Object.values(refusals).map(([code, name]) => `${code} ${name}`);
    expect([...new Set(known)].sort()).toEqual([...new Set([...ofAll, ...ofSome])].sort());
  });
});
