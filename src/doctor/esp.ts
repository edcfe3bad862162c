// How the tunnels' packets are encrypted here: this version always does it in userspace, whatever the kernel could do.
import { CommandError, run } from "../dataplane/charon/ip.ts";
import type { SeenCharon } from "./charon.ts";
import { type Check, fail, ok, reasonOf } from "./check.ts";
import { installPackages } from "./programs.ts";

/** Whether the kernel takes a security association of ESP; `unknown` with what it said. */
export type KernelEsp = { readonly kind: "there" | "absent" } | { readonly kind: "unknown"; readonly reason: string };

/** Puts one into the stage's namespace, which takes it along when it goes. Its key is no secret. */
export async function probeKernelEsp(namespace: string): Promise<KernelEsp> {
  const ends = ["src", "192.0.2.1", "dst", "192.0.2.2", "proto", "esp", "spi", "0x1001", "mode", "tunnel"];
  const keys = ["enc", "cbc(aes)", `0x${"00".repeat(16)}`, "auth", "hmac(sha1)", `0x${"00".repeat(20)}`];
  try {
    await run("ip", ["-n", namespace, "xfrm", "state", "add", ...ends, ...keys]);
    return { kind: "there" };
  } catch (error) {
    return readRefusal(error instanceof CommandError ? error.stderr : reasonOf(error));
  }
}

/** A kernel without ESP answers EPROTONOSUPPORT; newer ones put words of their own in its place. */
export function readRefusal(text: string): KernelEsp {
  if (/Protocol not supported|Requested type not found/.test(text)) return { kind: "absent" };
  return { kind: "unknown", reason: text.trim().split("\n").at(-1) ?? "" };
}

export function judgeEsp(kernel: KernelEsp, charon: Pick<SeenCharon, "plugins" | "hasTun">): Check {
  if (!charon.plugins.includes("kernel-libipsec") || !charon.hasTun) {
    const what = charon.hasTun ? "charon has no kernel-libipsec" : "charon has made no TUN";
    return fail("esp", `ESP in userspace does not work: ${what}.`, installPackages);
  }
  return ok("esp", `In userspace (kernel-libipsec over a TUN), as always in this version; ${sayKernel(kernel)}.`);
}

function sayKernel(kernel: KernelEsp): string {
  switch (kernel.kind) {
    case "there":
      return "this kernel has ESP too, and it is not used";
    case "absent":
      return "this kernel has no ESP";
    case "unknown":
      return `whether this kernel has ESP cannot be told (${kernel.reason})`;
  }
}
