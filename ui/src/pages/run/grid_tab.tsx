// The last runs of the batch side by side: a row a task, a column a run, each cell how the task fared and how long it took.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { useAnswer } from "../../core/answer.ts";
import { Problem, read } from "../../core/api.ts";
import { now, onEvents } from "../../core/live.ts";
import { asOf, go, query, to, withQuery } from "../../core/route.ts";
import { counted } from "../../core/text.ts";
import { duration } from "../../core/time.ts";
import type { Layout, Run, RunPage, States } from "../../core/wire.ts";
import { type Model, modelOf } from "../../graph/model.ts";
import { type Cell, gridOf, type GridRow } from "../../graph/grid.ts";
import { A, Empty, Note, Refused, Shown } from "../../parts/basics.tsx";
import { Shape, StatusMark } from "../../parts/status.tsx";

const RUNS = 20;
const ROW = 28;
const TABLE_ROWS_MAX = 200;
const PAGE_ROWS = 10;
const REST_MS = 400;

export function GridTab({ run }: { run: Run }) {
  const path = `/runs?batch_id=${run.batch_id}&order=desc&limit=${RUNS}`;
  const answer = useAnswer<RunPage>(path, (event) => event.batch_id === run.batch_id && event.type.startsWith("run."));
  return (
    <Shown answer={answer}>
      {(page) => {
        const last = page.items.toReversed();
        // A run that is older than those is shown before them.
        const runs = last.some((one) => one.id === run.id) ? last : [run, ...last.slice(1)];
        return <Grid run={run} runs={runs} />;
      }}
    </Shown>
  );
}

type Column = { model: Model; states: States };

/** What is known of each run; read again when an event is about it. */
function useColumns(runs: Run[]) {
  const [columns, setColumns] = useState<Map<number, Column>>(new Map());
  const [problem, setProblem] = useState<Problem | null>(null);
  const models = useRef(new Map<string, Promise<Model>>());
  const key = `${asOf.value} ${runs.map((run) => run.id).join()}`;
  useEffect(() => {
    const control = new AbortController();
    const { signal } = control;
    const due = new Map<number, number>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async (run: Run, least: number | null): Promise<void> => {
      const version = `${run.definition_version ?? `of ${run.id}`}`;
      const model = models.current.get(version) ?? read<Layout>(`/runs/${run.id}/layout`, { as_of: asOf.value }).then(modelOf);
      models.current.set(version, model);
      // What could not be read is asked for again with the next event.
      model.catch(() => models.current.delete(version));
      const states = read<States>(`/runs/${run.id}/states`, { as_of: asOf.value, min_seq: least }, signal);
      const column = { model: await model, states: await states };
      if (signal.aborted) return;
      setColumns((old) => new Map(old).set(run.id, column));
      setProblem(null);
    };
    const failed = (error: unknown): void => {
      if (!signal.aborted && error instanceof Problem) setProblem(error);
    };
    for (const run of runs) load(run, null).catch(failed);
    const ours = new Map(runs.map((run) => [run.id, run]));
    const stop = asOf.value !== null ? () => undefined : onEvents((events) => {
      for (const event of events) {
        if (event.run_id !== null && ours.has(event.run_id) && /^(task|attempt|run)\./.test(event.type)) due.set(event.run_id, event.seq);
      }
      if (due.size === 0 || timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        for (const [id, seq] of due) load(ours.get(id)!, seq).catch(failed);
        due.clear();
      }, REST_MS);
    });
    return () => {
      control.abort();
      clearTimeout(timer);
      stop();
    };
  }, [key]);
  return { columns, problem };
}

