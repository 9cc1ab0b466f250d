// The command line that does what a dialog is about to do, for whoever would rather paste it into a terminal.

import type { Texts } from "./params";

export interface RerunChoice {
  mode: "failed" | "from" | "only" | "all";
  task: string | null;
  version: "same" | "newest" | null;
  params: Texts;
  on?: string | null;
}

// A word of a POSIX shell that stands for exactly this text.
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-][\w@%+=:,./#-]*$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`;
}

function line(words: string[]): string {
  return ["rota", ...words].map(shellWord).join(" ");
}

function givenParams(params: Texts): string[] {
  return Object.entries(params).flatMap(([name, text]) => ["-p", `${name}=${text}`]);
}

export function rerunCommand(run: string, choice: RerunChoice): string {
  const { mode, task, version, params, on } = choice;
  const what = mode === "from" || mode === "only" ? [`--${mode}`, task ?? ""] : [`--${mode}`];
  return line(["rerun", run, ...what, ...(version ? ["--version", version] : []), ...(on ? ["--on", on] : []), ...givenParams(params)]);
}

export function cancelCommand(run: string, task: string | null, abandon = false): string {
  return line(["cancel", ...(abandon ? ["--abandon"] : []), run, ...(task ? [task] : [])]);
}

export function markCommand(run: string, task: string, state: string, reason: string, outputs: Texts): string {
  const values = Object.entries(outputs).flatMap(([name, text]) => ["-o", `${name}=${text}`]);
  return line(["mark", run, task, state, "--reason", reason, ...values]);
}

export function retryCommand(run: string, task: string): string {
  return line(["retry-now", run, task]);
}

export function noteCommand(run: string, text: string): string {
  return line(["note", run, text]);
}

export const pipelineNoteCommand = (name: string, text: string): string => line(["note", "--pipeline", name, text]);

// Without a pipeline it is the whole installation that rests.
export const pauseCommand = (name: string | null, reason: string): string => line(["pause", name ?? "--all", "--reason", reason]);

export function triggerCommand(name: string, params: Texts, more: { for?: string | undefined; now?: boolean | undefined }): string {
  return line(["trigger", name, ...(more.for ? ["--for", more.for] : []), ...(more.now ? ["--now"] : []), ...givenParams(params)]);
}

export const hostCommand = (what: "drain" | "down" | "up", host: string, reason: string): string =>
  line(["hosts", what, host, ...(reason ? ["--reason", reason] : [])]);

export const revokeCommand = (what: "token" | "session", which: string): string => line([what, "revoke", which]);
