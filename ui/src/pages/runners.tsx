// Runners: what executes, how much of it is taken, and what waits for it.

import { useAnswer } from "../core/answer.ts";
import type { Health, Page, Runner, RunPage } from "../core/wire.ts";
import { Ago, Empty, Note, Shown } from "../parts/basics.tsx";
import { RunsTable } from "../parts/runs.tsx";
import { Table } from "../parts/table.tsx";

export function Runners() {
  const answer = useAnswer<Page<Runner>>("/runners", (event) => /^(runner|attempt)\./.test(event.type));
  const health = useAnswer<Health>("/health", (event) => event.type.startsWith("runner."));
  return (
    <>
      <h1>Runners</h1>
      {health.data && health.data.silent_runners.length > 0 && (
        <Note kind="bad">
          No sign of life for 30 seconds: {health.data.silent_runners.join(", ")}. Its tasks go on, if it lives; nothing new is started there.
        </Note>
      )}
      <Shown answer={answer}>{(page) => <List runners={page.items} />}</Shown>
      <Queue />
    </>
  );
}

function List({ runners }: { runners: Runner[] }) {
  const alive = runners.filter((runner) => runner.lost_at === null);
  const lost = runners.filter((runner) => runner.lost_at !== null);
  return (
    <>
      {alive.length === 0 && (
        <Empty><p>No runner is connected: tasks wait. The server starts one beside itself; its log says what became of it.</p></Empty>
      )}
      {alive.length > 0 && <RunnerTable runners={alive} />}
      {lost.length > 0 && (
        <details>
          <summary>{lost.length} lost</summary>
          <Table
            label="Lost runners" items={lost} id={(runner) => runner.id}
            columns={[
              { name: "Runner", kind: "title", cell: (runner) => <code>{runner.id}</code> },
              { name: "Machine", cell: (runner) => runner.host },
              { name: "Lost", cell: (runner) => <Ago at={runner.lost_at} /> },
              { name: "How", kind: "wide", cell: (runner) => runner.lost_reason ?? "–" },
            ]}
          />
        </details>
      )}
    </>
  );
}

function RunnerTable({ runners }: { runners: Runner[] }) {
  return (
    <Table
      label="Runners" items={runners} id={(runner) => runner.id}
      columns={[
        { name: "Runner", kind: "title", cell: (runner) => <code>{runner.id}</code> },
        { name: "Machine", cell: (runner) => `${runner.host}, process ${runner.pid}` },
        { name: "In use", cell: (runner) => <Use runner={runner} /> },
        { name: "Offers", cell: (runner) => `${runner.cpu.toLocaleString("en")} MHz, ${runner.memory.toLocaleString("en")} MB` },
        { name: "Ended", kind: "number", cell: (runner) => runner.finished_attempts.toLocaleString("en") },
        { name: "Joined", cell: (runner) => <Ago at={runner.joined_at} /> },
        { name: "Version", cell: (runner) => runner.version },
      ]}
    />
  );
}

function Use({ runner }: { runner: Runner }) {
  const text = `${runner.running_attempts} of ${runner.slots} slots`;
  return (
    <span class="use">
      <meter min={0} max={runner.slots} value={Math.min(runner.running_attempts, runner.slots)} aria-label={text} />
      {text}{runner.held_attempts > runner.running_attempts && <span class="soft">, {runner.held_attempts - runner.running_attempts} about to start</span>}
    </span>
  );
}

function Queue() {
  const answer = useAnswer<RunPage>("/runs?status=queued,running&order=asc&limit=25", (event) => /^(run|task)\./.test(event.type));
  return (
    <section>
      <h2>Runs that go on or wait</h2>
      <Shown answer={answer}>
        {(page) => (page.items.length === 0
          ? <Empty><p>Nothing runs and nothing waits.</p></Empty>
          : <RunsTable runs={page.items} />)}
      </Shown>
    </section>
  );
}
