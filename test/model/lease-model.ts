// The protocol of decision 104 as a machine of few states: one gateway, two hosts that may run it, API nodes that watch the hosts, a
// network that delays, loses and keeps messages, hosts that crash. Time goes in steps that all feel. A host's term is the longest that
// a lease lasts by true time (its clock slow), a node's patience the shortest that it waits (its clock fast).
//
// Numbers that only rise are not kept, but whether what somebody saw is still so: a counter of renewals is as it was seen or not, a grant
// is the one that a host knows of or not. So there are finitely many states, and all are visited.

/** The protocol, and what a mutant of it leaves out. */
export interface Protocol {
  /** In steps. */
  readonly term: number;
  /** In steps. */
  readonly patience: number;
  /** How many API nodes watch. */
  readonly nodes: 1 | 2;
  /** A lease counts from before the renewal was sent; a mutant counts from its reply. */
  readonly countsFromSending: boolean;
  /** Whoever expires a host finds its counter as he saw it, in the same transaction. */
  readonly comparesCounter: boolean;
  /** A node counts from the moment at which it has read a counter; a mutant from the moment at which it asked for it. */
  readonly countsFromReading: boolean;
  /** A release is of the grant that the host was told of. */
  readonly comparesFence: boolean;
  /** A host that is to leave a gateway takes it off its machine before it says so. */
  readonly stopsFirst: boolean;
  /** Whether hosts are drained. */
  readonly drains: boolean;
  /** Who is told to leave a gateway leaves it; a mutant lets the order be taken back. */
  readonly leavesForGood: boolean;
}

const hosts = [0, 1] as const;
type HostNumber = (typeof hosts)[number];

/** What is under way between a host and an API node: a renewal that was sent, or its answer. */
type Renewal = "none" | "sent" | "held" | "leaving" | "not-held";
const renewals: readonly Renewal[] = ["none", "sent", "held", "leaving", "not-held"];
/** A release that is under way, of the present grant or of an earlier one. */
type Release = "none" | "current" | "stale";
const releases: readonly Release[] = ["none", "current", "stale"];
/** A node's read of a host's counter that is under way: asked, or answered with a value that is still so, or not. */
type Read = "none" | "asked" | "current" | "stale";
const reads: readonly Read[] = ["none", "asked", "current", "stale"];

interface Host {
  /** For how many steps the kernel still lets the gateway's packets pass. */
  guard: number;
  renewal: Renewal;
  /** Steps since that renewal was sent, up to a term. */
  age: number;
  /** The answer that is under way, or the last one, told of the present grant. */
  isCurrent: boolean;
  /** The gateway is on its machine: only then is there anything that the guard lets through. */
  isThere: boolean;
  /** It was told to leave it, by the present grant or an earlier one, and has not done so yet; meanwhile its packets pass. */
  leave: Release;
  release: Release;
}

interface Watch {
  /** Steps since the counter was first seen as it is remembered, up to the patience. */
  age: number;
  isCurrent: boolean;
  read: Read;
  /** Steps since the read was asked for, up to the patience; only a mutant counts from there. */
  readAge: number;
}

export interface State {
  /** By the database. */
  holder: HostNumber | undefined;
  /** The holder is to hand it over. */
  isLeaving: boolean;
  hosts: [Host, Host];
  /** By node, by host. */
  watches: [Watch, Watch][];
}

/** What happened, in words, and the state after it. */
export interface Transition {
  readonly what: string;
  readonly state: State;
}

/** As decision 104 has it. */
export const asDecided = {
  countsFromSending: true,
  comparesCounter: true,
  countsFromReading: true,
  comparesFence: true,
  stopsFirst: true,
  drains: true,
  leavesForGood: true,
} as const;

export function firstState({ nodes }: Protocol): State {
  const host = (): Host => ({
    ...{ guard: 0, renewal: "none", age: 0, isCurrent: false },
    ...{ isThere: false, leave: "none", release: "none" },
  });
  const watch = (): Watch => ({ age: 0, isCurrent: false, read: "none", readAge: 0 });
  const watches = Array.from({ length: nodes }, (): [Watch, Watch] => [watch(), watch()]);
  return { holder: undefined, isLeaving: false, hosts: [host(), host()], watches };
}

/** Of the law: at no moment do two hosts answer for the gateway's address. */
export function isSafe({ hosts: [a, b] }: State): boolean {
  return a.guard === 0 || b.guard === 0;
}

/** What has to stay possible from every state. */
export function isServed({ hosts: all, holder, isLeaving }: State): boolean {
  return holder !== undefined && !isLeaving && all[holder].guard > 0;
}

