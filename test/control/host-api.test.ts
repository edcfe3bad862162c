// The desk for hosts as it is on the wire: who is let in, what is refused before anything is done, and in which words.
import { request as requestPlain } from "node:http";
import { request as requestSecured } from "node:https";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Control } from "../../src/control/control.ts";
import { hostPath, sessionHeader } from "../../src/control/wire.ts";
import { certificateOfNodes, session, startNode, type TestNode, token } from "../support/host-desk.ts";

const calls: string[] = [];
const control = new Proxy({} as Control, {
  get: (_target, method) => async () => {
    calls.push(String(method));
  },
});

let node: TestNode;
let plainNode: TestNode;
beforeAll(async () => {
  node = await startNode(() => control);
  plainNode = await startNode(() => control, { isPlainServed: true });
});
afterAll(() => Promise.all([node.stop(), plainNode.stop()]));
beforeEach(() => {
  calls.length = 0;
});

interface Sent {
  readonly endpoint?: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const good = { authorization: `Bearer ${token}`, [sessionHeader]: session };

/** One request, byte for byte. */
async function send(sent: Sent): Promise<{ status: number | undefined; answer: unknown }> {
  const {
    endpoint = node.endpoint,
    method = "POST",
    path = `${hostPath}release`,
    headers = good,
    body = '{"args":[1]}',
  } = sent;
  const request = endpoint.startsWith("https:") ? requestSecured : requestPlain;
  const { cert } = await certificateOfNodes();
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve, reject) => {
    const made = request({ hostname, port, path, method, headers, agent: false, ca: cert }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode, answer: text === "" ? "" : JSON.parse(text) }));
    });
    made.on("error", reject).end(method === "GET" ? undefined : body);
  });
}

it("a host with its token and session is answered", async () => {
  expect(await send({})).toEqual({ status: 200, answer: null });
  expect(calls).toEqual(["release"]);
});

describe("over plain HTTP a host is never answered, whatever the setting says", () => {
  const paths = [`${hostPath}release`, `${hostPath}watch`, "/%68ost/v1/release"];

  it.each(paths)("%s", async (path) => {
    const endpoint = plainNode.endpoint.replace("https:", "http:");
    const answer = { message: "hosts are answered over HTTPS only" };
    expect(await send({ endpoint, path })).toEqual({ status: 403, answer });
    expect(calls).toEqual([]);
  });

  it("not where the API is served over HTTPS only, either", async () => {
    const endpoint = node.endpoint.replace("https:", "http:");
    expect(await send({ endpoint })).toEqual({
      status: 403,
      answer: { message: "hosts are answered over HTTPS only" },
    });
    expect(calls).toEqual([]);
  });
});

describe("a host is not let in", () => {
  const bearers = ["", "Bearer", "Bearer ", `Basic ${token}`, `Bearer ${token} more`, `Bearer ${"x".repeat(600)}`];

  it.each(bearers)("with the authorization %j", async (authorization) => {
    const { status, answer } = await send({ headers: { ...good, authorization } });
    expect([status, answer]).toEqual([401, { message: expect.stringContaining("Authorization: Bearer TOKEN") }]);
    expect(calls).toEqual([]);
  });

  it("with another's token", async () => {
    const headers = { ...good, authorization: "Bearer another" };
    expect(await send({ headers })).toEqual({ status: 401, answer: { message: "the token is nobody's" } });
  });

  it.each(["", "a b", "x".repeat(65), "../1"])("with the session %j", async (given) => {
    const { status, answer } = await send({ headers: { ...good, [sessionHeader]: given } });
    expect([status, answer]).toEqual([401, { message: expect.stringContaining(sessionHeader) }]);
    expect(calls).toEqual([]);
  });

  it("before its body is read", async () => {
    const { status } = await send({ headers: {}, body: "[" });
    expect(status).toBe(401);
  });
});

describe("what is not understood is refused with a sentence, and nothing is done", () => {
  const bodies = [
    ["", "the body: JSON is expected"],
    ['{"args":[1', "the body: JSON is expected"],
    ["null", "the body: an object is expected"],
    ["[1]", "the body: an object is expected"],
    ['{"args":{"0":1}}', "the body: a list of 1 is expected"],
    ['{"args":[]}', "the body: a list of 1 is expected"],
    ['{"args":[1,2]}', "the body: a list of 1 is expected"],
    ['{"args":["a secret"]}', "[0]: a whole number from 0 is expected"],
    ['{"args":[-1]}', "[0]: a whole number from 0 is expected"],
    ['{"args":[1],"fence":"a secret"}', ".fence: a whole number from 0 is expected"],
    [`${"[".repeat(100_000)}`, "the body: JSON is expected"],
    [`{"args":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "[0]: a whole number from 0 is expected"],
  ] as const;

  it.each(bodies)("%.30s", async (body, message) => {
    expect(await send({ body })).toEqual({ status: 400, answer: { message } });
    expect(calls).toEqual([]);
  });

  it("of a poll, too", async () => {
    const path = `${hostPath}watch`;
    expect(await send({ path, body: '{"cursor":1}' })).toEqual({
      status: 400,
      answer: { message: ".cursor: a text is expected" },
    });
  });

  it("nor is a body beyond 16 MiB, which is not read to its end", async () => {
    const outcome = await send({ body: `{"args":[${" ".repeat(17 << 20)}1]}` }).catch((error: Error) => error);
    if (!(outcome instanceof Error)) {
      expect(outcome).toEqual({ status: 413, answer: { message: "the body is larger than 16 MiB" } });
    }
    expect(calls).toEqual([]);
  });
});

it("there is nothing else under the path, and no other method", async () => {
  for (const path of ["", "constructor", "__proto__", "toString", "renew/x"]) {
    expect(await send({ path: `${hostPath}${path}` })).toMatchObject({ status: 404 });
  }
  expect(await send({ method: "GET" })).toMatchObject({ status: 404 });
});
