import { expect, it } from "vitest";
import { findRouteless } from "./tunnel-routes.ts";

const tun = "ipsec0";

it.each([
  ["its own route", ["10.56.20.0/24"], [{ dst: "10.56.20.0/24", dev: tun }], []],
  ["a wider one", ["10.56.20.0/24"], [{ dst: "10.0.0.0/8", dev: tun }], []],
  ["the one to everywhere", ["0.0.0.0/0"], [{ dst: "default", dev: tun }], []],
  ["the one of an address", ["192.0.2.7/32"], [{ dst: "192.0.2.7", dev: tun }], []],
  ["none", ["10.56.20.0/24", "10.57.0.0/16"], [{ dst: "10.57.0.0/16", dev: tun }], ["10.56.20.0/24"]],
  ["one to a part of it", ["10.56.20.0/24"], [{ dst: "10.56.20.0/25", dev: tun }], ["10.56.20.0/24"]],
  ["one that throws packets out", ["10.56.20.0/24"], [{ dst: "10.56.20.0/24" }], ["10.56.20.0/24"]],
  ["none, not being a network", ["10.56.20.0/24[tcp]"], [], []],
])("sees that a network has %s", (_what, networks, routes, routeless) => {
  expect(findRouteless(networks, routes)).toEqual(routeless);
});
