// Runs chosen for something that is done to all of them: one by one, a range at a time, over several pages.

import { useEffect, useState } from "preact/hooks";

import { between, type Chosen, none, withChosen } from "../core/choice.ts";
import type { Run } from "../core/wire.ts";

export interface Choice extends Chosen {
  set: (runs: Run[], isChosen: boolean, anchor: number | null) => void;
  clear: () => void;
}

/** What is chosen among the runs of a filter; another filter begins anew. */
export function useChoice(filter: string): Choice {
  const [state, setState] = useState<Chosen>(none);
  const clear = (): void => setState(none());
  useEffect(clear, [filter]);
  const set: Choice["set"] = (runs, isChosen, anchor) => setState((old) => withChosen(old, runs, isChosen, anchor));
  return { ...state, set, clear };
}

export function ChooseAll({ choice, runs }: { choice: Choice; runs: Run[] }) {
  const count = runs.filter((run) => choice.chosen.has(run.id)).length;
  return (
    <input
      type="checkbox" aria-label="Choose all on this page" checked={count > 0 && count === runs.length}
      indeterminate={count > 0 && count < runs.length}
      onChange={(change) => choice.set(runs, change.currentTarget.checked, null)}
    />
  );
}

/** Space chooses, with Shift a click or an arrow takes along all in between. */
export function ChooseOne({ choice, runs, run }: { choice: Choice; runs: Run[]; run: Run }) {
  const isChosen = choice.chosen.has(run.id);
  const onClick = (event: MouseEvent): void => {
    const range = event.shiftKey ? between(runs, choice.anchor, run.id) : [run];
    choice.set(range, !isChosen, run.id);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape") return choice.clear();
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const next = runs[runs.indexOf(run) + step];
    if (step === 0 || !next) return;
    event.preventDefault();
    if (event.shiftKey) choice.set([run, next], true, next.id);
    const row = (event.currentTarget as Element).closest("tr");
    const beside = step > 0 ? row?.nextElementSibling : row?.previousElementSibling;
    beside?.querySelector<HTMLInputElement>("td.choose input")?.focus();
  };
  return (
    <input
      type="checkbox" checked={isChosen} aria-label={`Choose run ${run.id}`}
      onClick={onClick} onKeyDown={onKeyDown}
    />
  );
}
