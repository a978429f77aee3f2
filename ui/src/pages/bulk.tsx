// One thing done to many runs: what would become of each is shown first, and what became of each after.

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { Problem, read, send } from "../core/api.ts";
import { CHOSEN_MAX } from "../core/choice.ts";
import { asOf } from "../core/route.ts";
import { counted } from "../core/text.ts";
import type { RerunPlan, Run } from "../core/wire.ts";
import { type Call, commandLine, Field } from "../parts/action.tsx";
import { A } from "../parts/basics.tsx";
import type { Choice } from "../parts/choice.tsx";
import { BatchName } from "../parts/runs.tsx";
import { isOver, Status } from "../parts/status.tsx";

/** Requests under way at a time. */
const AT_A_TIME = 4;

type Deed = "cancel" | "rerun";

/** What can be done with the runs that are chosen. */
export function ChosenBar({ choice }: { choice: Choice }) {
  const [deed, open] = useState<Deed | null>(null);
  const isPast = asOf.value !== null;
  const count = choice.chosen.size;
  if (count === 0) return null;
  const title = isPast ? "Nothing can be done in the past" : "";
  return (
    <section class="chosen-bar" aria-label="Chosen runs">
      <span role="status">
        {counted(count, "run")} chosen
        {choice.leftOut > 0 && `, ${choice.leftOut.toLocaleString("en")} left out: ${CHOSEN_MAX} is the most at a time`}
      </span>
      <div class="buttons">
        <button type="button" class="danger" disabled={isPast} title={title} onClick={() => open("cancel")}>Cancel them …</button>
        <button type="button" disabled={isPast} title={title} onClick={() => open("rerun")}>Run them again …</button>
        <button type="button" class="quiet" onClick={choice.clear}>Choose none</button>
      </div>
      {deed && <BulkDialog deed={deed} runs={[...choice.chosen.values()]} close={() => open(null)} done={choice.clear} />}
    </section>
  );
}

/** What is to become of one run, or why nothing is. */
type Fate = { call: Call; text: string; executed: number; reused: number } | { call: null; text: string };

interface Wish {
  reason: string;
  mode: "failed" | "all";
  version: "original" | "latest";
}

/** Does something for each of many, a few at a time; stops asking when nobody wants to know any more. */
async function forEachOf<T>(items: T[], signal: AbortSignal, work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined && !signal.aborted; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}

function cancelling(run: Run, wish: Wish): Fate {
  if (isOver(run.status)) return { call: null, text: "is over; it is left alone" };
  if (run.cancel_requested_at !== null) return { call: null, text: "its end has been asked for already" };
  const { reason } = wish;
  const call = {
    method: "POST", path: `/runs/${run.id}/cancel`, body: reason ? { reason } : {},
    command: ["run", "cancel", String(run.id), ...(reason ? ["--reason", reason] : [])],
  };
  return { call, text: "is cancelled", executed: 0, reused: 0 };
}

async function rerunning(run: Run, wish: Wish): Promise<Fate> {
  if (!isOver(run.status)) return { call: null, text: "goes on; it is left alone" };
  const body = { mode: wish.mode, ...(wish.version === "latest" ? { version: "latest" } : {}) };
  const path = `/runs/${run.id}/rerun`;
  const plan = await send<RerunPlan>("POST", path, { ...body, dry_run: true });
  const executed = plan.items.filter((item) => item.action === "run").length;
  const reused = plan.items.length - executed;
  const command = ["run", "rerun", String(run.id), "--mode", wish.mode, ...(wish.version === "latest" ? ["--latest"] : [])];
  const text = `${counted(executed, "task run")} executed, ${reused.toLocaleString("en")} taken over`;
  return { call: { method: "POST", path, body, command }, text, executed, reused };
}

/** What would become of each, read from how the runs are now. */
function useFates(deed: Deed, runs: Run[], wish: Wish): Map<number, Fate> {
  const [fates, setFates] = useState<Map<number, Fate>>(new Map());
  const key = deed === "cancel" ? "" : `${wish.mode} ${wish.version}`;
  const [present, setPresent] = useState<Map<number, Run>>(new Map());
  useEffect(() => {
    const control = new AbortController();
    setFates(new Map());
    void forEachOf(runs, control.signal, async (run) => {
      let fate: Fate;
      try {
        const now = await read<Run>(`/runs/${run.id}`, {}, control.signal);
        setPresent((old) => new Map(old).set(run.id, now));
        fate = deed === "cancel" ? cancelling(now, wish) : await rerunning(now, wish);
      } catch (error) {
        if (control.signal.aborted) return;
        fate = { call: null, text: (error as Error).message };
      }
      if (!control.signal.aborted) setFates((old) => new Map(old).set(run.id, fate));
    });
    return () => control.abort();
  }, [key]);
  // A reason changes what is sent, not what becomes of anything.
  return useMemo(() => {
    if (deed !== "cancel") return fates;
    return new Map([...fates].map(([id, fate]) => [id, fate.call && present.has(id) ? cancelling(present.get(id)!, wish) : fate]));
  }, [fates, wish.reason]);
}