function Grid({ run, runs }: { run: Run; runs: Run[] }) {
  const { columns, problem } = useColumns(runs);
  const text = (query.value.get("q") ?? "").toLowerCase();
  const isTable = query.value.get("as") === "table";
  const shown = runs.map((one) => columns.get(one.id) ?? null);
  // The clock matters only to what runs.
  const isLive = runs.some((one) => one.finished_at === null);
  const present = isLive ? now.value : 0;
  const current = runs.findIndex((one) => one.id === run.id);
  const rows = useMemo(() => gridOf(shown, current, present), [columns, runs, present]);
  const wanted = useMemo(() => rows.filter((row) => row.name.toLowerCase().includes(text)), [rows, text]);
  if (problem && rows.length === 0) return <Refused problem={problem} />;
  if (rows.length === 0) return <p class="loading">Loading …</p>;
  return (
    <>
      {problem && <Refused problem={problem} />}
      <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
        <label>
          Name <input
            type="search" value={query.value.get("q") ?? ""} placeholder="part of a name"
            onInput={(change) => go(withQuery({ q: change.currentTarget.value }), "replace")}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={isTable} onChange={() => go(withQuery({ as: isTable ? null : "table" }), "replace")} />as a table
        </label>
        <p class="legend soft" aria-hidden="true">
          short {[1, 2, 3, 4].map((level) => <span key={level} class={`sample heat-${level} running`} />)} long, of each task’s longest
        </p>
      </form>
      {wanted.length === 0 && <Empty><p>No task has this in its name. <a href={withQuery({ q: null })}>Show all</a></p></Empty>}
      {wanted.length > 0 && (isTable ? <AsTable runs={runs} rows={wanted} /> : <HeatGrid key={text} runs={runs} rows={wanted} current={current} />)}
    </>
  );
}

function said(name: string, run: Run, cell: Cell | null): string {
  if (cell === null) return `${name}, run ${run.id}: not in it`;
  return `${name}, run ${run.id}: ${cell.status}${cell.ms === null ? "" : `, ${duration(cell.ms)}`}`;
}

/** Where the keys are: a row and a column. */
type Place = { row: number; column: number };

function moved(place: Place, event: KeyboardEvent, rows: number, columns: number): Place | null {
  const { row, column } = place;
  const isFar = event.ctrlKey || event.metaKey;
  const next: Record<string, Place> = {
    ArrowUp: { row: row - 1, column }, ArrowDown: { row: row + 1, column },
    ArrowLeft: { row, column: column - 1 }, ArrowRight: { row, column: column + 1 },
    PageUp: { row: row - PAGE_ROWS, column }, PageDown: { row: row + PAGE_ROWS, column },
    Home: { row: isFar ? 0 : row, column: 0 }, End: { row: isFar ? rows - 1 : row, column: columns - 1 },
  };
  const found = next[event.key];
  if (!found) return null;
  const within = (value: number, end: number): number => Math.min(Math.max(value, 0), end - 1);
  return { row: within(found.row, rows), column: within(found.column, columns) };
}

