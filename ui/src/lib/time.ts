// Instants and durations as people read them. A time of day always carries its zone.
import { signal } from "@preact/signals";
import { stored, storedPut } from "./stored";

export type ZoneChoice = "local" | "utc" | "schedule";

// The reader's choice; where no schedule is at hand its zone is the local one.
export const zoneChoice = signal<ZoneChoice>(stored("zone", ["local", "utc", "schedule"], "local"));

export function zoneChoose(choice: ZoneChoice): void {
  zoneChoice.value = choice;
  storedPut("zone", choice);
}

export const zoneLocal = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export function zoneName(choice: ZoneChoice, schedule?: string | null): string {
  if (choice === "utc") return "UTC";
  return choice === "schedule" && schedule ? schedule : zoneLocal();
}

export interface Clock {
  year: string;
  month: string;
  day: string;
  hour: string;
  minute: string;
  second: string;
  weekday: string;
  zone: string;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string): Intl.DateTimeFormat {
  let made = formatters.get(zone);
  if (made) return made;
  const options: Intl.DateTimeFormatOptions = {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    weekday: "short",
    hourCycle: "h23",
    timeZoneName: "short",
  };
  try {
    made = new Intl.DateTimeFormat("en-GB", options);
  } catch {
    made = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" }); // a zone that this browser doesn't know
  }
  formatters.set(zone, made);
  return made;
}

export const instantMs = (instant: string): number => Date.parse(instant);

// The clock on the wall of a zone; `zone` in it is the abbreviation in force at that instant.
export function clockOf(ms: number, zone: string): Clock {
  const parts: Record<string, string> = {};
  for (const part of formatter(zone).formatToParts(ms)) parts[part.type] = part.value;
  return {
    year: parts["year"] ?? "",
    month: parts["month"] ?? "",
    day: parts["day"] ?? "",
    hour: parts["hour"] ?? "",
    minute: parts["minute"] ?? "",
    second: parts["second"] ?? "",
    weekday: parts["weekday"] ?? "",
    zone: parts["timeZoneName"] ?? zone,
  };
}

// 2026-11-27 14:02:11 CET
export function timeLong(instant: string, zone: string): string {
  const c = clockOf(instantMs(instant), zone);
  return `${c.year}-${c.month}-${c.day} ${c.hour}:${c.minute}:${c.second} ${c.zone}`;
}

// 14:02:11 CET
export function timeOfDay(instant: string | number, zone: string): string {
  const c = clockOf(typeof instant === "number" ? instant : instantMs(instant), zone);
  return `${c.hour}:${c.minute}:${c.second} ${c.zone}`;
}

// As much as is needed beside `now`: 14:02 CET today, Fri 27 14:02 CET this month or near, 2026-08-01 14:02 CET.
export function timeShort(instant: string, zone: string, now: number): string {
  const ms = instantMs(instant);
  const c = clockOf(ms, zone);
  const n = clockOf(now, zone);
  const day = `${c.year}-${c.month}-${c.day}`;
  const clock = `${c.hour}:${c.minute} ${c.zone}`;
  if (day === `${n.year}-${n.month}-${n.day}`) return clock;
  if (Math.abs(ms - now) < 6 * 86_400_000) return `${c.weekday} ${c.month}-${c.day} ${clock}`;
  return c.year === n.year ? `${c.month}-${c.day} ${clock}` : `${day} ${clock}`;
}

const two = (n: number): string => String(n).padStart(2, "0");

// 420ms, 3.2s, 42s, 4m 07s, 1h 02m 03s, 2d 03h 04m
export function durationText(ms: number): string {
  if (ms < 0) return `-${durationText(-ms)}`;
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)}s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${two(Math.floor(s / 60) % 60)}m ${two(s % 60)}s`;
  return `${Math.floor(s / 86_400)}d ${two(Math.floor(s / 3600) % 24)}h ${two(Math.floor(s / 60) % 60)}m`;
}

// The same of a clock that runs: whole seconds, so that nothing but the last digits moves.
export function durationRunning(ms: number): string {
  return ms < 60_000 ? `${Math.max(0, Math.floor(ms / 1000))}s` : durationText(Math.floor(ms / 1000) * 1000);
}

function coarse(ms: number): string {
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m`;
  if (s < 36_000) return `${Math.floor(s / 3600)}h ${two(Math.floor(s / 60) % 60)}m`;
  if (s < 172_800) return `${Math.floor(s / 3600)}h`;
  return `${Math.floor(s / 86_400)}d`;
}

// "3m ago", "in 2h 05m", "now"
export function relativeText(instant: string, now: number): string {
  const ms = instantMs(instant) - now;
  if (Math.abs(ms) < 1000) return "now";
  return ms < 0 ? `${coarse(-ms)} ago` : `in ${coarse(ms)}`;
}

// A countdown to the second: "in 4m 07s"; "due" once it is over.
export function countdownText(instant: string, now: number): string {
  const ms = instantMs(instant) - now;
  if (ms <= 0) return "due";
  return `in ${ms < 86_400_000 ? durationRunning(ms) : coarse(ms)}`;
}
