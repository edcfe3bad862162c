// Whether the database answers and takes changes, told in a sentence for everybody.
import { StoreError } from "./errors.ts";
import { writeTrialStamps } from "./request-stamps.ts";
import type { Store } from "./store.ts";

export interface StoreFinding {
  readonly isGood: boolean;
  readonly sentence: string;
}

/** What was committed so recently shows that the database takes changes. Else one is made, so that often at most. */
const recentMs = 5_000;
/** Where the last change has failed, one as large as those that callers make: where there is hardly any space a small one may find it. */
const [smallRows, largeRows] = [1, 16];

/** Reads for real. Never throws. */
export async function checkReads(store: Store): Promise<StoreFinding> {
  return find("The database answers.", "The database cannot be read.", () => store.check());
}

/** Goes by the last transaction, and tries one where that failed or is long ago. Never throws. */
export async function checkWrites(store: Store): Promise<StoreFinding> {
  return find("The database takes changes.", "The database takes no changes.", async () => {
    if (store.hasCommittedWithin(recentMs)) return;
    const rows = store.hasCommittedWithin(Number.POSITIVE_INFINITY) ? smallRows : largeRows;
    await store.transaction((db) => writeTrialStamps(db, rows));
  });
}

async function find(good: string, bad: string, look: () => Promise<void>): Promise<StoreFinding> {
  try {
    await look();
    return { isGood: true, sentence: good };
  } catch (error) {
    const reason = error instanceof StoreError && error.kind === "full" ? " There is no space." : "";
    return { isGood: false, sentence: `${bad}${reason}` };
  }
}
