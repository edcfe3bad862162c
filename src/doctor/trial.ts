// Whether packets really cross, with each cipher and hash: what charon lists proves nothing.
import type { Esp } from "../dataplane/charon/esp.ts";
import type { Stage } from "../dataplane/charon/stage.ts";
import { type Ability, missingOf, phase1Choices, phase2Choices } from "../dataplane/charon/trial/choices.ts";
import { tryAbilities } from "../dataplane/charon/trial/trial.ts";
import { type Check, fail, ok, reasonOf } from "./check.ts";
import { installPackages } from "./programs.ts";

/** What does not work; why it could not be tried, when it could not. */
export async function probeTrial(stage: Stage, esp: Esp): Promise<readonly Ability[] | string> {
  try {
    return missingOf(await tryAbilities(stage, esp));
  } catch (error) {
    return reasonOf(error);
  }
}

/** @param hasLegacyProvider without it charon lists DES all the same, shows such a tunnel as INSTALLED, and carries nothing through it */
export function judgeTrial(missing: readonly Ability[] | string, hasLegacyProvider: boolean): Check {
  if (typeof missing === "string") {
    return fail("packets", `No packet crosses between two charons: ${missing}.`, installPackages);
  }
  if (missing.length === 0) {
    const pairs = `A packet crossed with each of the ${phase2Choices.length} pairs of cipher and hash`;
    return ok("packets", `${pairs}, and phase 1 came up with each of ${phase1Choices.length} choices.`);
  }
  const found = `strongSwan cannot do ${missing.join(", ")}`;
  if (!hasLegacyProvider && missing.every((ability) => ability.startsWith("des-cbc"))) {
    return fail(
      "packets",
      `${found}: charon has not loaded OpenSSL's legacy provider. Channels that ask for it are refused.`,
      "Install `ossl-modules/legacy.so` (on Debian: `apt-get install --reinstall libssl3`), then start the server anew.",
    );
  }
  const why = "charon's OpenSSL refuses it, perhaps by its own configuration";
  return fail("packets", `${found}: ${why}. Channels that ask for it are refused.`, installPackages);
}
