// What stands around every view: name, ways, whether updates come, and the moment that is looked at.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

import { Problem, read, send, wantsToken } from "../core/api.ts";
import { lazy } from "../core/lazy.tsx";
import { isPaused, lastSeq, liveState, pastTime } from "../core/live.ts";
import { asOf, go, segments, withQuery } from "../core/route.ts";
import { local, utc } from "../core/time.ts";
import type { Health, LogEvent } from "../core/wire.ts";
import { A, Refused } from "./basics.tsx";

const Timeline = lazy(async () => (await import("./timeline.tsx")).Timeline);

const WAYS: [string, string][] = [
  ["batches", "Batches"], ["runs", "Runs"], ["schedules", "Schedules"],
  ["events", "Events"], ["runners", "Runners"], ["audit", "Audit"],
];

export function Frame({ children }: { children: ComponentChildren }) {
  const first = segments.value[0] ?? "batches";
  const current = ["run-sets", "flow-sets", "task-runs"].includes(first) ? "runs" : first;
  return (
    <>
      <a class="skip" href="#main">Skip to the content</a>
      <header class="top">
        <A to="/ui/batches" class="brand">Fasti</A>
        <nav aria-label="Views">
          {WAYS.map(([name, text]) => <A key={name} to={`/ui/${name}`} current={current === name}>{text}</A>)}
        </nav>
        <Live />
      </header>
      {asOf.value !== null && <Past moment={asOf.value} />}
      <main id="main" tabIndex={-1}>{wantsToken.value ? <Login /> : children}</main>
    </>
  );
}

const WORDS = { connecting: "connecting", live: "live", paused: "paused", past: "the past" };

function Live() {
  const state = liveState.value;
  const isPast = state === "past";
  return (
    <div class="updates">
      <span role="status" class={`lamp is-${state}`}>{WORDS[state]}</span>
      {!isPast && (
        <button type="button" aria-pressed={isPaused.value} onClick={() => (isPaused.value = !isPaused.value)}>
          {isPaused.value ? "Resume" : "Pause"}
        </button>
      )}
      {!isPast && <a class="button" href={withQuery({ as_of: Math.max(1, lastSeq.value) })}>Past …</a>}
    </div>
  );
}

/** The bar that says that this is the past, and moves through it. */
function Past({ moment }: { moment: string }) {
  const [end, setEnd] = useState(0);
  const [event, setEvent] = useState<LogEvent | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const seq = /^\d+$/.test(moment) ? Number(moment) : null;
  useEffect(() => {
    const last = read<Health>("/health").then((health) => setEnd(health.log_seq));
    last.catch(() => undefined);
  }, []);
  useEffect(() => {
    setProblem(null);
    if (seq === null) return setEvent(null);
    const control = new AbortController();
    read<LogEvent>(`/events/${seq}`, {}, control.signal)
      .then(setEvent)
      .catch((error) => {
        if (!control.signal.aborted) setProblem(error as Problem);
      });
    return () => control.abort();
  }, [seq]);
  const move = (value: number): void => go(withQuery({ as_of: Math.min(Math.max(1, value), end || value) }), "replace");
  const at = seq === null ? moment : event?.time;
  useEffect(() => {
    pastTime.value = at ? Date.parse(at) : null;
    return () => {
      pastTime.value = null;
    };
  }, [at]);
  return (
    <section class="past" aria-label="The past">
      <p>
        <strong>You look at the past</strong>
        {seq !== null && <>, after event {seq}</>}
        {at && <> of <time dateTime={at} title={utc(at)}>{local(at)}</time></>}
        {event && seq !== null && <> (<code>{event.type}</code>)</>}
        . Nothing can be changed here.
      </p>
      <div class="moving">
        <button type="button" aria-label="One event earlier" disabled={seq === null || seq <= 1} onClick={() => move(seq! - 1)}>‹</button>
        <Timeline seq={seq} at={at} move={move} />
        <button type="button" aria-label="One event later" disabled={seq === null || seq >= end} onClick={() => move(seq! + 1)}>›</button>
        <a class="button primary" href={withQuery({ as_of: null })}>Back to now</a>
      </div>
      {problem && <Refused problem={problem} />}
    </section>
  );
}

/** Asks for the token of the server; the answer is a cookie that no script can read. */
function Login() {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const begin = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      await send("POST", "/session", { token });
      wantsToken.value = false;
    } catch (error) {
      setProblem(error as Problem);
    }
  };
  return (
    <form class="login" onSubmit={begin}>
      <h1>This server wants a token</h1>
      <p>It is the one that the server was started with (<code>FASTI_TOKEN</code>). The browser keeps it in no place that a script could read.</p>
      <label class="field">
        <span>Token</span>
        <input type="password" autoComplete="current-password" value={token} onInput={(change) => setToken(change.currentTarget.value)} />
      </label>
      {problem && <Refused problem={problem} />}
      <button type="submit" class="primary" disabled={token === ""}>Go on</button>
    </form>
  );
}
