// The addresses the lab takes.
import { expect, it } from "vitest";
import { siteAddresses, vpcAddresses } from "./topology.ts";

it("takes the first address of the site for its gateway and the tenth for its host", () => {
  const expected = { gateway: "10.56.20.1", host: "10.56.20.10", prefixLength: 24 };
  expect(siteAddresses("10.56.20.0/24")).toEqual(expected);
  expect(siteAddresses("10.56.20.1/24")).toEqual(expected);
  expect(siteAddresses("10.56.20.8/29")).toEqual({ gateway: "10.56.20.9", host: "10.56.20.14", prefixLength: 29 });
});

it("takes the second address of a VPC for its host", () => {
  expect(vpcAddresses("10.0.0.0/16")).toEqual({ gateway: "10.0.0.1", host: "10.0.0.2", prefixLength: 16 });
});

it.each(["10.56.20.0", "10.56.20.0/30", "fd00::/64"])("refuses %s in one sentence", (text) => {
  expect(() => siteAddresses(text)).toThrow(`not ${text}.`);
});
