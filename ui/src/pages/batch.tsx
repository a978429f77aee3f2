// One batch: what it is, when it starts, its runs, its tasks.

import { useAnswer } from "../core/answer.ts";
import type { Batch, RunPage, Task } from "../core/wire.ts";
import { A, Ago, Empty, Facts, Instant, Note, Shown } from "../parts/basics.tsx";
import { PauseOrResume, RunNow } from "../parts/batch_actions.tsx";
import { BatchName, RunsTable } from "../parts/runs.tsx";
import { Table, useStill, Waiting } from "../parts/table.tsx";
import { hasSchedule, Starts } from "./batches.tsx";

const RUNS = 25;
const TASKS_SHOWN = 200;

export function BatchView({ id }: { id: string }) {
  const answer = useAnswer<Batch>(`/batches/${encodeURIComponent(id)}`, (event) => event.batch_id === id && !event.type.startsWith("task."));
  return (
    <Shown answer={answer}>
      {(batch) => (
        <>
          <header class="title">
            <h1><BatchName name={batch.name} tag={batch.tag} /></h1>
            {batch.deleted_at === null && (
              <div class="buttons">
                <RunNow batch={batch} />
                {hasSchedule(batch) && <PauseOrResume batch={batch} done={answer.again} />}
              </div>
            )}
          </header>
          {batch.deleted_at && <Note kind="warn">It was deleted <Ago at={batch.deleted_at} />; its runs stay readable.</Note>}
          {batch.paused && (
            <Note kind="warn">
              Its schedule is off{batch.paused_reason && <>: {batch.paused_reason}</>}
              {batch.paused_until && <>, until <Instant at={batch.paused_until} /></>}.
            </Note>
          )}
          <Facts pairs={facts(batch)} />
          <Runs batch={batch} />
          <Tasks tasks={batch.tasks} />
        </>
      )}
    </Shown>
  );
}

function facts(batch: Batch): [string, preact.ComponentChildren][] {
  return [
    ["Starts", <Starts batch={batch} />],
    ["Follows", batch.runs_after && <A to={`/ui/batches/${batch.runs_after}`}>another batch</A>],
    ["Schedule", hasSchedule(batch) ? <A to={`/ui/schedules/${batch.id}`}>ledger and calendar</A> : null],
    ["Version", `${batch.version}, saved by ${batch.created_by}`],
    ["Changed", <Ago at={batch.updated_at} />],
    ["Owner", `${batch.owner} (${batch.group}, ${batch.permissions})`],
    ["Image", batch.image],
    ["Labels", batch.labels?.join(", ")],
    ["Id", <code>{batch.id}</code>],
  ];
}

function Runs({ batch }: { batch: Batch }) {
  const path = `/runs?batch_id=${batch.id}&order=desc&limit=${RUNS}`;
  const answer = useAnswer<RunPage>(path, (event) => event.batch_id === batch.id && /^(run|task)\./.test(event.type));
  return (
    <section>
      <h2>Runs</h2>
      <Shown answer={answer}>{(page) => <RunList page={page} batch={batch} />}</Shown>
    </section>
  );
}

function RunList({ page, batch }: { page: RunPage; batch: Batch }) {
  const still = useStill(page.items, (run) => run.id, batch.id);
  if (page.items.length === 0) return <Empty><p>It has not run yet. <code>fasti run start {batch.name}</code> starts it.</p></Empty>;
  return (
    <div {...still.holder}>
      <Waiting count={still.waiting} release={still.release} />
      <RunsTable runs={still.items} hasBatch={false} />
      {page.next_cursor && (
        <p><A to="/ui/runs" params={{ batch_id: batch.id }}>All {page.total.toLocaleString("en")} runs</A></p>
      )}
    </div>
  );
}

/** What a task does, in one line. */
export function work(task: { entrypoint: string | null; command: string[] | null }): string {
  return task.entrypoint ?? task.command?.join(" ") ?? "";
}

function Tasks({ tasks }: { tasks: Task[] }) {
  return (
    <section>
      <h2>Tasks</h2>
      <Table
        label="Tasks" items={tasks.slice(0, TASKS_SHOWN)} id={(task) => task.name}
        columns={[
          { name: "Task", kind: "title", cell: (task) => task.name },
          { name: "Does", kind: "wide", cell: (task) => <code class="clipped">{work(task)}</code> },
          { name: "Parts", cell: (task) => (task.kind === "parallel" ? partsOf(task) : "–") },
          { name: "Retries", kind: "number", cell: (task) => task.retries ?? 0 },
          { name: "Description", kind: "wide", cell: (task) => task.description || "–" },
        ]}
      />
      {tasks.length > TASKS_SHOWN && <p class="soft">The first {TASKS_SHOWN} of {tasks.length.toLocaleString("en")}; a run shows all of them.</p>}
    </section>
  );
}

function partsOf(task: Task): string {
  if (task.count !== null) return task.count.toLocaleString("en");
  return Array.isArray(task.configuration_json) ? task.configuration_json.length.toLocaleString("en") : "–";
}
