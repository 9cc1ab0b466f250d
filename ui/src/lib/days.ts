// A list in the order of time, cut where a new day of a zone begins.
import { clockOf, instantMs } from "./time";

export interface Day<T> {
  day: string; // "Sat 2026-11-28"
  items: T[];
}

export function daysOf<T>(items: readonly T[], zone: string, at: (item: T) => string): Day<T>[] {
  const days: Day<T>[] = [];
  for (const item of items) {
    const c = clockOf(instantMs(at(item)), zone);
    const day = `${c.weekday} ${c.year}-${c.month}-${c.day}`;
    const last = days.at(-1);
    if (last?.day === day) last.items.push(item);
    else days.push({ day, items: [item] });
  }
  return days;
}

// Only the time of day, with the zone's abbreviation: what stands within a day's rows.
export function dayTime(instant: string, zone: string): string {
  const c = clockOf(instantMs(instant), zone);
  return `${c.hour}:${c.minute}${c.second === "00" ? "" : `:${c.second}`} ${c.zone}`;
}
