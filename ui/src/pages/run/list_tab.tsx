// All task runs as a table, with filters: the twin of the graph for whoever does not use it.

import { useMemo } from "preact/hooks";

import { now } from "../../core/live.ts";
import { go, query, withQuery } from "../../core/route.ts";
import { counted } from "../../core/text.ts";
import { clock, duration } from "../../core/time.ts";
import type { Run } from "../../core/wire.ts";
import { Empty, Shown } from "../../parts/basics.tsx";
import { LETTERS, STATUSES, Status } from "../../parts/status.tsx";
import { Windowed } from "../../parts/table.tsx";
import { nodeName } from "../../graph/model.ts";
import { choose, chosenTask } from "./chosen.tsx";
import { type Picture, usePicture } from "./picture.ts";
import { TaskPanel } from "./task_panel.tsx";

const ROW = 36;

export function ListTab({ run }: { run: Run }) {
  const answer = usePicture(run.id);
  const chosen = chosenTask();
  return (
    <Shown answer={answer}>
      {(picture) => (
        <>
          <Filter picture={picture} />
          <div class={`beside ${chosen !== null ? "open" : ""}`}>
            <List picture={picture} chosen={chosen} />
            {chosen !== null && <TaskPanel run={run.id} task={chosen} close={() => choose(null)} />}
          </div>
        </>
      )}
    </Shown>
  );
}

function Filter({ picture }: { picture: Picture }) {
  const counts = new Map<string, number>();
  for (const letter of picture.states.statuses) counts.set(LETTERS[letter]!, (counts.get(LETTERS[letter]!) ?? 0) + 1);
  const status = query.value.get("status") ?? "";
  return (
    <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>
        Name <input
          type="search" value={query.value.get("q") ?? ""} placeholder="part of a name"
          onInput={(change) => go(withQuery({ q: change.currentTarget.value }), "replace")}
        />
      </label>
      <label>
        Status <select value={status} onChange={(change) => go(withQuery({ status: change.currentTarget.value }), "replace")}>
          <option value="">all</option>
          {STATUSES.filter((one) => counts.has(one) || one === status).map((one) => (
            <option key={one} value={one}>{one} ({(counts.get(one) ?? 0).toLocaleString("en")})</option>
          ))}
        </select>
      </label>
    </form>
  );
}

function List({ picture: { model, states }, chosen }: { picture: Picture; chosen: number | null }) {
  const [text, status] = [(query.value.get("q") ?? "").toLowerCase(), query.value.get("status") ?? ""];
  const names = useMemo(
    () => Array.from({ length: states.statuses.length }, (_, node) => nodeName(model, node)),
    [model, states.statuses.length],
  );
  const nodes = useMemo(() => {
    const all = names.map((_, node) => node);
    return all.filter((node) =>
      (status === "" || LETTERS[states.statuses[node]!] === status) && names[node]!.toLowerCase().includes(text));
  }, [names, states.statuses, text, status]);
  const first = states.first_task_run_id;
  const origin = Date.parse(states.origin);
  if (nodes.length === 0) return <Empty><p>No task fits. <a href={withQuery({ q: null, status: null })}>Show all</a></p></Empty>;
  return (
    <div class="listing">
      <div class="task-row head" aria-hidden="true"><span>Task</span><span>Status</span><span>Started</span><span>Lasted</span></div>
      <Windowed
        class="tasks" label={counted(nodes.length, "task run")} count={nodes.length} row={ROW}
        draw={(at) => {
          const node = nodes[at]!;
          const [begun, over] = [states.started_ms[node] ?? null, states.finished_ms[node] ?? null];
          const took = begun === null ? null : (over ?? now.value - origin) - begun;
          return (
            <div key={node} class={`task-row ${chosen === first + node ? "chosen" : ""}`} role="listitem">
              <span><button type="button" class="as-link" onClick={() => choose(first + node)}>{names[node]}</button></span>
              <span><Status status={LETTERS[states.statuses[node]!]!} /></span>
              <span class="number">{begun === null ? "–" : clock(origin + begun)}</span>
              <span class="number">{took === null ? "–" : duration(took)}</span>
            </div>
          );
        }}
      />
    </div>
  );
}
