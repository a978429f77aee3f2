// What can be done with a runner: give it nothing new, and give it work again.

import { useState } from "preact/hooks";

import type { Runner } from "../core/wire.ts";
import { Action, Field } from "./action.tsx";

export function DrainOrResume({ runner, done }: { runner: Runner; done: () => void }) {
  return runner.drained_at === null ? <Drain runner={runner} done={done} /> : <Resume runner={runner} done={done} />;
}

function Drain({ runner, done }: { runner: Runner; done: () => void }) {
  const [reason, setReason] = useState("");
  const held = runner.held_attempts;
  return (
    <Action
      name="Drain" title={`Give the runner ${runner.id} nothing new`} done={done}
      call={{
        method: "POST", path: `/runners/${runner.id}/drain`, body: reason ? { reason } : {},
        command: ["runner", "drain", runner.id, ...(reason ? ["--reason", reason] : [])],
      }}
    >
      <p>
        {held === 0 ? "It has nothing to do now." : `What it has (${held}) goes on.`} It stays drained until somebody resumes it, also when the
        server or the runner starts again.
      </p>
      <Field label="Why" hint="For others to read.">
        <input value={reason} maxLength={500} onInput={(change) => setReason(change.currentTarget.value)} />
      </Field>
    </Action>
  );
}

function Resume({ runner, done }: { runner: Runner; done: () => void }) {
  return (
    <Action
      name="Resume" title={`Give the runner ${runner.id} work again`} done={done}
      call={{ method: "POST", path: `/runners/${runner.id}/resume`, body: {}, command: ["runner", "resume", runner.id] }}
    />
  );
}
