// Runners: what executes, how much of it and of the pools is taken, and what waits for it.

import { useAnswer } from "../core/answer.ts";
import type { Health, Page, Pool, Runner, RunPage } from "../core/wire.ts";
import { Ago, Empty, Note, Shown } from "../parts/basics.tsx";
import { DrainOrResume } from "../parts/runner_actions.tsx";
import { RunsTable } from "../parts/runs.tsx";
import { Table } from "../parts/table.tsx";

export function Runners() {
  const answer = useAnswer<Page<Runner>>("/runners", (event) => /^(runner|attempt)\./.test(event.type));
  const health = useAnswer<Health>("/health", (event) => event.type.startsWith("runner."));
  return (
    <>
      <h1>Runners and pools</h1>
      {health.data && health.data.silent_runners.length > 0 && (
        <Note kind="bad">
          No sign of life for 30 seconds: {health.data.silent_runners.join(", ")}. Its tasks go on, if it lives; nothing new is started there.
        </Note>
      )}
      <Shown answer={answer}>{(page) => <List runners={page.items} done={answer.again} />}</Shown>
      <Pools />
      <Queue />
    </>
  );
}

function List({ runners, done }: { runners: Runner[]; done: () => void }) {
  const alive = runners.filter((runner) => runner.lost_at === null);
  const lost = runners.filter((runner) => runner.lost_at !== null);
  return (
    <>
      {alive.length === 0 && (
        <Empty><p>No runner is connected: tasks wait. The server starts one beside itself; its log says what became of it.</p></Empty>
      )}
      {alive.length > 0 && <RunnerTable runners={alive} done={done} />}
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
              {
                name: "Actions",
                cell: (runner) => runner.drained_at !== null && <DrainOrResume runner={runner} done={done} />,
              },
            ]}
          />
        </details>
      )}
    </>
  );
}

function RunnerTable({ runners, done }: { runners: Runner[]; done: () => void }) {
  return (
    <Table
      label="Runners" items={runners} id={(runner) => runner.id}
      columns={[
        { name: "Runner", kind: "title", cell: (runner) => <code>{runner.id}</code> },
        { name: "Machine", cell: (runner) => `${runner.host}, process ${runner.pid}` },
        { name: "State", kind: "wide", cell: (runner) => <State runner={runner} /> },
        { name: "In use", cell: (runner) => <Use runner={runner} /> },
        { name: "Offers", cell: (runner) => `${runner.cpu.toLocaleString("en")} MHz, ${runner.memory.toLocaleString("en")} MB` },
        { name: "Ended", kind: "number", cell: (runner) => runner.finished_attempts.toLocaleString("en") },
        { name: "Joined", cell: (runner) => <Ago at={runner.joined_at} /> },
        { name: "Version", cell: (runner) => runner.version },
        { name: "Actions", cell: (runner) => <DrainOrResume runner={runner} done={done} /> },
      ]}
    />
  );
}

/** Whether it is given work; since when not, by whom and why. */
function State({ runner }: { runner: Runner }) {
  if (runner.drained_at === null) {
    return <>takes work</>;
  }
  return (
    <>
      <strong>drained</strong> <Ago at={runner.drained_at} /> by {runner.drained_by}
      {runner.drained_reason && <>: {runner.drained_reason}</>}
    </>
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

function Pools() {
  const answer = useAnswer<Page<Pool>>("/pools", (event) => /^(pool|attempt)\./.test(event.type));
  if (answer.data?.items.length === 0) {
    return null;
  }
  return (
    <section>
      <h2>Pools</h2>
      <Shown answer={answer}>
        {(page) => (
          <Table
            label="Pools" items={page.items} id={(pool) => pool.name}
            columns={[
              { name: "Pool", kind: "title", cell: (pool) => <code>{pool.name}</code> },
              { name: "In use", cell: (pool) => <Share pool={pool} /> },
              {
                name: "Limits", kind: "wide",
                cell: (pool) => Object.entries(pool.limits).map(([name, units]) => `${name}: ${units}`).join(", ") || "–",
              },
            ]}
          />
        )}
      </Shown>
    </section>
  );
}

function Share({ pool }: { pool: Pool }) {
  if (pool.capacity === null) {
    return <>{pool.used}</>;
  }
  const text = `${pool.used} of ${pool.capacity} units`;
  return (
    <span class="use">
      <meter min={0} max={Math.max(1, pool.capacity)} value={Math.min(pool.used, pool.capacity)} aria-label={text} />
      {text}
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
