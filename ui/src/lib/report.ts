// A run as plain text for a ticket: what failed, where, the lines that say so, and the way back to it.

import type { FailureCard, RunDetail } from "./types";
import { actorText, valueText } from "./format";
import { durationText, timeLong } from "./time";

const WIDTH = 12;

function fact(name: string, value: string | null): string[] {
  return value === null || value === "" ? [] : [`${name.padEnd(WIDTH)}${value}`];
}

function took(run: RunDetail): string | null {
  if (run.duration_ms === null) return null;
  const usual = run.usual_ms ? `, usually ${durationText(run.usual_ms)}` : "";
  return durationText(run.duration_ms) + usual;
}

export function paramsLine(params: { [name: string]: unknown }): string {
  return Object.entries(params)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(" ");
}

function cardLines(card: FailureCard): string[] {
  const where = [card.words, card.host && `on ${card.host}`, card.attempt && `attempt ${card.attempt}`];
  const more = card.same > 1 ? `, and ${card.same - 1} more the same way` : "";
  const error = card.error ? [`  line ${card.error.line + 1}: ${card.error.text.trim()}`] : [];
  const tail = card.tail.length > 0 ? ["  its last lines:", ...card.tail.map((line) => `    ${line.text}`)] : [];
  return ["", `${card.label}: ${where.filter(Boolean).join(", ")}${more}`, ...error, ...tail];
}

export function runReport(run: RunDetail, cards: FailureCard[], address: string): string {
  const lines = [
    `${run.name} ${run.state}${run.reason ? `: ${run.reason}` : ""}`,
    ...fact("run", run.id),
    ...fact("address", address),
    ...fact("started by", `${run.trigger}${run.actor ? `, ${actorText(run.actor)}` : ""}`),
    ...fact("for", run.scheduled_for && timeLong(run.scheduled_for, "UTC")),
    ...fact("started", run.started_at && timeLong(run.started_at, "UTC")),
    ...fact("ended", run.ended_at && timeLong(run.ended_at, "UTC")),
    ...fact("took", took(run)),
    ...fact("version", run.version.slice(0, 12)),
    ...fact("parameters", paramsLine(run.params)),
    ...fact("tasks", `${run.tasks_done} of ${run.tasks_total} ended, ${run.tasks_failed} failed`),
    ...cards.flatMap(cardLines),
    ...run.notes.flatMap((note) => ["", `note of ${note.actor ?? "the daemon"}, ${timeLong(note.at, "UTC")}: ${note.reason}`]),
  ];
  return `${lines.join("\n")}\n`;
}
