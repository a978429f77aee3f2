// Two looks ahead side by side: which slots both schedules have, which only one.

import type { Preview } from "./wire.ts";

export interface SlotPair {
  at: string;
  /** What the clock of the zone shows there. */
  clock: string;
  /** Dates that a run would be for; `null`: there is no such slot. */
  before: string | null;
  after: string | null;
  note: string | null;
}

/** All slots of both, in order. Where one list was cut short, both end: nothing is said of what was not listed. */
export function paired(before: Preview, after: Preview): { pairs: SlotPair[]; isCut: boolean } {
  const ends = [before, after].filter((one) => one.truncated).map((one) => one.fire_times.at(-1) ?? "");
  const end = ends.length === 0 ? null : ends.reduce((a, b) => (a < b ? a : b));
  const found = new Map<string, SlotPair>();
  const add = (preview: Preview, side: "before" | "after"): void => {
    const notes = new Map(preview.notes.map((one) => [one.fire_time, one.note]));
    preview.fire_times.forEach((at, index) => {
      if (end !== null && at > end) return;
      const pair = found.get(at) ?? { at, clock: preview.local_times[index] ?? "", before: null, after: null, note: null };
      pair[side] = preview.rundates[index] ?? "";
      pair.note ??= notes.get(at) ?? null;
      // The clock of the schedule that is to be counts.
      if (side === "after") pair.clock = preview.local_times[index] ?? "";
      found.set(at, pair);
    });
  };
  add(before, "before");
  add(after, "after");
  const pairs = [...found.values()].sort((a, b) => (a.at < b.at ? -1 : 1));
  return { pairs, isCut: end !== null };
}

export type Change = "same" | "new" | "gone" | "another date";

export function changeOf(pair: SlotPair): Change {
  if (pair.before === null) return "new";
  if (pair.after === null) return "gone";
  return pair.before === pair.after ? "same" : "another date";
}

/** Numbers of a text, separated by commas or blanks. What is no number stays as it is, for the server to refuse. */
export function numbersOf(text: string): (number | string)[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  return words.map((word) => (/^-?\d{1,9}$/.test(word) ? Number(word) : word));
}
