// The SAs of one charon between two listings: what was listed, changed by what the events have told since. Pure but for its own
// memory. Events and listings come over different sessions, so what is heard while a listing is made is applied to it once more.
import type { DecodedMessage } from "../../vici/codec.ts";
import type { ChildSa, IkeSa } from "../dataplane.ts";
import { readChildEvent, readIkeSas } from "./sas.ts";

/** What may have changed a listing. A failed set-up raises ike-updown too. */
export const changeEvents = ["ike-updown", "child-updown", "child-rekey"] as const;
export type ChangeEvent = (typeof changeEvents)[number];

export class SaTable {
  /** By unique id. */
  #ikeSas = new Map<string, IkeSa>();
  #isSure = false;
  /** While a listing is made. */
  #heard: (readonly [ChangeEvent, DecodedMessage])[] | undefined;

  /** Whether nothing has happened since the last listing that only another can tell. */
  get isSure(): boolean {
    return this.#isSure;
  }

  all(): IkeSa[] {
    return [...this.#ikeSas.values()];
  }

  find(uniqueId: string): IkeSa | undefined {
    return this.#ikeSas.get(uniqueId);
  }

  /** Something has been done whose outcome no event tells for certain. */
  doubt(): void {
    this.#isSure = false;
  }

  /** Lists anew. @throws what `list` throws; the table is as unsure as before then */
  async renew(list: () => Promise<readonly IkeSa[]>): Promise<void> {
    const heard: (readonly [ChangeEvent, DecodedMessage])[] = [];
    this.#heard = heard;
    try {
      const listed = await list();
      this.#ikeSas = new Map(listed.map((ikeSa) => [ikeSa.uniqueId, ikeSa]));
    } finally {
      this.#heard = undefined;
    }
    this.#isSure = true;
    for (const [event, message] of heard) this.#apply(event, message);
  }

  hear(event: ChangeEvent, message: DecodedMessage): void {
    this.#heard?.push([event, message]);
    this.#apply(event, message);
  }

  #apply(event: ChangeEvent, message: DecodedMessage): void {
    if (event === "ike-updown") this.#applyToIkeSa(message);
    else this.#applyToChildren(message, event === "child-rekey");
  }

  /** The children of a renewed IKE_SA move to the new one without an event (IKEv1): only a listing tells where they are. */
  #applyToIkeSa(message: DecodedMessage): void {
    for (const ikeSa of readIkeSas([message])) {
      const { uniqueId, connection } = ikeSa;
      const children = this.#ikeSas.get(uniqueId)?.children ?? [];
      if (message.up === "yes") {
        this.#ikeSas.set(uniqueId, { ...ikeSa, children });
        if (this.all().some((other) => other.connection === connection && other.uniqueId !== uniqueId)) this.doubt();
      } else if (children.length === 0) {
        this.#ikeSas.delete(uniqueId);
      } else {
        this.doubt();
      }
    }
  }

  /** A CHILD_SA that was replaced stays until it expires, of which no event tells. */
  #applyToChildren(message: DecodedMessage, isRekeying: boolean): void {
    const { ikeSa, ended, begun } = readChildEvent(message);
    if (ikeSa === undefined) return;
    const changed = [...ended, ...begun];
    const before = this.#ikeSas.get(ikeSa.uniqueId);
    if (before === undefined) this.doubt();
    const others = withoutThese(before?.children ?? [], changed);
    const children = [...others, ...(isRekeying ? changed : begun)];
    this.#ikeSas.set(ikeSa.uniqueId, { ...ikeSa, children });
  }
}

function withoutThese(children: readonly ChildSa[], gone: readonly ChildSa[]): ChildSa[] {
  return children.filter(({ uniqueId }) => !gone.some((each) => each.uniqueId === uniqueId));
}
