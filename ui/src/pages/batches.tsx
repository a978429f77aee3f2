// Batches: what there is, how it went lately, when it starts next.

import { useState } from "preact/hooks";

import { useAnswer } from "../core/answer.ts";
import { go, query, withQuery } from "../core/route.ts";
import { counted } from "../core/text.ts";
import type { Batch, Page } from "../core/wire.ts";
import { A, Ago, Empty, Shown } from "../parts/basics.tsx";
import { PauseOrResume, RunNow } from "../parts/batch_actions.tsx";
import { BatchName, Search, Strip } from "../parts/runs.tsx";
import { Table, useStill, Waiting } from "../parts/table.tsx";

const FIELDS = ["search", "owner", "label", "tag"] as const;

export function Batches() {
  const params = new URLSearchParams({ limit: "100" });
  for (const field of [...FIELDS, "cursor"]) {
    const value = query.value.get(field);
    if (value) params.set(field, value);
  }
  const answer = useAnswer<Page<Batch>>(`/batches?${params}`, (event) => /^(batch|schedule|run)\./.test(event.type), "keep");
  return (
    <>
      <h1>Batches</h1>
      <Filter />
      <Shown answer={answer}>{(page) => <List page={page} again={answer.again} of={answer.of} />}</Shown>
    </>
  );
}

function Filter() {
  const value = (name: string): string => query.value.get(name) ?? "";
  const set = (name: string) => (change: { currentTarget: { value: string } }) =>
    go(withQuery({ [name]: change.currentTarget.value.trim(), cursor: null }), "replace");
  return (
    <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
      <Search />
      <label>Owner <input value={value("owner")} onChange={set("owner")} /></label>
      <label>Label <input value={value("label")} onChange={set("label")} /></label>
      <label>
        Tag <select value={value("tag")} onChange={set("tag")}>
          <option value="">all</option><option>dev</option><option>pre</option><option>prod</option>
        </select>
      </label>
    </form>
  );
}

function List({ page, again, of }: { page: Page<Batch>; again: () => void; of: string }) {
  const still = useStill(page.items, (batch) => batch.id, of);
  if (page.items.length === 0 && query.value.get("cursor") === null) return <Nothing />;
  return (
    <div {...still.holder}>
      <Waiting count={still.waiting} release={still.release} />
      <BatchTable batches={still.items} again={again} />
      <Paging page={page} count={page.items.length} />
    </div>
  );
}

function BatchTable({ batches, again }: { batches: Batch[]; again: () => void }) {
  const [, draw] = useState(0);
  const done = (): void => {
    again();
    draw((count) => count + 1);
  };
  return (
    <Table
      label="Batches" items={batches} id={(batch) => batch.id}
      columns={[
        {
          name: "Batch", kind: "title",
          cell: (batch) => <A to={`/ui/batches/${batch.id}`}><BatchName name={batch.name} tag={batch.tag} /></A>,
        },
        { name: "Last runs", cell: (batch) => <Strip batch={batch.id} /> },
        { name: "Starts", kind: "wide", cell: (batch) => <Starts batch={batch} /> },
        { name: "Owner", cell: (batch) => batch.owner },
        { name: "Tasks", kind: "number", cell: (batch) => batch.tasks.length.toLocaleString("en") },
        { name: "Runs", kind: "number", cell: (batch) => batch.run_count.toLocaleString("en") },
        {
          name: "Actions",
          cell: (batch) => (
            <span class="buttons">
              <RunNow batch={batch} />
              {hasSchedule(batch) && <PauseOrResume batch={batch} done={done} />}
            </span>
          ),
        },
      ]}
    />
  );
}

export function hasSchedule(batch: Batch): boolean {
  return batch.schedule !== null && Object.keys(batch.schedule).length > 0;
}

/** When a batch starts, in words. */
export function Starts({ batch }: { batch: Batch }) {
  if (!hasSchedule(batch)) return <span class="none">by hand</span>;
  return (
    <>
      {batch.schedule_description}
      {batch.paused && <span class="tag warn" title={batch.paused_reason ?? ""}>paused</span>}
      {batch.next_run && <span class="soft"> · next <Ago at={batch.next_run} /></span>}
    </>
  );
}

/** The way to the next page of a list, and back to the first. */
export function Paging({ page, count, name = "cursor" }: { page: { next_cursor: string | null }; count: number; name?: string }) {
  const isFirst = query.value.get(name) === null;
  if (isFirst && page.next_cursor === null) return <p class="paging soft">{count.toLocaleString("en")} in all</p>;
  return (
    <nav class="paging" aria-label="Pages">
      {!isFirst && <a class="button" href={withQuery({ [name]: null })}>First page</a>}
      {page.next_cursor && <a class="button" href={withQuery({ [name]: page.next_cursor })}>Next page</a>}
      <span class="soft">{counted(count, "row")} here</span>
    </nav>
  );
}

function Nothing() {
  const isFiltered = FIELDS.some((field) => query.value.get(field));
  const text = query.value.get("search");
  if (text) return <Empty><p>No batch that fits has “{text}” in its name. <a href="/ui/batches">Show all batches</a></p></Empty>;
  if (isFiltered) return <Empty><p>No batch fits this filter. <a href="/ui/batches">Show all batches</a></p></Empty>;
  return (
    <Empty>
      <p>There are no batches yet.</p>
      <p>Save one from a file with <code>fasti batch save nightly.json</code>, or from Python with <code>DAG(…).save()</code>.</p>
    </Empty>
  );
}
