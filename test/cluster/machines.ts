// Machines as namespaces, on three wires: one for the management network, one for the public network, one that a VPC is on. What is
// named `eth0`, `pub0` and `vpc0` in them is the machine's network cards.
import { makeNamespace, removeNamespace } from "../../src/dataplane/charon/bridges.ts";
import { ipBatch } from "../../src/dataplane/charon/ip.ts";

export const wires = ["eth0", "pub0", "vpc0"] as const;
export type Wire = (typeof wires)[number];

/** Its cards and their addresses with lengths; "" for a card without one. */
export type Cards = Readonly<Partial<Record<Wire, string>>>;

export class Machines {
  readonly #prefix: string;
  readonly #namespaces: string[] = [];

  private constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** @param prefix of all namespaces; at most 20 characters */
  static async make(prefix: string): Promise<Machines> {
    const machines = new Machines(prefix);
    await machines.#makeNamespace("switch");
    await ipBatch(
      machines.switch,
      wires.flatMap((wire) => [`link add ${wire} type bridge`, `link set ${wire} up`]),
    );
    return machines;
  }

  /** Where the wires are, each a bridge that is named after the cards on it. */
  get switch(): string {
    return this.#nameOf("switch");
  }

  /** @returns its namespace */
  async add(name: string, cards: Cards, commands: readonly string[] = []): Promise<string> {
    const namespace = await this.#makeNamespace(name);
    for (const [card, address] of Object.entries(cards)) {
      const port = this.portOf(name, card as Wire);
      await ipBatch(undefined, [
        `link add ${card} netns ${namespace} type veth peer name ${port} netns ${this.switch}`,
      ]);
      await ipBatch(this.switch, [`link set ${port} master ${card} up`]);
      const addressing = address === "" ? [] : [`address add ${address} dev ${card}`];
      await ipBatch(namespace, [...addressing, `link set ${card} up`]);
    }
    await ipBatch(namespace, commands);
    return namespace;
  }

  /** Pulls a machine's plug, or puts it in. */
  async plug(name: string, card: Wire, isIn: boolean): Promise<void> {
    await ipBatch(this.switch, [`link set ${this.portOf(name, card)} ${isIn ? "up" : "down"}`]);
  }

  /** The port of the switch that a machine's card is plugged into. */
  portOf(name: string, card: Wire): string {
    return `${name}-${card}`;
  }

  async remove(): Promise<void> {
    for (const namespace of this.#namespaces.toReversed()) await removeNamespace(namespace);
  }

  #nameOf(name: string): string {
    return `${this.#prefix}${name}`;
  }

  async #makeNamespace(name: string): Promise<string> {
    const namespace = this.#nameOf(name);
    this.#namespaces.push(namespace);
    await makeNamespace(namespace);
    return namespace;
  }
}
