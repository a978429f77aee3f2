// A month of a schedule: what became of past slots, which come, and where a clock changes.

import { useEffect, useState } from "preact/hooks";

import { type Problem, send } from "../core/api.ts";
import { asOf, query, withQuery } from "../core/route.ts";
import { clock, day } from "../core/time.ts";
import type { Batch, Preview, Slot } from "../core/wire.ts";
import { A, Refused } from "../parts/basics.tsx";

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const SHOWN_MAX = 3;

interface Entry {
  at: string;
  outcome: string;
  run: number | null;
  count: number;
  note: string | null;
}

export const NOTES: Record<string, string> = {
  moved_out_of_gap: "the clock leaves its time out", first_of_two: "the clock shows its time twice: the first",
  second_of_two: "the clock shows its time twice: the second",
};

export function Calendar({ batch, slots }: { batch: Batch; slots: Slot[] }) {
  const month = query.value.get("month") ?? day(Date.now()).slice(0, 7);
  const { preview, problem } = useComing(batch, month);
  const days = daysOf(month);
  const entries = new Map<string, Entry[]>();
  const add = (entry: Entry): void => {
    const key = day(entry.at);
    entries.set(key, [...(entries.get(key) ?? []), entry]);
  };
  for (const slot of slots.toReversed()) add({ at: slot.last, outcome: slot.outcome, run: slot.run_id, count: slot.count, note: slot.reason });
  for (const at of preview?.fire_times ?? []) {
    const note = preview?.notes.find((one) => one.fire_time === at);
    add({ at, outcome: "to come", run: null, count: 1, note: note ? NOTES[note.note] ?? note.note : null });
  }
  return (
    <section class="calendar" aria-label={`Slots in ${month}`}>
      <header class="title">
        <h2>{nameOf(month)}</h2>
        <div class="buttons">
          <a class="button" href={withQuery({ month: moved(month, -1) })} aria-label="The month before">‹</a>
          <a class="button" href={withQuery({ month: moved(month, 1) })} aria-label="The month after">›</a>
        </div>
      </header>
      {problem && <Refused problem={problem} />}
      <div class="month">
        {WEEKDAYS.map((name) => <span key={name} class="weekday" aria-hidden="true">{name}</span>)}
        {days.map((one, at) => (one === null
          ? <span key={at} class="day outside" />
          : <Day key={one} day={one} entries={entries.get(one) ?? []} />))}
      </div>
      {entries.size === 0 && <p class="soft">There are no slots in this month.</p>}
      {preview?.truncated && <p class="soft">There are more slots in this month than can be listed.</p>}
    </section>
  );
}

function Day({ day: one, entries }: { day: string; entries: Entry[] }) {
  const isToday = one === day(Date.now());
  const shown = entries.slice(0, SHOWN_MAX);
  const rest = entries.length - shown.length;
  return (
    <div class={`day ${isToday ? "today" : ""} ${entries.length === 0 ? "bare" : ""}`}>
      <span class="date"><span class="unseen">{one}</span><span aria-hidden="true">{Number(one.slice(8))}</span></span>
      {shown.map((entry) => <Mark key={`${entry.at}${entry.outcome}`} entry={entry} />)}
      {rest > 0 && <span class="soft">and {rest.toLocaleString("en")} more</span>}
    </div>
  );
}

function Mark({ entry }: { entry: Entry }) {
  const text = `${clock(entry.at).slice(0, 5)} ${entry.outcome}${entry.count > 1 ? ` ×${entry.count}` : ""}`;
  const said = entry.note ? `${text}: ${entry.note}` : text;
  const name = `mark slot-${entry.outcome.replace(" ", "-")}`;
  const shown = <>{text}{entry.outcome === "to come" && entry.note && <b title={said}> ⚠</b>}</>;
  return entry.run === null
    ? <span class={name} title={said}>{shown}</span>
    : <A to={`/ui/runs/${entry.run}`} class={name} label={`${said}, run ${entry.run}`}>{shown}</A>;
}

/** The slots of the month that are still to come, as the server computes them. */
function useComing(batch: Batch, month: string) {
  const [state, setState] = useState<{ preview: Preview | null; problem: Problem | null }>({ preview: null, problem: null });
  const next = batch.next_run;
  useEffect(() => {
    let isCurrent = true;
    const [begin, end] = [new Date(`${month}-01T00:00:00`), new Date(`${moved(month, 1)}-01T00:00:00`)];
    const from = new Date(Math.max(begin.getTime(), next === null ? 0 : Date.parse(next)));
    if (asOf.value !== null || batch.paused || next === null || from >= end) {
      setState({ preview: null, problem: null });
      return;
    }
    const body = { schedule: batch.schedule, from: from.toISOString(), until: end.toISOString() };
    send<Preview>("POST", "/schedules/preview", body).then(
      (preview) => isCurrent && setState({ preview, problem: null }),
      (error) => isCurrent && setState({ preview: null, problem: error as Problem }),
    );
    return () => {
      isCurrent = false;
    };
  }, [batch.id, batch.version, batch.paused, next, month]);
  return state;
}

function moved(month: string, by: number): string {
  const [year, number] = month.split("-").map(Number) as [number, number];
  const date = new Date(Date.UTC(year, number - 1 + by, 1));
  return date.toISOString().slice(0, 7);
}

function nameOf(month: string): string {
  return new Date(`${month}-15T12:00:00`).toLocaleDateString("en", { month: "long", year: "numeric" });
}

/** The days of a month in rows of a week; `null` before and after. */
function daysOf(month: string): (string | null)[] {
  const [year, number] = month.split("-").map(Number) as [number, number];
  const count = new Date(year, number, 0).getDate();
  const lead = (new Date(year, number - 1, 1).getDay() + 6) % 7;
  const days: (string | null)[] = Array.from({ length: lead }, () => null);
  for (let one = 1; one <= count; one += 1) days.push(`${month}-${String(one).padStart(2, "0")}`);
  while (days.length % 7 !== 0) days.push(null);
  return days;
}
