// The task that is looked at: in the address as `task`, chosen by name where there is nothing to point at.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import { go, query, withQuery } from "../../core/route.ts";
import type { Run } from "../../core/wire.ts";
import { Empty, Shown } from "../../parts/basics.tsx";
import { LETTERS, StatusMark } from "../../parts/status.tsx";
import { nodeName } from "../../graph/model.ts";
import { type Picture, usePicture } from "./picture.ts";

/** Id of the task run in the address. */
export function chosenTask(): number | null {
  const text = query.value.get("task");
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

export function choose(task: number | null): void {
  go(withQuery({ task, attempt: null }), "replace");
}

const OFFERED = 30;

/** Shows `children` of a task, with what lets another one be chosen. A run of one task needs no choice. */
export function WithTask({ run, children }: {
  run: Run;
  children: (task: number, picker: ComponentChildren) => ComponentChildren;
}) {
  const answer = usePicture(run.id);
  return (
    <Shown answer={answer}>
      {(picture) => {
        const first = picture.states.first_task_run_id;
        const task = chosenTask() ?? interesting(picture) ?? first;
        return children(task, <Picker picture={picture} task={task} />);
      }}
    </Shown>
  );
}

/** The first task run that failed, else the first that runs. */
function interesting({ states }: Picture): number | null {
  for (const letter of ["f", "r"]) {
    const at = states.statuses.indexOf(letter);
    if (at >= 0) return states.first_task_run_id + at;
  }
  return null;
}

function Picker({ picture, task }: { picture: Picture; task: number }) {
  const { model, states } = picture;
  const first = states.first_task_run_id;
  const count = states.statuses.length;
  const [text, setText] = useState<string | null>(null);
  if (count < 2) return null;
  const wanted = (text ?? "").toLowerCase();
  const found: number[] = [];
  if (text !== null) {
    for (let node = 0; node < count && found.length < OFFERED; node += 1) {
      if (nodeName(model, node).toLowerCase().includes(wanted)) found.push(node);
    }
  }
  const pick = (node: number): void => {
    choose(first + node);
    setText(null);
  };
  const node = task - first;
  return (
    <div class="picker">
      <label>
        <span>Task <StatusMark status={LETTERS[states.statuses[node] ?? "w"]!} /></span>
        <input
          type="search" value={text ?? nodeName(model, node)} aria-label="Task" autoComplete="off"
          onFocus={(event) => {
            setText("");
            event.currentTarget.select();
          }}
          onInput={(change) => setText(change.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && found[0] !== undefined) pick(found[0]);
            if (event.key === "Escape") setText(null);
          }}
        />
      </label>
      {text !== null && (
        <ul class="offers" aria-label="Tasks of this name">
          {found.map((one) => (
            <li key={one}>
              <button type="button" onClick={() => pick(one)}>
                <StatusMark status={LETTERS[states.statuses[one]!]!} /> {nodeName(model, one)}
              </button>
            </li>
          ))}
          {found.length === 0 && <li><Empty>No task has this in its name.</Empty></li>}
        </ul>
      )}
    </div>
  );
}
