// Statements that do not need each other's results go out together: PostgreSQL answers a dozen of them in the time of one round trip.
import { isAftermath } from "./errors.ts";

/**
 * The results of work that is under way side by side, when all of it has ended: nothing of a transaction goes on behind the back of
 * whoever ends it.
 * @throws what the first of them in order threw
 */
export async function together<const Works extends readonly unknown[]>(
  works: Works,
): Promise<{ -readonly [Index in keyof Works]: Awaited<Works[Index]> }> {
  const ends = await Promise.allSettled(works);
  const reasons = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
  if (reasons.length > 0) throw reasons.find((reason) => !isAftermath(reason)) ?? reasons[0];
  return ends.map((end) => end.status === "fulfilled" && end.value) as Awaited<ReturnType<typeof together<Works>>>;
}
