// The shapes of the API, as docs/api.md describes them. Instants are RFC 3339 in UTC; what isn't known is null.

export type Instant = string;
export type RunState = "queued" | "running" | "cancelling" | "succeeded" | "failed" | "cancelled";
export type TaskState =
  | "waiting"
  | "starting"
  | "running"
  | "stopping"
  | "unreachable"
  | "succeeded"
  | "failed"
  | "timed_out"
  | "lost"
  | "cancelled"
  | "skipped"
  | "upstream_failed";
export type Wait = "" | "dependencies" | "slot" | "retry" | "paused" | "host" | "files";
export type Trigger = "schedule" | "manual" | "rerun" | "command";
export type Role = "viewer" | "operator" | "admin";
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Page<T> {
  items: T[];
  next: string | null;
  searched_back_to?: Instant | null;
}

export interface Diagnostic {
  file: string | null;
  line: number;
  column: number;
  level: "error" | "warning";
  message: string;
  help: string | null;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  diagnostics?: Diagnostic[];
}

export interface Actor {
  kind: string;
  id: string | null;
  name: string | null;
  address: string | null;
}

export interface Run {
  id: string;
  name: string;
  pipeline: string;
  number: number;
  state: RunState;
  reason: string | null;
  trigger: Trigger;
  actor: Actor | null;
  params: { [name: string]: Json };
  version: string;
  scheduled_for: Instant | null;
  interval_start: Instant | null;
  date: string | null;
  zone: string | null;
  created_at: Instant;
  started_at: Instant | null;
  ended_at: Instant | null;
  duration_ms: number | null;
  round: number;
  failed_before: boolean;
  keep: boolean;
  may_have_run_twice?: boolean;
  linked_from: string | null;
  tasks_total: number;
  tasks_done: number;
  tasks_failed: number;
}

export interface Task {
  task: string;
  label: string;
  index: number;
  state: TaskState;
  wait: Wait | null;
  reason: string | null;
  round: number;
  attempts: number;
  started_at: Instant | null;
  ended_at: Instant | null;
  duration_ms: number | null;
  not_before: Instant | null;
  marked: boolean | null;
  allow_failure: boolean;
  outputs: { [name: string]: Json } | null;
  progress: number | null;
  summary: string | null;
  last_output_at?: Instant | null;
  why?: string | null;
}

export interface Attempt {
  id: string;
  task: string;
  attempt: number;
  round: number;
  state: TaskState;
  reason: string | null;
  host: string | null;
  unreachable_at: Instant | null; // since when nothing is known of a live one
  exit_code: number | null;
  signal: number | null;
  pid: number | null;
  created_at: Instant;
  started_at: Instant | null;
  ended_at: Instant | null;
  duration_ms: number | null;
  max_rss_kb: number | null;
  cpu_ms: number | null;
  log_bytes: number | null;
  slots: unknown;
  dir: string | null;
  git_commit: string | null;
  git_dirty: boolean | null;
  command?: string | string[] | null;
  inputs?: { [name: string]: Json } | null;
}

export interface Round {
  round: number;
  state: RunState;
  reason: string | null;
  scope: string;
  actor: Actor | string | null;
  opened_at: Instant;
  ended_at: Instant | null;
}

export interface RunEvent {
  key: string;
  at: Instant;
  kind: "run" | "round" | "task" | "note" | "mark" | "pipeline" | "schedule";
  task: number | null;
  state: string | null;
  reason: string | null;
  actor: string | null;
}

export interface RunDetail extends Run {
  tasks: Task[];
  attempts: Attempt[];
  rounds: Round[];
  notes: RunEvent[];
  usual_ms?: number | null;
  expected_end?: Instant | null;
  continued_by?: string[];
  siblings?: { previous: string | null; next: string | null };
  last_success?: string | null;
}

export interface Paused {
  at: Instant;
  reason: string | null;
  by: string | null;
}

export interface Degraded {
  kind: string;
  reason: string;
  since: Instant;
}

export interface NextFiring {
  pipeline: string;
  schedule: string;
  scheduled_for: Instant;
}

export interface LastRun {
  id: string;
  number: number;
  state: RunState;
  duration_ms: number | null;
}

export interface Pipeline {
  name: string;
  present: boolean;
  paused: Paused | null;
  error: Diagnostic[] | null;
  owner: string | null;
  tags: string[];
  description: string | null;
  version: string | null;
  next: Instant | null;
  last_runs: LastRun[];
  usual_ms: number | null;
  schedules: { text: string; zone: string | null }[];
}

export interface ParamDefinition {
  type: string;
  items?: string;
  values?: string[];
  min?: string;
  max?: string;
  default?: unknown;
  help?: string;
}

export interface ScheduleDefinition {
  identity: string;
  name?: string;
  cron?: string;
  every?: string;
  timezone: string;
  zone_written: boolean;
  catchup: string;
  catchup_window?: string;
  overlap: string;
  jitter?: string;
  paused?: boolean;
  params?: { [name: string]: Json };
}

