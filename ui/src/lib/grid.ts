// The grid of a pipeline's tasks by its runs. Its payload is a byte for each cell (`cells`); the rows are the tasks in
// the file's order, with the instances of a matrix folded into one row until they are opened.


export interface GridTask {
  name: string;
  label: string;
  depth: number;
}

export interface GridRun {
  id: string;
  number: number;
  state: string;
  trigger: string;
  scheduled_for: string | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  duration_ms: number | null;
  version: string;
  cells: string;
}

export interface GridData {
  pipeline: string;
  tasks: GridTask[];
  runs: GridRun[]; // newest first
  next: number | null;
}

const CELLS: Record<string, string> = {
  w: "waiting", t: "starting", r: "running", p: "stopping", u: "unreachable", s: "succeeded", f: "failed",
  o: "timed_out", l: "lost", c: "cancelled", k: "skipped", b: "upstream_failed",
};

/** Which state of several stands for all of them: the one that most needs to be seen. */
const WORST = "folubrptwcsk";

export interface Cell {
  state: string | null; // null: the run had no such task
  again: boolean; // more than one attempt
  letter: string;
}

const ABSENT: Cell = { state: null, again: false, letter: "." };
const known = new Map<string, Cell>([[".", ABSENT]]);
for (const [letter, state] of Object.entries(CELLS)) {
  known.set(letter, { state, again: false, letter });
  known.set(letter.toUpperCase(), { state, again: true, letter });
}

export function gridCell(byte: string | undefined): Cell {
  return known.get(byte ?? ".") ?? ABSENT;
}

export interface GridRow {
  /** Indices into `tasks`; more than one for a folded matrix. */
  tasks: number[];
  label: string;
  name: string;
  depth: number;
  kind: "task" | "matrix" | "instance";
  open: boolean;
}

/** The rows to be listed: those whose label has `sought` in it; a matrix is open if it is in `open` or its instance is sought. */
export function gridRows(tasks: readonly GridTask[], open: ReadonlySet<string>, sought: string): GridRow[] {
  const rows: GridRow[] = [];
  const needle = sought.trim().toLowerCase();
  const hit = (label: string): boolean => needle === "" || label.toLowerCase().includes(needle);
  for (let i = 0; i < tasks.length; ) {
    const { name, depth } = tasks[i]!;
    let end = i + 1;
    while (end < tasks.length && tasks[end]!.name === name) end++;
    const label = tasks[i]!.label;
    if (end === i + 1 && label === name) {
      if (hit(label)) rows.push({ tasks: [i], label, name, depth, kind: "task", open: false });
    } else {
      const instances = tasks.slice(i, end).map((t, k) => ({ task: i + k, label: t.label }));
      const named = needle === "" || name.toLowerCase().includes(needle);
      const found = instances.filter((t) => named || hit(t.label));
      if (found.length > 0) {
        const opened = open.has(name) || !named;
        rows.push({ tasks: instances.map((t) => t.task), label: name, name, depth, kind: "matrix", open: opened });
        for (const t of opened ? found : []) {
          rows.push({ tasks: [t.task], label: t.label, name, depth: depth + 1, kind: "instance", open: false });
        }
      }
    }
    i = end;
  }
  return rows;
}

export interface RowCell extends Cell {
  /** How many instances have that state, of how many that the run had. */
  same: number;
  of: number;
  /** The task that a click leads to. */
  task: number;
}

/** What a row shows of a run; of a folded matrix the state that most needs to be seen, with its count. */
export function gridRowCell(row: GridRow, cells: string): RowCell {
  if (row.tasks.length === 1) {
    const task = row.tasks[0]!;
    const cell = gridCell(cells[task]);
    return { ...cell, same: 1, of: cell.state ? 1 : 0, task };
  }
  let best = WORST.length;
  let same = 0;
  let of = 0;
  let again = false;
  let task = row.tasks[0]!;
  for (const t of row.tasks) {
    const cell = gridCell(cells[t]);
    if (cell.state === null) continue;
    of++;
    again ||= cell.again;
    const rank = WORST.indexOf(cell.letter);
    if (rank < best) {
      best = rank;
      same = 0;
      task = t;
    }
    if (rank === best) same++;
  }
  return of === 0 ? { ...ABSENT, same: 0, of: 0, task } : { ...gridCell(WORST[best]), again, same, of, task };
}

export interface Bar {
  /** Of the whole height, 0 to 1. */
  part: number;
  ms: number | null;
}

/** The bars of the runs' durations and the line of their median. Running ones count up to `now`. */
export function gridBars(runs: readonly GridRun[], now: number): { bars: Bar[]; median: Bar | null; top: number } {
  const times = runs.map((r) => {
    if (r.duration_ms !== null) return r.duration_ms;
    return r.started_at === null || r.ended_at !== null ? null : Math.max(0, now - Date.parse(r.started_at));
  });
  const ended = runs.flatMap((r, i) => (r.state === "succeeded" && times[i] !== null ? [times[i]!] : []));
  const sorted = ended.sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length === 0 ? null : sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  const top = Math.max(1, ...times.map((t) => t ?? 0));
  const bar = (ms: number | null): Bar => ({ ms, part: ms === null ? 0 : ms / top });
  return { bars: times.map(bar), median: median === null ? null : bar(median), top };
}

export interface Place {
  row: number;
  column: number;
}

/** Where a key leads to; null if it is none of the grid's. `page` is the number of rows in sight. */
export function gridStep(at: Place, key: string, rows: number, columns: number, page: number): Place | null {
  const bound = (row: number, column: number): Place => ({
    row: Math.max(0, Math.min(rows - 1, row)),
    column: Math.max(0, Math.min(columns - 1, column)),
  });
  switch (key) {
    case "ArrowUp": case "k": return bound(at.row - 1, at.column);
    case "ArrowDown": case "j": return bound(at.row + 1, at.column);
    case "ArrowLeft": case "[": return bound(at.row, at.column - 1);
    case "ArrowRight": case "]": return bound(at.row, at.column + 1);
    case "PageUp": return bound(at.row - page, at.column);
    case "PageDown": return bound(at.row + page, at.column);
    case "Home": return bound(at.row, 0);
    case "End": return bound(at.row, columns - 1);
    default: return null;
  }
}

