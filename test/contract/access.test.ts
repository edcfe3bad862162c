// Who may call, and when: keys, signatures, clocks, replays, permissions, actions, regions, and the order these are looked at.
// api-v2.md 1.2, 1.3, 1.5-1.7, 2.4.
import { CompiledQuery } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Client, call } from "../../src/cli/client.ts";
import type { RefusalKind } from "../../src/errors.ts";
import { actions, notOffered } from "../../src/v2/actions/index.ts";
import { Secret } from "../../src/vpn/secret.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { type RawAnswer, sendCall, sendText, signedText } from "../support/raw-call.ts";
import { expectRefusal } from "../support/refusal.ts";
import { dataOf, requireSuccess, rowOf, textAt } from "../support/reply.ts";
import { addVpnConn, findConn, makeConn, makePlace, makeVpc, nextNetwork, nextNumber } from "../support/scene.ts";
import { ServerProcess } from "../support/server.ts";
import type { Parameters, SignOptions } from "../support/sign.ts";
import { waitFor } from "../support/wait-for.ts";

let server: LocalServer;
beforeAll(async () => {
  server = await startLocalServer({ ...unlimited, hosts: "vpn.example.org, other.example.org:8443" });
});
afterAll(() => server.stop());

/** The reply, after a look at what surrounds it: always status 200 and exactly this content type (api-v2.md 2.1). */
async function replyOf(answer: Promise<RawAnswer>) {
  const { status, contentType, reply } = await answer;
  expect([status, contentType]).toEqual([200, "application/json"]);
  return reply;
}

const describeVpcs = (options: SignOptions = {}, client = server.client) =>
  replyOf(sendCall(client, "DescribeVpcEx", {}, options));
const newVpc = () => ({ vpcName: `vpc ${nextNumber()}`, cidrBlock: "10.0.0.0/16" });
const createVpc = (options: SignOptions = {}, client = server.client) =>
  replyOf(sendCall(client, "CreateVpc", newVpc(), options));
const methods = ["GET", "POST"] as const;

describe("a signature", () => {
  it.each([
    ["SHA-1, by name", { algorithm: "HmacSHA1" }],
    ["SHA-1, without a name", {}],
    ["SHA-256", { algorithm: "HmacSHA256" }],
    ["SHA-1 for a method nobody knows", { common: { SignatureMethod: "HmacMD5" } }],
    ["SHA-1 for another spelling of SHA-256", { common: { SignatureMethod: "hmacsha256" } }],
    ["the vendor's host", { host: "vpc.api.qcloud.com" }],
    ["the host without its port", { host: "127.0.0.1" }],
    ["a host of the configuration", { host: "vpn.example.org" }],
    ["another, with its port", { host: "other.example.org:8443" }],
  ] satisfies [string, SignOptions][])("may be made with %s", async (_what, options) => {
    for (const method of methods) {
      expect(await describeVpcs({ method, ...options })).toMatchObject({ code: 0 });
      requireSuccess(await createVpc({ method, ...options }));
    }
  });

  const flip = (text: string) => (text.startsWith("A") ? `B${text.slice(1)}` : `A${text.slice(1)}`);
  const replaceSignature = (change: (signature: string) => string): SignOptions => ({
    tamper: (pairs) => pairs.map(([name, value]) => [name, name === "Signature" ? change(value) : value]),
  });

  it.each<[string, SignOptions]>([
    ["other bytes", replaceSignature(flip)],
    ["too few bytes", replaceSignature((signature) => signature.slice(4))],
    ["text that is no base64", replaceSignature(() => "!!!!")],
    ["another host", { host: "vpc.example.net" }],
    ["SHA-1 where SHA-256 is said", { tamper: (pairs) => [...pairs, ["SignatureMethod", "HmacSHA256"]] }],
    ["a parameter that was added", { tamper: (pairs) => [...pairs, ["description", "added"]] }],
    ["a parameter that was changed", { tamper: (pairs) => [...pairs, ["Nonce", "1"]] }],
    ["a region that was taken away", { tamper: (pairs) => pairs.filter(([name]) => name !== "Region") }],
  ])("is refused with %s", async (_what, options) => {
    for (const method of methods) {
      await expectRefusal(server, "signature-wrong", () => createVpc({ ...options, method }));
    }
  });

  it("is refused when it was made with another key, or for the other method", async () => {
    const forger = { ...server.client, secretKey: new Secret("guessed") };
    const reply = await expectRefusal(server, "signature-wrong", () => createVpc({}, forger));
    expect(reply.message).not.toContain(server.client.secretKey.reveal());
    const text = signedText(server.client, "CreateVpc", newVpc(), { method: "GET" });
    await expectRefusal(server, "signature-wrong", () => replyOf(sendText(server.endpoint, "POST", text)));
  });

  it("is made over names with . for _, and values as they are", async () => {
    for (const [a, b] of [
      ["a_b", "aZ"],
      ["a.b", "aZ"],
    ] as const) {
      expect(await replyOf(sendCall(server.client, "DescribeVpcEx", { [a]: "x_y +&=%", [b]: "办公室" }))).toMatchObject(
        {
          code: 0,
        },
      );
    }
  });
});

