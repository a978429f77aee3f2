// Schedules: which batches start by themselves, when next, and whether every planned slot has its record.

import { useAnswer } from "../core/answer.ts";
import type { Batch, Page, SlotPage } from "../core/wire.ts";
import { A, Ago, Empty, Shown } from "../parts/basics.tsx";
import { PauseOrResume } from "../parts/batch_actions.tsx";
import { BatchName } from "../parts/runs.tsx";
import { Table, useStill, Waiting } from "../parts/table.tsx";
import { hasSchedule, Paging } from "./batches.tsx";
import { query } from "../core/route.ts";

export function Schedules() {
  const cursor = query.value.get("cursor");
  const path = `/batches?limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`;
  const answer = useAnswer<Page<Batch>>(path, (event) => /^(batch|schedule)\./.test(event.type));
  return (
    <>
      <h1>Schedules</h1>
      <Shown answer={answer}>{(page) => <List page={page} again={answer.again} />}</Shown>
    </>
  );
}

/** The next to start first; those that are off last. */
function byNext(a: Batch, b: Batch): number {
  return (a.next_run ?? "~").localeCompare(b.next_run ?? "~") || a.name.localeCompare(b.name);
}

function List({ page, again }: { page: Page<Batch>; again: () => void }) {
  const still = useStill(page.items.filter(hasSchedule).sort(byNext), (batch) => batch.id, "schedules");
  if (still.items.length === 0) {
    return (
      <Empty>
        <p>No batch has a schedule{page.next_cursor ? " on this page" : " yet"}.</p>
        <p>Give a definition one, such as <code>{'"schedule": {"cron": "0 8 * * *", "timezone": "Europe/Paris"}'}</code>, and save it.</p>
      </Empty>
    );
  }
  return (
    <div {...still.holder}>
      <Waiting count={still.waiting} release={still.release} />
      <Table
        label="Schedules" items={still.items} id={(batch) => batch.id}
        columns={[
          { name: "Batch", kind: "title", cell: (batch) => <A to={`/ui/schedules/${batch.id}`}><BatchName name={batch.name} tag={batch.tag} /></A> },
          { name: "Starts", kind: "wide", cell: (batch) => batch.schedule_description },
          {
            name: "Next",
            cell: (batch) => (batch.paused ? <span class="tag warn" title={batch.paused_reason ?? ""}>paused</span> : <Ago at={batch.next_run} />),
          },
          { name: "Slots", cell: (batch) => <Sums batch={batch.id} /> },
          { name: "Actions", cell: (batch) => <PauseOrResume batch={batch} done={again} /> },
        ]}
      />
      <Paging page={page} count={still.items.length} />
    </div>
  );
}

/** How many slots fired, how many did not, and whether the sums agree. */
function Sums({ batch }: { batch: string }) {
  const answer = useAnswer<SlotPage>(`/batches/${batch}/slots?limit=1`, (event) => event.batch_id === batch && event.type.startsWith("schedule."));
  if (!answer.data) return <span class="none">…</span>;
  const { totals, plan } = answer.data;
  const not = totals.missed + totals.skipped + totals.superseded + totals.cancelled;
  return (
    <span>
      {totals.fired.toLocaleString("en")} fired{not > 0 && <>, <span class="warn">{not.toLocaleString("en")} not</span></>}
      {plan?.balanced === false && <span class="tag bad">sums differ</span>}
    </span>
  );
}