export interface Definition {
  name: string;
  folder?: string;
  description?: string;
  doc?: string;
  params?: { [name: string]: ParamDefinition };
  schedule?: ScheduleDefinition[];
  tasks: { [name: string]: { [key: string]: unknown } };
  [key: string]: unknown;
}

export interface PipelineDetail extends Pipeline {
  definition: Definition | null;
  text: string | null;
}

export interface Version {
  version: string;
  created_at: Instant;
  in_force: boolean;
  text: string;
}

export interface Firing {
  scheduled_for: Instant;
  until: Instant | null;
  count: number;
  outcome: "run" | "skipped" | "missed";
  reason: string | null;
  run: string | null;
  decided_at: Instant;
  pipeline?: string;
  schedule?: string;
  run_now?: boolean;
}

export interface PlannedFiring {
  pipeline: string;
  schedule: string;
  scheduled_for: Instant;
  zone: string;
  local: string;
  dst?: "gap" | "repeat" | null;
  paused?: boolean;
  interval_start?: Instant | null;
}

export interface HostOrder {
  state: "up" | "drain" | "down";
  reason: string | null;
  by: string | null;
  at: Instant | null;
}

export interface Host {
  name: string;
  address: string | null; // null: this machine
  transport: string | null;
  order: HostOrder;
  contact: { state: "up" | "connecting" | "unreachable" | "refused"; since: Instant | null; text: string | null };
  slots: { name: string; total: number; units: { name: string; run: string | null; run_id: string | null; task: string | null }[] }[];
  max_tasks: number | null;
  running: number;
  disk: { free_bytes: number; size_bytes: number; at: Instant } | null;
  boot: { id: string; booted_at: Instant | null } | null;
  groups: string[];
}

export interface HostTask {
  run: string;
  run_id: string;
  task: string;
  attempt: number;
  state: TaskState;
  reason: string | null;
  started_at: Instant | null;
  ended_at: Instant | null;
}

export interface Doctor {
  host: string;
  at: Instant;
  checks: { name: string; result: "ok" | "warn" | "fail"; text: string; todo: string | null }[];
}

export interface HostDetail extends Host {
  facts: { [name: string]: string | number | string[] } | null;
  boots: { id: string; booted_at: Instant | null; seen_at: Instant }[];
  running_tasks: HostTask[];
  failures: HostTask[];
  remnants: { run: string; run_id: string; task: string; since: Instant }[];
  doctor: Doctor | null;
}

export interface HostDownPlan {
  tasks: { run: string; task: string; state: TaskState; then: "retry" | "lost" | "cancelled" }[];
}

export interface SentFile {
  path: string;
  direction: "send" | "fetch";
  size: number;
  sha256: string;
}

export interface Slot {
  host: string | null;
  name: string;
  used: number;
  total: number;
}

export interface BrokenFile {
  file: string;
  pipeline: string | null;
  diagnostics: Diagnostic[];
}

export type AttentionKind = "failed" | "missed" | "unreachable" | "broken" | "waiting";

export interface Attention {
  kind: AttentionKind;
  title: string;
  pipeline: string | null;
  run: string | null;
  name: string | null;
  at: Instant | null;
  why: string | null;
  task: string | null;
  runs: string[];
  count: number;
  scheduled_for?: Instant | null;
}

export interface RunningRun extends Run {
  usual_ms: number | null;
  live: { label: string; state: TaskState }[];
}

export interface StripHour {
  hour: Instant;
  succeeded: number;
  failed: number;
  cancelled: number;
}

export interface BackupStanding {
  dir: string;
  last: Instant | null;
  next: Instant | null;
  failing: Degraded | null;
}

// One that was ordered out of the way, or is out of reach.
export interface AwayHost {
  name: string;
  order: HostOrder["state"];
  contact: Host["contact"]["state"];
  since: Instant | null;
  text: string | null;
}

export interface Overview {
  now: Instant;
  attention: Attention[];
  running: RunningRun[];
  queued: Run[];
  next: NextFiring[];
  strip: StripHour[];
  slots: Slot[];
  hosts: AwayHost[];
  paused: Paused | null;
  degraded: Degraded | null;
  backup: BackupStanding | null;
  broken: BrokenFile[];
  pipelines: number;
  version: string;
  started_at: Instant;
}

export interface Status {
  version: string;
  state_id: string;
  pid: number;
  started_at: Instant;
  state_dir: string;
  dags: string;
  url?: string | null;
  degraded: Degraded | null;
  backup: BackupStanding | null;
  paused: Paused | null;
  broken: BrokenFile[];
  slots: Slot[];
  pipelines: number;
}

export interface GridRun {
  id: string;
  number: number;
  state: RunState;
  trigger: Trigger;
  scheduled_for: Instant | null;
  created_at: Instant;
  started_at: Instant | null;
  ended_at: Instant | null;
  duration_ms: number | null;
  version: string;
  cells: string;
}

