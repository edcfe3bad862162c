// One request with everything wrong, and what is wrong put right one after the other: the fault that comes first in the order of the
// contract is the one that is answered. api-v2.md 1.7.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Client, Reply } from "../../src/cli/client.ts";
import type { RefusalKind } from "../../src/errors.ts";
import { Secret } from "../../src/vpn/secret.ts";
import { startLocalServer } from "../support/local-server.ts";
import { formType, sendRaw, v2Path } from "../support/raw-call.ts";
import { checkRefusal, expectRefusal } from "../support/refusal.ts";
import { requireSuccess } from "../support/reply.ts";
import { makeConn, makePlace, nextNetwork } from "../support/scene.ts";
import { encodePairs, signPairs } from "../support/sign.ts";

/** What the request is made of; each part has its fault at the beginning. */
interface Parts {
  scheme: string;
  method: string;
  tail: string;
  client: Client;
  action: string;
  common: Record<string, string | undefined>;
  parameters: Record<string, string>;
}

it("of everything that is wrong with a request, what comes first in the order of checks is answered", async () => {
  const server = await startLocalServer({ plainHttp: "off", rateLimit: "30", "quota.vpnConns": "1" });
  try {
    const ca = readFileSync(join(server.dataDir, "tls", "cert.pem"), "utf8");
    const endpoint = server.endpoint.replace(/^https?:/, "https:");
    const client = { ...server.client, endpoint, trusted: [ca] };
    const place = await makePlace(client);
    await makeConn(client, place, { vpnConnName: "taken" });
    const reader = { ...(await server.addKey({ isReadOnly: true })), endpoint };
    const parts: Parts = {
      scheme: "http:",
      method: "PUT",
      tail: "&vpcId=%zz",
      client: { ...reader, secretId: "AKIDnobody", secretKey: new Secret("guessed") },
      action: "AddVpnConnEx",
      common: { Nonce: "", Timestamp: "1465185768", Token: "t" },
      parameters: {
        ...place,
        vpcId: "vpc-zzzzzzzz",
        "userGwCidrBlock.0": "10.0.0.0/24",
        vpnConnName: "taken",
        "IKESet.dhGroupName": "group3",
      },
    };
    const write = () => {
      const { client: from, action, parameters, common, tail } = parts;
      return `${encodePairs(signPairs(from, action, parameters, { common }))}${tail}`;
    };
    const send = async (body: string) => {
      const headers = { "content-type": formType };
      return (
        await sendRaw(endpoint.replace("https:", parts.scheme), {
          method: parts.method,
          path: v2Path,
          headers,
          body,
          ca,
        })
      ).reply;
    };
    const refuse = async (kind: RefusalKind, mention: string, repair: () => void) => {
      server.clock.advance(1_000); // calls are left in the bucket
      await expectRefusal(server, kind, () => send(write()), mention === "" ? [] : [mention]);
      repair();
    };

    await refuse("protocol-unsupported", "HTTPS", () => {
      parts.scheme = "https:";
    });
    await refuse("parameter-invalid", "GET or POST", () => {
      parts.method = "POST";
    });
    await refuse("parameter-invalid", "[vpcId]", () => {
      parts.tail = "";
    });
    await refuse("parameter-invalid", "[Nonce]", () => {
      delete parts.common.Nonce;
    });
    await refuse("secret-id-unknown", "", () => {
      parts.client = { ...reader, secretKey: new Secret("guessed") };
    });
    await refuse("signature-wrong", "", () => {
      parts.client = reader;
    });
    await refuse("token-wrong", "", () => {
      delete parts.common.Token;
    });
    await refuse("request-replayed", "Timestamp", () => {
      delete parts.common.Timestamp;
    });
    const sentBefore = write();
    checkRefusal(await send(sentBefore), "permission-denied");
    await expectRefusal(server, "request-replayed", () => send(sentBefore), ["before"]);
    await refuse("permission-denied", "", () => {
      parts.client = client;
      parts.action = "NoSuchAction"; // of which nobody knows whether it writes
    });
    await refuse("action-unknown", "", () => {
      parts.action = "AddVpnConnEx";
    });
    const replies = await Promise.all(Array.from({ length: 120 }, () => send(write())));
    const isRefused = (reply: Reply) => reply.code === 4400;
    for (const reply of replies.filter(isRefused)) checkRefusal(reply, "rate-exceeded", ["30"]);
    for (const reply of replies.filter((each) => !isRefused(each)))
      checkRefusal(reply, "parameter-invalid", ["[IKESet.dhGroupName]"]);
    expect(replies.some(isRefused)).toBe(true);
    await refuse("parameter-invalid", "[IKESet.dhGroupName]", () => {
      parts.common.Region = "G Z";
    });
    await refuse("parameter-invalid", "[Region]", () => {
      delete parts.common.Region;
      parts.parameters["IKESet.dhGroupName"] = "group1";
    });
    await refuse("vpc-not-found", "", () => {
      parts.parameters.vpcId = place.vpcId;
    });
    await refuse("parameter-invalid", "[userGwCidrBlock]", () => {
      parts.parameters["userGwCidrBlock.0"] = nextNetwork();
    });
    await refuse("vpn-conn-name-in-use", "", () => {
      parts.parameters.vpnConnName = "free";
    });
    await refuse("vpn-conn-limit-exceeded", "", () => {
      parts.action = "DescribeVpnConn";
      parts.parameters = {};
    });
    server.clock.advance(1_000);
    expect(requireSuccess(await send(write())).totalCount).toBe(1);
  } finally {
    await server.stop();
  }
});