/** Everything that may happen next. */
export function transitions(protocol: Protocol, state: State): Transition[] {
  const found: Transition[] = [];
  const may = (what: string, change: (next: State) => void) => {
    const next = copyOf(state);
    change(next);
    found.push({ what, state: next });
  };
  may("a step of time", (next) => passTime(protocol, next));
  if (state.holder === undefined) {
    for (const host of hosts) may(`grant to ${host}`, (next) => grant(next, host));
  } else if (protocol.drains && !state.isLeaving) {
    may("drain", (next) => {
      next.isLeaving = true;
    });
  }
  if (state.isLeaving && !protocol.leavesForGood) {
    may("stay after all", (next) => {
      next.isLeaving = false;
    });
  }
  for (const number of hosts) addHost(protocol, state, number, may);
  for (const node of state.watches.keys()) for (const number of hosts) addWatch(protocol, state, node, number, may);
  return found;
}

type May = (what: string, change: (next: State) => void) => void;

function addHost(protocol: Protocol, state: State, number: HostNumber, may: May): void {
  const host = state.hosts[number];
  const who = `host ${number}`;
  if (host.renewal === "none") may(`${who} sends a renewal`, (next) => send(next.hosts[number]));
  if (host.renewal === "sent") may(`the renewal of ${who} is recorded`, (next) => recordRenewal(next, number));
  if (host.renewal !== "none") {
    // Lost, answer or all; or the process was killed. The kernel's guard stands.
    may(`the renewal of ${who} is lost`, (next) => endRenewal(next.hosts[number]));
  }
  if (isAnswer(host.renewal)) may(`${who} hears an answer`, (next) => hear(protocol, next.hosts[number]));
  if (host.guard > 0) {
    may(`${who} loses its power`, (next) => {
      next.hosts[number].guard = 0;
    });
  }
  if (host.leave !== "none" && host.release === "none") {
    may(`${who} takes the gateway off its machine, and says so`, (next) => takeOff(protocol, next.hosts[number]));
  }
  if (host.release === "none") return;
  may(`the release of ${who} is recorded`, (next) => recordRelease(protocol, next, number));
  may(`the release of ${who} is lost`, (next) => {
    next.hosts[number].release = "none";
  });
}

function addWatch(protocol: Protocol, state: State, node: number, number: HostNumber, may: May): void {
  const watch = watchOf(state, node, number);
  const who = `node ${node}`;
  if (watch.read === "none") {
    // When it was asked matters to a mutant only.
    const read = protocol.countsFromReading ? "current" : "asked";
    may(`${who} asks for the counter of host ${number}`, (next) => {
      Object.assign(watchOf(next, node, number), { read, readAge: 0 });
    });
  }
  if (watch.read === "asked") {
    may(`${who}'s question about host ${number} is answered`, (next) => {
      watchOf(next, node, number).read = "current";
    });
  }
  if (watch.read === "current" || watch.read === "stale") {
    may(`${who} hears the counter of host ${number}`, (next) => hearCounter(protocol, watchOf(next, node, number)));
  }
  const isOver = watch.age >= protocol.patience;
  if (isOver && state.holder === number && (watch.isCurrent || !protocol.comparesCounter)) {
    may(`${who} expires host ${number}`, free);
  }
}

function passTime({ term, patience }: Protocol, next: State): void {
  for (const host of next.hosts) {
    host.guard = Math.max(0, host.guard - 1);
    if (host.renewal !== "none") host.age = Math.min(term, host.age + 1);
  }
  for (const watch of next.watches.flat()) {
    watch.age = Math.min(patience, watch.age + 1);
    if (watch.read !== "none") watch.readAge = Math.min(patience, watch.readAge + 1);
  }
}

function send(host: Host): void {
  host.renewal = "sent";
  host.age = 0;
  host.isCurrent = false;
}

function endRenewal(host: Host): void {
  host.renewal = "none";
  host.age = 0;
  host.isCurrent = false;
}

function isAnswer(renewal: Renewal): boolean {
  return renewal === "held" || renewal === "leaving" || renewal === "not-held";
}

/** The counter rises: whoever saw it before has seen another. */
function recordRenewal(next: State, number: HostNumber): void {
  const host = next.hosts[number];
  const isHeld = next.holder === number;
  host.renewal = !isHeld ? "not-held" : next.isLeaving ? "leaving" : "held";
  host.isCurrent = isHeld;
  for (const watches of next.watches) {
    const watch = watches[number];
    watch.isCurrent = false;
    if (watch.read === "current") watch.read = "stale";
  }
}

