// Who encrypts the tunnels' packets here: the kernel, or charon in userspace.
import { type Esp, type KernelEsp, pickEsp } from "../dataplane/charon/esp.ts";
import type { SeenCharon } from "./charon.ts";
import { type Check, fail, ok, warn } from "./check.ts";
import { installPackages } from "./programs.ts";

export const espInKernel = "In the kernel.";

/** As the server chooses at its start; undefined: it would not start. */
export function findEsp(wish: Esp | "auto", kernel: KernelEsp): Esp | undefined {
  try {
    return pickEsp(wish, kernel);
  } catch {
    return undefined;
  }
}

export function judgeEsp(wish: Esp | "auto", kernel: KernelEsp, charon: Pick<SeenCharon, "plugins" | "hasTun">): Check {
  switch (findEsp(wish, kernel)) {
    case undefined:
      return fail("esp", `network.esp is kernel; ${sayKernel(kernel)}.`, "Set network.esp to auto or userspace.");
    case "kernel":
      return ok("esp", espInKernel);
    case "userspace":
      return judgeUserspace(wish, kernel, charon);
  }
}

function judgeUserspace(wish: Esp | "auto", kernel: KernelEsp, charon: Pick<SeenCharon, "plugins" | "hasTun">): Check {
  if (!charon.plugins.includes("kernel-libipsec") || !charon.hasTun) {
    const what = charon.hasTun ? "charon has no kernel-libipsec" : "charon has made no TUN";
    return fail("esp", `ESP in userspace does not work: ${what}.`, installPackages);
  }
  const found = `In userspace (kernel-libipsec over a TUN): ${wish === "auto" ? "" : "network.esp says so; "}${sayKernel(kernel)}.`;
  if (wish === "auto" && kernel.kind === "unknown") return warn("esp", found);
  return ok("esp", found);
}

function sayKernel(kernel: KernelEsp): string {
  switch (kernel.kind) {
    case "there":
      return "this kernel has ESP";
    case "absent":
      return "this kernel has no ESP";
    case "unknown":
      return `whether this kernel has ESP cannot be told (${kernel.reason})`;
  }
}
