// What can be done: a button, a dialog with what it needs, and the same thing as a command line and as a request.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { newKey, Problem, send } from "../core/api.ts";
import { asOf } from "../core/route.ts";
import { quoted } from "../core/text.ts";
import { Refused } from "./basics.tsx";

/** How an action is asked for. */
export interface Call {
  method: string;
  path: string;
  body: Record<string, unknown>;
  /** The words of the command line behind `fasti`. */
  command: string[];
}

/** The button and its dialog. In the past nothing can be done. */
export function Action<T>({ name, title, call, done, children, danger, isReady }: {
  name: string;
  title: string;
  call: Call;
  done: (answer: T) => void;
  children?: ComponentChildren;
  danger?: boolean;
  isReady?: boolean;
}) {
  const [isOpen, open] = useState(false);
  const isPast = asOf.value !== null;
  return (
    <>
      <button
        type="button" class={danger ? "danger" : ""} disabled={isPast} onClick={() => open(true)}
        title={isPast ? "Nothing can be done in the past" : commandLine(call.command)}
      >
        {name}
      </button>
      {isOpen && (
        <ActionDialog
          name={name} title={title} call={call} danger={danger ?? false} isReady={isReady ?? true}
          close={() => open(false)} done={done}
        >
          {children}
        </ActionDialog>
      )}
    </>
  );
}

function ActionDialog<T>({ name, title, call, done, close, children, danger, isReady }: {
  name: string;
  title: string;
  call: Call;
  done: (answer: T) => void;
  close: () => void;
  children?: ComponentChildren;
  danger: boolean;
  isReady: boolean;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, busy] = useState(false);
  // Whoever presses again because no answer came means the same thing, which may have been done already.
  const keys = useRef(new Map<string, string>());
  useEffect(() => {
    const element = dialog.current!;
    element.showModal();
    return () => element.close();
  }, []);
  const act = async (event: Event): Promise<void> => {
    event.preventDefault();
    busy(true);
    setProblem(null);
    const what = `${call.method} ${call.path} ${JSON.stringify(call.body)}`;
    if (!keys.current.has(what)) keys.current.set(what, newKey());
    try {
      const answer = await send<T>(call.method, call.path, call.body, keys.current.get(what));
      close();
      done(answer);
    } catch (error) {
      setProblem(error instanceof Problem ? error : new Problem(0, "", String(error)));
      busy(false);
    }
  };
  return (
    <dialog ref={dialog} onClose={close} aria-label={title}>
      <form onSubmit={act}>
        <h2>{title}</h2>
        {children}
        {problem && <Refused problem={problem} />}
        <Forms call={call} />
        <div class="buttons">
          <button type="button" onClick={close}>Leave it</button>
          <button type="submit" class={danger ? "danger primary" : "primary"} disabled={isBusy || !isReady}>{name}</button>
        </div>
      </form>
    </dialog>
  );
}

export function commandLine(command: string[]): string {
  return `fasti ${command.map(quoted).join(" ")}`;
}

/** The same as a command line and as a request. */
export function Forms({ call }: { call: Call }) {
  const body = JSON.stringify(call.body, null, 2);
  return (
    <details class="forms">
      <summary>As a command, as a request</summary>
      <pre aria-label="Command line">{commandLine(call.command)}</pre>
      <pre aria-label="HTTP request">{`${call.method} /api/v1${call.path}\nContent-Type: application/json\n\n${body}`}</pre>
    </details>
  );
}

/** How something that is shown is asked for otherwise. */
export function Command({ call }: { call: Omit<Call, "body"> }) {
  return (
    <details class="forms">
      <summary>As a command, as a request</summary>
      <pre aria-label="Command line">{commandLine(call.command)}</pre>
      <pre aria-label="HTTP request">{`${call.method} /api/v1${call.path}`}</pre>
    </details>
  );
}

/** A labelled field. */
export function Field({ label, hint, children }: { label: string; hint?: string; children: ComponentChildren }) {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
      {hint && <small>{hint}</small>}
    </label>
  );
}