/** The grid: only the rows in sight are in the document, one cell can be reached with Tab, the rest with arrows. */
function HeatGrid({ runs, rows, current }: { runs: Run[]; rows: GridRow[]; current: number }) {
  const box = useRef<HTMLDivElement>(null);
  const [sight, see] = useState({ top: 0, height: 600 });
  const [place, go_] = useState<Place>({ row: 0, column: Math.max(0, current) });
  const [hovered, hover] = useState<Place | null>(null);
  // Where the focus is to be, until it is there: by place, because effects of an earlier render may come after the next key.
  const wanted = useRef<Place | null>(null);
  const look = (): void => {
    const element = box.current;
    if (element) see({ top: element.scrollTop, height: element.clientHeight });
  };
  useEffect(() => {
    const watch = new ResizeObserver(look);
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    const at = wanted.current;
    const cell = at && box.current!.querySelector<HTMLElement>(`[data-at="${at.row} ${at.column}"]`);
    if (!cell) return;
    wanted.current = null;
    cell.focus({ preventScroll: false });
  });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.altKey) return;
    const next = moved(wanted.current ?? place, event, rows.length, runs.length);
    if (!next) return;
    event.preventDefault();
    wanted.current = next;
    const [element, head] = [box.current!, box.current!.querySelector<HTMLElement>(".heat-head")!.offsetHeight];
    const [top, bottom] = [next.row * ROW, (next.row + 1) * ROW + head];
    if (top < element.scrollTop) element.scrollTop = top;
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
    go_(next);
    look();
  };
  const first = Math.max(0, Math.floor(sight.top / ROW) - 10);
  const end = Math.min(rows.length, Math.ceil((sight.top + sight.height) / ROW) + 10);
  const told = hovered ?? place;
  const style = { gridTemplateColumns: `var(--heat-name) repeat(${runs.length}, var(--heat-cell))` };
  return (
    <div class="heat">
      <div
        ref={box} class="heat-box" role="grid" aria-label={`${counted(rows.length, "task")} in ${counted(runs.length, "run")}`}
        aria-rowcount={rows.length + 1} aria-colcount={runs.length + 1} onScroll={look} onKeyDown={onKeyDown}
        onMouseLeave={() => hover(null)}
      >
        <div class="heat-head heat-row" role="row" aria-rowindex={1} style={style}>
          <span role="columnheader">Task</span>
          {runs.map((run, column) => (
            <span key={run.id} role="columnheader" class={column === current ? "current" : ""}>
              <A to={`/ui/runs/${run.id}/grid`} label={`run ${run.id}${run.rundate ? ` for ${run.rundate}` : ""}, ${run.status}`}>
                <span class="turned">{run.id}</span>
                <StatusMark status={run.status} label={`run ${run.id}${run.rundate ? ` for ${run.rundate}` : ""}: ${run.status}`} />
              </A>
            </span>
          ))}
        </div>
        <div class="room" role="presentation" style={{ height: `${rows.length * ROW}px` }}>
          <div class="sight" role="presentation" style={{ transform: `translateY(${first * ROW}px)` }}>
            {rows.slice(first, end).map((row, offset) => {
              const at = first + offset;
              return (
                <div key={row.name} class="heat-row" role="row" aria-rowindex={at + 2} style={style}>
                  <span role="rowheader" title={row.name}>{row.name}</span>
                  {runs.map((run, column) => (
                    <HeatCell
                      key={run.id} run={run} row={row} cell={row.cells[column] ?? null} at={`${at} ${column}`}
                      isPlace={at === place.row && column === place.column} isCurrent={column === current}
                      enter={() => go_({ row: at, column })} hover={() => hover({ row: at, column })}
                    />
                  ))}
                </div>
              );
            })}
          </div>
        </div>
      </div>
      <p class="under" aria-live="polite">{said(rows[told.row]?.name ?? "", runs[told.column]!, rows[told.row]?.cells[told.column] ?? null)}</p>
    </div>
  );
}

function HeatCell({ run, row, cell, at, isPlace, isCurrent, enter, hover }: {
  run: Run;
  row: GridRow;
  cell: Cell | null;
  at: string;
  isPlace: boolean;
  isCurrent: boolean;
  enter: () => void;
  hover: () => void;
}) {
  const name = `heat-cell ${isCurrent ? "current" : ""} ${cell ? `${cell.status} heat-${cell.heat}` : "none"}`;
  const label = said(row.name, run, cell);
  const props = { "data-at": at, tabIndex: isPlace ? 0 : -1, onFocus: enter, onMouseEnter: hover, title: label, "aria-label": label };
  // The same element whatever is known of the task: one that made room for another would take the focus with it.
  return (
    <span role="gridcell" class={name}>
      {cell === null
        ? <a {...props} role="img">·</a>
        : <a {...props} href={to(`/ui/runs/${run.id}/graph`, { task: cell.taskRun })}><Shape status={cell.status} /></a>}
    </span>
  );
}

/** The same as text. */
function AsTable({ runs, rows }: { runs: Run[]; rows: GridRow[] }) {
  return (
    <>
      <div class="scrolled" tabIndex={0} role="region" aria-label="Tasks by run">
        <table class="compared" aria-label="Tasks by run">
          <thead>
            <tr>
              <th scope="col">Task</th>
              {runs.map((run) => <th key={run.id} scope="col"><A to={`/ui/runs/${run.id}`}>run {run.id}</A><small>{run.rundate ?? run.status}</small></th>)}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, TABLE_ROWS_MAX).map((row) => (
              <tr key={row.name}>
                <th scope="row">{row.name}</th>
                {row.cells.map((cell, column) => (
                  <td key={runs[column]!.id} class={cell?.status ?? "none"}>
                    {cell?.status ?? "–"}{cell && cell.ms !== null && <small>{duration(cell.ms)}</small>}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > TABLE_ROWS_MAX && <Note>The first {TABLE_ROWS_MAX} of {rows.length.toLocaleString("en")} tasks; a part of a name finds others.</Note>}
    </>
  );
}