describe("a SecretId", () => {
  it("that nobody has is refused", async () => {
    for (const secretId of ["AKIDnobody", "x".repeat(256)]) {
      const stranger = { ...server.client, secretId };
      const reply = await expectRefusal(server, "secret-id-unknown", () => createVpc({}, stranger));
      expect(reply.message).not.toContain(secretId);
    }
  });

  it("that is disabled is refused within a second", async () => {
    const client = await server.addKey();
    requireSuccess(await describeVpcs({}, client));
    await server.disableKey(client);
    const isRefused = async () => (await describeVpcs({}, client)).code === 4104;
    await waitFor(isRefused, { what: "the key to be refused", timeoutMs: 1_000 });
    await expectRefusal(server, "secret-id-unknown", () => createVpc({}, client));
  });
});

describe("a Token", () => {
  it("is refused: there are no temporary keys", async () => {
    for (const Token of ["t", "t".repeat(4_096)]) {
      await expectRefusal(server, "token-wrong", () => createVpc({ common: { Token } }));
    }
  });

  it("that is empty is none", async () => {
    expect(await describeVpcs({ common: { Token: "" } })).toMatchObject({ code: 0 });
  });
});

describe("a Timestamp", () => {
  const at = (offset: number) => ({ common: { Timestamp: String(Math.floor(server.clock.now() / 1_000) + offset) } });

  it.each([-7_190, -60, 60, 7_190])("%i s from the server's clock is taken", async (offset) => {
    expect(await describeVpcs(at(offset))).toMatchObject({ code: 0 });
  });

  it.each([-7_210, 7_210, -86_400, 86_400])("%i s from the server's clock is refused", async (offset) => {
    const attempt = () => createVpc(at(offset));
    await expectRefusal(server, "request-replayed", attempt, [offset < 0 ? "behind" : "ahead", "7200"]);
  });

  it.each(["0", "-1", "999999999999999"])("of %s is refused", async (Timestamp) => {
    await expectRefusal(server, "request-replayed", () => createVpc({ common: { Timestamp } }));
  });

  it("may be as far off as the operator says", async () => {
    const strict = await startLocalServer({ clockSkewSeconds: "300" });
    try {
      const send = (offset: number) => describeVpcs(at(offset), strict.client);
      expect(await send(-290)).toMatchObject({ code: 0 });
      await expectRefusal(strict, "request-replayed", () => send(-310), ["300"]);
      await expectRefusal(strict, "request-replayed", () => send(310), ["300"]);
    } finally {
      await strict.stop();
    }
  });
});

