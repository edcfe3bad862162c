// Whether a gateway host is let in by the API nodes that it is to ask: each is reached, its certificate trusted, the token taken.
import { type Config, ConfigError } from "../config.ts";
import { ControlError } from "../control/control.ts";
import type { ApiPlace } from "../control/remote/api-nodes.ts";
import { RemoteControl } from "../control/remote/remote-control.ts";
import { readApiPlace } from "../host/remote-host.ts";
import { type Check, fail, ok, reasonOf } from "./check.ts";

/** `refused`: it answers, and not to this token. `away`: there is no answer, with the reason. */
export type SeenApiNode =
  | { readonly kind: "admitted" }
  | { readonly kind: "refused" | "away"; readonly reason: string };

const silenceMs = 5_000;

/** Asks each node for a gateway that there cannot be: nothing is written, and no lease renewed. */
export async function checkApi(config: Config): Promise<Check[]> {
  try {
    const place = readApiPlace(config);
    return await Promise.all(
      place.endpoints.map(async (endpoint) =>
        judgeApiNode(endpoint, await probeApiNode({ ...place, endpoints: [endpoint], session: "doctor" })),
      ),
    );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [fail("api", `${reasonOf(error)}.`, "Mend that setting, or the file that it names.")];
  }
}

async function probeApiNode(place: ApiPlace): Promise<SeenApiNode> {
  const control = new RemoteControl(place, { silenceMs });
  try {
    await control.readGateway(0, 0);
    return { kind: "admitted" };
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    return { kind: error.kind === "refused" ? "refused" : "away", reason: reasonOf(error) };
  } finally {
    control.close();
  }
}

/** One check for each node. */
export function judgeApiNode(endpoint: string, seen: SeenApiNode): Check {
  switch (seen.kind) {
    case "admitted":
      return ok("api", `${endpoint} is reached, is trusted and takes the token.`);
    case "refused":
      return fail(
        "api",
        `${endpoint} does not let this host in: ${seen.reason}.`,
        "Put its token into hostTokenFile; `culvert host token NAME`, beside an API node, gives a new one.",
      );
    case "away":
      return fail("api", `${endpoint} is of no use: ${seen.reason}.`, cureOf(seen.reason));
  }
}

/** By the code that Node.js gives. */
function cureOf(reason: string): string {
  if (/CERT|SIGNATURE|ALTNAME/.test(reason)) {
    return "Name the certificate of the API, or of its CA, in caFile; it has to be made out to the address in apiEndpoints.";
  }
  return "Look whether an API node runs there, whether its database answers, and whether a firewall is between.";
}
