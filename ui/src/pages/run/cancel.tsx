// Asks for the end of a run.

import { useState } from "preact/hooks";

import type { Run } from "../../core/wire.ts";
import { Action, Field } from "../../parts/action.tsx";

export function Cancel({ run, done }: { run: Run; done: () => void }) {
  const [reason, setReason] = useState("");
  if (run.cancel_requested_at !== null) return <span class="soft">its end has been asked for</span>;
  return (
    <Action
      name="Cancel" title={`Cancel run ${run.id} of ${run.batch_name}`} danger done={done}
      call={{
        method: "POST", path: `/runs/${run.id}/cancel`, body: reason ? { reason } : {},
        command: ["run", "cancel", String(run.id), ...(reason ? ["--reason", reason] : [])],
      }}
    >
      <p>Tasks that run are told to end, and are ended if they do not; tasks that wait are not started.</p>
      <Field label="Why" hint="For others to read.">
        <input value={reason} maxLength={500} onInput={(change) => setReason(change.currentTarget.value)} />
      </Field>
    </Action>
  );
}
