// The page: its frame, and which view an address shows.

import { render } from "preact";

import { readEarly } from "./core/api.ts";
import { lazy } from "./core/lazy.tsx";
import { keepLive } from "./core/live.ts";
import { asOf, followLinks, segments } from "./core/route.ts";
import { watchAllText } from "./core/text.ts";
import { BatchView } from "./pages/batch.tsx";
import { Batches } from "./pages/batches.tsx";
import { Runs } from "./pages/runs.tsx";
import { Empty } from "./parts/basics.tsx";
import { Frame } from "./parts/frame.tsx";
import "./style.css";

const RunView = lazy(async () => (await import("./pages/run/run.tsx")).RunView);
const TaskRunView = lazy(async () => (await import("./pages/task_run.tsx")).TaskRunView);
const Schedules = lazy(async () => (await import("./pages/schedules.tsx")).Schedules);
const ScheduleView = lazy(async () => (await import("./pages/schedule.tsx")).ScheduleView);
const Events = lazy(async () => (await import("./pages/events.tsx")).Events);
const EventView = lazy(async () => (await import("./pages/event.tsx")).EventView);
const RunSets = lazy(async () => (await import("./pages/run_sets.tsx")).RunSets);
const RunSetView = lazy(async () => (await import("./pages/run_sets.tsx")).RunSetView);
const FlowSetView = lazy(async () => (await import("./pages/flow_sets.tsx")).FlowSetView);
const Runners = lazy(async () => (await import("./pages/runners.tsx")).Runners);
const Audit = lazy(async () => (await import("./pages/audit.tsx")).Audit);

function View() {
  const [first = "batches", second] = segments.value;
  const isNumber = second !== undefined && /^\d+$/.test(second);
  const title = [second, first].filter((part) => part !== undefined).join(" · ");
  document.title = `${title} – Fasti`;
  if (first === "batches") return second ? <BatchView key={second} id={second} /> : <Batches />;
  if (first === "runs" && second === undefined) return <Runs />;
  if (first === "runs" && isNumber) return <RunView key={second} id={Number(second)} />;
  if (first === "task-runs" && isNumber) return <TaskRunView key={second} id={Number(second)} />;
  if (first === "schedules") return second ? <ScheduleView key={second} id={second} /> : <Schedules />;
  if (first === "events") return isNumber ? <EventView key={second} seq={Number(second)} /> : <Events />;
  if (first === "run-sets") return isNumber ? <RunSetView key={second} id={Number(second)} /> : <RunSets />;
  if (first === "flow-sets") return isNumber ? <FlowSetView key={second} id={Number(second)} /> : <RunSets />;
  if (first === "runners") return <Runners />;
  if (first === "audit") return <Audit />;
  return <Empty><p>There is no such view. <a href="/ui/batches">All batches</a></p></Empty>;
}

/** What the graph of a run is drawn from is asked for before anything else is loaded. */
function askEarly(): void {
  const [first, run, tab = "graph"] = segments.value;
  if (first !== "runs" || !/^\d+$/.test(run ?? "") || !["graph", "list", "gantt"].includes(tab)) return;
  for (const part of ["", "/layout", "/states"]) readEarly(`/runs/${run}${part}`, { as_of: asOf.value, min_seq: null });
}

askEarly();
watchAllText();
followLinks();
keepLive();
render(<Frame><View /></Frame>, document.getElementById("page")!);
