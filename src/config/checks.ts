// What settings have to be beside each other, and what the command line may not hold.
import { parseVpcAttachments } from "../vpn/attachment.ts";
import { formatAddress, networkAt, parseAddress } from "../vpn/network.ts";
import { ConfigError } from "./error.ts";
import type { AddressPool } from "./kinds.ts";
import { readListen } from "./listen.ts";

/** The settings that are looked at here. */
interface Checked {
  readonly listen: string;
  readonly database: string;
  readonly "dpd.delaySeconds": number;
  readonly "dpd.timeoutSeconds": number;
  readonly "network.public": string;
  readonly "network.vpcs": string;
  readonly "network.publicPool": AddressPool;
  readonly "network.publicPrefixLength": number;
  readonly "network.publicGateway": string;
}

/** @throws ConfigError */
export function checkTogether(config: Checked): void {
  readListen(config.listen);
  checkPool(config);
  checkDpd(config);
  checkAttachments(config);
  checkDatabase(config.database);
}

/** The URL is not told: there may be a password in it. */
function checkDatabase(database: string): void {
  if (database !== "" && !isDatabaseUrl(database)) {
    throw new ConfigError("database: sqlite:PATH or postgres://user@host/name is expected");
  }
}

export function isDatabaseUrl(text: string): boolean {
  return /^(sqlite:(?!:memory:$)|postgres(ql)?:\/\/)./.test(text);
}

/** Everybody on the machine sees the command line of a process. @param instead where the password is to be. @throws ConfigError */
export function refuseShownPassword(url: string | undefined, instead: string, option: string): void {
  if (url === undefined || !/^postgres(ql)?:\/\/([^/?#]*:[^/?#]*@|.*[?&]password=)/.test(url)) return;
  throw new ConfigError(
    `option ${option}: a password is not taken from the command line, which everybody on the machine can see; ` +
      `give the file that holds it (${instead})`,
  );
}

function checkDpd({ "dpd.delaySeconds": delay, "dpd.timeoutSeconds": timeout }: Checked): void {
  if (timeout > delay) return;
  throw new ConfigError(`dpd.timeoutSeconds: more than dpd.delaySeconds, ${delay}, is expected, not ${timeout}`);
}

/** A VPC that were on the public network would have its packets there in clear. */
function checkAttachments({ "network.public": ofPublic, "network.vpcs": ofVpcs }: Checked): void {
  const twin = [...parseVpcAttachments(ofVpcs)].find(([, text]) => text !== "own" && text === ofPublic)?.[0];
  if (twin !== undefined)
    throw new ConfigError(`network.vpcs: ${twin} cannot have ${ofPublic}, which is network.public`);
}

function checkPool(config: Checked): void {
  const { first, last } = config["network.publicPool"];
  const prefixLength = config["network.publicPrefixLength"];
  const network = networkAt(first, prefixLength);
  const name = `${formatAddress(first)} and ${formatAddress(last)}`;
  if (last > network.last) throw new ConfigError(`network.publicPool: ${name} are not in one /${prefixLength}`);
  // In a /31 both addresses are hosts (RFC 3021).
  if (prefixLength < 31 && (first === network.first || last === network.last)) {
    throw new ConfigError(
      `network.publicPool: ${name} hold the network or the broadcast address of the /${prefixLength}`,
    );
  }
  const nextHop = parseAddress(config["network.publicGateway"]);
  if (nextHop !== undefined && nextHop >= first && nextHop <= last) {
    throw new ConfigError(`network.publicGateway: ${formatAddress(nextHop)} is in network.publicPool`);
  }
}
