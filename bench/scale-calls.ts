// The calls that are measured at every size: who calls, about what. Channels are drawn at random from all of the callers'.
import { formatAddress } from "../src/vpn/network.ts";
import { preSharedKey, type ScaleKey } from "./scale-fill.ts";
import { channelsPerBlock, connNameOf, type GatewayPlace, gatewaysOfBlock, peerOf, uidOf } from "./scale-layout.ts";

export interface ScaleCall {
  readonly key: ScaleKey;
  readonly action: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** One channel of a caller's. */
interface Spot {
  readonly key: ScaleKey;
  readonly place: GatewayPlace;
  /** Among the gateway's channels, from 0. */
  readonly index: number;
}

/** 20.0.0.0: networks that no channel has yet. */
const firstNewNetwork = 20 * 2 ** 24;
const networkSize = 16;
const pageLength = 20;
/** Where a deep page is: so far into the list of the largest account. */
const depth = 0.9;

export class ScaleCalls {
  readonly #keys: readonly ScaleKey[];
  readonly #modified = new Set<number>();
  #made = 0;

  /** @param keys that of the largest account first */
  constructor(keys: readonly ScaleKey[]) {
    this.#keys = keys;
  }

  /** By what the report calls them. */
  readonly kinds: Readonly<Record<string, () => ScaleCall>> = {
    AddVpnConnEx: () => this.#create(),
    ModifyVpnConnEx: () => this.#modify(),
    DescribeVpcTaskResult: () => {
      const { key, place, index } = this.#draw();
      return { key, action: "DescribeVpcTaskResult", parameters: { taskId: String(place.firstConn + index) } };
    },
    "DescribeVpnConn by id": () => {
      const { key, place, index } = this.#draw();
      return list(key, { vpnConnId: uidOf("vpn-conn", place.firstConn + index) });
    },
    "by gateway": () => {
      const { key, place } = this.#draw();
      return list(key, { vpcId: uidOf("vpc", place.vpc), vpnGwId: uidOf("vpn-gw", place.gateway) });
    },
    "first page": () => list(this.#largest, {}),
    "deep page": () => {
      const all = this.#largest.blocks.length * channelsPerBlock;
      return list(this.#largest, { offset: String(Math.floor(all * depth)) });
    },
    "fuzzy name": () => {
      const { place, index } = this.#drawUnchanged(this.#largest);
      return list(this.#largest, { vpnConnName: connNameOf(place.firstConn + index).slice(3) });
    },
  };

  get #largest(): ScaleKey {
    return pickOne(this.#keys);
  }

  #draw(key = this.#keys[randomBelow(this.#keys.length)]): Spot {
    if (key === undefined) throw new TypeError("somebody has to call");
    let n = randomBelow(channelsPerBlock);
    for (const place of gatewaysOfBlock(pickOne(key.blocks, randomBelow(key.blocks.length)))) {
      if (n < place.conns) return { key, place, index: n };
      n -= place.conns;
    }
    throw new TypeError("a block has as many channels as its gateways");
  }

  /** A channel as it was filled in. Without a host, one that was modified is being modified for ever. */
  #drawUnchanged(key?: ScaleKey): Spot {
    for (;;) {
      const spot = this.#draw(key);
      if (!this.#modified.has(spot.place.firstConn + spot.index)) return spot;
    }
  }

  #create(): ScaleCall {
    const { key, place, index } = this.#draw();
    this.#made += 1;
    const parameters = {
      ...placeOf(place),
      userGwId: uidOf("user-gw", peerOf(place, index)),
      preSharedKey,
      vpnConnName: `new-${this.#made}`,
      "userGwCidrBlock.0": this.#newNetwork(),
    };
    return { key, action: "AddVpnConnEx", parameters };
  }

  #modify(): ScaleCall {
    const { key, place, index } = this.#drawUnchanged();
    const conn = place.firstConn + index;
    this.#modified.add(conn);
    this.#made += 1;
    const parameters = {
      ...placeOf(place),
      vpnConnId: uidOf("vpn-conn", conn),
      vpnConnName: `changed-${this.#made}`,
      "userGwCidrBlock.0": this.#newNetwork(),
    };
    return { key, action: "ModifyVpnConnEx", parameters };
  }

  #newNetwork(): string {
    return `${formatAddress(firstNewNetwork + this.#made * networkSize)}/28`;
  }
}

function placeOf({ vpc, gateway }: GatewayPlace) {
  return { vpcId: uidOf("vpc", vpc), vpnGwId: uidOf("vpn-gw", gateway) };
}

function list(key: ScaleKey, filter: Readonly<Record<string, string>>): ScaleCall {
  return { key, action: "DescribeVpnConn", parameters: { limit: String(pageLength), ...filter } };
}

function pickOne<T>(all: readonly T[], index = 0): T {
  const one = all[index];
  if (one === undefined) throw new TypeError("there is none");
  return one;
}

function randomBelow(bound: number): number {
  return Math.floor(Math.random() * bound);
}
