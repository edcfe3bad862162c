// Who does ESP: the kernel where it can, charon itself (kernel-libipsec, over a TUN) elsewhere.
import { DataplaneError } from "../dataplane.ts";
import { makeNamespace, removeNamespace } from "./bridges.ts";
import { CommandError, run } from "./ip.ts";
import type { Names } from "./names.ts";

export type Esp = "kernel" | "userspace";

/** Whether the kernel takes a security association of ESP; `unknown` with what it said. */
export type KernelEsp = { readonly kind: "there" | "absent" } | { readonly kind: "unknown"; readonly reason: string };

/** Puts one into a namespace that goes soon, and takes it along. Its key is no secret. */
export async function probeKernelEsp(namespace: string): Promise<KernelEsp> {
  const ends = ["src", "192.0.2.1", "dst", "192.0.2.2", "proto", "esp", "spi", "0x1001", "mode", "tunnel"];
  const keys = ["enc", "cbc(aes)", `0x${"00".repeat(16)}`, "auth", "hmac(sha1)", `0x${"00".repeat(20)}`];
  try {
    await run("ip", ["-n", namespace, "xfrm", "state", "add", ...ends, ...keys]);
    return { kind: "there" };
  } catch (error) {
    if (error instanceof CommandError) return readRefusal(error.stderr);
    throw error;
  }
}

/** A kernel without ESP answers EPROTONOSUPPORT; newer ones put words of their own in its place. */
export function readRefusal(text: string): KernelEsp {
  if (/Protocol not supported|Requested type not found/.test(text)) return { kind: "absent" };
  return { kind: "unknown", reason: text.trim().split("\n").at(-1) ?? "" };
}

/**
 * What gateways of this machine use: `auto` takes the kernel's where it is there for certain.
 * @throws DataplaneError when the kernel's is asked for and not there, CommandError
 */
export async function chooseEsp(names: Names, wish: Esp | "auto"): Promise<Esp> {
  if (wish === "userspace") return wish;
  const namespace = `${names.prefix}esp`;
  await makeNamespace(namespace);
  try {
    return pickEsp(wish, await probeKernelEsp(namespace));
  } finally {
    await removeNamespace(namespace);
  }
}

/** @throws DataplaneError */
export function pickEsp(wish: Esp | "auto", kernel: KernelEsp): Esp {
  if (wish !== "userspace" && kernel.kind === "there") return "kernel";
  if (wish !== "kernel") return "userspace";
  const reason =
    kernel.kind === "unknown" ? `it cannot be told whether this one has it (${kernel.reason})` : "this one has none";
  throw new DataplaneError("gateway", `network.esp asks for the kernel's ESP, and ${reason}`);
}
