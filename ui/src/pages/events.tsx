// Events as they happen: the newest on top, by type and by what they are about.

import { useEffect, useRef, useState } from "preact/hooks";

import { read } from "../core/api.ts";
import { isPaused, onEvents } from "../core/live.ts";
import { asOf, go, query, withQuery } from "../core/route.ts";
import type { Health, LogEvent, Page } from "../core/wire.ts";
import { Empty, Refused } from "../parts/basics.tsx";
import type { Problem } from "../core/api.ts";
import { EventRows } from "./events_of.tsx";

/** Events kept in sight; older ones are a click away. */
const KEPT = 200;

/** How far back the log is read for events that fit, and how many pages of them. */
const BACK = 100_000;
const PAGES_MAX = 5;
const RETRY_MS = 1_000;

export function Events() {
  const filter = { types: query.value.get("types") ?? "", run: query.value.get("run_id") ?? "", batch: query.value.get("batch_id") ?? "" };
  return (
    <>
      <h1>Events</h1>
      <Filter />
      <Tail filter={filter} />
    </>
  );
}

type EventFilter = { types: string; run: string; batch: string };

function Filter() {
  const value = (name: string): string => query.value.get(name) ?? "";
  const set = (name: string) => (change: { currentTarget: { value: string } }) =>
    go(withQuery({ [name]: change.currentTarget.value.replaceAll(" ", "") }), "replace");
  return (
    <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>Types <input value={value("types")} onChange={set("types")} placeholder="run.created,run.finished" size={28} /></label>
      <label>Run <input inputMode="numeric" value={value("run_id")} onChange={set("run_id")} size={8} /></label>
      <label>Batch <input value={value("batch_id")} onChange={set("batch_id")} placeholder="id" /></label>
    </form>
  );
}

function fits(event: LogEvent, filter: EventFilter): boolean {
  return (filter.types === "" || filter.types.split(",").includes(event.type))
    && (filter.run === "" || event.run_id === Number(filter.run))
    && (filter.batch === "" || event.batch_id === filter.batch);
}

/** The newest events that fit, as they happen. */
export function Tail({ filter }: { filter: EventFilter }) {
  return <TailOf key={`${JSON.stringify(filter)} ${asOf.value}`} filter={filter} />;
}

function TailOf({ filter }: { filter: EventFilter }) {
  const [events, setEvents] = useState<LogEvent[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [waiting, setWaiting] = useState(0);
  const held = useRef<{ isHeld: boolean; news: LogEvent[] }>({ isHeld: false, news: [] });
  const show = (news: LogEvent[]): void => setEvents((old) => merged(old ?? [], news));
  const release = (): void => {
    show(held.current.news);
    held.current.news = [];
    setWaiting(0);
  };
  useEffect(() => {
    const control = new AbortController();
    const stop = asOf.value !== null ? () => undefined : onEvents((news) => {
      const wanted = news.filter((event) => fits(event, filter));
      if (wanted.length === 0) return;
      held.current.news = merged(held.current.news, wanted);
      if (held.current.isHeld) setWaiting(held.current.news.length);
      else release();
    });
    let retry: ReturnType<typeof setTimeout>;
    const load = (): void => {
      before(filter, control.signal).then((found) => {
        setProblem(null);
        show(found);
      }, (error: Problem) => {
        if (control.signal.aborted) return;
        setProblem(error);
        // A server that is away comes back.
        if (error.status === 0 || error.status === 503) retry = setTimeout(load, RETRY_MS);
      });
    };
    load();
    return () => {
      control.abort();
      clearTimeout(retry);
      stop();
    };
  }, []);
  const hold = (isHeld: boolean) => () => {
    held.current.isHeld = isHeld;
    if (!isHeld && held.current.news.length > 0) release();
  };
  if (problem) return <Refused problem={problem} />;
  if (events === null) return <p class="loading">Loading …</p>;
  return (
    <div onMouseEnter={hold(true)} onMouseLeave={hold(false)}>
      {waiting > 0 && <button type="button" class="waiting-rows" onClick={release}>Show {waiting} newer</button>}
      {events.length === 0
        ? <Empty><p>None of the last {BACK.toLocaleString("en")} events fit. {isPaused.value ? "Updates are paused." : "New ones appear here."}</p></Empty>
        : <EventRows events={events} />}
    </div>
  );
}

/** Both in one list, the newest first, none twice, no more than are kept. */
function merged(old: LogEvent[], news: LogEvent[]): LogEvent[] {
  const bySeq = new Map([...old, ...news].map((event) => [event.seq, event]));
  return [...bySeq.values()].sort((a, b) => b.seq - a.seq).slice(0, KEPT);
}

/** The events before the moment that is looked at. */
async function before(filter: EventFilter, signal: AbortSignal): Promise<LogEvent[]> {
  const moment = asOf.value;
  const end = moment !== null && /^\d+$/.test(moment) ? Number(moment) : (await read<Health>("/health", {}, signal)).log_seq;
  const params = {
    after: filter.run !== "" ? null : Math.max(0, end - (filter.types || filter.batch ? BACK : KEPT)),
    types: filter.types, run_id: filter.run, batch_id: filter.batch, limit: 1_000,
  };
  let found: LogEvent[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const part: Page<LogEvent> = await read("/events", { ...params, cursor }, signal);
    found = [...found, ...part.items].slice(-1_000);
    cursor = part.next_cursor;
    if (cursor === null) break;
  }
  const instant = moment !== null && !/^\d+$/.test(moment) ? Date.parse(moment) : Infinity;
  return found.filter((event) => (moment === null || event.seq <= end) && Date.parse(event.time) <= instant);
}
