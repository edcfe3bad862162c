// One of many clients that keep a server busy, and remember what they were told: what they have, what they asked for and got no answer to,
// and which tasks are to end. Each has names of channels that nobody else uses.
import { randomInt } from "node:crypto";
import { expect } from "vitest";
import { type Client, call, type Reply } from "../../src/cli/client.ts";
import { vpnConnStatusNumbers } from "../../src/v2/status.ts";
import { sendText, signedText } from "./raw-call.ts";
import { numberAt, type Row, rowOf, rowsOf, textAt } from "./reply.ts";
import { nextNumber, type Place, waitForTask } from "./scene.ts";

/** Signed for, so that the text stays good wherever the server listens. */
const host = "vpc.api.qcloud.com";
const replayed = 4_500;
const unavailable = 6_000;

type Kind = "add" | "modify" | "delete" | "reset";

interface Asked {
  readonly kind: Kind;
  readonly name: string;
  /** That the channel has afterwards. */
  readonly network: string;
  /** As it was sent, to be sent again. */
  readonly text: string;
  /** What was answered, if anything, that leaves open whether it was done. */
  answer?: Reply;
}

/** Of all clients together. */
export interface Tally {
  acknowledged: Record<Kind, number>;
  refused: number;
  unanswered: number;
  /** Of these, those that were done nevertheless. */
  done: number;
}

export const makeTally = (): Tally => ({
  acknowledged: { add: 0, modify: 0, delete: 0, reset: 0 },
  refused: 0,
  unanswered: 0,
  done: 0,
});

export class SoakClient {
  readonly #key: Client;
  readonly #places: readonly Place[];
  readonly #names: readonly string[];
  readonly #tally: Tally;
  /** Networks by name of channel. */
  readonly #has = new Map<string, string>();
  readonly #ids = new Map<string, string>();
  readonly #tasks: string[] = [];
  #open: Asked | undefined;
  #number = 0;

  constructor(key: Client, places: readonly Place[], names: readonly string[], tally: Tally) {
    this.#key = key;
    this.#places = places;
    this.#names = names;
    this.#tally = tally;
  }

  /** What it has, by name. */
  get has(): ReadonlyMap<string, string> {
    return this.#has;
  }

  /**
   * Asks for one thing after the other until no answer comes, or one that says that the database is away.
   * @param tell is told of each that is acknowledged
   */
  async work(endpoint: string, tell: () => void): Promise<void> {
    for (;;) {
      const asked = await this.#choose(endpoint).catch(() => undefined);
      if (asked === undefined) return;
      this.#open = asked;
      const answer = await sendText(endpoint, "POST", asked.text).catch(() => undefined);
      if (answer === undefined) return;
      if (answer.reply.code === unavailable) {
        asked.answer = answer.reply;
        return;
      }
      this.#open = undefined;
      if (this.#take(asked, answer.reply)) tell();
    }
  }

  async #choose(endpoint: string): Promise<Asked | undefined> {
    const name = this.#names[randomInt(this.#names.length)] ?? "";
    const place = this.#places[this.#names.indexOf(name) % this.#places.length];
    this.#number = nextNumber();
    const own = this.#has.get(name);
    if (own === undefined) {
      const network = `100.${64 + ((this.#number >> 8) % 64)}.${this.#number & 255}.0/24`;
      const parameters = { ...place, vpnConnName: name, "userGwCidrBlock.0": network, preSharedKey: "one for all" };
      return this.#ask("add", name, network, "AddVpnConnEx", parameters);
    }
    const found = {
      vpcId: place?.vpcId ?? "",
      vpnGwId: place?.vpnGwId ?? "",
      vpnConnId: await this.#idOf(name, endpoint),
    };
    const dice = randomInt(10);
    if (dice < 3) return this.#ask("delete", name, own, "DeleteVpnConn", found);
    if (dice < 5) return this.#ask("reset", name, own, "ResetVpnConnSA", found);
    const network = `100.${64 + ((this.#number >> 8) % 64)}.${this.#number & 255}.0/24`;
    return this.#ask("modify", name, network, "ModifyVpnConnEx", { ...found, "userGwCidrBlock.0": network });
  }

