// When each task run ran: a bar a task run, in the order in which they began, and the chain that decided the end.

import { useMemo } from "preact/hooks";

import { now } from "../../core/live.ts";
import { go, query, withQuery } from "../../core/route.ts";
import { duration, local } from "../../core/time.ts";
import type { Run } from "../../core/wire.ts";
import { Empty, Shown } from "../../parts/basics.tsx";
import { LETTERS } from "../../parts/status.tsx";
import { Windowed } from "../../parts/table.tsx";
import { criticalChain, nodeName, taskOf } from "../../graph/model.ts";
import { choose, chosenTask } from "./chosen.tsx";
import { type Picture, usePicture } from "./picture.ts";
import { TaskPanel } from "./task_panel.tsx";

const ROW = 26;
const TICKS = 5;

export function GanttTab({ run }: { run: Run }) {
  const answer = usePicture(run.id);
  const chosen = chosenTask();
  return (
    <Shown answer={answer}>
      {(picture) => (
        <div class={`beside ${chosen !== null ? "open" : ""}`}>
          <Gantt picture={picture} isOver={run.finished_at !== null} />
          {chosen !== null && <TaskPanel run={run.id} task={chosen} close={() => choose(null)} />}
        </div>
      )}
    </Shown>
  );
}

function Gantt({ picture, isOver }: { picture: Picture; isOver: boolean }) {
  const { model, states } = picture;
  const chain = useMemo(() => new Set(criticalChain(model, states)), [model, states]);
  const isOnly = query.value.get("chain") === "1";
  const nodes = useMemo(() => {
    const begun = [...states.statuses].map((_, node) => node).filter((node) => (states.started_ms[node] ?? null) !== null);
    const wanted = isOnly ? begun.filter((node) => chain.has(taskOf(model, node))) : begun;
    return wanted.sort((a, b) => states.started_ms[a]! - states.started_ms[b]! || a - b);
  }, [states, isOnly, chain]);
  if (states.started_ms.every((at) => at === null)) return <Empty><p>Nothing has started yet.</p></Empty>;
  const origin = Date.parse(states.origin);
  const present = now.value - origin;
  const begin = Math.min(0, ...bounds(states.started_ms, Math.min));
  const last = isOver ? Math.max(...bounds(states.finished_ms, Math.max), 1) : Math.max(present, 1);
  const span = Math.max(last - begin, 1);
  const percent = (ms: number): string => `${(100 * (ms - begin)) / span}%`;
  const first = states.first_task_run_id;
  return (
    <div class="gantt">
      <label class="check">
        <input type="checkbox" checked={isOnly} onChange={() => go(withQuery({ chain: isOnly ? null : 1 }), "replace")} />
        Only the {chain.size} tasks that decided the end
      </label>
      <div class="axis" aria-hidden="true">
        {Array.from({ length: TICKS }, (_, at) => (
          <span key={at} style={{ left: `${(100 * at) / TICKS}%` }}>{duration((span * at) / TICKS)}</span>
        ))}
      </div>
      <Windowed
        class="bars" label="Task runs by their begin" count={nodes.length} row={ROW}
        draw={(at) => {
          const node = nodes[at]!;
          const [from, until] = [states.started_ms[node]!, states.finished_ms[node] ?? present];
          const name = nodeName(model, node);
          const status = LETTERS[states.statuses[node]!]!;
          const said = `${name}: ${status}, ${local(origin + from)}, ${duration(until - from)}`;
          const isCritical = chain.has(taskOf(model, node));
          return (
            <div key={node} class="gantt-row" role="listitem">
              <button type="button" class="as-link" aria-label={said} title={said} onClick={() => choose(first + node)}>{name}</button>
              <span class="lane">
                <span class={`bar ${status} ${isCritical ? "critical" : ""}`} style={{ left: percent(from), width: `${(100 * (until - from)) / span}%` }} />
              </span>
              <span class="number soft">{duration(until - from)}</span>
            </div>
          );
        }}
      />
    </div>
  );
}

/** Smallest or largest of a column; a column can be too long to be spread. */
function bounds(column: (number | null)[], pick: (a: number, b: number) => number): number[] {
  let best: number | null = null;
  for (const value of column) if (value !== null) best = best === null ? value : pick(best, value);
  return best === null ? [] : [best];
}