describe("a request that was sent before", () => {
  it.each(methods)("is refused, by %s: reading and writing", async (method) => {
    for (const [action, parameters] of [
      ["DescribeVpcEx", {}],
      ["CreateVpc", newVpc()],
    ] as [string, Parameters][]) {
      const text = signedText(server.client, action, parameters, { method });
      requireSuccess(await replyOf(sendText(server.endpoint, method, text)));
      for (let again = 0; again < 2; again += 1) {
        await expectRefusal(server, "request-replayed", () => replyOf(sendText(server.endpoint, method, text)));
      }
    }
  });

  it("is refused in other words too: pairs in another order, base64 in another spelling", async () => {
    const text = signedText(server.client, "CreateVpc", newVpc());
    requireSuccess(await replyOf(sendText(server.endpoint, "POST", text)));
    const variants = [text.split("&").reverse().join("&"), text.replace(/%3D$/, ""), text.replace(/%3D$/, "%3D%3D%3D")];
    for (const variant of variants) {
      expect(variant).not.toBe(text);
      await expectRefusal(server, "request-replayed", () => replyOf(sendText(server.endpoint, "POST", variant)));
    }
  });

  it("is refused many times at once, but for one", async () => {
    const text = signedText(server.client, "CreateVpc", newVpc());
    const replies = await Promise.all(Array.from({ length: 20 }, () => sendText(server.endpoint, "POST", text)));
    const codes = replies.map(({ reply }) => reply.code).sort();
    expect(codes).toEqual([0, ...Array(19).fill(4500)]);
  });

  it("is another one with the same Nonce and Timestamp when it says something else", async () => {
    const common = { Nonce: "7", Timestamp: String(Math.floor(server.clock.now() / 1_000)) };
    requireSuccess(await createVpc({ common }));
    requireSuccess(await createVpc({ common }));
    requireSuccess(await describeVpcs({ common }));
  });

  it("counts only when it was genuine", async () => {
    const text = signedText(server.client, "CreateVpc", newVpc());
    await expectRefusal(server, "signature-wrong", () => replyOf(sendText(server.endpoint, "POST", `${text}&x=1`)));
    requireSuccess(await replyOf(sendText(server.endpoint, "POST", text)));
  });

  it("is refused after a restart, when it wrote something", async () => {
    const own = await ServerProcess.start();
    try {
      const host = "vpc.api.qcloud.com";
      const texts = methods.map((method) => signedText(own.client, "CreateVpc", newVpc(), { method, host }));
      for (const [index, text] of texts.entries()) {
        requireSuccess(await replyOf(sendText(own.endpoint, methods[index] ?? "GET", text)));
      }
      await own.restart();
      for (const [index, text] of texts.entries()) {
        const attempt = () => replyOf(sendText(own.endpoint, methods[index] ?? "GET", text));
        await expectRefusal(own, "request-replayed", attempt);
      }
    } finally {
      await own.stop();
    }
  });
});

describe("a common parameter", () => {
  it.each(["Action", "Timestamp", "Nonce", "SecretId"])(
    "%s that is missing or empty is refused by name",
    async (name) => {
      for (const value of [undefined, ""]) {
        for (const method of methods) {
          const attempt = () => createVpc({ method, common: { [name]: value } });
          await expectRefusal(server, "parameter-invalid", attempt, [`[${name}]`]);
        }
      }
    },
  );

  it("Signature that is missing or empty is refused by name", async () => {
    const without = (pairs: [string, string][]) => pairs.filter(([name]) => name !== "Signature");
    const tampers = [
      without,
      (pairs: [string, string][]): [string, string][] => [...without(pairs), ["Signature", ""]],
    ];
    for (const tamper of tampers) {
      await expectRefusal(server, "parameter-invalid", () => createVpc({ tamper }), ["[Signature]"]);
    }
  });

  it.each([
    ["Timestamp", "now"],
    ["Timestamp", "1.5e9"],
    ["Timestamp", "1465185768.5"],
    ["Timestamp", "0x5754"],
    ["Timestamp", " 1465185768"],
    ["Timestamp", "9".repeat(16)],
    ["Nonce", "abc"],
    ["Nonce", "-1"],
    ["Nonce", "1.0"],
    ["Nonce", "9".repeat(21)],
    ["Action", "A".repeat(257)],
    ["SecretId", "A".repeat(257)],
    ["Token", "A".repeat(4_097)],
    ["Region", "a".repeat(257)],
    ["Region", "GZ"],
    ["Region", "gz gz"],
    ["Region", "../gz"],
    ["Region", "1"],
    ["Region", "广州"],
  ])("%s=%.30s is refused by name", async (name, value) => {
    await expectRefusal(server, "parameter-invalid", () => createVpc({ common: { [name]: value } }), [`[${name}]`]);
  });

  it.each(["0", "65535", "5444289359514150950", "9223372036854775807", "18446744073709551615"])(
    "Nonce may be %s",
    async (Nonce) => {
      expect(await describeVpcs({ common: { Nonce } })).toMatchObject({ code: 0 });
    },
  );

  it("of a client's own is signed, and means nothing", async () => {
    const common = { RequestClient: "SDK_PYTHON_2.0.15", RequestSource: "qcloudcli_1.9.19", Version: "2017-03-12" };
    expect(await describeVpcs({ common })).toMatchObject({ code: 0 });
  });
});