function BulkDialog({ deed, runs, close, done }: { deed: Deed; runs: Run[]; close: () => void; done: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Those that were chosen when it was opened, whatever is chosen later.
  const [ours] = useState(() => [...runs].sort((a, b) => a.id - b.id));
  const [wish, setWish] = useState<Wish>({ reason: "", mode: "failed", version: "original" });
  const [results, setResults] = useState<Map<number, ComponentChildren> | null>(null);
  const [isBusy, busy] = useState(false);
  const fates = useFates(deed, ours, wish);
  useEffect(() => {
    const element = dialog.current!;
    element.showModal();
    return () => element.close();
  }, []);
  const wanted = ours.filter((run) => fates.get(run.id)?.call);
  const isPlanned = fates.size === ours.length;
  const verb = deed === "cancel" ? "Cancel" : "Run again:";
  const act = async (event: Event): Promise<void> => {
    event.preventDefault();
    busy(true);
    setResults(new Map());
    // What has been begun is brought to its end, even when nobody looks any more.
    await forEachOf(wanted, new AbortController().signal, async (run) => {
      const call = fates.get(run.id)!.call!;
      let result: ComponentChildren;
      try {
        const made = await send<Run>(call.method, call.path, call.body);
        result = deed === "cancel" ? <span class="good">its end is asked for</span> : <>as <A to={`/ui/runs/${made.id}`}>run {made.id}</A></>;
      } catch (error) {
        result = <span class="bad">{error instanceof Problem ? error.message : String(error)}</span>;
      }
      setResults((old) => new Map(old).set(run.id, result));
    });
    busy(false);
  };
  const leave = (): void => {
    if (results) done();
    close();
  };
  return (
    <dialog ref={dialog} class="bulk" onClose={leave} aria-label={`${verb} chosen runs`}>
      <form onSubmit={act}>
        <h2>{deed === "cancel" ? "Cancel the chosen runs" : "Run the chosen runs again"}</h2>
        {!results && <Wishes deed={deed} wish={wish} change={(part) => setWish({ ...wish, ...part })} />}
        <p role="status">
          {results
            ? `${results.size.toLocaleString("en")} of ${counted(wanted.length, "run")} done${isBusy ? " …" : "."}`
            : isPlanned ? summary(deed, ours, fates) : `Looking at ${counted(ours.length, "run")} …`}
        </p>
        <ul class="fates" aria-label="Run by run" tabIndex={0}>
          {ours.map((run) => (
            <li key={run.id}>
              <A to={`/ui/runs/${run.id}`}>{run.id}</A>
              <span><BatchName name={run.batch_name} tag={run.tag} />{run.rundate && <span class="soft"> {run.rundate}</span>}</span>
              <Status status={run.status} />
              <span class="soft">{results?.get(run.id) ?? fates.get(run.id)?.text ?? "…"}</span>
            </li>
          ))}
        </ul>
        {wanted.length > 0 && <BulkForms calls={wanted.map((run) => fates.get(run.id)!.call!)} />}
        <div class="buttons">
          <button type="button" onClick={leave}>{results ? "Close" : "Leave them"}</button>
          {!results && (
            <button type="submit" class={deed === "cancel" ? "danger primary" : "primary"} disabled={!isPlanned || wanted.length === 0}>
              {deed === "cancel" ? `Cancel ${counted(wanted.length, "run")}` : `Run ${counted(wanted.length, "run")} again`}
            </button>
          )}
        </div>
      </form>
    </dialog>
  );
}

/** Everything in numbers, before anything is done. */
function summary(deed: Deed, runs: Run[], fates: Map<number, Fate>): string {
  let [count, executed, reused] = [0, 0, 0];
  for (const run of runs) {
    const fate = fates.get(run.id);
    if (!fate?.call) continue;
    count += 1;
    executed += fate.executed;
    reused += fate.reused;
  }
  const rest = runs.length - count;
  const left = rest > 0 ? ` ${rest === 1 ? "One is" : `${rest.toLocaleString("en")} are`} left alone, for the reasons below.` : "";
  if (deed === "cancel") return `${counted(count, "run")} will be cancelled.${left}`;
  return `${counted(count, "run")} will be made: ${counted(executed, "task run")} executed, ${reused.toLocaleString("en")} taken over.${left}`;
}

function Wishes({ deed, wish, change }: { deed: Deed; wish: Wish; change: (part: Partial<Wish>) => void }) {
  if (deed === "cancel") {
    return (
      <Field label="Why" hint="For others to read.">
        <input value={wish.reason} maxLength={500} onInput={(event) => change({ reason: event.currentTarget.value })} />
      </Field>
    );
  }
  return (
    <div class="filter">
      <Field label="Execute">
        <select value={wish.mode} onChange={(event) => change({ mode: event.currentTarget.value as Wish["mode"] })}>
          <option value="failed">what did not succeed, and all after it</option>
          <option value="all">everything</option>
        </select>
      </Field>
      <Field label="Definition">
        <select value={wish.version} onChange={(event) => change({ version: event.currentTarget.value as Wish["version"] })}>
          <option value="original">the one each run used</option>
          <option value="latest">the latest of its batch</option>
        </select>
      </Field>
    </div>
  );
}

function BulkForms({ calls }: { calls: Call[] }) {
  return (
    <details class="forms">
      <summary>As commands, as requests</summary>
      <pre aria-label="Command lines">{calls.map((call) => commandLine(call.command)).join("\n")}</pre>
      <pre aria-label="HTTP requests">{calls.map((call) => `${call.method} /api/v1${call.path}\n${JSON.stringify(call.body)}`).join("\n\n")}</pre>
    </details>
  );
}