export interface Grid {
  pipeline: string;
  tasks: { name: string; label: string; depth: number }[];
  runs: GridRun[];
  next: number | null;
}

export interface GraphNode {
  task: string;
  needs: string[];
  instances: number;
  finally: boolean;
  matrix: boolean;
  doc: string | null;
  host: string | null;
  usual_ms: number | null;
  states?: Partial<Record<TaskState, number>>;
  started_at?: Instant | null;
  ended_at?: Instant | null;
}

export interface Graph {
  version: string;
  nodes: GraphNode[];
}

export interface Trend {
  runs: { id: string; number: number; state: RunState; started_at: Instant | null; duration_ms: number | null }[];
  median_ms: number | null;
  tasks: { task: string; usual_ms: number | null }[];
}

export interface Compare {
  a: Run;
  b: Run;
  params: { name: string; a: Json; b: Json }[];
  version: { same: boolean; a_text: string | null; b_text: string | null };
  code: {
    dir: string;
    a: string | null;
    b: string | null;
    a_dirty: boolean | null;
    b_dirty: boolean | null;
    files: { status: string; path: string }[] | null;
  }[];
  hosts: { task: string; a: string | null; b: string | null }[];
  facts?: { host: string; name: string; a: string | null; b: string | null }[];
  tasks: {
    label: string;
    a: CompareTask | null;
    b: CompareTask | null;
    different: boolean;
  }[];
  outputs: { task: string; name: string; a: Json; b: Json }[];
}

export interface CompareTask {
  state: TaskState;
  duration_ms: number | null;
  attempts: number;
  exit_code: number | null;
}

export interface LogLine {
  n: number;
  offset: number;
  text: string;
  cut: number;
  at: Instant | null;
}

export interface LogLines {
  run: string;
  task: string;
  attempt: number;
  from: number;
  lines: LogLine[];
  total: number;
  size: number;
  ended: boolean;
  gaps: { offset: number; bytes: number; line: number }[];
  mode: string;
}

export interface LogMatch {
  n: number;
  offset: number;
  text: string;
  spans: [number, number][];
}

export interface LogSearch {
  total: number;
  at_least: boolean;
  matches: LogMatch[];
  next: number | null;
}

export interface FailureCard {
  kind: "failed" | "timed_out" | "lost" | "unreachable" | "missed" | "waiting";
  task: string | null;
  label: string | null;
  attempt: number | null;
  exit_code: number | null;
  signal: number | null;
  words: string;
  host: string | null;
  at: Instant | null;
  error: { line: number; text: string; kind: string } | null;
  tail: { n: number; text: string }[];
  same: number;
  same_labels: string[];
  running: string | null;
  next: string[];
}

export interface Failure {
  state: RunState;
  cards: FailureCard[];
}

export interface RerunPlan {
  will_run: { task: string; why: string }[];
  will_keep: { task: string; changed: boolean; uses_param: string[]; why?: string }[];
  linked: boolean;
  version_differs?: boolean;
}

export interface Started {
  run: { id: string; name: string; state: RunState; queued_behind: string | null };
}

export interface Done {
  ok: boolean;
  did: string;
}

export interface Me {
  kind: string;
  id: string | null;
  name: string;
  role: Role;
  session: string | null;
  expires_at: Instant | null;
}

export interface Token {
  id: string;
  name: string;
  role: Role;
  created_at: Instant;
  created_by: string | null;
  expires_at: Instant | null;
  used_at: Instant | null;
  revoked_at: Instant | null;
}

export interface TokenCreated {
  id: string;
  name: string;
  role: Role;
  token: string;
  expires_at: Instant | null;
}

export interface Session {
  id: string;
  name: string;
  role: Role;
  address: string | null;
  agent: string | null;
  created_at: Instant;
  used_at: Instant | null;
  current: boolean;
}

export interface AuditRow {
  at: Instant;
  actor: Actor | string | null;
  action: string;
  object: string | null;
  detail: string | null;
}

// What the event stream says.

export interface RunChange {
  id: string;
  pipeline: string;
  number: number;
  state: RunState;
  reason: string | null;
  tasks_total: number;
  tasks_done: number;
  tasks_failed: number;
  started_at: Instant | null;
  ended_at: Instant | null;
  duration_ms: number | null;
}

export interface TaskChange {
  run: string;
  index: number;
  label: string;
  state: TaskState;
  wait: Wait | null;
  attempts: number;
  started_at: Instant | null;
  ended_at: Instant | null;
}

export interface Change {
  runs: RunChange[];
  tasks: TaskChange[];
  pipelines: string[];
  firings: string[];
  notes: string[];
  hosts?: string[];
  paused: boolean;
}

export interface Health {
  degraded: Degraded | null;
  paused: Paused | null;
  backup: BackupStanding | null;
}