describe("an Action", () => {
  it.each(["NoSuchAction", "describeVpcEx", "DESCRIBEVPCEX", "DescribeVpcEx ", "toString", "__proto__", "动作"])(
    "%s is unknown",
    async (name) => {
      const reply = await expectRefusal(server, "action-unknown", () => replyOf(sendCall(server.client, name)));
      expect(reply.message).not.toContain(name);
    },
  );

  it.each([...notOffered])("%s is known, and not offered", async (name) => {
    await expectRefusal(server, "action-not-offered", () => replyOf(sendCall(server.client, name)), [name]);
  });

  it("is either offered or not", () => {
    expect([...notOffered].filter((name) => actions.has(name))).toEqual([]);
  });
});

describe("a read-only key", () => {
  let reader: Client;
  /** What the actions that cannot do without are given. */
  let required: Readonly<Record<string, Readonly<Record<string, string>>>>;
  beforeAll(async () => {
    reader = await server.addKey({ isReadOnly: true });
    const place = await makePlace(server.client);
    const { vpcId, vpnGwId } = place;
    const made = await addVpnConn(server.client, place);
    const vpnConnId = textAt(await findConn(server.client, made), "unVpnConnId");
    required = {
      DescribeVpcLimit: { type: "0" },
      DescribeVpcTaskResult: { taskId: made.taskId },
      DescribeVpnConnMonitor: { vpcId, vpnGwId, vpnConnId, metricName: "intraffic" },
      GetVpnConnConfig: { vpnConnId, vendorname: "cisco", platform: "ios", software: "V15.4" },
      InquiryVpnPrice: { period: "1", bandwidth: "5" },
    };
  });
  const writing = [...actions.values()].filter(({ isWrite }) => isWrite).map(({ name }) => name);
  const reading = [...actions.values()].filter(({ isWrite }) => !isWrite).map(({ name }) => name);

  it.each(writing)("may not %s, whatever the parameters", async (name) => {
    for (const parameters of [{}, { vpcName: "v", cidrBlock: "10.0.0.0/16", vpcId: "1", userGwId: "1" }]) {
      await expectRefusal(server, "permission-denied", () => replyOf(sendCall(reader, name, parameters)));
    }
  });

  it("may not add a channel to what is there", async () => {
    const place = { ...(await makePlace(server.client)), "userGwCidrBlock.0": nextNetwork() };
    await expectRefusal(server, "permission-denied", () => replyOf(sendCall(reader, "AddVpnConnEx", place)));
    requireSuccess(await call(server.client, "AddVpnConnEx", place));
  });

  it.each(reading)("may %s", async (name) => {
    expect(await replyOf(sendCall(reader, name, required[name] ?? {}))).toMatchObject({ code: 0 });
  });

  it("sees no pre-shared key", async () => {
    await makeConn(server.client, await makePlace(server.client), { preSharedKey: "unseen", vpnConnName: "unseen" });
    const filter = { vpnConnName: "unseen" };
    const answer = await sendCall(reader, "DescribeVpnConn", filter);
    expect(rowOf(answer.reply).preSharedKey).toBe("");
    expect(rowOf(await call(server.client, "DescribeVpnConn", filter)).preSharedKey).toBe("unseen");
  });
});

