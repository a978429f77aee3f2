// One run: why it is there, how it stands, where the time went; and behind tabs everything about its tasks.

import { useAnswer } from "../../core/answer.ts";
import { now } from "../../core/live.ts";
import { segments, to } from "../../core/route.ts";
import { duration, lasted } from "../../core/time.ts";
import type { Explanation, Run } from "../../core/wire.ts";
import { A, Facts, Instant, Lasted, Shown, Tabs } from "../../parts/basics.tsx";
import { BatchName, madeBy } from "../../parts/runs.tsx";
import { Counts, isOver, Status } from "../../parts/status.tsx";
import { EventsOf } from "../events_of.tsx";
import { Cancel } from "./cancel.tsx";
import { CompareTab } from "./compare_tab.tsx";
import { GanttTab } from "./gantt_tab.tsx";
import { GraphTab } from "./graph_tab.tsx";
import { GridTab } from "./grid_tab.tsx";
import { ListTab } from "./list_tab.tsx";
import { LogsTab } from "./logs_tab.tsx";
import { MetricsTab } from "./metrics_tab.tsx";
import { concerns } from "./picture.ts";
import { RerunTab } from "./rerun_tab.tsx";
import { ResultTab } from "./result_tab.tsx";

const TABS: [string, string][] = [
  ["graph", "Graph"], ["list", "List"], ["gantt", "Gantt"], ["grid", "Grid"], ["logs", "Logs"], ["metrics", "Metrics"],
  ["result", "Result"], ["events", "Events"], ["rerun", "Rerun"], ["compare", "Compare"],
];

export function RunView({ id }: { id: number }) {
  const answer = useAnswer<Run>(`/runs/${id}`, concerns(id));
  const tab = segments.value[2] ?? "graph";
  const tabs = TABS.map(([name, text]) => ({ name, text, href: to(`/ui/runs/${id}/${name}`, keptTask()) }));
  return (
    <Shown answer={answer}>
      {(run) => (
        <>
          <Head run={run} done={answer.again} />
          <Tabs tabs={tabs} current={tab} label="Parts of the run" />
          <Tab tab={tab} run={run} />
        </>
      )}
    </Shown>
  );
}

/** The task that was chosen stays chosen from tab to tab. */
function keptTask(): Record<string, string | null> {
  return { task: new URLSearchParams(location.search).get("task") };
}

function Tab({ tab, run }: { tab: string; run: Run }) {
  switch (tab) {
    case "list": return <ListTab run={run} />;
    case "gantt": return <GanttTab run={run} />;
    case "grid": return <GridTab run={run} />;
    case "logs": return <LogsTab run={run} />;
    case "metrics": return <MetricsTab run={run} />;
    case "result": return <ResultTab run={run} />;
    case "events": return <EventsOf filter={{ run_id: run.id }} />;
    case "rerun": return <RerunTab run={run} />;
    case "compare": return <CompareTab run={run} />;
    default: return <GraphTab run={run} />;
  }
}

function Head({ run, done }: { run: Run; done: () => void }) {
  return (
    <>
      <header class="title">
        <h1>
          Run {run.id} of <A to={`/ui/batches/${run.batch_id}`}><BatchName name={run.batch_name} tag={run.tag} /></A>
        </h1>
        <Status status={run.status} />
        <div class="buttons">
          {isOver(run.status)
            ? <A to={`/ui/runs/${run.id}/rerun`} class="button">Rerun …</A>
            : <Cancel run={run} done={done} />}
        </div>
      </header>
      <Why run={run} />
      <Facts
        pairs={[
          ["Date", run.rundate],
          ["Made by", `${madeBy(run.run_type)}, asked for by ${run.requested_by}`],
          ["Due", <Instant at={run.scheduled_time} />],
          ["Started", <Instant at={run.started_at} />],
          ["Lasted", run.started_at && <Lasted from={run.started_at} until={run.finished_at} />],
          ["Tasks", <Counts counts={run.task_counts} />],
          ["Version", run.definition_version ?? "not saved"],
          ["Repeats", run.original_run_id && <A to={`/ui/runs/${run.original_run_id}`}>run {run.original_run_id}</A>],
          ["Follows", run.parent_run_id && <A to={`/ui/runs/${run.parent_run_id}`}>run {run.parent_run_id}</A>],
          ["Run set", run.run_set_id && <A to={`/ui/run-sets/${run.run_set_id}`}>{run.run_set_id}</A>],
          ["Ends by", run.deadline && !isOver(run.status) ? <Instant at={run.deadline} /> : null],
        ]}
      />
      <Times run={run} />
    </>
  );
}

const SAID = {
  queued: "it waits", running: "it goes on", success: "it succeeded", failure: "it failed", cancelled: "it was cancelled",
};

/** Why it ran, in a sentence, with what led to it. */
function Why({ run }: { run: Run }) {
  const answer = useAnswer<Explanation>(`/runs/${run.id}/why`, concerns(run.id));
  // Its place is taken from the start, so that nothing below moves when the answer comes.
  const first = `${SAID[run.status]}${run.status_reason ? `: ${run.status_reason}` : ""}`;
  const { answer: sentence, causes } = answer.data ?? { answer: first, causes: [] };
  const because = <Because sentence={sentence} causes={causes} />;
  if (run.status === "failure") return <div class="note bad">{because}</div>;
  return run.status === "cancelled" ? <div class="note warn">{because}</div> : because;
}

/** A sentence and the events behind it. */
export function Because({ sentence, causes }: { sentence: string; causes: Explanation["causes"] }) {
  return (
    <details class="why">
      <summary>{sentence.charAt(0).toUpperCase() + sentence.slice(1)}.</summary>
      <ol>
        {causes.map((cause, at) => (
          <li key={at}>
            <Instant at={cause.at} /> {cause.text} {cause.seq !== null && <A to={`/ui/events/${cause.seq}`} class="soft">event {cause.seq}</A>}
          </li>
        ))}
      </ol>
    </details>
  );
}

/** Where the time of the run went, as a bar: late, queued, running. */
function Times({ run }: { run: Run }) {
  const created = Date.parse(run.created_at);
  const late = Math.max(0, created - Date.parse(run.scheduled_time));
  const queued = lasted(run.created_at, run.started_at ?? run.finished_at, now.value) ?? 0;
  const running = lasted(run.started_at, run.finished_at, now.value) ?? 0;
  const parts = ([["late", late], ["queued", queued], ["running", running]] as [string, number][]).filter(([, ms]) => ms > 0);
  const all = parts.reduce((sum, [, ms]) => sum + ms, 0);
  if (all === 0) return null;
  return (
    <div class="times" role="img" aria-label={`Where the time went: ${parts.map(([name, ms]) => `${name} ${duration(ms)}`).join(", ")}`}>
      <div class="bar">
        {parts.map(([name, ms]) => <span key={name} class={`span ${name}`} style={{ flexGrow: Math.max(ms / all, 0.004) }} />)}
      </div>
      <p class="soft">
        {parts.map(([name, ms]) => <span key={name} class={`key ${name}`}>{name} {duration(ms)}</span>)}
      </p>
    </div>
  );
}
