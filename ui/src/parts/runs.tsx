// Runs in a table, as several views show them; and the last ones of a batch as a strip.

import { useEffect, useRef, useState } from "preact/hooks";

import { useAnswer } from "../core/answer.ts";
import { go, query, withQuery } from "../core/route.ts";
import type { Run, RunPage } from "../core/wire.ts";
import { A, Ago, Lasted } from "./basics.tsx";
import { Counts, Status, StatusMark } from "./status.tsx";
import { ChooseAll, ChooseOne, type Choice } from "./choice.tsx";
import { Table } from "./table.tsx";

const MADE_BY: Record<string, string> = {
  scheduled: "its schedule", manual: "hand", run_after: "a batch before it", triggered: "a signal",
  rerun: "a rerun", partial_rerun: "a rerun in part", dev_run: "a dev run",
};

export function madeBy(type: string): string {
  return MADE_BY[type] ?? type;
}

/** The name of a batch with its tag, unless that is the usual one. */
export function BatchName({ name, tag }: { name: string; tag: string }) {
  return <>{name}{tag !== "dev" && <span class="tag">{tag}</span>}</>;
}

export function RunsTable({ runs, hasBatch = true, choice }: { runs: Run[]; hasBatch?: boolean; choice?: Choice }) {
  return (
    <Table
      label="Runs" items={runs} id={(run) => run.id}
      columns={[
        ...(choice
          ? [{
            name: "Choose", kind: "choose" as const, head: <ChooseAll choice={choice} runs={runs} />,
            cell: (run: Run) => <ChooseOne choice={choice} runs={runs} run={run} />,
          }]
          : []),
        { name: "Run", kind: "title", cell: (run) => <A to={`/ui/runs/${run.id}`}>{run.id}</A> },
        ...(hasBatch
          ? [{
            name: "Batch",
            cell: (run: Run) => <A to={`/ui/batches/${run.batch_id}`}><BatchName name={run.batch_name} tag={run.tag} /></A>,
          }]
          : []),
        { name: "Status", cell: (run) => <Status status={run.status} /> },
        { name: "Date", cell: (run) => run.rundate ?? "–" },
        { name: "Made by", cell: (run) => madeBy(run.run_type) },
        { name: "Made", cell: (run) => <Ago at={run.created_at} /> },
        { name: "Lasted", kind: "number", cell: (run) => <Lasted from={run.started_at} until={run.finished_at} /> },
        { name: "Tasks", cell: (run) => <Counts counts={run.task_counts} /> },
      ]}
    />
  );
}

/** Pause in typing after which is looked for what was typed. */
const TYPING_MS = 200;

/** A part of a name, looked for among all there is, as it is typed. */
export function Search() {
  const said = query.value.get("search") ?? "";
  const [typed, type] = useState<string | null>(null);
  const sent = useRef(said);
  useEffect(() => {
    if (typed === null || typed.trim() === said) return;
    const timer = setTimeout(() => {
      sent.current = typed.trim();
      go(withQuery({ search: sent.current, cursor: null }), "replace");
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  useEffect(() => {
    // Something else than typing changed the address.
    if (said !== sent.current) type(null);
    sent.current = said;
  }, [said]);
  return (
    <label>
      Name <input
        type="search" value={typed ?? said} placeholder="part of a name" maxLength={200}
        onInput={(change) => type(change.currentTarget.value)}
      />
    </label>
  );
}

const STRIP = 20;

/** The last runs of a batch, oldest first; read only when it comes into sight. */
export function Strip({ batch }: { batch: string }) {
  const place = useRef<HTMLSpanElement>(null);
  const [isSeen, seen] = useState(false);
  useEffect(() => {
    const watch = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) seen(true);
    });
    watch.observe(place.current!);
    return () => watch.disconnect();
  }, []);
  const path = `/runs?batch_id=${batch}&order=desc&limit=${STRIP}`;
  const answer = useAnswer<RunPage>(isSeen ? path : null, (event) => event.batch_id === batch && event.type.startsWith("run."));
  const runs = (answer.data?.items ?? []).slice().reverse();
  return (
    <span ref={place} class="strip">
      {runs.map((run) => (
        <A key={run.id} to={`/ui/runs/${run.id}`} label={`run ${run.id}, ${run.status}`}>
          <StatusMark status={run.status} label={`run ${run.id}${run.rundate ? ` for ${run.rundate}` : ""}: ${run.status}`} />
        </A>
      ))}
      {isSeen && answer.data && runs.length === 0 && <span class="none">no runs yet</span>}
    </span>
  );
}
