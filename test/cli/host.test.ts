// `culvert host`: makes, lists, empties and removes gateway hosts on the store, beside whoever gives gateways away there.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHost, findHostByToken, setHostState } from "../../src/operations/hosts.ts";
import { freeLeasesOf, grantLeases } from "../../src/store/gateway-leases.ts";
import { findHost, hostTurn, placementTurn, renewHost } from "../../src/store/hosts.ts";
import type { Store } from "../../src/store/store.ts";
import { makeSqlite, type TestDatabase } from "../store/databases.ts";
import { addVpc, addVpnGw, makeOwner } from "../store/rows.ts";
import { runCulvert } from "../support/command.ts";
import { waitFor } from "../support/wait-for.ts";

let database: TestDatabase;
let store: Store;
let gateways: number[];
beforeAll(async () => {
  database = await makeSqlite();
  store = database.store;
  const owner = await makeOwner(store.db);
  const vpc = await addVpc(store.db, owner);
  gateways = [await addVpnGw(store.db, owner, vpc), await addVpnGw(store.db, owner, vpc)];
});
afterAll(() => database.remove());

const host = (...args: string[]) => runCulvert(["host", ...args, "--data", database.dir]);
const make = (name: string) => createHost(store, { name, labels: {}, capacity: 0 }, Date.now());
const idOf = async (name: string) => (await findHost(store.db, name))?.id ?? 0;
const give = (id: number) => store.transaction((db) => grantLeases(db, id, gateways), "at-once", placementTurn);
const take = (id: number) => store.transaction((db) => freeLeasesOf(db, id), "at-once", placementTurn);

describe("a gateway host of the command line", () => {
  it("is made with a token that is shown once, and can be changed", async () => {
    const made = await host("create", "vpn1", "--label", "region=gz", "--label", "rack=7", "--capacity", "5", "--json");
    expect(made).toMatchObject({ code: 0, stderr: "" });
    const { name, token } = JSON.parse(made.stdout);
    expect(name).toBe("vpn1");
    expect(await findHostByToken(store, token)).toMatchObject({ labels: { region: "gz", rack: "7" }, capacity: 5 });
    const replaced = await host("token", "vpn1");
    const [, other = ""] = /^Host {3}vpn1\nToken {2}([0-9a-f]{64})\n$/.exec(replaced.stdout) ?? [];
    expect(await findHostByToken(store, token)).toBeUndefined();
    expect(await findHostByToken(store, other)).toMatchObject({ name: "vpn1" });
    const listed = await host("list");
    expect(listed.stdout).toMatch(
      /^host +state +gateways +joined +labels +created\nvpn1 +ready +0 of 5 +no +region=gz rack=7 +\S+Z\n$/,
    );
    const twice = { code: 1, stdout: "", stderr: "culvert: there is a gateway host vpn1 already\n" };
    expect(await host("create", "vpn1")).toEqual(twice);
  });

  it("is told apart in lists, by what it holds, its state, and whether it is joined", async () => {
    await make("vpn2");
    const id = await idOf("vpn2");
    await store.transaction((db) => renewHost(db, id, "session"), "at-once", hostTurn(id));
    await give(id);
    expect(await host("cordon", "vpn2")).toEqual({ code: 0, stdout: "", stderr: "" });
    const row = { name: "vpn2", state: "cordoned", gateways: 2, capacity: 0, isJoined: true, renewals: 1, labels: {} };
    const listed = JSON.parse((await host("list", "--json")).stdout);
    expect(listed).toContainEqual({ ...row, createdAtMs: expect.any(Number) });
    expect(await host("uncordon", "vpn2")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await findHost(store.db, "vpn2")).toMatchObject({ state: "ready" });
    await take(id);
  });

  it("is removed when it is empty, for which draining waits and tells how far it is", async () => {
    await make("vpn3");
    const id = await idOf("vpn3");
    await give(id);
    const refused = await host("remove", "vpn3");
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toBe("culvert: vpn3 holds 2 gateways; culvert host drain vpn3 moves them to others\n");
    const drained = host("drain", "vpn3");
    await waitFor(async () => (await findHost(store.db, "vpn3"))?.state === "draining", {
      what: "the host to be drained",
      timeoutMs: 15_000,
    });
    await take(id);
    const { code, stdout, stderr } = await drained;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^(vpn3 holds 2 gateways\n)?vpn3 holds 0 gateways\n$/);
    expect(await host("remove", "vpn3")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await findHost(store.db, "vpn3")).toBeUndefined();
  });

  it("that is not drained any more is waited for no longer, and one that is not to be waited for never", async () => {
    await make("vpn4");
    const id = await idOf("vpn4");
    await give(id);
    expect(await host("drain", "vpn4", "--no-wait")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await findHost(store.db, "vpn4")).toMatchObject({ state: "draining" });
    await setHostState(store, "vpn4", "ready");
    const drained = host("drain", "vpn4");
    await waitFor(async () => (await findHost(store.db, "vpn4"))?.state === "draining", {
      what: "the host to be drained",
      timeoutMs: 15_000,
    });
    await setHostState(store, "vpn4", "ready");
    expect(await drained).toMatchObject({ code: 1, stderr: "culvert: vpn4 is ready again, with 2 gateways\n" });
    await take(id);
  });

  it("that there is not, or whose name is none, is refused, and nothing is made", async () => {
    const missing = { code: 1, stdout: "", stderr: "culvert: there is no gateway host vpn0\n" };
    expect(await host("drain", "vpn0")).toEqual(missing);
    const { code, stderr } = await host("create", "a b");
    expect(code).toBe(2);
    expect(stderr).toContain("A host name such as vpn1.example.org is expected.");
    expect(await findHost(store.db, "a b")).toBeUndefined();
    const data = join(database.dir, "typo");
    expect((await runCulvert(["host", "create", "vpn1", "--data", data])).code).toBe(2);
    expect(existsSync(data)).toBe(false);
  });
});
