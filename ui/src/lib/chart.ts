// Small drawings: the trend of durations, the strip of the last 24 hours, the arc of a run's progress.

/** Round values for an axis of durations from 0 to at least `top` ms, at most `most` of them above 0. */
export function durationTicks(top: number, most: number): number[] {
  const steps = [
    100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
    3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
  ];
  const days = Math.ceil(top / most / 86_400_000) * 86_400_000;
  const step = steps.find((s) => top / s <= most) ?? days;
  return Array.from({ length: Math.max(1, Math.ceil(top / step)) + 1 }, (_, i) => i * step);
}

/** `1h 02m`, `2m 30s`, `45s`, `1.5s`: short, for an axis. */
export function durationShort(ms: number): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  if (ms < 10_000) return ms % 1000 === 0 ? `${ms / 1000}s` : `${(ms / 1000).toFixed(1)}s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s}s`;
  if (s < 3600) return s % 60 === 0 ? `${s / 60}m` : `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  if (h >= 48) return `${Math.floor(h / 24)}d ${h % 24}h`;
  return m === 0 ? `${h}h` : `${h}h ${two(m)}m`;
}

export interface TrendRun {
  id: string;
  number: number;
  state: string;
  started_at: string | null;
  duration_ms: number | null;
}

export interface TrendPoint {
  run: TrendRun;
  x: number;
  y: number;
}

export interface Trend {
  points: TrendPoint[]; // oldest first
  ticks: { value: number; y: number; text: string }[];
  median: number | null; // its height
}

/** Where the runs stand in a box; the runs come newest first or oldest first and are drawn oldest first. */
export function trendOf(runs: readonly TrendRun[], median: number | null, width: number, height: number): Trend {
  const timed = runs.filter((r) => r.duration_ms !== null).sort((a, b) => a.number - b.number);
  const longest = timed.reduce((top, r) => Math.max(top, r.duration_ms!), median ?? 0);
  const ticks = durationTicks(Math.max(longest, 1), Math.max(2, Math.floor(height / 40)));
  const top = ticks[ticks.length - 1]!;
  const y = (ms: number): number => height - (ms / top) * height;
  const step = timed.length > 1 ? width / (timed.length - 1) : 0;
  return {
    points: timed.map((run, i) => ({ run, x: timed.length > 1 ? i * step : width / 2, y: y(run.duration_ms!) })),
    ticks: ticks.map((value) => ({ value, y: y(value), text: durationShort(value) })),
    median: median === null ? null : y(median),
  };
}

export interface StripHour {
  hour: string;
  succeeded: number;
  failed: number;
  cancelled: number;
}

export interface StripBar {
  hour: string;
  /** Heights from the foot, each 0 to 1 of the whole. */
  failed: number;
  cancelled: number;
  succeeded: number;
  total: number;
}

/** The square root is drawn, so that one failure beside a thousand successes is still seen; each part that isn't 0 has
 *  at least a twentieth. */
export function stripBars(hours: readonly StripHour[]): StripBar[] {
  const totals = hours.map((h) => h.succeeded + h.failed + h.cancelled);
  const top = Math.sqrt(Math.max(1, ...totals));
  return hours.map((h, i) => {
    const total = totals[i]!;
    if (total === 0) return { hour: h.hour, failed: 0, cancelled: 0, succeeded: 0, total };
    const height = Math.sqrt(total) / top;
    const part = (n: number): number => (n === 0 ? 0 : Math.max(0.05, (n / total) * height));
    const failed = part(h.failed);
    const cancelled = part(h.cancelled);
    const rest = Math.max(0.05, height - failed - cancelled);
    return { hour: h.hour, failed, cancelled, succeeded: h.succeeded === 0 ? 0 : rest, total };
  });
}

/** The part that is done: by time against the usual while there is one, else by tasks. Never full while it runs. */
export function progressPart(done: number, total: number, ran: number | null, usual: number | null): number {
  const byTasks = total > 0 ? done / total : 0;
  const byTime = usual !== null && usual > 0 && ran !== null ? ran / usual : null;
  return Math.max(0.02, Math.min(0.97, byTime ?? byTasks));
}

/** An arc from the top, clockwise, as an SVG path round (c, c). */
export function arcPath(part: number, radius: number, c: number): string {
  const p = Math.max(0, Math.min(0.9999, part));
  const angle = p * 2 * Math.PI - Math.PI / 2;
  const x = (c + radius * Math.cos(angle)).toFixed(2);
  const y = (c + radius * Math.sin(angle)).toFixed(2);
  return `M${c} ${c - radius}A${radius} ${radius} 0 ${p > 0.5 ? 1 : 0} 1 ${x} ${y}`;
}
