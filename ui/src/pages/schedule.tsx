// The schedule of one batch: a month of past outcomes and slots to come, and the ledger behind it.

import { useAnswer } from "../core/answer.ts";
import { query, withQuery } from "../core/route.ts";
import type { Batch, Slot, SlotPage } from "../core/wire.ts";
import { A, Ago, Empty, Facts, Instant, Note, Shown } from "../parts/basics.tsx";
import { PauseOrResume, RunNow } from "../parts/batch_actions.tsx";
import { BatchName } from "../parts/runs.tsx";
import { Table } from "../parts/table.tsx";
import { Calendar } from "./calendar.tsx";
import { hasSchedule } from "./batches.tsx";
import { Simulate } from "./simulate.tsx";

const SLOTS = 200;

export function ScheduleView({ id }: { id: string }) {
  const batch = useAnswer<Batch>(`/batches/${encodeURIComponent(id)}`, (event) => event.batch_id === id && /^(batch|schedule)\./.test(event.type));
  const cursor = query.value.get("cursor");
  const path = `/batches/${encodeURIComponent(id)}/slots?limit=${SLOTS}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`;
  const slots = useAnswer<SlotPage>(path, (event) => event.batch_id === id && /^(schedule|batch)\./.test(event.type));
  const isTrying = query.value.get("simulate") !== null;
  return (
    <Shown answer={batch}>
      {(it) => (
        <>
          <header class="title">
            <h1>Schedule of <A to={`/ui/batches/${it.id}`}><BatchName name={it.name} tag={it.tag} /></A></h1>
            {it.deleted_at === null && (
              <div class="buttons">
                <RunNow batch={it} />
                {!isTrying && <a class="button" href={withQuery({ simulate: 1, cursor: null })}>Try another …</a>}
                {hasSchedule(it) && <PauseOrResume batch={it} done={batch.again} />}
              </div>
            )}
          </header>
          {it.paused && <Note kind="warn">It is off{it.paused_reason && <>: {it.paused_reason}</>}{it.paused_until && <>, until <Instant at={it.paused_until} /></>}.</Note>}
          {hasSchedule(it) ? <Policy batch={it} /> : <Empty><p>It starts by hand only.</p></Empty>}
          {isTrying && it.deleted_at === null && <Simulate batch={it} done={batch.again} />}
          <Shown answer={slots}>{(page) => <Ledger page={page} batch={it} />}</Shown>
        </>
      )}
    </Shown>
  );
}

function Policy({ batch }: { batch: Batch }) {
  const schedule = batch.schedule ?? {};
  const said = (name: string): string | null => {
    const value = schedule[name];
    return value === undefined || value === null ? null : typeof value === "string" ? value.replaceAll("_", " ") : JSON.stringify(value);
  };
  return (
    <Facts
      pairs={[
        ["Starts", batch.schedule_description],
        ["Next", batch.next_run && <><Instant at={batch.next_run} /> <span class="soft">(<Ago at={batch.next_run} />)</span></>],
        ["Zone", said("timezone") ?? "UTC"],
        ["Missed slots", said("misfire")],
        ["While a run goes on", said("overlap")],
        ["Calendars", Array.isArray(schedule.calendars) ? (schedule.calendars as { name: string }[]).map((one) => one.name).join(", ") : null],
      ]}
    />
  );
}

function Ledger({ page, batch }: { page: SlotPage; batch: Batch }) {
  const { plan, totals } = page;
  const sums = Object.entries(totals).filter(([, count]) => count > 0).map(([name, count]) => `${count.toLocaleString("en")} ${name}`);
  return (
    <>
      {hasSchedule(batch) && <Calendar batch={batch} slots={page.items} />}
      <h2>Ledger</h2>
      <p>
        {sums.length > 0 ? sums.join(", ") : "No slot has come yet"}.
        {plan && plan.planned !== null && (
          <> Since <Instant at={plan.since} />: {plan.planned.toLocaleString("en")} planned, {plan.closed.toLocaleString("en")} with an outcome, {plan.waiting.toLocaleString("en")} waiting
            {plan.balanced === true && <span class="tag good">sums agree</span>}
            {plan.balanced === false && <span class="tag bad">sums differ</span>}
          </>
        )}
      </p>
      {page.items.length > 0 && <Slots slots={page.items} />}
      {page.next_cursor && <p class="paging"><a class="button" href={withQuery({ cursor: page.next_cursor })}>Older slots</a></p>}
    </>
  );
}

function Slots({ slots }: { slots: Slot[] }) {
  return (
    <Table
      label="Slots" items={slots} id={(slot) => `${slot.seq ?? "open"} ${slot.first}`}
      columns={[
        {
          name: "Slot", kind: "title",
          cell: (slot) => <><Instant at={slot.last} />{slot.count > 1 && <span class="soft"> and {slot.count - 1} before</span>}</>,
        },
        { name: "Outcome", cell: (slot) => <span class={`tag slot-${slot.outcome}`}>{slot.outcome}</span> },
        { name: "Run", cell: (slot) => (slot.run_id === null ? "–" : <A to={`/ui/runs/${slot.run_id}`}>{slot.run_id}</A>) },
        { name: "Why", kind: "wide", cell: (slot) => slot.reason ?? "–" },
        { name: "Event", cell: (slot) => (slot.seq === null ? "–" : <A to={`/ui/events/${slot.seq}`}>{slot.seq}</A>) },
      ]}
    />
  );
}
