// Every device's text for a varied dozen of channels, kept whole under golden/, where each has been read against the vendor's documents.
// On purpose only: `vitest run -u src/peer-config` writes them anew.
import { globSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { channels } from "../../test/support/peer-views.ts";
import { vendors, writeConfig } from "./peer-config.ts";

const folder = join(import.meta.dirname, "golden");
const cases = vendors.flatMap((vendor) =>
  Object.entries(channels).map(([channel, view]) => ({ vendor, view, file: `${vendor.vendor}/${channel}.txt` })),
);

test("there is a text for each device and channel, and no other", () => {
  expect(globSync("**/*.txt", { cwd: folder }).toSorted()).toEqual(cases.map(({ file }) => file).toSorted());
});

test.each(cases)("$file", async ({ vendor, view, file }) => {
  const text = writeConfig(vendor, { interfaceName: vendor.defaultInterface, ...view });
  await expect(text).toMatchFileSnapshot(join(folder, file));
});
