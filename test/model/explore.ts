// Visits every state that can be reached, nearest first.

export interface Machine<State> {
  readonly first: State;
  readonly next: (state: State) => readonly { readonly what: string; readonly state: State }[];
  /** A number for each state, another for each other. */
  readonly numberOf: (state: State) => number;
  /** Has to hold in every state. */
  readonly isSafe: (state: State) => boolean;
  /** Has to be possible from every state. */
  readonly isGoal: (state: State) => boolean;
}

export interface Explored {
  readonly stateCount: number;
  readonly transitionCount: number;
  /** A shortest way to a state that is not safe, in words; undefined: all are safe. */
  readonly violation: readonly string[] | undefined;
  /** States from which no goal can be reached. Not counted when there is a violation. */
  readonly stuckCount: number;
}

interface Visited {
  /** Place of the state that this one was reached from; of the first, its own. */
  readonly from: number;
  readonly what: string;
}

/** @throws RangeError when there are more states than `bound` */
export function explore<State>(machine: Machine<State>, bound: number): Explored {
  const places = new Map<number, number>([[machine.numberOf(machine.first), 0]]);
  const visited: Visited[] = [{ from: 0, what: "" }];
  const goals: number[] = [];
  /** By place, the places from which it is reached. */
  const comesFrom: number[][] = [[]];
  let frontier = [{ place: 0, state: machine.first }];
  let transitionCount = 0;
  while (frontier.length > 0) {
    const reached: typeof frontier = [];
    for (const { place, state } of frontier) {
      if (!machine.isSafe(state)) {
        return { stateCount: places.size, transitionCount, violation: wayTo(visited, place), stuckCount: 0 };
      }
      if (machine.isGoal(state)) goals.push(place);
      for (const { what, state: next } of machine.next(state)) {
        transitionCount += 1;
        const number = machine.numberOf(next);
        const known = places.get(number);
        if (known !== undefined) {
          comesFrom[known]?.push(place);
          continue;
        }
        if (places.size >= bound) throw new RangeError(`more than ${bound} states`);
        places.set(number, visited.length);
        reached.push({ place: visited.length, state: next });
        visited.push({ from: place, what });
        comesFrom.push([place]);
      }
    }
    frontier = reached;
  }
  const stuckCount = visited.length - countReaching(goals, comesFrom);
  return { stateCount: places.size, transitionCount, violation: undefined, stuckCount };
}

function wayTo(visited: readonly Visited[], place: number): string[] {
  const way: string[] = [];
  for (let at = place; at !== 0; ) {
    const step = visited[at];
    if (step === undefined) break;
    way.unshift(step.what);
    at = step.from;
  }
  return way;
}

function countReaching(goals: readonly number[], comesFrom: readonly (readonly number[])[]): number {
  const reaching = new Set(goals);
  const queue = [...goals];
  for (let place = queue.pop(); place !== undefined; place = queue.pop()) {
    for (const before of comesFrom[place] ?? []) {
      if (reaching.has(before)) continue;
      reaching.add(before);
      queue.push(before);
    }
  }
  return reaching.size;
}
