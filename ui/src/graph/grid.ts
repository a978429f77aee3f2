// Tasks by runs: how each task fared in each run, and how long it took beside its longest time.

import type { States, TaskStatus } from "../core/wire.ts";
import { type Model, moods } from "./model.ts";

/** Shades of time, from 1 to this; 0 is for what has not started. */
export const HEATS = 4;

export interface Cell {
  status: TaskStatus;
  /** From the first start of its parts to the last end; `null` before it started. */
  ms: number | null;
  heat: number;
  /** The task run to look at: the part that stands worst. */
  taskRun: number;
}

export interface GridRow {
  name: string;
  /** One a run; `null` where the run has no such task. */
  cells: (Cell | null)[];
}

/** Rows in the order of the run that is looked at, behind them those that only other runs have. */
export function gridOf(columns: ({ model: Model; states: States } | null)[], current: number, present: number): GridRow[] {
  const rows = new Map<string, GridRow>();
  const order = [current, ...columns.map((_, at) => at).filter((at) => at !== current)];
  for (const at of order) {
    const column = columns[at];
    if (!column) continue;
    const found = moods(column.model, column.states);
    column.model.layout.names.forEach((name, task) => {
      const row = rows.get(name) ?? { name, cells: Array.from({ length: columns.length }, () => null) };
      rows.set(name, row);
      row.cells[at] = cellOf(column.model, column.states, task, found[task]!, present);
    });
  }
  const all = [...rows.values()];
  for (const row of all) shade(row);
  return all;
}

function cellOf(model: Model, states: States, task: number, mood: { status: TaskStatus; worst: number }, present: number): Cell {
  let [from, until] = [Infinity, -Infinity];
  for (let node = model.firstNode[task]!; node < model.firstNode[task + 1]!; node += 1) {
    const begun = states.started_ms[node] ?? null;
    if (begun === null) continue;
    from = Math.min(from, begun);
    until = Math.max(until, states.finished_ms[node] ?? present - Date.parse(states.origin));
  }
  const ms = from === Infinity ? null : Math.max(0, until - from);
  return { status: mood.status, ms, heat: 0, taskRun: states.first_task_run_id + mood.worst };
}

function shade(row: GridRow): void {
  const longest = row.cells.reduce((most, cell) => Math.max(most, cell?.ms ?? 0), 0);
  for (const cell of row.cells) {
    if (cell && cell.ms !== null) cell.heat = longest === 0 ? 1 : Math.min(HEATS, Math.max(1, Math.ceil((HEATS * cell.ms) / longest)));
  }
}
