// The tab with the graph, and what was clicked beside it.

import type { Run } from "../../core/wire.ts";
import { Shown } from "../../parts/basics.tsx";
import { Graph } from "../../graph/graph.tsx";
import { taskOf } from "../../graph/model.ts";
import { choose, chosenTask } from "./chosen.tsx";
import { usePicture } from "./picture.ts";
import { TaskPanel } from "./task_panel.tsx";

export function GraphTab({ run }: { run: Run }) {
  const answer = usePicture(run.id);
  const chosen = chosenTask();
  return (
    <Shown answer={answer}>
      {({ model, states }) => {
        const first = states.first_task_run_id;
        const isOurs = chosen !== null && chosen >= first && chosen < first + states.statuses.length;
        const selected = isOurs ? taskOf(model, chosen - first) : null;
        const select = (task: number | null): void => choose(task === null ? null : first + worstPart(model.firstNode, states.statuses, task));
        return (
          <div class={`beside ${isOurs ? "open" : ""}`}>
            <Graph model={model} states={states} selected={selected} select={select} />
            {isOurs && <TaskPanel run={run.id} task={chosen} close={() => choose(null)} />}
          </div>
        );
      }}
    </Shown>
  );
}

/** The part of a task that people most want to see: one that failed, one that runs, else the first. */
function worstPart(firstNode: Int32Array, statuses: string, task: number): number {
  const [from, end] = [firstNode[task]!, firstNode[task + 1]!];
  for (const letter of ["f", "r"]) {
    const at = statuses.indexOf(letter, from);
    if (at >= 0 && at < end) return at;
  }
  return from;
}
