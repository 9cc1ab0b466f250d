// When a line was written: off, since the attempt's start, or as a time of day. Shown beside the text and never copied.

export const STAMPS = ["off", "relative", "utc", "local"] as const;
export type Stamps = (typeof STAMPS)[number];

export function stampsNext(now: Stamps): Stamps {
  return STAMPS[(STAMPS.indexOf(now) + 1) % STAMPS.length]!;
}

const two = (n: number): string => String(n).padStart(2, "0");

export function stampText(at: string | null, kind: Stamps, start: string | null): string {
  if (at === null || kind === "off") return "";
  const time = Date.parse(at);
  if (Number.isNaN(time)) return "";
  const date = new Date(time);
  if (kind === "utc") return date.toISOString().slice(11, 23) + "Z";
  if (kind === "local") {
    const ms = String(date.getMilliseconds()).padStart(3, "0");
    return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
  }
  const since = Math.max(0, time - (start === null ? time : Date.parse(start)));
  const s = Math.floor(since / 1000);
  const tenth = Math.floor((since % 1000) / 100);
  if (s < 60) return `+${s}.${tenth}s`;
  if (s < 3600) return `+${Math.floor(s / 60)}m ${two(s % 60)}s`;
  return `+${Math.floor(s / 3600)}h ${two(Math.floor(s / 60) % 60)}m ${two(s % 60)}s`;
}
