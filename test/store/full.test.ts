// A database for which there is no more space: what it does not take it takes as a whole, and says why.
import { CompiledQuery } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureAccount } from "../../src/store/accounts.ts";
import { makeSqlite, type TestDatabase } from "./databases.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await makeSqlite();
});
afterEach(() => database.remove());

const limitPages = (pages: number) =>
  database.store.db.sql.executeQuery(CompiledQuery.raw(`pragma max_page_count = ${pages}`));
/** So long that few of them fit on a page. */
const add = (number: number) => database.store.transaction((db) => ensureAccount(db, `${number}${"x".repeat(900)}`, 0));
const full = { name: "StoreError", kind: "full" };

describe("without space", () => {
  it("refuses with the reason, one alone and many together, keeps what it has, and goes on when there is space", async () => {
    // SQLite takes the number of pages that there are for the least.
    await limitPages(1);
    let kept = 0;
    let refusal: unknown;
    for (; refusal === undefined && kept < 100; kept += refusal === undefined ? 1 : 0) {
      refusal = await add(kept).then(
        () => undefined,
        (error: unknown) => error,
      );
    }
    expect(refusal).toMatchObject(full);
    const together = await Promise.allSettled([201, 202, 203].map(add));
    for (const result of together) expect(result).toMatchObject({ status: "rejected", reason: full });
    const count = async () => (await database.store.db.sql.selectFrom("accounts").select("id").execute()).length;
    expect(await count()).toBe(kept);
    await limitPages(1_000_000);
    await add(300);
    expect(await count()).toBe(kept + 1);
  });
});
