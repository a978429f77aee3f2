// Runs: the filter of the interface in the address, page by page, the newest first.

import { useAnswer } from "../core/answer.ts";
import { lazy } from "../core/lazy.tsx";
import { go, query, withQuery } from "../core/route.ts";
import type { RunPage } from "../core/wire.ts";
import { A, Empty, Shown } from "../parts/basics.tsx";
import { type Choice, useChoice } from "../parts/choice.tsx";
import { RunsTable, Search } from "../parts/runs.tsx";
import { useStill, Waiting } from "../parts/table.tsx";
import { Paging } from "./batches.tsx";

const ChosenBar = lazy(async () => (await import("./bulk.tsx")).ChosenBar);

const FIELDS = [
  "search", "batch_name", "batch_id", "tag", "status", "rundate", "scheduled_from", "scheduled_until", "run_set", "label", "owner",
] as const;
const STATUSES = ["queued", "running", "success", "failure", "cancelled"];
const PAGE = 50;

export function Runs() {
  const params = new URLSearchParams({ order: "desc", limit: String(PAGE) });
  for (const field of [...FIELDS, "cursor", "order"]) {
    const value = query.value.get(field);
    if (value) params.set(field, value);
  }
  const answer = useAnswer<RunPage>(`/runs?${params}`, (event) => /^(run|task|attempt)\./.test(event.type), "keep");
  const { cursor: _cursor, ...kept } = Object.fromEntries(params);
  const choice = useChoice(JSON.stringify(kept));
  return (
    <>
      <header class="title">
        <h1>Runs</h1>
        <A to="/ui/run-sets" class="button">Run sets</A>
      </header>
      <Filter />
      <Shown answer={answer}>{(page) => <List page={page} of={answer.of} choice={choice} />}</Shown>
      {/* Outside of the list: what was begun goes on when its runs leave it. */}
      {choice.chosen.size > 0 && <ChosenBar choice={choice} />}
    </>
  );
}

function List({ page, of, choice }: { page: RunPage; of: string; choice: Choice }) {
  const still = useStill(page.items, (run) => run.id, of);
  if (page.items.length === 0) return <Nothing />;
  const total = `${page.total_is_exact ? "" : "at least "}${page.total.toLocaleString("en")}`;
  return (
    <div {...still.holder}>
      <p class="soft total">{total} in all</p>
      <Waiting count={still.waiting} release={still.release} />
      <RunsTable runs={still.items} choice={choice} />
      {(page.next_cursor || query.value.get("cursor")) && <Paging page={page} count={page.items.length} />}
    </div>
  );
}

function Nothing() {
  const isFiltered = FIELDS.some((field) => query.value.get(field));
  if (isFiltered) return <Empty><p>No run fits this filter. <a href="/ui/runs">Show all runs</a></p></Empty>;
  return <Empty><p>There are no runs yet. <code>fasti run start NAME</code> starts one, and so does “Run now” at a batch.</p></Empty>;
}

function Filter() {
  const value = (name: string): string => query.value.get(name) ?? "";
  const change = (name: string, text: string): void => go(withQuery({ [name]: text.trim(), cursor: null }), "replace");
  const set = (name: string) => (event: { currentTarget: { value: string } }) => change(name, event.currentTarget.value);
  const chosen = value("status").split(",").filter((word) => word !== "");
  const toggle = (status: string): void => {
    const rest = chosen.filter((word) => word !== status);
    change("status", (rest.length === chosen.length ? [...chosen, status] : rest).join(","));
  };
  const rare = FIELDS.filter((name) => !["search", "batch_name", "tag", "status", "rundate"].includes(name));
  return (
    <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
      <Search />
      <label>Batch <input value={value("batch_name")} onChange={set("batch_name")} placeholder="exact name" /></label>
      <label>Date <input type="date" value={value("rundate")} onChange={set("rundate")} /></label>
      <label>
        Tag <select value={value("tag")} onChange={set("tag")}>
          <option value="">all</option><option>dev</option><option>pre</option><option>prod</option>
        </select>
      </label>
      <fieldset>
        <legend>Status</legend>
        {STATUSES.map((status) => (
          <label key={status} class="check">
            <input type="checkbox" checked={chosen.includes(status)} onChange={() => toggle(status)} />{status}
          </label>
        ))}
      </fieldset>
      <details open={rare.some((name) => value(name) !== "")}>
        <summary>More</summary>
        <div class="filter">
          {rare.map((name) => (
            <label key={name}>
              {name.replaceAll("_", " ")} <input value={value(name)} onChange={set(name)} placeholder={name.startsWith("scheduled") ? "2026-11-30T00:00:00Z" : ""} />
            </label>
          ))}
        </div>
      </details>
    </form>
  );
}
