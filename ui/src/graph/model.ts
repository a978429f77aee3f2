// A graph ready to be drawn: boxes and edges in flat arrays, and how each task stands, all parts of it together.

import { LETTERS } from "../parts/status.tsx";
import type { Layout, States, TaskStatus } from "../core/wire.ts";

export interface Model {
  layout: Layout;
  /** First task run of each task, counted from 0, and their number behind the last. */
  firstNode: Int32Array;
  parents: number[][];
  children: number[][];
  /** First bend of each edge, and their number behind the last. */
  firstBend: Int32Array;
  partNames: Map<number, string[]>;
}

/** The model of a layout; it stays the same while states change. */
export function modelOf(layout: Layout): Model {
  const count = layout.names.length;
  const firstNode = new Int32Array(count + 1);
  for (let task = 0; task < count; task += 1) firstNode[task + 1] = firstNode[task]! + layout.parts[task]!;
  const parents: number[][] = Array.from({ length: count }, () => []);
  const children: number[][] = Array.from({ length: count }, () => []);
  layout.edges_from.forEach((from, edge) => {
    const to = layout.edges_to[edge]!;
    children[from]!.push(to);
    parents[to]!.push(from);
  });
  const firstBend = new Int32Array(layout.edges_from.length + 1);
  for (const edge of layout.bend_edges) firstBend[edge + 1]! += 1;
  for (let edge = 1; edge < firstBend.length; edge += 1) firstBend[edge]! += firstBend[edge - 1]!;
  const partNames = new Map(layout.named_parts.map(({ task, names }) => [task, names]));
  return { layout, firstNode, parents, children, firstBend, partNames };
}

/** The task that a task run belongs to. */
export function taskOf(model: Model, node: number): number {
  let [low, high] = [0, model.layout.names.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (model.firstNode[middle]! <= node) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Name of a task run: of the task, and which part. */
export function nodeName(model: Model, node: number): string {
  const task = taskOf(model, node);
  const name = model.layout.names[task]!;
  const part = node - model.firstNode[task]!;
  const own = model.partNames.get(task)?.[part];
  return own ?? (model.layout.parts[task]! > 1 ? `${name}[${part}]` : name);
}

export interface TaskMood {
  status: TaskStatus;
  /** Parts that are over. */
  over: number;
  /** The part that stands so, counted among all task runs. */
  worst: number;
}

const WORST: TaskStatus[] = ["failure", "running", "queued", "waiting", "cancelled", "skipped", "success"];
const RANK = new Map(WORST.map((status, at) => [status, at]));

/** How each task stands: as its part that people most want to hear of. */
export function moods(model: Model, states: States): TaskMood[] {
  const out: TaskMood[] = [];
  for (let task = 0; task < model.layout.names.length; task += 1) {
    let [best, worst] = [WORST.length, model.firstNode[task]!];
    let over = 0;
    for (let node = model.firstNode[task]!; node < model.firstNode[task + 1]!; node += 1) {
      const letter = states.statuses[node] ?? "w";
      const rank = RANK.get(LETTERS[letter]!)!;
      if (rank < best) [best, worst] = [rank, node];
      if ("sfkc".includes(letter)) over += 1;
    }
    out.push({ status: WORST[best] ?? "waiting", over, worst });
  }
  return out;
}

/** The chain of tasks that decided when the run was over, first to last: each the parent that was over last. */
export function criticalChain(model: Model, states: States): number[] {
  const count = model.layout.names.length;
  const end = new Float64Array(count).fill(-1);
  for (let task = 0; task < count; task += 1) {
    for (let node = model.firstNode[task]!; node < model.firstNode[task + 1]!; node += 1) {
      end[task] = Math.max(end[task]!, states.finished_ms[node] ?? -1);
    }
  }
  let at = -1;
  for (let task = 0; task < count; task += 1) if (end[task]! >= 0 && (at < 0 || end[task]! > end[at]!)) at = task;
  const chain: number[] = [];
  while (at >= 0) {
    chain.push(at);
    let next = -1;
    for (const parent of model.parents[at]!) if (end[parent]! >= 0 && (next < 0 || end[parent]! > end[next]!)) next = parent;
    at = next;
  }
  return chain.reverse();
}
