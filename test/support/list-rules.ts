// What api-v2.md 3.2 says of every list: pages, order, fuzzy names, filters by id. One suite for the four Describe actions.
import { beforeAll, describe, expect, it } from "vitest";
import { type Client, call } from "../../src/cli/client.ts";
import type { RefusalKind } from "../../src/errors.ts";
import type { LocalServer } from "./local-server.ts";
import { sendCall } from "./raw-call.ts";
import { expectRefusal } from "./refusal.ts";
import { type Row, requireSuccess, rowOf, rowsOf, textAt } from "./reply.ts";

/** One list and how its rows come into being. */
export interface ListedKind {
  readonly action: string;
  readonly idParameter: string;
  /** The name's parameter, field and value of orderField. */
  readonly nameParameter: string;
  readonly uidField: string;
  readonly oldIdField: string;
  readonly notFound: RefusalKind;
  readonly maxLimit: number;
  /** @returns what makes one row; called once, in a region where there is nothing of the kind yet */
  readonly prepare: (client: Client) => Promise<(name: string) => Promise<unknown>>;
}

/** More than the default page. Names sort unlike times; the last two were made in the same millisecond. */
const count = 22;
const names = Array.from(
  { length: count },
  (_, index) => `${String.fromCharCode(97 + ((index * 7) % count))} row ${index}`,
);
const special = { 3: "d_100% sure", 5: "DX100y sure" } as const;

export function describeListRules(server: () => LocalServer, kind: ListedKind): void {
  const client = () => ({ ...server().client, region: "sh" });
  const list = (parameters: Readonly<Record<string, string>> = {}) => call(client(), kind.action, parameters);
  const namesOf = (rows: readonly Row[]) => rows.map((row) => textAt(row, kind.nameParameter));
  const given = Object.assign([...names], special);
  const newestFirst = [...given].reverse();
  const byName = [...given].sort();

  describe(`${kind.action} as a list`, () => {
    let some: Row;
    beforeAll(async () => {
      const make = await kind.prepare(client());
      for (const [index, name] of given.entries()) {
        if (index !== count - 1) server().clock.advance(1_000);
        await make(name);
      }
      await server().database.settle();
      some = rowOf(await list({ [kind.nameParameter]: given[7] ?? "" }));
    });

    it("is the newest 20 without parameters, and says how many there are", async () => {
      const reply = await list();
      expect(namesOf(rowsOf(reply))).toEqual(newestFirst.slice(0, 20));
      expect(reply).toMatchObject({ code: 0, message: "", codeDesc: "Success", totalCount: count });
    });

    it("is the same by GET", async () => {
      const { reply } = await sendCall(client(), kind.action, {}, { method: "GET" });
      expect(reply).toEqual(await list());
    });

    it.each([
      ["createTime", "desc", newestFirst],
      ["createTime", "asc", given],
      [kind.nameParameter, "asc", byName],
      [kind.nameParameter, "desc", [...byName].reverse()],
    ])("is ordered by %s %s", async (orderField, orderDirection, expected) => {
      const limit = String(kind.maxLimit);
      expect(namesOf(rowsOf(await list({ orderField, orderDirection, limit })))).toEqual(expected);
    });

    it("has pages that meet and do not overlap", async () => {
      const pages: string[] = [];
      for (let offset = 0; offset < count + 7; offset += 7) {
        const reply = await list({ offset: String(offset), limit: "7" });
        expect(reply.totalCount).toBe(count);
        pages.push(...namesOf(rowsOf(reply)));
      }
      expect(pages).toEqual(newestFirst);
    });

    it.each([
      ["an offset beyond the end", { offset: "1000000" }],
      ["limit 0", { limit: "0" }],
    ])("is empty for %s, and still counts", async (_what, parameters) => {
      expect(await list(parameters)).toMatchObject({ totalCount: count, data: [] });
    });

    it.each([
      ["limit", String(kind.maxLimit + 1)],
      ["limit", "-1"],
      ["limit", "ten"],
      ["limit", "1.5"],
      ["limit", "99999999999999999999"],
      ["offset", "-1"],
      ["offset", "0x10"],
      ["orderField", "address"],
      ["orderDirection", "up"],
    ])("refuses %s=%s", async (name, value) => {
      await expectRefusal(server(), "parameter-invalid", () => list({ [name]: value }), [`[${name}]`]);
    });

    it.each([
      ["a part of the name", "row 1", 11],
      ["a part in other letters", "ROW 1", 11],
      ["a sign that is a pattern elsewhere", "_100%", 1],
      ["a lone %", "%", 1],
      ["nothing there is", "no such thing", 0],
    ])("finds by %s", async (_what, part, expected) => {
      const reply = await list({ [kind.nameParameter]: part, limit: String(kind.maxLimit) });
      expect(reply.totalCount).toBe(expected);
      expect(rowsOf(reply)).toHaveLength(expected);
    });

    it("finds one by its unified and by its old id", async () => {
      for (const id of [some[kind.uidField], some[kind.oldIdField]]) {
        const reply = await list({ [kind.idParameter]: String(id) });
        expect(reply.totalCount).toBe(1);
        expect(rowOf(reply)).toEqual(some);
      }
    });

    it("joins filters by AND", async () => {
      const id = textAt(some, kind.uidField);
      const name = textAt(some, kind.nameParameter);
      expect((await list({ [kind.idParameter]: id, [kind.nameParameter]: name })).totalCount).toBe(1);
      expect((await list({ [kind.idParameter]: id, [kind.nameParameter]: "no such thing" })).totalCount).toBe(0);
    });

    it.each([
      ["a unified id", "vpc-zzzzzzzz"],
      ["an old id", "999999"],
      ["zero", "0"],
      ["half an id", "gz_vpc_"],
      ["a piece of SQL", "'; drop table vpcs; --"],
      ["an endless id", "x".repeat(5_000)],
    ])("refuses %s that is not there", async (_what, id) => {
      const reply = await expectRefusal(server(), kind.notFound, () => list({ [kind.idParameter]: id }));
      expect(reply.message.length).toBeLessThan(200);
    });

    it("refuses the old id that another kind of thing has with the same number", async () => {
      const number = String(some[kind.oldIdField]).replace(/^.*_/, "");
      const id = `sh_${kind.notFound === "vpc-not-found" ? "subnet" : "vpc"}_${number}`;
      await expectRefusal(server(), kind.notFound, () => list({ [kind.idParameter]: id }), [id]);
    });

    it("compares unified ids with their case", async () => {
      const id = textAt(some, kind.uidField).toUpperCase();
      await expectRefusal(server(), kind.notFound, () => list({ [kind.idParameter]: id }));
    });

    it("holds nothing of another region or account", async () => {
      const other = await server().addKey({ account: `other ${kind.action}`, region: "sh" });
      for (const stranger of [other, { ...server().client, region: "bj" }]) {
        expect(await call(stranger, kind.action, {})).toMatchObject({ code: 0, totalCount: 0, data: [] });
        for (const id of [some[kind.uidField], some[kind.oldIdField]]) {
          const filter = { [kind.idParameter]: String(id) };
          await expectRefusal(server(), kind.notFound, () => call(stranger, kind.action, filter));
        }
      }
    });

    it("may be read with a read-only key", async () => {
      const reader = await server().addKey({ isReadOnly: true, region: "sh" });
      expect(requireSuccess(await call(reader, kind.action, {})).totalCount).toBe(count);
    });
  });
}
