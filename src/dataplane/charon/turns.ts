// Work on one thing at a time, within this process.

const turns = new Map<string, Promise<void>>();

/** Runs `work` after all earlier work under the same key, whatever became of it. Work in turn must not ask for its own key. */
export async function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
  const turn = (turns.get(key) ?? Promise.resolve()).then(work);
  const settled = turn.then(ignore, ignore);
  turns.set(key, settled);
  try {
    return await turn;
  } finally {
    if (turns.get(key) === settled) turns.delete(key);
  }
}

function ignore(): void {}