describe("a Region", () => {
  it("has two spellings, and there is a default", async () => {
    const vpcId = await makeVpc({ ...server.client, region: "gz" });
    for (const Region of ["gz", "ap-guangzhou", undefined, ""]) {
      const reply = await replyOf(sendCall(server.client, "DescribeVpcEx", { vpcId }, { common: { Region } }));
      expect(rowOf(reply).vpcId).toMatch(/^gz_vpc_/);
    }
    for (const Region of ["bj", "ap-beijing"]) {
      const attempt = () => replyOf(sendCall(server.client, "DescribeVpcEx", { vpcId }, { common: { Region } }));
      await expectRefusal(server, "vpc-not-found", attempt, [vpcId]);
    }
  });

  it.each([
    ["ap-beijing", "bj"],
    ["ap-shanghai", "sh"],
    ["ap-hongkong", "hk"],
    ["na-toronto", "ca"],
    ["ap-singapore", "sg"],
    ["na-siliconvalley", "usw"],
    ["ap-chengdu", "cd"],
    ["eu-frankfurt", "de"],
    ["ap-seoul", "kr"],
    ["ap-shanghai-fsi", "shjr"],
    ["ap-shenzhen-fsi", "szjr"],
    ["ap-guangzhou-open", "gzopen"],
  ])("%s is %s", async (long, short) => {
    const vpcId = await makeVpc({ ...server.client, region: long });
    const row = rowOf(await call({ ...server.client, region: short }, "DescribeVpcEx", { vpcId }));
    expect(row.vpcId).toMatch(new RegExp(`^${short}_vpc_[0-9]+$`));
  });

  it("may be an operator's own", async () => {
    const vpcId = await makeVpc({ ...server.client, region: "cellar-2" });
    const row = rowOf(await call({ ...server.client, region: "cellar-2" }, "DescribeVpcEx", { vpcId }));
    expect(row.vpcId).toMatch(/^cellar-2_vpc_[0-9]+$/);
  });
});

describe("of several faults", () => {
  const old = { Timestamp: "1465185768" };
  const stranger = () => ({ ...server.client, secretId: "AKIDnobody" });
  const forger = (client = server.client) => ({ ...client, secretKey: new Secret("guessed") });

  it.each<[string, RefusalKind, () => Promise<[Client, string, SignOptions]>]>([
    [
      "a missing common parameter, before the key",
      "parameter-invalid",
      async () => [stranger(), "CreateVpc", { common: { Nonce: "" } }],
    ],
    ["the key, before the signature", "secret-id-unknown", async () => [forger(stranger()), "CreateVpc", {}]],
    [
      "the signature, before token and clock",
      "signature-wrong",
      async () => [forger(), "CreateVpc", { common: { ...old, Token: "t" } }],
    ],
    [
      "the token, before the clock",
      "token-wrong",
      async () => [server.client, "CreateVpc", { common: { ...old, Token: "t" } }],
    ],
    [
      "the clock, before the permission",
      "request-replayed",
      async () => [await server.addKey({ isReadOnly: true }), "CreateVpc", { common: old }],
    ],
    ["the clock, before the action", "request-replayed", async () => [server.client, "NoSuchAction", { common: old }]],
    [
      "the permission, before the parameters",
      "permission-denied",
      async () => [await server.addKey({ isReadOnly: true }), "CreateVpc", {}],
    ],
    ["the action, before the parameters", "action-unknown", async () => [server.client, "NoSuchAction", {}]],
  ])("the first one counts: %s", async (_what, kind, prepare) => {
    const [client, action, options] = await prepare();
    await expectRefusal(server, kind, () => replyOf(sendCall(client, action, { cidrBlock: "nonsense" }, options)));
  });

  it("the first one counts: format, existence, rules, limits", async () => {
    const limited = await startLocalServer({ "quota.vpnConns": "1" });
    try {
      const place = await makePlace(limited.client);
      await makeConn(limited.client, place, { vpnConnName: "taken" });
      const faults = { "userGwCidrBlock.0": "10.0.0.0/24", vpnConnName: "taken", "IKESet.dhGroupName": "group3" };
      const attempt = (repairs: Readonly<Record<string, string>>) => () =>
        call(limited.client, "AddVpnConnEx", { ...place, vpcId: "vpc-zzzzzzzz", ...faults, ...repairs });
      await expectRefusal(limited, "parameter-invalid", attempt({}), ["[IKESet.dhGroupName]"]);
      const first = { "IKESet.dhGroupName": "group1" };
      await expectRefusal(limited, "vpc-not-found", attempt(first));
      const second = { ...first, vpcId: place.vpcId };
      await expectRefusal(limited, "parameter-invalid", attempt(second), ["[userGwCidrBlock]"]);
      const third = { ...second, "userGwCidrBlock.0": nextNetwork() };
      await expectRefusal(limited, "vpn-conn-name-in-use", attempt(third));
      await expectRefusal(limited, "vpn-conn-limit-exceeded", attempt({ ...third, vpnConnName: "free" }));
    } finally {
      await limited.stop();
    }
  });
});

