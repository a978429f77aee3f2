// The output of a task run: an attempt, a stream, all of its lines or those with a word in them, as it grows.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { spans } from "../../core/ansi.ts";
import { useAnswer } from "../../core/answer.ts";
import { apiPath, Problem, request } from "../../core/api.ts";
import { Lines } from "../../core/lines.ts";
import { asOf, go, query, withQuery } from "../../core/route.ts";
import { bytes, counted, visible } from "../../core/text.ts";
import type { Run, TaskRun } from "../../core/wire.ts";
import { Empty, Note, Refused, Shown } from "../../parts/basics.tsx";
import { isOver } from "../../parts/status.tsx";
import { Windowed } from "../../parts/table.tsx";
import { WithTask } from "./chosen.tsx";
import { concerns } from "./picture.ts";
import { outcomeOf } from "./task_panel.tsx";

const ROW = 20;

/** Bytes read of a long output: its end. */
const TAIL_BYTES = 32 << 20;
const FOUND_MAX = 100_000;

/** Characters of one line that are shown; a line can be as long as the whole output. */
const LINE_MAX = 10_000;

export function LogsTab({ run }: { run: Run }) {
  return <WithTask run={run}>{(task, picker) => <Logs key={task} run={run.id} task={task} picker={picker} />}</WithTask>;
}

function Logs({ run, task, picker }: { run: number; task: number; picker: ComponentChildren }) {
  const answer = useAnswer<TaskRun>(`/task-runs/${task}`, concerns(run));
  return (
    <Shown answer={answer}>
      {(it) => {
        if (it.attempt === 0) {
          return (
            <>
              <div class="filter">{picker}</div>
              <Empty><p>{it.queue_reason ?? it.status_reason ?? "It has not been started"}: there is no output.</p></Empty>
            </>
          );
        }
        const attempt = Number(query.value.get("attempt") ?? it.attempt);
        const stream = query.value.get("stream") === "stderr" ? "stderr" : "stdout";
        return (
          <>
            <Choice task={it} attempt={attempt} stream={stream} picker={picker} />
            {asOf.value !== null && <Note>Output is shown as it is now, not as it was then.</Note>}
            <Output key={`${task} ${attempt} ${stream}`} task={it} attempt={attempt} stream={stream} />
          </>
        );
      }}
    </Shown>
  );
}

function Choice({ task, attempt, stream, picker }: {
  task: TaskRun;
  attempt: number;
  stream: string;
  picker: ComponentChildren;
}) {
  return (
    <div class="filter">
      {picker}
      <label>
        Attempt <select value={String(attempt)} onChange={(change) => go(withQuery({ attempt: change.currentTarget.value }), "replace")}>
          {task.attempts.map((one) => <option key={one.number} value={String(one.number)}>{one.number}: {outcomeOf(one)}</option>)}
        </select>
      </label>
      <label>
        Stream <select value={stream} onChange={(change) => go(withQuery({ stream: change.currentTarget.value }), "replace")}>
          <option value="stdout">output (stdout)</option>
          <option value="stderr">errors (stderr)</option>
        </select>
      </label>
    </div>
  );
}

interface Read {
  lines: Lines;
  size: number;
  isWhole: boolean;
  problem: Problem | null;
}

/** Reads the output, and goes on while the attempt does. */
function useOutput(task: TaskRun, attempt: number, stream: string): Read {
  const [read, setRead] = useState<Read>({ lines: new Lines(), size: 0, isWhole: true, problem: null });
  const isLive = asOf.value === null && !isOver(task.status) && attempt === task.attempt;
  const follow = useRef(isLive).current;
  useEffect(() => {
    const control = new AbortController();
    const lines = new Lines();
    const load = async (): Promise<void> => {
      const params = { attempt, stream, tail: TAIL_BYTES, follow: follow || null };
      const answer = await request(apiPath(`/task-runs/${task.id}/logs`, params), { signal: control.signal });
      const size = Number(answer.headers.get("x-fasti-log-size") ?? 0);
      const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
      let [drawn, pieces] = [0, ""];
      for (;;) {
        const { done, value } = await reader.read();
        if (value) pieces += value;
        // Drawn at most ten times a second: pieces come faster than anybody reads.
        const isTime = performance.now() - drawn > 100;
        if (!done && !(isTime && follow)) continue;
        lines.add(pieces);
        [pieces, drawn] = ["", performance.now()];
        setRead({ lines, size: Math.max(size, lines.length), isWhole: size <= TAIL_BYTES, problem: null });
        if (done) return;
      }
    };
    load().catch((error) => {
      if (control.signal.aborted) return;
      const problem = error instanceof Problem ? error : new Problem(0, "", String(error));
      setRead((old) => ({ ...old, problem }));
    });
    return () => control.abort();
  }, []);
  return read;
}

function Output({ task, attempt, stream }: { task: TaskRun; attempt: number; stream: string }) {
  const read = useOutput(task, attempt, stream);
  const [wanted, want] = useState("");
  const [isFollowing, followEnd] = useState(!isOver(task.status));
  const found = wanted === "" ? null : read.lines.find(wanted, FOUND_MAX);
  const count = found ? found.length : read.lines.count;
  const href = apiPath(`/task-runs/${task.id}/logs`, { attempt, stream });
  return (
    <section class="output">
      <div class="filter">
        <label>Search <input type="search" value={wanted} onInput={(change) => want(change.currentTarget.value)} /></label>
        <label class="check">
          <input type="checkbox" checked={isFollowing} onChange={() => followEnd(!isFollowing)} />follow the end
        </label>
        <span class="soft" role="status">
          {found ? `${count.toLocaleString("en")} of ${counted(read.lines.count, "line")}` : counted(count, "line")}, {bytes(read.size)}
        </span>
        <a href={href} download={`${task.name}.${attempt}.${stream}.txt`}>Download</a>
      </div>
      {read.problem && <Refused problem={read.problem} />}
      {!read.isWhole && <Note>Only the last {bytes(TAIL_BYTES)} are shown; the download has all of it.</Note>}
      {count === 0 && !read.problem
        ? <Empty><p>{found ? "No line has this in it." : "Nothing was written to this stream."}</p></Empty>
        : (
          <Windowed
            class="log" role="log" label={`Output of ${task.name}`} count={count} row={ROW} follow={isFollowing}
            draw={(at) => {
              const number = found ? found[at]! : at;
              return <Line key={number} number={number} text={read.lines.line(number)} wanted={wanted} />;
            }}
          />
        )}
    </section>
  );
}

function Line({ number, text, wanted }: { number: number; text: string; wanted: string }) {
  const isLong = text.length > LINE_MAX;
  return (
    <div class="line">
      <span class="line-number" aria-hidden="true">{number + 1}</span>
      <code>
        {spans(isLong ? text.slice(0, LINE_MAX) : text).map((span, at) => (
          <span key={at} class={span.style}>{marked(span.text, wanted)}</span>
        ))}
        {isLong && <span class="soft"> … {(text.length - LINE_MAX).toLocaleString("en")} characters more</span>}
      </code>
    </div>
  );
}

/** The text with what is searched for marked. */
function marked(text: string, wanted: string) {
  const at = wanted === "" ? -1 : text.toLowerCase().indexOf(wanted.toLowerCase());
  if (at < 0) return visible(text);
  const end = at + wanted.length;
  return <>{visible(text.slice(0, at))}<mark>{text.slice(at, end)}</mark>{visible(text.slice(end))}</>;
}
