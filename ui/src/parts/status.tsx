// How something stands: a shape, a word and a colour, in that order of importance.

import type { TaskStatus } from "../core/wire.ts";

/** One outline per status in a box of 16 by 16; the canvas draws the same ones. */
export const SHAPES: Record<TaskStatus, string> = {
  success: "M2.5 8.5 6.3 12.3 13.5 4.3",
  failure: "M3.5 3.5 12.5 12.5M12.5 3.5 3.5 12.5",
  running: "M5 2.8 12.5 8 5 13.2Z",
  queued: "M8 2.2A5.8 5.8 0 1 1 7.99 2.2ZM8 4.8V8.2L10.4 9.8",
  waiting: "M8 2.6A5.4 5.4 0 1 1 7.99 2.6Z",
  skipped: "M2.5 3.5 7 8 2.5 12.5M8.5 3.5 13 8 8.5 12.5",
  cancelled: "M8 2.2A5.8 5.8 0 1 1 7.99 2.2ZM4 4 12 12",
};

/** Statuses by their letter in columns. */
export const LETTERS: Record<string, TaskStatus> = {
  w: "waiting", q: "queued", r: "running", s: "success", f: "failure", k: "skipped", c: "cancelled",
};

/** In the order in which people want to hear of them. */
export const STATUSES: TaskStatus[] = [
  "failure", "running", "queued", "waiting", "success", "skipped", "cancelled",
];

export function isOver(status: TaskStatus): boolean {
  return status !== "queued" && status !== "running" && status !== "waiting";
}

/** The outline alone, where the word stands elsewhere. */
export function Shape({ status }: { status: TaskStatus }) {
  return (
    <svg class="shape" viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[status]} class={status === "running" ? "filled" : ""} />
    </svg>
  );
}

/** A status with its word. */
export function Status({ status }: { status: TaskStatus }) {
  return <span class={`status ${status}`}><Shape status={status} />{status}</span>;
}

/** A status as its shape alone, with the word for those who cannot see it. */
export function StatusMark({ status, label }: { status: TaskStatus; label?: string }) {
  return (
    <span class={`status ${status}`} role="img" aria-label={label ?? status} title={label ?? status}>
      <Shape status={status} />
    </span>
  );
}

/** Numbers by status, none for what there is none of. */
export function Counts({ counts }: { counts: Partial<Record<TaskStatus, number>> }) {
  const shown = STATUSES.filter((status) => (counts[status] ?? 0) > 0);
  return (
    <span class="counts">
      {shown.map((status) => (
        <span key={status} class={`status ${status}`} title={`${counts[status]} ${status}`}>
          <Shape status={status} />
          {counts[status]!.toLocaleString("en")}
          <span class="unseen">{` ${status}`}</span>
        </span>
      ))}
    </span>
  );
}
