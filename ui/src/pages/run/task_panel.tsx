// One task run beside the graph: how it stands and why, its attempts, and the ways to everything else of it.

import { useAnswer } from "../../core/answer.ts";
import { to } from "../../core/route.ts";
import { bytes } from "../../core/text.ts";
import { duration } from "../../core/time.ts";
import type { Attempt, Explanation, TaskRun } from "../../core/wire.ts";
import { A, Facts, Instant, Lasted, Shown } from "../../parts/basics.tsx";
import { Status } from "../../parts/status.tsx";
import { work } from "../batch.tsx";
import { concerns } from "./picture.ts";
import { Because } from "./run.tsx";

export function TaskPanel({ run, task, close }: { run: number; task: number; close: () => void }) {
  const answer = useAnswer<TaskRun>(`/task-runs/${task}`, concerns(run));
  return (
    <aside class="panel" aria-label="Task">
      <Shown answer={answer}>{(it) => <Details task={it} close={close} />}</Shown>
    </aside>
  );
}

function Details({ task, close }: { task: TaskRun; close: () => void }) {
  const way = (tab: string): string => to(`/ui/runs/${task.run_id}/${tab}`, { task: task.id });
  return (
    <>
      <header class="title">
        <h2>{task.name}</h2>
        <Status status={task.status} />
        <button type="button" class="quiet" aria-label="Close" onClick={close}>✕</button>
      </header>
      <p class="ways">
        <a href={way("logs")}>Logs</a> <a href={way("metrics")}>Metrics</a> <a href={way("result")}>Result</a>
        {task.group && <> <A to={`/ui/runs/${task.run_id}/list`} params={{ q: task.group }}>All {task.num_parts} parts</A></>}
      </p>
      <WhyTask task={task} />
      <Facts
        pairs={[
          ["Does", <code class="clipped">{work(task)}</code>],
          ["About", task.description],
          ["Reason", task.status_reason],
          ["Waits", task.queue_reason],
          ["Next try", task.retry_at && <Instant at={task.retry_at} />],
          ["Started", task.started_at && <Instant at={task.started_at} />],
          ["Lasted", task.started_at && <Lasted from={task.started_at} until={task.finished_at} />],
          ["Taken over from", task.reused_from && `task run ${task.reused_from}`],
          ["Id", task.id],
        ]}
      />
      {task.attempts.length > 0 && <Attempts task={task} />}
    </>
  );
}

function WhyTask({ task }: { task: TaskRun }) {
  const answer = useAnswer<Explanation>(`/task-runs/${task.id}/why`, concerns(task.run_id));
  if (!answer.data) return null;
  return <Because sentence={answer.data.answer} causes={answer.data.causes} />;
}

function Attempts({ task }: { task: TaskRun }) {
  return (
    <ol class="attempts" aria-label="Attempts">
      {task.attempts.map((attempt) => (
        <li key={attempt.number}>
          <p>
            <strong>Attempt {attempt.number}</strong> <span class="soft">of {task.max_attempts}</span>{" "}
            <span>{outcomeOf(attempt)}</span>{" "}
            <a href={to(`/ui/runs/${task.run_id}/logs`, { task: task.id, attempt: attempt.number })}>logs</a>
          </p>
          {attempt.reason && <p class="soft">{attempt.reason}</p>}
          <p class="soft">{spent(attempt)}</p>
        </li>
      ))}
    </ol>
  );
}

/** How an attempt ended, in a word or two. */
export function outcomeOf(attempt: Attempt): string {
  if (attempt.outcome === null) return attempt.started_at === null ? "is being started" : "runs";
  if (attempt.outcome === "exited") return `exited with ${attempt.exit_code}`;
  if (attempt.outcome === "signaled") return `ended by signal ${attempt.signal}`;
  return attempt.outcome.replaceAll("_", " ");
}

function spent(attempt: Attempt): string {
  const parts = [];
  if (attempt.started_at) parts.push(`start ${duration(Date.parse(attempt.started_at) - Date.parse(attempt.leased_at))}`);
  if (attempt.started_at && attempt.finished_at) {
    parts.push(`run ${duration(Date.parse(attempt.finished_at) - Date.parse(attempt.started_at))}`);
    parts.push(`CPU ${attempt.cpu_seconds.toFixed(2)} s`, `memory ${bytes(attempt.max_memory_bytes)}`);
  }
  return parts.join(", ");
}
