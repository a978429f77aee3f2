// Running a finished run again: what would be executed and what taken over, and why, before anything starts.

import { useEffect, useState } from "preact/hooks";

import { Problem, send } from "../../core/api.ts";
import { asOf, go, to } from "../../core/route.ts";
import { counted } from "../../core/text.ts";
import type { RerunPlan, Run } from "../../core/wire.ts";
import { Action, Field } from "../../parts/action.tsx";
import { Empty, Facts, Note, Refused } from "../../parts/basics.tsx";
import { isOver } from "../../parts/status.tsx";
import { Windowed } from "../../parts/table.tsx";

type Mode = "failed" | "all" | "from";

interface Wish {
  mode: Mode;
  version: "original" | "latest";
  tasks: string[];
  rundate: string;
}

export function RerunTab({ run }: { run: Run }) {
  const [wish, setWish] = useState<Wish>({
    mode: run.status === "success" ? "all" : "failed", version: "original", tasks: [], rundate: "",
  });
  if (!isOver(run.status)) return <Empty><p>The run goes on. It can be run again once it is over.</p></Empty>;
  if (asOf.value !== null) return <Empty><p>A rerun is planned from how things are now. <a href={to(`/ui/runs/${run.id}/rerun`, { as_of: null })}>Back to now</a></p></Empty>;
  const change = (part: Partial<Wish>): void => setWish({ ...wish, ...part });
  return (
    <>
      <form class="filter" onSubmit={(event) => event.preventDefault()}>
        <Field label="Execute">
          <select value={wish.mode} onChange={(event) => change({ mode: event.currentTarget.value as Mode })}>
            <option value="failed">what did not succeed, and all after it</option>
            <option value="all">everything</option>
            <option value="from">from named tasks on</option>
          </select>
        </Field>
        {wish.mode === "from" && (
          <Field label="Tasks" hint="Names, separated by commas.">
            <input onChange={(event) => change({ tasks: event.currentTarget.value.split(",").map((name) => name.trim()).filter((name) => name !== "") })} />
          </Field>
        )}
        <Field label="Definition">
          <select value={wish.version} onChange={(event) => change({ version: event.currentTarget.value as Wish["version"] })}>
            <option value="original">the one this run used{run.definition_version ? ` (version ${run.definition_version})` : ""}</option>
            <option value="latest">the latest of its batch</option>
          </select>
        </Field>
        <Field label="Date"><input type="date" value={wish.rundate} onChange={(event) => change({ rundate: event.currentTarget.value })} /></Field>
      </form>
      <Plan run={run} wish={wish} />
    </>
  );
}

function bodyOf(wish: Wish): Record<string, unknown> {
  return {
    mode: wish.mode,
    ...(wish.mode === "from" ? { tasks: wish.tasks } : {}),
    ...(wish.version === "latest" ? { version: "latest" } : {}),
    ...(wish.rundate ? { rundate: wish.rundate } : {}),
  };
}

function commandOf(run: Run, wish: Wish): string[] {
  return [
    "run", "rerun", String(run.id), "--mode", wish.mode,
    ...(wish.mode === "from" ? wish.tasks.flatMap((name) => ["--task", name]) : []),
    ...(wish.version === "latest" ? ["--latest"] : []),
    ...(wish.rundate ? ["--rundate", wish.rundate] : []),
  ];
}

const ROW = 30;

function Plan({ run, wish }: { run: Run; wish: Wish }) {
  const [plan, setPlan] = useState<RerunPlan | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const key = JSON.stringify(wish);
  useEffect(() => {
    let isCurrent = true;
    setPlan(null);
    setProblem(null);
    if (wish.mode === "from" && wish.tasks.length === 0) return;
    send<RerunPlan>("POST", `/runs/${run.id}/rerun`, { ...bodyOf(wish), dry_run: true }).then(
      (found) => isCurrent && setPlan(found),
      (error) => isCurrent && setProblem(error as Problem),
    );
    return () => {
      isCurrent = false;
    };
  }, [run.id, key]);
  if (problem) return <Refused problem={problem} />;
  if (wish.mode === "from" && wish.tasks.length === 0) return <Note>Name the tasks to begin with.</Note>;
  if (!plan) return <p class="loading">Planning …</p>;
  const runs = plan.items.filter((item) => item.action === "run").length;
  return (
    <section>
      <h2>The plan</h2>
      <Facts
        pairs={[
          ["Executed", counted(runs, "task run")],
          ["Taken over", counted(plan.items.length - runs, "task run")],
          ["Version", plan.definition_version ?? "not saved"],
          ["Date", plan.rundate ?? "found when it starts"],
        ]}
      />
      <Action<Run>
        name="Start this rerun" title={`Run ${run.id} again`} done={(made) => go(to(`/ui/runs/${made.id}`))}
        call={{ method: "POST", path: `/runs/${run.id}/rerun`, body: bodyOf(wish), command: commandOf(run, wish) }}
      >
        <p>{counted(runs, "task run")} will be executed, {plan.items.length - runs} taken over.</p>
      </Action>
      <Windowed
        class="plan" label="The plan, task by task" count={plan.items.length} row={ROW}
        draw={(at) => {
          const item = plan.items[at]!;
          return (
            <div key={item.name} class="plan-row" role="listitem">
              <span class={`tag ${item.action}`}>{item.action === "run" ? "run" : "reuse"}</span>
              <span>{item.name}</span>
              <span class="soft">{item.reason}</span>
            </div>
          );
        }}
      />
    </section>
  );
}
