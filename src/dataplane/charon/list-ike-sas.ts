// Asks charon for its SAs. charon says nothing of an IKE_SA whose message would be over 512 KiB, that is with more than about 1100
// CHILD_SAs (a renewed one is there twice until the old one expires): such a one is noticed, and its children are asked for by name.
import type { DecodedMessage, DecodedValue } from "../../vici/codec.ts";
import type { ViciSession } from "../../vici/session.ts";
import type { ChildSa, IkeSa } from "../dataplane.ts";
import type { SaTable } from "./sa-table.ts";
import { readIkeSas } from "./sas.ts";

/** No child is called so. An IKE_SA is listed even if none of its children is asked for. */
const noChild = "-";

/** What is needed of a session; it is quicker when it is subscribed to `list-sa`. */
type Session = Pick<ViciSession, "request" | "stream">;

/**
 * @param known what is known. Of an IKE_SA that is too large to be listed the children that are known are taken for good, unless the
 *   look is thorough: to ask for them takes a third of a millisecond each.
 * @throws ViciError
 */
export async function listIkeSas(session: Session, known: SaTable, isThorough: boolean): Promise<IkeSa[]> {
  const messages = await session.stream("list-sas", "list-sa");
  const listed = readIkeSas(messages);
  const total = sectionOf((await session.request("stats")).ikesas).total;
  if (Number(total) <= messages.length) return listed;
  const isListed = new Set(listed.map(({ uniqueId }) => uniqueId));
  const heads = readIkeSas(await session.stream("list-sas", "list-sa", { child: noChild }));
  for (const head of heads.filter(({ uniqueId }) => !isListed.has(uniqueId))) {
    // Most often it has been begun since.
    const [small] = readIkeSas(await session.stream("list-sas", "list-sa", { "ike-id": head.uniqueId }));
    const before = known.find(head.uniqueId)?.children ?? [];
    const hasKnown = before.length > 0 && !isThorough;
    listed.push(small ?? { ...head, children: hasKnown ? before : await listChildren(session, head, known) });
  }
  return listed;
}

/** One by one: those of the connection as it is loaded, and those that have been seen of it before. */
async function listChildren(session: Session, head: IkeSa, known: SaTable): Promise<ChildSa[]> {
  const { connection, uniqueId } = head;
  const loaded = await session.stream("list-conns", "list-conn", { ike: connection });
  const names = loaded.flatMap((message) => Object.keys(sectionOf(sectionOf(message[connection]).children)));
  const seen = known.all().filter((ikeSa) => ikeSa.connection === connection);
  const seenNames = seen.flatMap(({ children }) => children.map(({ name }) => name));
  const children: ChildSa[] = [];
  for (const child of new Set([...names, ...seenNames])) {
    const [answer] = readIkeSas(await session.stream("list-sas", "list-sa", { "ike-id": uniqueId, child }));
    children.push(...(answer?.children ?? []));
  }
  return children;
}

function sectionOf(value: DecodedValue | undefined): DecodedMessage {
  return typeof value === "object" && !Array.isArray(value) ? value : {};
}