describe("a failure of the server's own", () => {
  it("is 6000 without a word of what it was", async () => {
    const broken = await startLocalServer();
    try {
      await broken.store.close();
      const attempt = () => replyOf(sendCall(broken.client, "CreateVpc", newVpc()));
      const reply = await expectRefusal(broken, "internal", attempt);
      expect(reply.message).not.toMatch(/database|sqlite|store/i);
    } finally {
      await broken.stop();
    }
  });

  // PostgreSQL cannot be told to have no space; what it says then is read in src/store/errors.ts.
  const onFile = process.env.TEST_DATABASE === "postgresql" ? it.skip : it;
  onFile(
    "for want of disk space says so and has changed nothing; with space again it does what it is asked",
    async () => {
      const full = await startLocalServer(unlimited);
      const limitPages = (pages: number) => CompiledQuery.raw(`pragma max_page_count = ${pages}`);
      try {
        // SQLite takes the number of pages that there are for the least.
        await full.store.db.sql.executeQuery(limitPages(1));
        const create = () => replyOf(sendCall(full.client, "CreateVpc", newVpc()));
        let made = 0;
        while ((await create()).code === 0 && made < 1_000) made += 1;
        const { message } = await expectRefusal(full, "service-unavailable", create);
        expect(message).toContain("No disk space");
        const together = await Promise.all(Array.from({ length: 8 }, create));
        expect(new Set(together.map(({ code }) => code))).toEqual(new Set([6000]));
        expect(await call(full.client, "DescribeVpcEx", {})).toMatchObject({ code: 0, totalCount: made });
        await full.store.db.sql.executeQuery(limitPages(1_000_000));
        expect(await create()).toMatchObject({ code: 0 });
        expect(await call(full.client, "DescribeVpcEx", {})).toMatchObject({ code: 0, totalCount: made + 1 });
      } finally {
        await full.stop();
      }
    },
  );
});

describe("the empty account", () => {
  it("sees nothing of the others' resources, and cannot use them", async () => {
    const conn = await makeConn(server.client, await makePlace(server.client));
    const other = await server.addKey({ account: `other ${nextNumber()}` });
    const ids = { vpcId: String(conn.unVpcId), vpnGwId: String(conn.unVpnGwId), vpnConnId: String(conn.unVpnConnId) };
    for (const action of ["DescribeVpcEx", "DescribeVpnGw", "DescribeUserGw", "DescribeVpnConn"]) {
      expect(await call(other, action, {})).toMatchObject({ code: 0, totalCount: 0, data: [] });
    }
    await expectRefusal(server, "vpc-not-found", () => call(other, "DeleteVpnConn", ids));
    await expectRefusal(server, "vpn-conn-not-found", () =>
      call(other, "DescribeVpnConn", { vpnConnId: ids.vpnConnId }),
    );
    const { taskId } = dataOf(await call(server.client, "DeleteVpnConn", ids));
    const attempt = () => call(other, "DescribeVpcTaskResult", { taskId: String(taskId) });
    await expectRefusal(server, "task-not-found", attempt);
  });
});
