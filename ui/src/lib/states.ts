// The states of runs, tasks and firings: for each its words, colour, icon and the sentence that says what it means. The
// sentences come from scheduler/engine/states.h by way of the build, so they are those of `rota help states`.
import type { Wait } from "./types";

declare const STATE_SENTENCES: { run: Record<string, string>; task: Record<string, string>; firing: Record<string, string> };

export type StateKind = "run" | "task" | "firing" | "host";
export type Tone = "good" | "bad" | "live" | "warn" | "wait" | "ask" | "still" | "skip";
// The outline tells states apart without their colour: a filled circle, octagon, triangle, diamond, square, or a ring.
export type Shape = "circle" | "octagon" | "triangle" | "diamond" | "square" | "ring" | "dashed" | "progress";

export interface Look {
  words: string;
  tone: Tone;
  shape: Shape;
  glyph: string; // a path drawn on the shape, in a box of 16 × 16
  edge?: "bad"; // the ring has another colour: what it came from went wrong
}

const CHECK = "M4.9 8.3 7.1 10.5 11.2 5.8";
const CROSS = "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8";
const CLOCK = "M8 4.6V8.2l2.5 1.5";
const BROKEN = "M7.3 5 6 6.3a2 2 0 0 0 0 2.9M8.7 11 10 9.7a2 2 0 0 0 0-2.9M5 4.6l.6.6M11 11.4l-.6-.6";
const PLAY = "M6.7 5.5v5l4-2.5z";
const STOP = "M6.3 6.3h3.4v3.4H6.3z";
const LOOP = "M10.2 8.2a2.3 2.3 0 1 0-.5 2.6M10.4 6.4v2H8.6";
const PLUG = "M6.4 12l1-1.2M9.6 7.6l-1 1.2M6.9 8.8l2.2 2.2M7.6 7.2l1.4 1.4";
const GLASS = "M6 4.8h4L6 11.2h4z";
const SLASH = "M4 12 12 4";
const UP = "M8 11V5.4M5.6 7.6 8 5.2l2.4 2.4";
const BANG = "M8 5v3.6M8 11v.1";
const HAND = "M5.9 8.6V6.6M7.3 8V5.4M8.7 8V5.4M10.1 8.6V6.2M5.9 8.6c0 1.9.8 2.9 2.1 2.9s2.1-1 2.1-2.9";
const PAUSE = "M6.6 5.8v4.4M9.4 5.8v4.4";
const NONE = "";

const LOOKS: Record<string, Look> = {
  queued: { words: "queued", tone: "wait", shape: "dashed", glyph: NONE },
  waiting: { words: "waiting", tone: "wait", shape: "dashed", glyph: GLASS },
  starting: { words: "starting", tone: "live", shape: "progress", glyph: NONE },
  running: { words: "running", tone: "live", shape: "progress", glyph: PLAY },
  stopping: { words: "stopping", tone: "warn", shape: "progress", glyph: STOP },
  cancelling: { words: "cancelling", tone: "warn", shape: "progress", glyph: STOP },
  retrying: { words: "retrying", tone: "warn", shape: "triangle", glyph: LOOP },
  unreachable: { words: "unreachable", tone: "warn", shape: "triangle", glyph: PLUG },
  succeeded: { words: "succeeded", tone: "good", shape: "circle", glyph: CHECK },
  failed: { words: "failed", tone: "bad", shape: "octagon", glyph: CROSS },
  timed_out: { words: "timed out", tone: "bad", shape: "octagon", glyph: CLOCK },
  lost: { words: "lost", tone: "bad", shape: "octagon", glyph: BROKEN },
  cancelled: { words: "cancelled", tone: "still", shape: "square", glyph: NONE },
  skipped: { words: "skipped", tone: "skip", shape: "ring", glyph: SLASH },
  upstream_failed: { words: "upstream failed", tone: "skip", shape: "ring", glyph: UP, edge: "bad" },
  approval: { words: "waiting for approval", tone: "ask", shape: "diamond", glyph: HAND },
  missed: { words: "missed", tone: "warn", shape: "triangle", glyph: CLOCK },
  broken: { words: "doesn't load", tone: "bad", shape: "octagon", glyph: BANG },
  paused: { words: "paused", tone: "warn", shape: "ring", glyph: PAUSE },
  up: { words: "up", tone: "good", shape: "circle", glyph: CHECK },
  connecting: { words: "connecting", tone: "wait", shape: "dashed", glyph: GLASS },
  refused: { words: "refused", tone: "bad", shape: "octagon", glyph: BANG },
  drained: { words: "drained", tone: "warn", shape: "ring", glyph: PAUSE },
  down: { words: "down", tone: "still", shape: "square", glyph: NONE },
  run: { words: "run", tone: "good", shape: "circle", glyph: CHECK },
};

const UNKNOWN: Look = { words: "unknown", tone: "still", shape: "dashed", glyph: NONE };

export function stateLook(state: string): Look {
  return Object.hasOwn(LOOKS, state) ? LOOKS[state]! : { ...UNKNOWN, words: state.replaceAll("_", " ") };
}

// A task that waits for its next attempt is shown as what it does: it retries.
export function taskState(task: { state: string; wait?: Wait | string | null }): string {
  return task.state === "waiting" && task.wait === "retry" ? "retrying" : task.state;
}

const OWN: Record<string, string> = {
  retrying: "Its last attempt didn't succeed; the next one starts when its delay is over.",
  approval: "It goes on when someone has approved it.",
  broken: "The file can't be read as a pipeline; what was in force before stays so until it is mended.",
  paused: "Its schedules rest until someone resumes them; it can be started by hand.",
};

// Of hosts; the daemon has no list of these.
const HOST: Record<string, string> = {
  up: "It answers, and tasks start there.",
  connecting: "It is being asked; until it answers nothing starts there.",
  unreachable: "It doesn't answer. What runs there may go on; it is asked again until it does.",
  refused: "It answers and can't be used as it is: its key, the login or its shell. Someone has to mend that.",
  drained: "Someone wants nothing new to start there; what runs goes on.",
  down: "Someone declared that it won't be back soon: its tasks were given up.",
};

export function stateSentence(state: string, kind: StateKind = "task"): string {
  if (kind === "host") return HOST[state] ?? "";
  return STATE_SENTENCES[kind][state] ?? OWN[state] ?? "";
}

export const RUN_STATES = Object.keys(STATE_SENTENCES.run);
export const TASK_STATES = Object.keys(STATE_SENTENCES.task);
export const FIRING_OUTCOMES = Object.keys(STATE_SENTENCES.firing);

const LIVE = new Set(["queued", "running", "cancelling", "waiting", "starting", "stopping", "unreachable", "retrying"]);
const FAILURE = new Set(["failed", "timed_out", "lost"]);
export const stateEnded = (state: string): boolean => !LIVE.has(state);
export const stateFailure = (state: string): boolean => FAILURE.has(state);
export const stateMoving = (state: string): boolean =>
  state === "running" || state === "starting" || state === "stopping" || state === "cancelling";

// The letters of the grid's cells.
const CELLS: Record<string, string> = {
  w: "waiting",
  t: "starting",
  r: "running",
  p: "stopping",
  u: "unreachable",
  s: "succeeded",
  f: "failed",
  o: "timed_out",
  l: "lost",
  c: "cancelled",
  k: "skipped",
  b: "upstream_failed",
};

export function cellState(cell: string): { state: string; retried: boolean } | null {
  const state = CELLS[cell.toLowerCase()];
  return state ? { state, retried: cell !== cell.toLowerCase() } : null;
}
