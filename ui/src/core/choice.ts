// What is chosen of a list: one by one or a range at a time, up to a limit that is said when it is met.

import type { Run } from "./wire.ts";

/** Runs that can be chosen at a time. */
export const CHOSEN_MAX = 500;

export interface Chosen {
  chosen: ReadonlyMap<number, Run>;
  /** Where a range begins. */
  anchor: number | null;
  /** How many of the last wish were left out, because enough are chosen. */
  leftOut: number;
}

export const none = (): Chosen => ({ chosen: new Map(), anchor: null, leftOut: 0 });

/** The choice with some more, or without them. */
export function withChosen(old: Chosen, runs: Run[], isChosen: boolean, anchor: number | null): Chosen {
  const chosen = new Map(old.chosen);
  let leftOut = 0;
  for (const run of runs) {
    if (!isChosen) chosen.delete(run.id);
    else if (chosen.size < CHOSEN_MAX || chosen.has(run.id)) chosen.set(run.id, run);
    else leftOut += 1;
  }
  return { chosen, anchor, leftOut };
}

/** The runs from one to another, in the order in which they are shown. */
export function between(runs: Run[], from: number | null, to: number): Run[] {
  const [a, b] = [runs.findIndex((run) => run.id === from), runs.findIndex((run) => run.id === to)];
  if (b < 0) return [];
  return a < 0 ? [runs[b]!] : runs.slice(Math.min(a, b), Math.max(a, b) + 1);
}
