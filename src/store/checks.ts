// Whether the database answers and takes changes, told in a sentence for everybody.
import { StoreError } from "./errors.ts";
import type { Db, Store } from "./store.ts";

export interface StoreFinding {
  readonly isGood: boolean;
  readonly sentence: string;
}

/** What was committed so recently shows that the database takes changes. Else one is made, a row written as it is: that often at most. */
const recentMs = 5_000;

/** Reads for real. Never throws. */
export async function checkReads(store: Store): Promise<StoreFinding> {
  return find("The database answers.", "The database cannot be read.", () => store.check());
}

/** Goes by the last transaction, and tries one where that failed or is long ago. Never throws. */
export async function checkWrites(store: Store): Promise<StoreFinding> {
  return find("The database takes changes.", "The database takes no changes.", async () => {
    if (!store.hasCommittedWithin(recentMs)) await store.transaction(rewriteAccount);
  });
}

/** The first account, which the first start of a server makes: nothing refers to what is written, and nobody waits for it. */
async function rewriteAccount({ sql }: Db): Promise<void> {
  await sql
    .updateTable("accounts")
    .set(({ ref }) => ({ created_at: ref("created_at") }))
    .where(
      "id",
      "=",
      sql.selectFrom("accounts").select(({ fn }) => fn.min("id").as("id")),
    )
    .execute();
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
