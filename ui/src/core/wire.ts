// The shapes of answers, as the page reads them. Fields that nothing here shows are left out.

export type RunStatus = "queued" | "running" | "success" | "failure" | "cancelled";
export type TaskStatus = RunStatus | "waiting" | "skipped";
export type Tag = "dev" | "pre" | "prod";

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  as_of_seq: number;
}

export interface Health {
  status: string;
  accepting: boolean;
  log_seq: number;
  views_seq: number;
  views_lag: number;
  silent_runners: string[];
  store: {
    durable_seq: number;
    head_seq: number;
    syncs: number;
    checked_seq: number;
    check_end_seq: number;
    trouble: string | null;
  };
}

export interface Version {
  server: string;
  api: string;
  tz_database: string;
  log_id: string;
}

export interface Task {
  name: string;
  kind: "task" | "parallel";
  entrypoint: string | null;
  command: string[] | null;
  image: string | null;
  description: string | null;
  count: number | null;
  configuration_json: unknown;
  retries: number | null;
  timeout_seconds: number | null;
}

export interface Batch {
  id: string;
  name: string;
  tag: Tag;
  version: number;
  owner: string;
  group: string;
  permissions: string;
  labels: string[] | null;
  priority: string;
  image: string | null;
  paused: boolean;
  paused_reason: string | null;
  paused_until: string | null;
  runs_after: string | null;
  next_run: string | null;
  last_run: { id: number; status: RunStatus; scheduled_time: string; finished_at: string | null } | null;
  run_count: number;
  schedule: Record<string, unknown> | null;
  schedule_description: string;
  created_at: string;
  created_by: string;
  updated_at: string;
  deleted_at: string | null;
  tasks: Task[];
  edges: { from: string; to: string }[];
}

export interface Run {
  id: number;
  batch_id: string;
  batch_name: string;
  tag: Tag;
  definition_version: number | null;
  run_type: string;
  scheduled_time: string;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  rundate: string | null;
  status: RunStatus;
  status_reason: string | null;
  deadline: string | null;
  cancel_requested_at: string | null;
  owner: string;
  original_run_id: number | null;
  parent_run_id: number | null;
  run_set_id: number | null;
  requested_by: string;
  task_counts: Partial<Record<TaskStatus, number>>;
  task_runs: number;
}

export interface RunPage extends Page<Run> {
  total: number;
  total_is_exact: boolean;
}

export interface Attempt {
  number: number;
  leased_at: string;
  started_at: string | null;
  finished_at: string | null;
  exit_code: number | null;
  reason: string | null;
  outcome: string | null;
  signal: number | null;
  worker_id: string;
  cpu_seconds: number;
  max_memory_bytes: number;
  stdout_bytes: number;
  stderr_bytes: number;
}

export interface TaskRun {
  id: number;
  run_id: number;
  batch_name: string;
  name: string;
  group: string | null;
  description: string;
  entrypoint: string | null;
  command: string[] | null;
  image: string | null;
  status: TaskStatus;
  status_reason: string | null;
  queue_reason: string | null;
  attempt: number;
  max_attempts: number;
  attempts: Attempt[];
  retry_at: string | null;
  queued_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  result: { size: number; sha256: string; format: string } | null;
  reused_from: number | null;
  num_parts: number;
  part_num: number;
}

export interface Layout {
  definition_digest: string;
  width: number;
  height: number;
  box_width: number;
  box_height: number;
  names: string[];
  parts: number[];
  x: number[];
  y: number[];
  edges_from: number[];
  edges_to: number[];
  named_parts: { task: number; names: string[] }[];
  bend_edges: number[];
  bend_x: number[];
  bend_y: number[];
}

export interface States {
  first_task_run_id: number;
  origin: string;
  statuses: string;
  started_ms: (number | null)[];
  finished_ms: (number | null)[];
  as_of_seq: number;
}

export interface Explanation {
  about: string;
  as_of_seq: number;
  answer: string;
  causes: { seq: number | null; at: string | null; text: string }[];
}