  #ask(kind: Kind, name: string, network: string, action: string, parameters: Record<string, string>): Asked {
    return { kind, name, network, text: signedText(this.#key, action, parameters, { host }) };
  }

  async #idOf(name: string, endpoint: string): Promise<string> {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const reply = await call({ ...this.#key, endpoint }, "DescribeVpnConn", { vpnConnName: name });
    const id = textAt(rowOf(reply), "unVpnConnId");
    this.#ids.set(name, id);
    return id;
  }

  /** @returns whether it was done */
  #take(asked: Asked, reply: Reply): boolean {
    if (reply.code !== 0) {
      // A quota, a name that is still in use, a channel that is being worked on.
      expect([5_100, 5_000]).toContain(reply.code);
      this.#tally.refused += 1;
      return false;
    }
    this.#tally.acknowledged[asked.kind] += 1;
    if (asked.kind !== "reset") this.#tasks.push(String(numberAt(reply.data as Row, "taskId")));
    this.#note(asked);
    return true;
  }

  #note({ kind, name, network }: Asked): void {
    if (kind === "delete") {
      this.#has.delete(name);
      this.#ids.delete(name);
    } else this.#has.set(name, network);
  }

  /** Waits for the tasks that were acknowledged: none is stuck, and none fails. */
  async awaitTasks(endpoint: string): Promise<void> {
    for (const taskId of this.#tasks.splice(0)) {
      expect(await waitForTask({ ...this.#key, endpoint }, taskId)).toEqual({ status: 0 });
    }
  }

  /**
   * Finds out what became of what was not answered, and sends the same once more where that makes sense.
   * @param isSameServer it may remember what it was sent, and refuse it though it was not done
   */
  async settle(endpoint: string, isSameServer: boolean): Promise<void> {
    const asked = this.#open;
    this.#open = undefined;
    if (asked === undefined) return;
    this.#tally.unanswered += 1;
    const wasDone = isDone(asked, await this.#list(endpoint));
    if (wasDone) this.#tally.done += 1;
    if (wasDone && asked.answer !== undefined) expect(asked.answer.message).toContain("does not know");
    const { reply } = await sendText(endpoint, "POST", asked.text);
    const isRefused = reply.code === replayed;
    // Nobody can see whether something was negotiated anew.
    const isKnown = asked.kind !== "reset" && !(isSameServer && isRefused);
    if (isKnown) expect({ ...asked, isRefused }).toEqual({ ...asked, isRefused: wasDone });
    if (!isRefused) this.#take(asked, reply);
    else if (wasDone) this.#note(asked);
  }

  /** Holds what is there against what it was told, when nothing is under way. */
  async check(endpoint: string): Promise<void> {
    const rows = await this.#list(endpoint);
    const found = rows.map((row) => [textAt(row, "vpnConnName"), (row.destinationCidr as string[]).join()]);
    expect(found.toSorted()).toEqual([...this.#has].toSorted());
    for (const row of rows) expect(row).toMatchObject({ vpcConnStatus: vpnConnStatusNumbers.running });
  }

  async #list(endpoint: string): Promise<Row[]> {
    const page = { orderDirection: "asc", limit: "50", offset: "0" };
    const rows = rowsOf(await call({ ...this.#key, endpoint }, "DescribeVpnConn", page));
    return rows.filter((row) => this.#names.includes(textAt(row, "vpnConnName")));
  }
}

function isDone({ kind, name, network }: Asked, rows: readonly Row[]): boolean {
  const row = rows.find((each) => each.vpnConnName === name);
  if (kind === "delete") return row === undefined || row.vpcConnStatus === vpnConnStatusNumbers.deleting;
  if (kind === "reset") return false;
  return row !== undefined && (row.destinationCidr as string[]).join() === network;
}
