import { describe, expect, it } from "vitest";
import { judgeDataDir, judgeKeys, judgeServer, readLockHolders, type SeenDataDir } from "./data-dir.ts";

const mine: SeenDataDir = { kind: "directory", mode: 0o700, isWritable: true };

describe("the data directory", () => {
  it.each<[string, Partial<SeenDataDir>, string]>([
    ["its owner's", {}, "ok"],
    ["open to others", { mode: 0o755 }, "warn"],
    ["not writable", { isWritable: false }, "fail"],
    ["closed", { kind: "closed" }, "fail"],
    ["a file", { kind: "other" }, "fail"],
    ["absent", { kind: "absent" }, "ok"],
    ["absent and impossible", { kind: "absent", isWritable: false }, "fail"],
  ])("%s", (_what, difference, status) => {
    expect(judgeDataDir("var", { ...mine, ...difference })).toMatchObject({
      status,
      found: expect.stringContaining("var "),
    });
  });

  it("is closed by a command", () => {
    expect(judgeDataDir("var", { ...mine, mode: 0o755 }).fix).toBe("Run `chmod 700 var`.");
  });
});

describe("keys", () => {
  const file = (path: string, mode: number | undefined = 0o600) => ({ path, mode });

  it("are their owner's", () => {
    expect(judgeKeys(file("db"), file("master"), file("admin"))).toMatchObject({ status: "ok" });
    expect(judgeKeys(file("db"), file("master"), { path: "admin", mode: undefined })).toMatchObject({ status: "ok" });
  });

  it("need not be there before the first start", () => {
    const [db, master, admin] = ["db", "master", "admin"].map((path) => ({ path, mode: undefined }));
    if (db === undefined || master === undefined || admin === undefined) throw new TypeError("three are expected");
    expect(judgeKeys(db, master, admin)).toMatchObject({ status: "ok" });
  });

  it("must not be readable for others", () => {
    const check = judgeKeys(file("db"), file("master", 0o640), file("admin", 0o604));
    expect(check).toMatchObject({ status: "fail", found: "Others may read master (mode 0640), admin (mode 0604)." });
    expect(check.fix).toBe("Run `chmod 600 master admin`.");
  });

  it("must not be lost while the database is there", () => {
    const check = judgeKeys(file("db"), { path: "master", mode: undefined }, file("admin"));
    expect(check).toMatchObject({ status: "fail", fix: expect.stringContaining("backup") });
  });
});

describe("the lock", () => {
  const locks = `1: FLOCK  ADVISORY  WRITE 28991 fe:00:16670721 0 EOF
1: -> FLOCK  ADVISORY  WRITE 29901 fe:00:16670721 0 EOF
2: POSIX  ADVISORY  READ 30777 fe:00:2146739 128 128
3: POSIX  ADVISORY  WRITE 30778 fe:00:2146407 1073741824 1073742335
`;

  it("is held by who writes to the file", () => {
    expect(readLockHolders(locks, 2146407)).toEqual([30778]);
    expect(readLockHolders(locks, 2146739)).toEqual([]);
    expect(readLockHolders("", 1)).toEqual([]);
  });

  it("is information", () => {
    for (const seen of [
      { kind: "none" } as const,
      { kind: "unknown" } as const,
      { kind: "running", pid: 7 } as const,
    ]) {
      expect(judgeServer(seen)).toMatchObject({ status: "ok" });
    }
  });
});
