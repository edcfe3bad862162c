// What swanctl 5.9.8 prints, shortened.
import { expect, it } from "vitest";
import { parseSas } from "./list-sas.ts";

const child = (name: string, remote: readonly string[]) => `      ${name}-1 {
        name = ${name}
        state = INSTALLED
        encr-alg = 3DES_CBC
        bytes-in = 2604
        bytes-out = 84
        local-ts = [
          10.56.20.0/24
        ]
        remote-ts = [
${remote.map((each) => `          ${each}\n`).join("")}        ]
      }
`;
const event = (peer: string, children: string) => `list-sa event {
  cloud {
    uniqueid = 1
    state = ESTABLISHED
    remote-host = ${peer}
    remote-id = C=CN, O=Some Gateway
    child-sas {
${children}    }
  }
}
`;

it("reads several IKE_SAs of one connection, and several CHILD_SAs of one IKE_SA", () => {
  const children = child("site", ["10.0.0.0/16"]) + child("other", ["10.1.0.0/16", "10.2.0.0/16"]);
  const text = `${event("198.51.100.10", children)}${event("198.51.100.11", "")}list-sas reply {\n}\n`;
  const common = { state: "INSTALLED", localNetworks: ["10.56.20.0/24"], bytesIn: 2604, bytesOut: 84 };
  expect(parseSas(text)).toEqual([
    {
      peerAddress: "198.51.100.10",
      state: "ESTABLISHED",
      childSas: [
        { ...common, name: "site", remoteNetworks: ["10.0.0.0/16"] },
        { ...common, name: "other", remoteNetworks: ["10.1.0.0/16", "10.2.0.0/16"] },
      ],
    },
    { peerAddress: "198.51.100.11", state: "ESTABLISHED", childSas: [] },
  ]);
});

it("reads an empty listing", () => {
  expect(parseSas("list-sas reply {\n}\n")).toEqual([]);
  expect(parseSas("")).toEqual([]);
});
