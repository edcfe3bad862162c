// The clients of all charons of an instance: opened when first asked for, one opening at a time for each gateway, forgotten
// when charon goes.
import type { ChildSa } from "../dataplane.ts";
import { CharonClient } from "./charon-client.ts";
import { type CharonPlace, findCharon, viciSocketOf } from "./charon-process.ts";

export class CharonClients {
  readonly #placeOf: (gatewayId: number) => CharonPlace;
  readonly #onChange: (gatewayId: number, ended: readonly ChildSa[]) => void;
  readonly #onGone: (gatewayId: number) => void;
  readonly #clients = new Map<number, CharonClient>();
  readonly #openings = new Map<number, Promise<CharonClient | undefined>>();

  /** `onChange` hears of every event of any charon; `onGone` of one that has gone by itself. */
  constructor(
    placeOf: (gatewayId: number) => CharonPlace,
    onChange: (gatewayId: number, ended: readonly ChildSa[]) => void,
    onGone: (gatewayId: number) => void,
  ) {
    this.#placeOf = placeOf;
    this.#onChange = onChange;
    this.#onGone = onGone;
  }

  /** The client of a gateway's charon; undefined when charon does not run. @throws ViciError when it runs and does not answer */
  async find(gatewayId: number): Promise<CharonClient | undefined> {
    const known = this.#clients.get(gatewayId);
    if (known?.isOpen) return known;
    const opening = this.#openings.get(gatewayId) ?? this.#open(gatewayId);
    this.#openings.set(gatewayId, opening);
    try {
      return await opening;
    } finally {
      this.#openings.delete(gatewayId);
    }
  }

  /** As find, but not before it is proved that the client's charon is the one that belongs there. */
  async findProved(gatewayId: number): Promise<CharonClient | undefined> {
    const known = this.#clients.get(gatewayId);
    if (known !== undefined && known.pid !== (await findCharon(this.#placeOf(gatewayId)))) await this.drop(gatewayId);
    return await this.find(gatewayId);
  }

  /** Lets go of a gateway's charon, which lives on. */
  async drop(gatewayId: number): Promise<void> {
    await this.#openings.get(gatewayId)?.catch(() => undefined);
    this.#clients.get(gatewayId)?.close();
    this.#clients.delete(gatewayId);
  }

  async dropAll(): Promise<void> {
    const gatewayIds = [...this.#clients.keys(), ...this.#openings.keys()];
    await Promise.all(gatewayIds.map((gatewayId) => this.drop(gatewayId)));
  }

  async #open(gatewayId: number): Promise<CharonClient | undefined> {
    const place = this.#placeOf(gatewayId);
    const pid = await findCharon(place);
    if (pid === undefined) return undefined;
    const onChange = (ended: readonly ChildSa[]) => this.#onChange(gatewayId, ended);
    const client = await CharonClient.open(viciSocketOf(place), pid, onChange, () => {
      if (this.#clients.get(gatewayId)?.pid === pid) this.#clients.delete(gatewayId);
      this.#onGone(gatewayId);
    });
    this.#clients.set(gatewayId, client);
    return client;
  }
}
