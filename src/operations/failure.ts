// What a caller is told when it is the server that has failed.
import { ApiError } from "../errors.ts";
import { isOutage, StoreError } from "../store/errors.ts";

/** The refusal that stands for a failure of ours, which it has as its cause. */
export function tellFailure(cause: unknown): ApiError {
  const refuse = (message: string) => new ApiError("service-unavailable", message, { cause });
  const kind = cause instanceof StoreError ? cause.kind : undefined;
  if (kind === "full") {
    const advice = "sign the request anew and send it again when there is";
    return refuse(`no disk space is left on the server, so nothing was changed; ${advice}`);
  }
  if (kind === "uncertain") {
    return refuse("the server does not know whether the change was made; look at what is there before you repeat it");
  }
  if (isOutage(cause)) {
    return refuse(
      "the service is not available at the moment, so nothing was changed; sign the request anew and send it later",
    );
  }
  return new ApiError("internal", "an internal failure; the server's log has the reason", { cause });
}
