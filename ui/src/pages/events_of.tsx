// Events as a list: those of one thing, page by page, in the order of the log.

import { useAnswer } from "../core/answer.ts";
import { asOf, query, withQuery } from "../core/route.ts";
import type { LogEvent, Page } from "../core/wire.ts";
import { A, Empty, Instant, Shown } from "../parts/basics.tsx";

const PAGE = 100;

export function EventsOf({ filter }: { filter: Record<string, string | number> }) {
  const params = new URLSearchParams({ limit: String(PAGE) });
  for (const [name, value] of Object.entries(filter)) params.set(name, String(value));
  const cursor = query.value.get("cursor");
  if (cursor) params.set("cursor", cursor);
  return <EventPage path={`/events?${params}`} filter={filter} />;
}

function EventPage({ path, filter }: { path: string; filter: Record<string, string | number> }) {
  const matches = (event: LogEvent): boolean =>
    Object.entries(filter).every(([name, value]) => name === "types" || event[name as keyof LogEvent] === value);
  const answer = useAnswer<Page<LogEvent>>(path, matches);
  const until = asOf.value !== null && /^\d+$/.test(asOf.value) ? Number(asOf.value) : Infinity;
  return (
    <Shown answer={answer}>
      {(page) => {
        const shown = page.items.filter((event) => event.seq <= until);
        return (
          <>
            {shown.length === 0 ? <Empty><p>There are no such events.</p></Empty> : <EventRows events={shown} />}
            {page.next_cursor && shown.length === page.items.length && (
              <p class="paging"><a class="button" href={withQuery({ cursor: page.next_cursor })}>Next page</a></p>
            )}
          </>
        );
      }}
    </Shown>
  );
}

/** Events one below the other; each opens to all that it says. */
export function EventRows({ events }: { events: LogEvent[] }) {
  return (
    <ol class="events">
      {events.map((event) => <EventRow key={event.seq} event={event} />)}
    </ol>
  );
}

export function EventRow({ event }: { event: LogEvent }) {
  return (
    <li class="event">
      <A to={`/ui/events/${event.seq}`} class="seq">{event.seq}</A>
      <span class="soft"><Instant at={event.time} /></span>
      <code class="type">{event.type}</code>
      <span class="soft actor">{event.actor}</span>
      <span class="about">
        {event.run_id !== null && <A to={`/ui/runs/${event.run_id}`}>run {event.run_id}</A>}
        {event.run_id === null && event.batch_id !== null && <A to={`/ui/batches/${event.batch_id}`}>batch</A>}
      </span>
      <code class="data">{short(event)}</code>
    </li>
  );
}

const SHORT = 160;

/** The data without what stands beside it already. */
function short(event: LogEvent): string {
  const { batch: _batch, run: _run, ...rest } = event.data;
  const text = JSON.stringify(rest);
  return text.length > SHORT ? `${text.slice(0, SHORT)}…` : text;
}
