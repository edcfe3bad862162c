// Whether network namespaces can be made, without which there is no gateway.
import { makeNamespace } from "../dataplane/charon/bridges.ts";
import { type Check, fail, ok, reasonOf } from "./check.ts";

/** Why a namespace cannot be made; undefined when it was. */
export async function probeNamespace(namespace: string): Promise<string | undefined> {
  try {
    await makeNamespace(namespace);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

export function judgeNamespace(refusal: string | undefined): Check {
  if (refusal === undefined) return ok("namespaces", "A network namespace was made and removed again.");
  const fix =
    "Run it on a machine, or in a container with `--cap-add NET_ADMIN --cap-add SYS_ADMIN`, where `ip netns add x` works.";
  return fail("namespaces", `No network namespace can be made: ${refusal}.`, fix);
}
