// Audit: whether the log is whole, what was signed about it, and what people did.

import { useEffect, useState } from "preact/hooks";

import { useAnswer } from "../core/answer.ts";
import { apiPath, type Problem, request } from "../core/api.ts";
import { asOf } from "../core/route.ts";
import { counted } from "../core/text.ts";
import type { Health, Version } from "../core/wire.ts";
import { Facts, Instant, Note, Refused, Shown } from "../parts/basics.tsx";
import { Tail } from "./events.tsx";

/** Events that somebody asked for. */
const DEEDS = [
  "batch.saved", "batch.paused", "batch.resumed", "batch.deleted", "run.created", "run.cancel_requested",
  "run_set.created", "run_set.paused", "run_set.resumed", "run_set.cancelled", "calendar.saved", "calendar.removed",
  "image.registered", "image.removed", "bundle.registered", "bundle.removed",
];

export function Audit() {
  const health = useAnswer<Health>("/health");
  const version = useAnswer<Version>("/version");
  return (
    <>
      <h1>Audit</h1>
      {asOf.value !== null && <Note>What is said of the log itself is about now.</Note>}
      <Shown answer={health}>
        {(it) => (
          <>
            <Verdict health={it} />
            <Facts
              pairs={[
                ["Events", it.log_seq.toLocaleString("en")],
                ["On the disk", `through ${it.store.durable_seq.toLocaleString("en")}`],
                ["Views", it.views_lag === 0 ? "up to date" : `${counted(it.views_lag, "event")} behind`],
                ["Log", version.data && <code>{version.data.log_id}</code>],
                ["Fasti", version.data?.server],
                ["Time zones", version.data?.tz_database],
              ]}
            />
          </>
        )}
      </Shown>
      <Anchors />
      <h2>What was asked for</h2>
      <Tail filter={{ types: DEEDS.join(","), run: "", batch: "" }} />
    </>
  );
}

/** What the check of the whole log, which every start begins, has found so far. */
function Verdict({ health }: { health: Health }) {
  const { checked_seq: checked, check_end_seq: end, trouble } = health.store;
  if (trouble) return <Note kind="bad">{trouble}</Note>;
  if (checked < end) {
    return <Note>The log is being checked: {checked.toLocaleString("en")} of {end.toLocaleString("en")} events are as they were written.</Note>;
  }
  return (
    <div class="note good">
      <p>All {end.toLocaleString("en")} events that were there at the start are as they were written; what came since is chained to them.</p>
      <p class="soft">Whoever need not trust this server computes the chain again: <code>fasti verify --live</code></p>
    </div>
  );
}

interface Anchor {
  seq?: number;
  at?: string;
  [field: string]: unknown;
}

function Anchors() {
  const [anchors, setAnchors] = useState<Anchor[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    const control = new AbortController();
    request(apiPath("/log/anchors"), { signal: control.signal })
      .then((answer) => answer.text())
      .then((text) => setAnchors(text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Anchor)))
      .catch((error) => {
        if (!control.signal.aborted) setProblem(error as Problem);
      });
    return () => control.abort();
  }, []);
  if (problem) return problem.status === 403 ? null : <Refused problem={problem} />;
  if (!anchors) return null;
  const last = anchors[anchors.length - 1];
  if (!last) return <p class="soft">No anchor has been signed yet; the first one comes with the first sealed segment.</p>;
  return (
    <p>
      {counted(anchors.length, "anchor")} signed
      {last.seq !== undefined && <>, the last through event {last.seq.toLocaleString("en")}</>}
      {typeof last.at === "string" && <> at <Instant at={last.at} /></>}.
    </p>
  );
}
