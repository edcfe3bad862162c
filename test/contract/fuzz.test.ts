// Requests at random, most of them signed, some damaged on their way: whatever comes in, the answer is an answer of the API, in time, and what is refused has
// written nothing. What is drawn differs from run to run; a failure tells its seed.
import { request as httpRequest } from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contract, notOffered } from "../api-coverage/contract.ts";
import { type LocalServer, startLocalServer, unlimited } from "../support/local-server.ts";
import { vendorBody } from "../support/multipart-body.ts";
import { type Mutation, mutations } from "../support/mutations.ts";
import { formType, type RawAnswer, sendRaw, sendText, v2Path } from "../support/raw-call.ts";
import { makePlace, type Place } from "../support/scene.ts";
import { encodePairs, signPairs } from "../support/sign.ts";

const signedRuns = 10_000;
const rawRuns = 3_000;
const timeoutMs = 180_000;

let server: LocalServer;
let place: Place;
beforeAll(async () => {
  server = await startLocalServer(unlimited);
  place = await makePlace(server.client);
});
afterAll(() => server.stop());

/** Values that somebody, somewhere, has sent. */
const oddTexts = [
  ...' 0 -1 1e3 1.5 99999999999999999999 true null undefined NaN [] {} [[]] {"a": [1,2 %00 ../../etc/passwd'.split(" "),
  ..."10.0.0.0/8 10.0.0.0/33 010.0.0.1 1.2.3 ::1/64 0.0.0.0/0 224.0.0.1 255.255.255.255 10.0.0.5/24".split(" "),
  ..."3des-cbc AES-CBC-256 md5 sha group14 dh-group2 aggressive fqdn address postpaid PREPAID desc createTime".split(
    " ",
  ),
  "' or 1=1; --",
  "line\r\nbreak",
  "tab\tand\u0007bell",
  "a\u0000b",
  "办公室 𝒳 é",
  "\u202e\ufeff",
  "2026-01-01 00:00:00",
  "x".repeat(61),
  "x".repeat(5_000),
  "[".repeat(3_000),
  '{"10.0.0.0/24":["172.16.0.0/16"]}',
  '[{"10.0.0.0/24":"172.16.0.0/16"}]',
  '{"__proto__":{"x":1}}',
  '{"encryptAlgorithm":{"toString":1}}',
];

const oddValue = fc.oneof(
  fc.constantFrom(...oddTexts),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.integer().map(String),
  fc.ipV4().chain((address) => fc.nat(40).map((length) => `${address}/${length}`)),
  fc.json({ maxDepth: 4 }),
);

/** What would do, by parameter: drawn often enough that some requests get far. */
function likelyValue(name: string): string | undefined {
  const known: Readonly<Record<string, string>> = {
    vpcId: place.vpcId,
    vpnGwId: place.vpnGwId,
    userGwId: place.userGwId,
    vpnConnId: "1",
    name: "gateway",
    userGwName: "peer",
    bandwidth: "5",
    period: "1",
    chargeType: "POSTPAID_BY_HOUR",
    cidrBlock: "10.20.0.0/16",
    vpcName: "vpc",
    metricName: "intraffic",
    taskId: "1",
    type: "0",
    userGwCidrBlock: "172.16.0.0/24",
    limit: "5",
    offset: "0",
  };
  return Object.hasOwn(known, name) ? known[name] : undefined;
}

/** Names under which a parameter may be tried. */
function namesOf(parameter: string): string[] {
  return [
    parameter,
    ...[`${parameter}.0`, `${parameter}_1`, `${parameter}.x`, `${parameter}.0.0`, parameter.toUpperCase()],
    ...[`IKESet.${parameter}`, `ipsecSet.0.${parameter}`, `${parameter}.10.0.0.0/24.0`, `${parameter}.99999999999`],
  ];
}

interface Drawn {
  readonly action: string;
  readonly pairs: readonly (readonly [string, string])[];
  readonly transport: "GET" | "form" | "multipart";
  readonly mutate: Mutation;
}

const deletes = new Set(["DeleteVpc", "DeleteVpnGw", "DeleteUserGw"]);

const pairOf = (action: string) => {
  const own = Object.keys(contract[action]?.parameters ?? {});
  const parameter = fc.constantFrom(...own, "vpcId", "limit", "__proto__", "constructor", "");
  return parameter.chain((name) =>
    fc.tuple(
      fc.oneof({ weight: 3, arbitrary: fc.constant(name) }, fc.constantFrom(...namesOf(name))),
      fc.oneof(
        // The scene is to last: what it is made of is never deleted by its name.
        {
          weight: 3,
          arbitrary: fc.constant(undefined).map(() => (deletes.has(action) ? undefined : likelyValue(name))),
        },
        { weight: 2, arbitrary: oddValue },
      ),
    ),
  );
};

