import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { databases, type TestDatabase } from "../../test/store/databases.ts";
import { addVpc, addVpnGw, createdAtMs, makeOwner } from "../../test/store/rows.ts";
import { freeLeasesOf, grantLeases } from "../store/gateway-leases.ts";
import { findHost, hostTurn, placementTurn, renewHost } from "../store/hosts.ts";
import type { Store } from "../store/store.ts";
import {
  createHost,
  ensureOwnHost,
  findHostByToken,
  getHost,
  listHosts,
  removeHost,
  replaceHostToken,
  setHostState,
} from "./hosts.ts";

describe.each(databases)("gateway hosts on $name", (kind) => {
  let database: TestDatabase;
  let store: Store;
  beforeEach(async () => {
    database = await kind.make();
    store = database.store;
  });
  afterEach(() => database.remove());

  const create = (name: string, on = store) => createHost(on, { name, labels: {}, capacity: 0 }, createdAtMs);
  const refusal = (kindOfError: string) => ({ name: "HostError", kind: kindOfError });

  it("come with a token of 256 bits that only they have, and that is nowhere in the database", async () => {
    const [one, two] = [await create("one"), await create("two")];
    expect(one.reveal()).toMatch(/^[0-9a-f]{64}$/);
    expect(await findHostByToken(store, one.reveal())).toMatchObject({ name: "one" });
    expect(await findHostByToken(store, two.reveal())).toMatchObject({ name: "two" });
    for (const wrong of ["", "0".repeat(64), one.reveal().toUpperCase(), `${one.reveal()} `]) {
      expect(await findHostByToken(store, wrong)).toBeUndefined();
    }
    const rows = await store.db.sql.selectFrom("hosts").selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(one.reveal());

    const renewed = await replaceHostToken(store, "one");
    expect(await findHostByToken(store, one.reveal())).toBeUndefined();
    expect(await findHostByToken(store, renewed.reveal())).toMatchObject({ name: "one" });
    await removeHost(store, "one");
    expect(await findHostByToken(store, renewed.reveal())).toBeUndefined();
  });

  it("have names of their own, also when two are made at once by two servers", async () => {
    const other = kind.servers === 2 ? await database.openAgain() : store;
    const made = await Promise.allSettled([create("one"), create("one", other), create("one"), create("one", other)]);
    expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const each of made) if (each.status === "rejected") expect(each.reason).toMatchObject(refusal("name-in-use"));
    for (const name of ["", "-one", "one.", "a b", "host/one", "x".repeat(64)]) {
      await expect(create(name)).rejects.toMatchObject(refusal("name-invalid"));
    }
    await create("VPN1.example.org");
  });

  it("may be the server itself: one of a name, without a token", async () => {
    const ids = await Promise.all([1, 2, 3].map(() => ensureOwnHost(store, "vpn1", createdAtMs)));
    expect(new Set(ids).size).toBe(1);
    expect(await findHost(store.db, "vpn1")).toMatchObject({ id: ids[0], hasToken: false, capacity: 0, labels: {} });
    await expect(replaceHostToken(store, "vpn1")).rejects.toMatchObject(refusal("without-token"));
    await create("vpn2");
    await expect(ensureOwnHost(store, "vpn2", createdAtMs)).rejects.toMatchObject(refusal("with-token"));
    await expect(ensureOwnHost(store, "a b", createdAtMs)).rejects.toMatchObject(refusal("name-invalid"));
    expect(await findHostByToken(store, "")).toBeUndefined();
  });

  it("are listed with what they hold, and go when they hold nothing", async () => {
    await createHost(store, { name: "one", labels: { region: "gz" }, capacity: 7 }, createdAtMs);
    const row = { name: "one", labels: { region: "gz" }, capacity: 7, createdAtMs };
    const fresh = { ...row, state: "ready", gateways: 0, isJoined: false, renewals: 0 };
    expect(await listHosts(store)).toEqual([fresh]);
    const host = await findHost(store.db, "one");
    const id = host?.id ?? 0;
    const owner = await makeOwner(store.db);
    const vpc = await addVpc(store.db, owner);
    const gateways = [await addVpnGw(store.db, owner, vpc), await addVpnGw(store.db, owner, vpc)];
    await store.transaction((db) => renewHost(db, id, "a"), "at-once", hostTurn(id));
    await store.transaction((db) => grantLeases(db, id, gateways), "at-once", placementTurn);
    await setHostState(store, "one", "draining");
    expect(await listHosts(store)).toEqual([{ ...fresh, state: "draining", gateways: 2, isJoined: true, renewals: 1 }]);
    expect(await getHost(store, "one")).toEqual({ state: "draining", gateways: 2 });
    await expect(removeHost(store, "one")).rejects.toMatchObject(refusal("in-use"));
    await store.transaction((db) => freeLeasesOf(db, id), "at-once", placementTurn);
    await removeHost(store, "one");
    expect(await listHosts(store)).toEqual([]);
  });

  it("that there are not can be nothing", async () => {
    const missing = refusal("not-found");
    await expect(getHost(store, "one")).rejects.toMatchObject(missing);
    await expect(setHostState(store, "one", "ready")).rejects.toMatchObject(missing);
    await expect(replaceHostToken(store, "one")).rejects.toMatchObject(missing);
    await expect(removeHost(store, "one")).rejects.toMatchObject(missing);
  });
});
