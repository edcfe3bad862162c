import { describe, expect, it } from "vitest";
import { hasRights, judgeRights } from "./rights.ts";

const all = "000001ffffffffff";
/** What a container has that was started without options (capabilities(7)). */
const ofDocker = "00000000a80425fb";

describe("rights", () => {
  it("are root's with the capabilities", () => {
    expect(judgeRights({ uid: 0, capabilities: all })).toMatchObject({ status: "ok" });
    expect(hasRights({ uid: 0, capabilities: all })).toBe(true);
  });

  it("are not root's alone", () => {
    const rights = { uid: 0, capabilities: ofDocker };
    expect(judgeRights(rights)).toMatchObject({
      status: "fail",
      found: "It runs as root, but without CAP_NET_ADMIN and CAP_SYS_ADMIN.",
      fix: expect.stringContaining("--cap-add NET_ADMIN --cap-add SYS_ADMIN"),
    });
    expect(hasRights(rights)).toBe(false);
  });

  it("are not another user's", () => {
    expect(judgeRights({ uid: 1000, capabilities: "0" })).toMatchObject({
      status: "fail",
      fix: expect.stringContaining("sudo bin/culvert doctor"),
    });
    expect(hasRights({ uid: 1000, capabilities: all })).toBe(false);
  });

  it("are tried where they cannot be read", () => {
    expect(hasRights({ uid: 0, capabilities: undefined })).toBe(true);
  });
});
