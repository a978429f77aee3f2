// The value that a task left, by reference: its bytes are opened by those who know what they are, never here.

import { useAnswer } from "../../core/answer.ts";
import { apiPath } from "../../core/api.ts";
import { asOf } from "../../core/route.ts";
import { bytes } from "../../core/text.ts";
import type { Run, TaskRun } from "../../core/wire.ts";
import { Empty, Facts, Shown } from "../../parts/basics.tsx";
import { WithTask } from "./chosen.tsx";
import { concerns } from "./picture.ts";

export function ResultTab({ run }: { run: Run }) {
  return <WithTask run={run}>{(task, picker) => <><div class="filter">{picker}</div><Result run={run.id} task={task} /></>}</WithTask>;
}

function Result({ run, task }: { run: number; task: number }) {
  const answer = useAnswer<TaskRun>(`/task-runs/${task}`, concerns(run));
  return (
    <Shown answer={answer}>
      {(it) => {
        if (it.result === null) return <Empty><p>{whyNone(it)}</p></Empty>;
        const href = apiPath(`/task-runs/${task}/result`, { as_of: asOf.value });
        return (
          <>
            <Facts
              pairs={[
                ["Size", bytes(it.result.size)],
                ["Format", it.result.format],
                ["SHA-256", <code class="clipped">{it.result.sha256}</code>],
                ["Taken over from", it.reused_from && `task run ${it.reused_from}`],
              ]}
            />
            <p><a class="button" href={href} download={`${it.name}.${it.result.format}`}>Download</a></p>
            <h3>In Python</h3>
            <pre>{`from fasti.scheduler import BatchRunResults\n\nBatchRunResults(${JSON.stringify(it.batch_name)})`}</pre>
            <p class="soft">A pickled value runs code of whoever made it when it is opened: open only those that you trust.</p>
          </>
        );
      }}
    </Shown>
  );
}

function whyNone(task: TaskRun): string {
  if (task.status === "success" && task.command) return "A command returns no value; its output is under Logs.";
  if (task.status === "success") return "It left no value.";
  if (task.status_reason) return `There is no value: ${task.status_reason}`;
  return "There is no value yet.";
}
