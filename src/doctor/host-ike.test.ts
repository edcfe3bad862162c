import { describe, expect, it } from "vitest";
import { judgeHostIke, readSockets } from "./host-ike.ts";

const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  301: 00000000:01F4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 0
  402: 00000000:1194 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 0
  403: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 4713 2 0000000000000000 0
`;

describe("the machine's own IKE ports", () => {
  it("are read from the kernel's table", () => {
    expect(readSockets(table)).toEqual([
      { port: 500, inode: "4711" },
      { port: 4500, inode: "4712" },
    ]);
    expect(readSockets("")).toEqual([]);
  });

  it("are no conflict, taken or not", () => {
    expect(judgeHostIke([])).toMatchObject({ status: "ok", found: expect.stringContaining("Nobody") });
    const holders = [4500, 500, 500].map((port) => ({ port, program: "charon" }));
    expect(judgeHostIke(holders)).toMatchObject({
      status: "ok",
      found: expect.stringMatching(/^UDP 500 and 4500 belong to charon:/),
    });
    expect(judgeHostIke([{ port: 500, program: undefined }]).found).toContain("a program of another user");
  });
});
