import { describe, expect, it } from "vitest";
import { judgeNode, judgeSystem } from "./system.ts";

describe("node", () => {
  it.each(["24.0.0", "24.21.0", "26.1.0"])("%s is new enough", (version) => {
    expect(judgeNode(version)).toEqual({ name: "node", status: "ok", found: `Node.js ${version}.` });
  });

  it("20.20.2 is not, and the lockfile's is named", () => {
    expect(judgeNode("20.20.2")).toMatchObject({
      status: "fail",
      fix: expect.stringContaining("scripts/bootstrap.sh"),
    });
  });
});

describe("the system", () => {
  const debian = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\n';
  const seen = { platform: "linux", release: "6.1.0", architecture: "x64", osRelease: debian };

  it("is named", () => {
    expect(judgeSystem(seen)).toMatchObject({
      status: "ok",
      found: "Debian GNU/Linux 12 (bookworm), Linux 6.1.0, x64.",
    });
    expect(judgeSystem({ ...seen, osRelease: "PRETTY_NAME=Alpine\n" }).found).toBe("Alpine, Linux 6.1.0, x64.");
    expect(judgeSystem({ ...seen, osRelease: "" }).found).toBe("an unnamed distribution, Linux 6.1.0, x64.");
  });

  it("must be Linux", () => {
    expect(judgeSystem({ ...seen, platform: "darwin" })).toMatchObject({ status: "fail" });
  });
});
