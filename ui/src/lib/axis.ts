// A line of time: ticks at round instants of a zone, and the words under them.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const STEPS = [
  10, 20, 50, 100, 200, 500,
  SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 15 * SECOND, 30 * SECOND,
  MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 364 * DAY,
];

/** The smallest round step with at most `most` ticks in the span. */
export function axisStep(span: number, most: number): number {
  return STEPS.find((s) => span / s <= most) ?? Math.ceil(span / most / DAY) * DAY;
}

/** How far a zone's clock is ahead of UTC at an instant. An unknown zone is UTC. */
export function zoneOffset(zone: string, at: number): number {
  try {
    const parts = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
      hour: "numeric", minute: "numeric", second: "numeric",
    }).formatToParts(at);
    const get = (type: string): number => Number(parts.find((p) => p.type === type)?.value ?? 0);
    const wall = Date.UTC(get("year"), get("month") - 1, get("day"), get("hour"), get("minute"), get("second"));
    return wall - Math.floor(at / SECOND) * SECOND;
  } catch {
    return 0;
  }
}

export interface Tick {
  at: number;
  text: string;
  /** A new day begins at it or since the tick before. */
  day: boolean;
}

const two = (n: number): string => String(n).padStart(2, "0");

function word(wall: number, step: number, day: boolean): string {
  const d = new Date(wall);
  const date = `${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`;
  if (step >= DAY) return date;
  const second = step < MINUTE ? `:${two(d.getUTCSeconds())}` : "";
  const part = step < SECOND ? `.${String(d.getUTCMilliseconds()).padStart(3, "0")}` : "";
  const time = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}${second}${part}`;
  return day ? `${date} ${time}` : time;
}

export function axisTicks(from: number, to: number, most: number, zone: string): Tick[] {
  if (!(to > from) || most < 1) return [];
  const step = axisStep(to - from, most);
  const ticks: Tick[] = [];
  const offset = zoneOffset(zone, from);
  let date = "";
  for (let wall = Math.ceil((from + offset) / step) * step; wall - offset <= to && ticks.length <= most + 1; wall += step) {
    const at = wall - offset;
    const shown = at + zoneOffset(zone, at); // beyond a change of the clock
    const today = new Date(shown).toISOString().slice(0, 10);
    const day = today !== date;
    date = today;
    ticks.push({ at, day, text: word(shown, step, day) });
  }
  return ticks;
}
