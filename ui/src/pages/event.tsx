// One event, whole, and the chain of what caused it.

import { useAnswer } from "../core/answer.ts";
import type { LogEvent } from "../core/wire.ts";
import { A, Facts, Instant, Shown } from "../parts/basics.tsx";

/** Causes shown; a longer chain is walked by its links. */
const CHAIN_MAX = 12;

export function EventView({ seq }: { seq: number }) {
  const answer = useAnswer<LogEvent>(`/events/${seq}`);
  return (
    <Shown answer={answer}>
      {(event) => (
        <>
          <header class="title">
            <h1>Event {event.seq}: <code>{event.type}</code></h1>
            <div class="buttons">
              {seq > 1 && <A to={`/ui/events/${seq - 1}`} class="button">‹ before</A>}
              <A to={`/ui/events/${seq + 1}`} class="button">after ›</A>
              <A to={event.run_id ? `/ui/runs/${event.run_id}` : "/ui/batches"} params={{ as_of: seq }} class="button">Look at that moment</A>
            </div>
          </header>
          <Facts
            pairs={[
              ["When", <Instant at={event.time} />],
              ["Who", event.actor],
              ["Batch", event.batch_id && <A to={`/ui/batches/${event.batch_id}`}>{event.batch_id}</A>],
              ["Run", event.run_id && <A to={`/ui/runs/${event.run_id}`}>{event.run_id}</A>],
              ["Task run", event.task_run_id && <A to={`/ui/task-runs/${event.task_run_id}`}>{event.task_run_id}</A>],
            ]}
          />
          <h2>What happened</h2>
          <pre aria-label="Data">{JSON.stringify(event.data, null, 2)}</pre>
          {event.causation_seq !== null && (
            <section>
              <h2>What led to it</h2>
              <ol class="chain"><Cause seq={event.causation_seq} depth={1} /></ol>
            </section>
          )}
        </>
      )}
    </Shown>
  );
}

function Cause({ seq, depth }: { seq: number; depth: number }) {
  const answer = useAnswer<LogEvent>(`/events/${seq}`);
  return (
    <Shown answer={answer}>
      {(event) => (
        <>
          <li>
            <A to={`/ui/events/${event.seq}`}>{event.seq}</A> <code>{event.type}</code>{" "}
            <span class="soft"><Instant at={event.time} /> by {event.actor}</span>
          </li>
          {event.causation_seq !== null && depth < CHAIN_MAX && <Cause seq={event.causation_seq} depth={depth + 1} />}
        </>
      )}
    </Shown>
  );
}
