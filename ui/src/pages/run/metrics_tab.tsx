// What an attempt used: processor and memory over time, as lines and as a table.

import { useAnswer } from "../../core/answer.ts";
import { query } from "../../core/route.ts";
import { clock } from "../../core/time.ts";
import type { Metrics, Run } from "../../core/wire.ts";
import { Empty, Shown } from "../../parts/basics.tsx";
import { WithTask } from "./chosen.tsx";
import { concerns } from "./picture.ts";

const [WIDTH, HEIGHT] = [600, 140];
const TABLE_MAX = 200;

export function MetricsTab({ run }: { run: Run }) {
  return <WithTask run={run}>{(task, picker) => <><div class="filter">{picker}</div><Charts run={run.id} task={task} /></>}</WithTask>;
}

function Charts({ run, task }: { run: number; task: number }) {
  const attempt = query.value.get("attempt");
  const path = `/task-runs/${task}/metrics${attempt ? `?attempt=${attempt}` : ""}`;
  const answer = useAnswer<Metrics>(path, concerns(run));
  return (
    <Shown answer={answer}>
      {(it) => {
        if (it.timestamps.length === 0) {
          return <Empty><p>There are no samples: attempts that end within a second or two leave none. What an attempt used in all is beside the graph.</p></Empty>;
        }
        if (it.timestamps.length === 1) {
          return <Empty><p>There is one sample only: processor {it.cpu_metrics_percentage[0]!.toFixed(1)} % of what is reserved, memory {it.memory_metrics_absolute[0]!.toFixed(1)} MB.</p></Empty>;
        }
        return (
          <div class="charts">
            <Chart name="Processor" unit="% of what is reserved" values={it.cpu_metrics_percentage} times={it.timestamps} />
            <Chart name="Memory" unit={`MB; ${it.total_allocated_memory} reserved`} values={it.memory_metrics_absolute} times={it.timestamps} />
            <Twin metrics={it} />
          </div>
        );
      }}
    </Shown>
  );
}

function Chart({ name, unit, values, times }: { name: string; unit: string; values: number[]; times: string[] }) {
  const top = Math.max(...values, 1);
  const at = times.map((time) => Date.parse(time));
  const [begin, end] = [at[0]!, Math.max(at[at.length - 1]!, at[0]! + 1)];
  const x = (time: number): number => (WIDTH * (time - begin)) / (end - begin);
  const y = (value: number): number => HEIGHT - (HEIGHT * value) / top;
  const points = values.map((value, index) => `${x(at[index]!).toFixed(1)},${y(value).toFixed(1)}`);
  const largest = values.indexOf(Math.max(...values));
  const said = `${name}: at most ${values[largest]!.toFixed(1)} at ${clock(times[largest]!)}`;
  return (
    <figure class="chart">
      <figcaption><strong>{name}</strong> <span class="soft">{unit}; at most {values[largest]!.toFixed(1)}</span></figcaption>
      <svg viewBox={`0 -4 ${WIDTH} ${HEIGHT + 8}`} preserveAspectRatio="none" role="img" aria-label={said}>
        {[0, 0.5, 1].map((part) => <line key={part} class="grid" x1={0} x2={WIDTH} y1={HEIGHT * part} y2={HEIGHT * part} />)}
        <polygon class="area" points={`0,${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}`} />
        <polyline class="curve" points={points.join(" ")} />
      </svg>
      <p class="axis-ends soft"><span>{clock(begin)}</span><span>{clock(end)}</span></p>
    </figure>
  );
}

function Twin({ metrics }: { metrics: Metrics }) {
  const step = Math.ceil(metrics.timestamps.length / TABLE_MAX);
  const shown = metrics.timestamps.map((_, at) => at).filter((at) => at % step === 0);
  return (
    <details>
      <summary>As a table</summary>
      <table class="plain">
        <thead><tr><th scope="col">Time</th><th scope="col">Processor %</th><th scope="col">Memory MB</th></tr></thead>
        <tbody>
          {shown.map((at) => (
            <tr key={at}>
              <td>{clock(metrics.timestamps[at]!)}</td>
              <td class="number">{metrics.cpu_metrics_percentage[at]!.toFixed(1)}</td>
              <td class="number">{metrics.memory_metrics_absolute[at]!.toFixed(1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
