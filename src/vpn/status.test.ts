import { describe, expect, test } from "vitest";
import { catchRefusal } from "../../test/support/caught.ts";
import {
  requireDeletableConn,
  requireDeletableGw,
  requireSteadyConn,
  requireUsableGw,
  type VpnConnStatus,
  type VpnGwStatus,
  vpnConnStatuses,
  vpnGwStatuses,
} from "./status.ts";

describe("a channel", () => {
  const busy: readonly VpnConnStatus[] = ["creating", "modifying", "deleting"];

  test.each(vpnConnStatuses.filter((status) => !busy.includes(status)))("that is %s may be deleted", (status) => {
    expect(() => requireDeletableConn("vpnx-00000000", status)).not.toThrow();
  });

  test.each(busy)("that is %s may not be deleted", (status) => {
    const refusal = catchRefusal(() => requireDeletableConn("vpnx-00000000", status));
    expect(refusal.kind).toBe("vpn-conn-state-invalid");
    expect(refusal.message).toContain(`vpnx-00000000 is ${status}`);
  });
});

describe("a channel that stays", () => {
  const refusals = {
    creating: "action-locked",
    modifying: "action-locked",
    deleting: "action-locked",
    "delete-failed": "vpn-conn-state-invalid",
  } as const;

  test.each(Object.entries(refusals))("may not be changed while it is %s", (status, kind) => {
    const refusal = catchRefusal(() => requireSteadyConn("vpnx-00000000", status as VpnConnStatus));
    expect(refusal.kind).toBe(kind);
    expect(refusal.message).toContain("vpnx-00000000");
  });

  test.each(vpnConnStatuses.filter((status) => !Object.hasOwn(refusals, status)))("may when it is %s", (status) => {
    expect(() => requireSteadyConn("vpnx-00000000", status)).not.toThrow();
  });
});

describe("a gateway", () => {
  const leaving: readonly VpnGwStatus[] = ["deleting", "delete-failed"];

  test.each(vpnGwStatuses.filter((status) => !leaving.includes(status)))("that is %s takes channels", (status) => {
    expect(() => requireUsableGw("vpngw-00000000", status)).not.toThrow();
  });

  test.each(leaving)("that is %s takes none", (status) => {
    const refusal = catchRefusal(() => requireUsableGw("vpngw-00000000", status));
    expect(refusal.kind).toBe("vpn-gw-state-invalid");
    expect(refusal.message).toContain("vpngw-00000000");
  });

  test.each(vpnGwStatuses.filter((status) => status !== "deleting"))("that is %s may be deleted", (status) => {
    expect(() => requireDeletableGw("vpngw-00000000", status)).not.toThrow();
  });

  test("that is being deleted may not be deleted once more", () => {
    expect(catchRefusal(() => requireDeletableGw("vpngw-00000000", "deleting")).kind).toBe("action-locked");
  });
});
