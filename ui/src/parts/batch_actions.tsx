// What can be done with a batch: start a run, switch its schedule off and on.

import { useState } from "preact/hooks";

import { go, to } from "../core/route.ts";
import type { Batch, Run } from "../core/wire.ts";
import { Action, Field } from "./action.tsx";

/** The batch as a command line names it. */
export function target(batch: Batch): string {
  return batch.tag === "dev" ? batch.name : `${batch.name}:${batch.tag}`;
}

export function RunNow({ batch }: { batch: Batch }) {
  const [date, setDate] = useState("");
  const body = date ? { rundate: date } : {};
  return (
    <Action<Run>
      name="Run now" title={`Start a run of ${batch.name}`}
      call={{
        method: "POST", path: `/batches/${batch.id}/runs`, body,
        command: ["run", "start", target(batch), ...(date ? ["--rundate", date] : [])],
      }}
      done={(run) => go(to(`/ui/runs/${run.id}`))}
    >
      <Field label="Date it is for" hint="Without one it is found when the run starts.">
        <input type="date" value={date} onInput={(change) => setDate(change.currentTarget.value)} />
      </Field>
    </Action>
  );
}

export function PauseOrResume({ batch, done }: { batch: Batch; done: () => void }) {
  return batch.paused ? <Resume batch={batch} done={done} /> : <Pause batch={batch} done={done} />;
}

function Resume({ batch, done }: { batch: Batch; done: () => void }) {
  return (
    <Action
      name="Resume" title={`Switch the schedule of ${batch.name} on again`} done={done}
      call={{ method: "POST", path: `/batches/${batch.id}/resume`, body: {}, command: ["batch", "resume", target(batch)] }}
    />
  );
}

function Pause({ batch, done }: { batch: Batch; done: () => void }) {
  const [reason, setReason] = useState("");
  const [until, setUntil] = useState("");
  const instant = until && !Number.isNaN(Date.parse(until)) ? new Date(until).toISOString() : "";
  const body = { ...(reason ? { reason } : {}), ...(instant ? { until: instant } : {}) };
  return (
    <Action
      name="Pause" title={`Switch the schedule of ${batch.name} off`} done={done}
      call={{
        method: "POST", path: `/batches/${batch.id}/pause`, body,
        command: [
          "batch", "pause", target(batch),
          ...(reason ? ["--reason", reason] : []), ...(instant ? ["--until", instant] : []),
        ],
      }}
    >
      <Field label="Why" hint="For others to read.">
        <input value={reason} maxLength={500} onInput={(change) => setReason(change.currentTarget.value)} />
      </Field>
      <Field label="Until" hint="Your local time. Without it, until somebody resumes it.">
        <input type="datetime-local" value={until} onInput={(change) => setUntil(change.currentTarget.value)} />
      </Field>
    </Action>
  );
}
