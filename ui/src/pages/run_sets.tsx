// Run sets: many runs made together, backfills among them, and how far each is.

import { useAnswer } from "../core/answer.ts";
import { query } from "../core/route.ts";
import { counted } from "../core/text.ts";
import type { Page, RunPage, RunSet } from "../core/wire.ts";
import { Action } from "../parts/action.tsx";
import { A, Ago, Empty, Facts, Instant, Note, Shown } from "../parts/basics.tsx";
import { BatchName, RunsTable } from "../parts/runs.tsx";
import { Counts } from "../parts/status.tsx";
import { Table, useStill, Waiting } from "../parts/table.tsx";
import { Paging } from "./batches.tsx";
import { FlowSets } from "./flow_sets.tsx";

export function RunSets() {
  const cursor = query.value.get("cursor");
  const path = `/run-sets?order=desc&limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`;
  const answer = useAnswer<Page<RunSet>>(path, (event) => /^(run_set|run)\./.test(event.type));
  return (
    <>
      <h1>Run sets</h1>
      <Shown answer={answer}>{(page) => <List page={page} />}</Shown>
      <FlowSets />
    </>
  );
}

function titleOf(set: RunSet): string {
  return set.title || `Run set ${set.id}`;
}

function List({ page }: { page: Page<RunSet> }) {
  const still = useStill(page.items, (set) => set.id, query.value.get("cursor") ?? "");
  if (page.items.length === 0) {
    return <Empty><p>There are no run sets. <code>fasti backfill start NAME --from … --until …</code> makes one with a run for every slot of a range.</p></Empty>;
  }
  return (
    <div {...still.holder}>
      <Waiting count={still.waiting} release={still.release} />
      <Table
        label="Run sets" items={still.items} id={(set) => set.id}
        columns={[
          { name: "Set", kind: "title", cell: (set) => <A to={`/ui/run-sets/${set.id}`}>{titleOf(set)}</A> },
          { name: "Batch", cell: (set) => <A to={`/ui/batches/${set.batch_id}`}><BatchName name={set.batch_name} tag={set.tag} /></A> },
          { name: "Runs", kind: "number", cell: (set) => set.run_count.toLocaleString("en") },
          { name: "Status", cell: (set) => <Counts counts={set.run_counts} /> },
          { name: "Made", cell: (set) => <><Ago at={set.created_at} /> by {set.created_by}</> },
          { name: "State", cell: (set) => <State set={set} /> },
        ]}
      />
      <Paging page={page} count={page.items.length} />
    </div>
  );
}

function State({ set }: { set: RunSet }) {
  if (set.finished_at) return <>over <Ago at={set.finished_at} /></>;
  if (set.backfill?.paused) return <span class="tag warn">paused</span>;
  return <>{set.closed ? "goes on" : "open"}</>;
}

export function RunSetView({ id }: { id: number }) {
  const wants = (event: { type: string }): boolean => /^(run_set|run)\./.test(event.type);
  const answer = useAnswer<RunSet>(`/run-sets/${id}`, wants);
  const runs = useAnswer<RunPage>(`/runs?run_set=${id}&order=desc&limit=50`, wants);
  return (
    <Shown answer={answer}>
      {(set) => (
        <>
          <header class="title">
            <h1>{titleOf(set)}</h1>
            {set.backfill && set.finished_at === null && <Steer set={set} done={answer.again} />}
          </header>
          {set.backfill?.pause_reason && <Note kind="warn">It is paused: {set.backfill.pause_reason}</Note>}
          <Facts
            pairs={[
              ["Batch", <A to={`/ui/batches/${set.batch_id}`}><BatchName name={set.batch_name} tag={set.tag} /></A>],
              ["Runs", <>{set.run_count.toLocaleString("en")} <Counts counts={set.run_counts} /></>],
              ["State", <State set={set} />],
              ["Made", <><Instant at={set.created_at} /> by {set.created_by}</>],
              ["Range", set.backfill && <><Instant at={set.backfill.from} /> to <Instant at={set.backfill.until} /></>],
              ["Slots", set.backfill && `${counted(set.backfill.slots, "slot")}, ${set.backfill.order.replace("_", " ")}, ${set.backfill.live_max} at a time`],
              ["Labels", set.labels.join(", ")],
            ]}
          />
          <Shown answer={runs}>
            {(page) => (
              <>
                <RunsTable runs={page.items} hasBatch={false} />
                {page.next_cursor && <p><A to="/ui/runs" params={{ run_set: id }}>All {page.total.toLocaleString("en")} runs</A></p>}
              </>
            )}
          </Shown>
        </>
      )}
    </Shown>
  );
}

/** What can be done with a backfill that goes on. */
function Steer({ set, done }: { set: RunSet; done: () => void }) {
  const call = (verb: string) => ({
    method: "POST", path: `/run-sets/${set.id}/${verb}`, body: {}, command: ["backfill", verb, String(set.id)],
  });
  return (
    <div class="buttons">
      {set.backfill!.paused
        ? <Action name="Resume" title={`Go on with ${titleOf(set)}`} call={call("resume")} done={done} />
        : (
          <Action name="Pause" title={`Make no further runs of ${titleOf(set)}`} call={call("pause")} done={done}>
            <p>Runs that go on are left alone.</p>
          </Action>
        )}
      <Action name="Cancel" title={`Cancel ${titleOf(set)}`} danger call={call("cancel")} done={done}>
        <p>No further runs are made, and those that go on are cancelled.</p>
      </Action>
    </div>
  );
}
