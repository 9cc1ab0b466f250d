// A run as the daemon tells it, and what a page concludes from it. docs/api.md has the meaning of every member.

import { taskHref } from "./paths";
import { stateFailure } from "./states";
import type { Attempt, RunDetail } from "./types";

const LIVE = new Set(["starting", "running", "stopping", "unreachable"]);

export function taskLive(task: { state: string }): boolean {
  return LIVE.has(task.state);
}

// The tasks to be open when the page is shown: the failed ones after a failure, the running ones while it runs, and of
// many that are alike only the first.
export function tasksOpen(run: RunDetail): string[] {
  const failed = run.tasks.filter((task) => stateFailure(task.state) && !task.allow_failure);
  if (failed.length > 0) return [failed[0]!.label];
  const live = run.tasks.filter(taskLive);
  return live.slice(0, 3).map((task) => task.label);
}

export function attemptsOf(run: RunDetail, label: string): Attempt[] {
  return run.attempts.filter((attempt) => attempt.task === label);
}

// The address of an attempt, and of a line of its log. Lines count from 1 there.
export function tryHref(run: string, label: string, attempt?: number | null): string {
  return `${taskHref(run, label)}${attempt ? `?try=${attempt}` : ""}`;
}

export function lineHref(run: string, label: string, attempt: number | null, line: number | null): string {
  return `${tryHref(run, label, attempt)}${line === null ? "" : `#L${line + 1}`}`;
}

const SIGNALS: Record<number, string> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
};

const SIGNAL_HINTS: Record<number, string> = {
  6: "it gave up on itself",
  9: "often out of memory",
  11: "it touched memory that isn't its own",
  13: "its reader went away",
  15: "it was asked to end",
  25: "a file grew over its limit",
};

const EXIT_HINTS: Record<number, string> = {
  78: "a configuration error, which is never tried again",
  99: "it chose to skip",
  126: "the program can't be executed",
  127: "the program wasn't found",
};

function signalWords(signal: number): string {
  const hint = SIGNAL_HINTS[signal];
  return `killed by ${SIGNALS[signal] ?? "signal"} (${signal})${hint ? `: ${hint}` : ""}`;
}

// How an attempt ended, in words.
export function exitWords(attempt: { exit_code: number | null; signal: number | null }): string | null {
  if (attempt.signal !== null) return signalWords(attempt.signal);
  const code = attempt.exit_code;
  if (code === null) return null;
  if (EXIT_HINTS[code]) return `exit status ${code}: ${EXIT_HINTS[code]}`;
  return code > 128 && SIGNALS[code - 128] ? `exit status ${code}: ${signalWords(code - 128)}` : `exit status ${code}`;
}
