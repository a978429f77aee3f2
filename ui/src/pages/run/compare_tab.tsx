// Two runs side by side: what is not the same, by default against the last one that worked.

import { useAnswer } from "../../core/answer.ts";
import { go, query, withQuery } from "../../core/route.ts";
import { counted } from "../../core/text.ts";
import { duration } from "../../core/time.ts";
import type { Run, RunDiff, TaskSide } from "../../core/wire.ts";
import { A, Empty, Shown } from "../../parts/basics.tsx";
import { Status } from "../../parts/status.tsx";
import { Table } from "../../parts/table.tsx";

export function CompareTab({ run }: { run: Run }) {
  const other = query.value.get("with") ?? "";
  const answer = useAnswer<RunDiff>(`/runs/${run.id}/diff${/^\d+$/.test(other) ? `?with=${other}` : ""}`);
  return (
    <>
      <form class="filter" onSubmit={(event) => event.preventDefault()}>
        <label>
          With run <input
            inputMode="numeric" value={other} placeholder="the last that worked"
            onChange={(event) => go(withQuery({ with: event.currentTarget.value.trim() }), "replace")}
          />
        </label>
      </form>
      <Shown answer={answer}>{(diff) => <Difference diff={diff} />}</Shown>
    </>
  );
}

function Difference({ diff }: { diff: RunDiff }) {
  const sameTasks = counted(diff.same, "task");
  return (
    <>
      <p>
        Compared with <A to={`/ui/runs/${diff.with.id}`}>run {diff.with.id}</A> <Status status={diff.with.status} />{" "}
        {diff.with.rundate && <span class="soft">for {diff.with.rundate}</span>}: {sameTasks} alike, {diff.different} not.
      </p>
      {diff.definition.length > 0 && (
        <section>
          <h2>Definition</h2>
          <Table
            label="Fields that are not the same" items={diff.definition} id={(change) => change.field}
            columns={[
              { name: "Field", kind: "title", cell: (change) => <code>{change.field}</code> },
              { name: "Then", kind: "wide", cell: (change) => <code class="clipped">{JSON.stringify(change.before)}</code> },
              { name: "In this run", kind: "wide", cell: (change) => <code class="clipped">{JSON.stringify(change.after)}</code> },
            ]}
          />
        </section>
      )}
      <section>
        <h2>Tasks</h2>
        {diff.tasks.length === 0 ? <Empty><p>All tasks ended alike, with equal values.</p></Empty> : (
          <Table
            label="Tasks that differ" items={diff.tasks} id={(task) => task.name}
            columns={[
              { name: "Task", kind: "title", cell: (task) => task.name },
              { name: "Then", cell: (task) => <Side side={task.with} /> },
              { name: "In this run", cell: (task) => <Side side={task.run} /> },
              { name: "Value", cell: (task) => (task.run?.result_sha256 === task.with?.result_sha256 ? "the same" : "another") },
            ]}
          />
        )}
      </section>
    </>
  );
}

function Side({ side }: { side: TaskSide | null }) {
  if (side === null) return <span class="none">not there</span>;
  return (
    <span>
      <Status status={side.status} />{" "}
      <span class="soft">{side.duration_ms !== null && duration(side.duration_ms)}{side.attempts > 1 && `, ${side.attempts} attempts`}</span>
      {side.status_reason && <small>{side.status_reason}</small>}
    </span>
  );
}