function hear({ term, countsFromSending }: Protocol, host: Host): void {
  const { renewal, isCurrent } = host;
  const left = Math.max(0, countsFromSending ? term - host.age : term);
  switch (renewal) {
    case "held":
      Object.assign(host, { guard: left, isThere: true, leave: "none" });
      break;
    case "leaving":
      Object.assign(host, { guard: host.isThere ? left : 0, leave: isCurrent ? "current" : "stale" });
      break;
    default:
      Object.assign(host, { guard: 0, isThere: false, leave: "none" });
  }
  endRenewal(host);
}

function takeOff({ stopsFirst }: Protocol, host: Host): void {
  host.release = host.leave;
  host.leave = "none";
  if (!stopsFirst) return;
  host.guard = 0;
  host.isThere = false;
}

function recordRelease({ comparesFence }: Protocol, next: State, number: HostNumber): void {
  const { release } = next.hosts[number];
  next.hosts[number].release = "none";
  if (next.holder === number && (release === "current" || !comparesFence)) free(next);
}

/** What the hosts were told was of an earlier grant from now on. */
function free(next: State): void {
  next.holder = undefined;
  next.isLeaving = false;
  for (const host of next.hosts) {
    host.isCurrent = false;
    if (host.leave === "current") host.leave = "stale";
    if (host.release === "current") host.release = "stale";
  }
}

function grant(next: State, number: HostNumber): void {
  next.holder = number;
}

/** A counter that was seen before goes on being watched; another begins the watch anew. */
function hearCounter({ patience, countsFromReading }: Protocol, watch: Watch): void {
  if (!watch.isCurrent) {
    watch.age = countsFromReading ? 0 : Math.min(patience, watch.readAge);
    watch.isCurrent = watch.read === "current";
  }
  watch.read = "none";
  watch.readAge = 0;
}

function watchOf(state: State, node: number, number: HostNumber): Watch {
  const watches = state.watches[node];
  if (watches === undefined) throw new RangeError(`there is no node ${node}`);
  return watches[number];
}

function copyOf({ holder, isLeaving, hosts: [a, b], watches }: State): State {
  const copies = watches.map(([x, y]): [Watch, Watch] => [{ ...x }, { ...y }]);
  return { holder, isLeaving, hosts: [{ ...a }, { ...b }], watches: copies };
}

/**
 * A number for each state. States that only swap the names of the hosts or of the nodes are one, as are those that only differ in what
 * nobody will look at.
 */
export function numberOf(protocol: Protocol, state: State): number {
  return Math.min(numberIn(protocol, state, [0, 1]), numberIn(protocol, state, [1, 0]));
}

function numberIn(protocol: Protocol, state: State, order: readonly [HostNumber, HostNumber]): number {
  const { holder, isLeaving, hosts: all, watches } = state;
  const { term } = protocol;
  const host = order.reduce<number>((number, of) => number * hostCount(term) + hostNumber(term, all[of]), 0);
  const seen = watches.map((watched) => {
    return order.reduce<number>((number, of) => number * watchCount(protocol) + watchNumber(protocol, watched[of]), 0);
  });
  const ofNodes = seen
    .toSorted((a, b) => a - b)
    .reduce<number>((number, one) => number * watchCount(protocol) ** 2 + one, 0);
  const place = holder === undefined ? 2 : order.indexOf(holder);
  return (
    ((place * 2 + Number(isLeaving)) * hostCount(term) ** 2 + host) * watchCount(protocol) ** (2 * watches.length) +
    ofNodes
  );
}

function hostCount(term: number): number {
  return (term + 1) ** 2 * renewals.length * 4 * releases.length ** 2;
}

function hostNumber(term: number, { guard, renewal, age, isCurrent, isThere, leave, release }: Host): number {
  let number = guard * (term + 1) + age;
  number = number * renewals.length + renewals.indexOf(renewal);
  number = (number * 2 + Number(isCurrent)) * 2 + Number(isThere);
  number = number * releases.length + releases.indexOf(leave);
  return number * releases.length + releases.indexOf(release);
}

function watchCount({ patience }: Protocol): number {
  return (patience + 1) ** 2 * 2 * reads.length;
}

function watchNumber({ patience, comparesCounter, countsFromReading }: Protocol, watch: Watch): number {
  const age = watch.isCurrent || !comparesCounter ? watch.age : 0;
  let number = age * (patience + 1) + (countsFromReading ? 0 : watch.readAge);
  number = number * 2 + Number(watch.isCurrent);
  return number * reads.length + reads.indexOf(watch.read);
}