export interface LogEvent {
  seq: number;
  time: string;
  type: string;
  actor: string;
  causation_seq: number | null;
  batch_id: string | null;
  run_id: number | null;
  task_run_id: number | null;
  data: Record<string, unknown>;
  data_at?: string;
}

export interface RunSet {
  id: number;
  batch_id: string;
  batch_name: string;
  tag: Tag;
  title: string;
  labels: string[];
  created_at: string;
  created_by: string;
  closed: boolean;
  finished_at: string | null;
  run_counts: Partial<Record<RunStatus, number>>;
  run_count: number;
  backfill: {
    from: string;
    until: string;
    order: string;
    live_max: number;
    slots: number;
    paused: boolean;
    pause_reason: string | null;
  } | null;
}

export interface Runner {
  id: string;
  host: string;
  pid: number;
  version: string;
  labels: Record<string, string>;
  slots: number;
  cpu: number;
  memory: number;
  joined_at: string;
  lost_at: string | null;
  lost_reason: string | null;
  drained_at: string | null;
  drained_by: string | null;
  drained_reason: string | null;
  held_attempts: number;
  running_attempts: number;
  finished_attempts: number;
}

export interface Pool {
  name: string;
  capacity: number | null;
  used: number;
  limits: Record<string, number>;
}

export interface Slot {
  outcome: string;
  first: string;
  last: string;
  count: number;
  reason: string | null;
  run_id: number | null;
  seq: number | null;
}

export interface SlotPage extends Page<Slot> {
  totals: Record<"fired" | "missed" | "skipped" | "superseded" | "cancelled" | "waiting" | "alerted", number>;
  plan: {
    since: string;
    through: string;
    next_slot: string | null;
    next_due: string | null;
    planned: number | null;
    closed: number;
    waiting: number;
    open: number;
    balanced: boolean | null;
  } | null;
}

export interface Preview {
  fire_times: string[];
  rundates: string[];
  local_times: string[];
  notes: { fire_time: string; note: string }[];
  description: string;
  truncated: boolean;
}

export interface RerunPlan {
  original_run_id: number;
  definition_version: number | null;
  run_type: string;
  rundate: string | null;
  items: { name: string; group: string | null; action: "run" | "reuse"; reason: string; reused_from: number | null }[];
}

export interface TaskSide {
  id: number;
  status: TaskStatus;
  status_reason: string | null;
  attempts: number;
  duration_ms: number | null;
  result_sha256: string | null;
}

export interface RunDiff {
  run: { id: number; definition_version: number | null; status: RunStatus; rundate: string | null };
  with: { id: number; definition_version: number | null; status: RunStatus; rundate: string | null };
  definition: { field: string; before: unknown; after: unknown }[];
  tasks: { name: string; run: TaskSide | null; with: TaskSide | null }[];
  different: number;
  same: number;
}

export interface Metrics {
  cpu_metrics_percentage: number[];
  memory_metrics_absolute: number[];
  timestamps: string[];
  total_allocated_cpu: number;
  total_allocated_memory: number;
}

export interface StepCounts {
  total: number;
  pending: number;
  blocked: number;
  queued: number;
  running: number;
  failed: number;
  completed: number;
  cancelled: number;
}

export interface FlowSet {
  id: number;
  title: string | null;
  description: string | null;
  flow_type: string;
  revision: number;
  root_id: number;
  superseded_set_id: number | null;
  superseded_by_id: number | null;
  flows_total: number;
  flows_completed: number;
  steps: StepCounts;
  created_at: string;
  modified_at: string;
}

export interface NodeSteps {
  steps: StepCounts;
  mean_command_us: number | null;
  max_command_us: number | null;
}

export interface FlowSetComparison {
  sets: FlowSet[];
  nodes: Record<string, (NodeSteps | null)[]>;
}

export interface FlowGraphDiff {
  can_go_on: boolean;
  reasons: string[];
  nodes: Record<string, { status: string; changes: string[]; is_done_anew: boolean; is_forced: boolean }>;
}

export interface EventDensity {
  from: string;
  until: string;
  counts: number[];
  last_seqs: number[];
  as_of_seq: number;
}