const drawn: fc.Arbitrary<Drawn> = fc
  .constantFrom(...Object.keys(contract), "NoSuchAction", "toString", ...notOffered.slice(0, 2))
  .chain((action) =>
    fc.record({
      action: fc.constant(action),
      pairs: fc
        .array(pairOf(action), { maxLength: 12 })
        .map((all) => all.map(([name, value]) => [name, value ?? ""] as const)),
      transport: fc.constantFrom("GET" as const, "form" as const, "multipart" as const),
      mutate: mutations,
    }),
  );

function send({ action, pairs, transport, mutate }: Drawn): Promise<RawAnswer> {
  const names = new Set<string>();
  // The signature is over one value for each name.
  const unique = pairs.filter(([name]) => name !== "" && !names.has(name) && names.add(name));
  const wellFormed = unique.map(([name, value]) => [name, value.toWellFormed()] as const);
  const method = transport === "GET" ? "GET" : "POST";
  const signed = signPairs(server.client, action, wellFormed, { method });
  if (transport !== "multipart") return sendText(server.endpoint, method, mutate(encodePairs(signed)));
  const boundary = `----${pairs.length}`;
  const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
  const body = mutate(vendorBody(signed, boundary));
  return sendRaw(server.endpoint, { method, path: v2Path, headers, body });
}

describe("whatever is asked", () => {
  it(
    "is answered by the API, and writes nothing when it is refused",
    async () => {
      const { database } = server;
      await database.settle();
      let quiet = await database.takeSnapshot();
      let version = await database.readVersion();
      const codes = new Map<number, number>();
      const carriedOut = new Map<string, number>();
      const property = fc.asyncProperty(drawn, async (request) => {
        const answer = await send(request);
        expect(answer.status).toBe(200);
        const { code, codeDesc, message } = answer.reply;
        expect([Number.isInteger(code), typeof codeDesc, typeof message]).toEqual([true, "string", "string"]);
        expect({ code, message }).not.toMatchObject({ code: 6000 });
        codes.set(code, (codes.get(code) ?? 0) + 1);
        if (code === 0) {
          carriedOut.set(request.transport, (carriedOut.get(request.transport) ?? 0) + 1);
          await database.settle();
          quiet = await database.takeSnapshot();
          version = await database.readVersion();
        } else if ((await database.readVersion()) !== version) {
          expect(await database.takeSnapshot()).toEqual(quiet);
          version = await database.readVersion();
        }
      });
      await fc.assert(property, { numRuns: signedRuns });
      // The requests are not all refused for the same reason, nor all before anything happens.
      expect([...codes.keys()]).toEqual(expect.arrayContaining([0, 4000, 4100, 5000, -3047, 6100]));
      for (const transport of ["GET", "form", "multipart"]) {
        expect(carriedOut.get(transport)).toBeGreaterThan(signedRuns / 300);
      }
    },
    timeoutMs,
  );

  it(
    "and whatever is sent, signed or not, is answered without a failure of ours",
    async () => {
      const before = await server.database.takeSnapshot();
      const types = fc.constantFrom(
        ...[
          formType,
          "multipart/form-data; boundary=x",
          "multipart/form-data",
          "application/json",
          "",
          "text/plain;;;",
        ],
      );
      const pieces = [
        "Action=",
        "&",
        "=",
        "%",
        "%00",
        "%ff",
        "--x\r\n",
        "Content-Disposition: form-data; name=",
        '"',
        "\r\n",
      ];
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc
          .array(fc.constantFrom(...pieces, "Signature", "Timestamp=1", "é"), { maxLength: 60 })
          .map((all) => Buffer.from(all.join(""))),
      );
      const property = fc.asyncProperty(
        bytes,
        types,
        fc.constantFrom("POST", "GET", "PUT"),
        async (body, type, method) => {
          const status = await sendBytes(Buffer.from(body), type, method);
          expect(status).toBeLessThan(500);
        },
      );
      await fc.assert(property, { numRuns: rawRuns });
      expect(await server.database.takeSnapshot()).toEqual(before);
    },
    timeoutMs,
  );
});

/** @returns the status */
function sendBytes(body: Buffer, contentType: string, method: string): Promise<number> {
  const { hostname, port } = new URL(server.endpoint);
  const query = method === "GET" ? `?${encodeURI(body.toString("latin1").slice(0, 200))}` : "";
  const headers = { "content-type": contentType, "content-length": String(method === "GET" ? 0 : body.length) };
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(10_000);
    const sent = httpRequest(
      { hostname, port, method, path: v2Path + query, headers, agent: false, signal },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
      },
    );
    sent.on("error", reject);
    sent.end(method === "GET" ? undefined : body);
  });
}
