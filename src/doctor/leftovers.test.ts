import { describe, expect, it } from "vitest";
import { findLeftovers, judgeLeftovers } from "./leftovers.ts";

const gateways = [{ id: 1, vpcId: 4 }];

describe("leftovers", () => {
  it("are none where everything is asked for, by the database or by the lab", () => {
    const namespaces = ["public", "gw1", "vpc4", "vpc5", "lab-remote", "lab-site", "lab-host5"];
    const left = findLeftovers({ namespaces, emptyWires: ["vpc4"], dirs: ["gw1", "lab"] }, gateways);
    expect(left).toEqual({ gateways: [], wires: [] });
    expect(judgeLeftovers("cv-1-", left)).toMatchObject({ status: "ok" });
  });

  it("are gateways without a row, on the machine or in the run directory", () => {
    const left = findLeftovers(
      { namespaces: ["public", "gw1", "gw7", "vpc4"], emptyWires: [], dirs: ["gw1", "gw7", "gw8"] },
      gateways,
    );
    expect(left).toEqual({ gateways: ["gw7", "gw8"], wires: [] });
    expect(judgeLeftovers("cv-1-", left)).toMatchObject({
      status: "warn",
      found: "No row speaks of cv-1-gw7, cv-1-gw8.",
      fix: expect.stringContaining("culvert serve"),
    });
  });

  it("are wires that nobody is on", () => {
    const left = findLeftovers(
      { namespaces: ["public", "vpc4", "vpc5"], emptyWires: ["public", "vpc4"], dirs: [] },
      [],
    );
    expect(judgeLeftovers("cv-1-", left)).toMatchObject({
      status: "warn",
      fix: "Run `ip netns del cv-1-public; ip netns del cv-1-vpc4`.",
    });
  });
});
