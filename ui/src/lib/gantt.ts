// The run's tasks over time: for each the wait before it, then its attempts. The critical path is the chain that the
// end hung on: from the task that ended last back to what ended last of its needs.

export interface GanttAttempt {
  attempt: number;
  state: string;
  created_at: string | null;
  started_at: string | null;
  ended_at: string | null;
}

export interface GanttTask {
  name: string;
  label: string;
  state: string;
  needs: readonly string[]; // names
  attempts: readonly GanttAttempt[];
}

export interface Segment {
  kind: "wait" | "attempt";
  from: number;
  to: number;
  state: string;
  attempt: number | null;
  live: boolean;
}

export interface GanttRow {
  label: string;
  name: string;
  state: string;
  segments: Segment[];
  critical: boolean;
  /** From the start of the first attempt to the end of the last; null if it never ran. */
  from: number | null;
  to: number | null;
}

export interface Gantt {
  rows: GanttRow[];
  from: number;
  to: number;
}

const time = (at: string | null): number | null => {
  const t = at === null ? NaN : Date.parse(at);
  return Number.isNaN(t) ? null : t;
};

const LIVE = new Set(["starting", "running", "stopping", "unreachable"]);
const waits = (state: string): boolean => state === "waiting" || state === "retrying";
const SHORTEST = 100; // ms that are drawn of a run which took less
const SLACK = 1500; // ms between the end of a need and the start of what followed

function segments(task: GanttTask, ready: number, now: number): Segment[] {
  const found: Segment[] = [];
  let at = ready;
  for (const a of task.attempts) {
    const start = time(a.started_at) ?? time(a.created_at);
    if (start === null) continue;
    const live = a.ended_at === null && LIVE.has(a.state);
    const end = Math.max(start, time(a.ended_at) ?? (live ? now : start));
    if (start > at) found.push({ kind: "wait", from: at, to: start, state: "waiting", attempt: null, live: false });
    found.push({ kind: "attempt", from: start, to: end, state: a.state, attempt: a.attempt, live });
    at = Math.max(at, end);
  }
  if (waits(task.state) && now > at) {
    found.push({ kind: "wait", from: at, to: now, state: "waiting", attempt: null, live: true });
  }
  return found;
}

/** When the last of what a task needs had ended: from then on it waited for something else. */
function readyAt(task: GanttTask, ends: Map<string, number>, start: number, open: ReadonlySet<string>): number {
  let at = start;
  for (const name of task.needs) {
    if (open.has(name)) return Infinity;
    at = Math.max(at, ends.get(name) ?? start);
  }
  return at;
}

function markCritical(rows: GanttRow[], tasks: readonly GanttTask[]): void {
  const byName = new Map<string, number[]>();
  tasks.forEach((t, i) => {
    const list = byName.get(t.name);
    if (list) list.push(i);
    else byName.set(t.name, [i]);
  });
  const latest = (of: readonly number[], until: number): number => {
    let best = -1;
    for (const i of of) {
      const to = rows[i]!.to;
      if (to === null || to > until) continue;
      if (best === -1 || to > rows[best]!.to!) best = i;
    }
    return best;
  };
  let at = latest(rows.map((_, i) => i), Infinity);
  while (at !== -1 && !rows[at]!.critical) {
    rows[at]!.critical = true;
    const needs = tasks[at]!.needs.flatMap((name) => byName.get(name) ?? []);
    at = latest(needs, rows[at]!.from! + SLACK);
  }
}

/** `start` and `end` are the run's own, `end` null while it goes on. */
export function ganttOf(tasks: readonly GanttTask[], start: string | null, end: string | null, now: number): Gantt {
  const firsts = tasks.flatMap((t) => t.attempts.flatMap((a) => time(a.started_at) ?? time(a.created_at) ?? []));
  const from = time(start) ?? (firsts.length > 0 ? firsts.reduce((a, b) => Math.min(a, b)) : now);
  const ends = new Map<string, number>();
  const open = new Set<string>();
  for (const t of tasks) {
    const last = time(t.attempts[t.attempts.length - 1]?.ended_at ?? null);
    if (last !== null) ends.set(t.name, Math.max(ends.get(t.name) ?? from, last));
    if (LIVE.has(t.state) || waits(t.state)) open.add(t.name);
  }
  const rows = tasks.map((t): GanttRow => {
    const parts = segments(t, readyAt(t, ends, from, open), now);
    const runs = parts.filter((p) => p.kind === "attempt");
    return {
      label: t.label, name: t.name, state: t.state, segments: parts, critical: false,
      from: runs[0]?.from ?? null, to: runs[runs.length - 1]?.to ?? null,
    };
  });
  markCritical(rows, tasks);
  let to = Math.max(time(end) ?? now, from + SHORTEST);
  for (const row of rows) to = Math.max(to, row.to ?? 0);
  return { rows, from, to };
}

export interface Window {
  from: number;
  to: number;
}

const LEAST = 50;

/** Zooms by `factor` (under 1: nearer) round the instant at `part` of the width; never beyond the whole. */
export function ganttZoom(now: Window, whole: Window, factor: number, part: number): Window {
  const at = now.from + (now.to - now.from) * part;
  const span = Math.max(LEAST, Math.min((now.to - now.from) * factor, whole.to - whole.from));
  return ganttMove({ from: at - span * part, to: at + span * (1 - part) }, whole, 0);
}

export function ganttMove(now: Window, whole: Window, by: number): Window {
  const span = Math.min(now.to - now.from, whole.to - whole.from);
  const from = Math.max(whole.from, Math.min(now.from + by, whole.to - span));
  return { from, to: from + span };
}

export interface Drawn {
  left: number; // of the width, in percent
  width: number;
  /** Cut at that side by the window. */
  cut: { left: boolean; right: boolean };
}

/** Where a segment is drawn; null if it is out of sight. */
export function ganttDrawn(segment: { from: number; to: number }, window: Window): Drawn | null {
  const span = window.to - window.from;
  if (segment.to < window.from || segment.from > window.to || span <= 0) return null;
  const from = Math.max(segment.from, window.from);
  const to = Math.min(segment.to, window.to);
  return {
    left: ((from - window.from) / span) * 100,
    width: ((to - from) / span) * 100,
    cut: { left: segment.from < window.from, right: segment.to > window.to },
  };
}
