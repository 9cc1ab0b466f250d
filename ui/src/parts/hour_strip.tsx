// The last 24 hours: for each how many runs ended how. Failures stand at the foot and are hatched.

import { type StripHour, stripBars } from "../lib/chart";
import { plural } from "../lib/format";
import { clockOf } from "../lib/time";

export interface HourStripProps {
  hours: StripHour[];
  zone: string;
  /** Where the runs of an hour are listed. */
  href: (hour: string) => string;
}

function told(h: StripHour, zone: string): string {
  const clock = clockOf(Date.parse(h.hour), zone);
  const head = `${clock.hour}:${clock.minute} ${clock.zone}`;
  const parts = [];
  if (h.failed) parts.push(`${h.failed} failed`);
  if (h.cancelled) parts.push(`${h.cancelled} cancelled`);
  if (h.succeeded) parts.push(`${h.succeeded} succeeded`);
  return `${head}: ${parts.join(", ") || "no run ended"}`;
}

export function HourStrip({ hours, zone, href }: HourStripProps) {
  const bars = stripBars(hours);
  const runs = hours.reduce((sum, h) => sum + h.succeeded + h.failed + h.cancelled, 0);
  const failed = hours.reduce((sum, h) => sum + h.failed, 0);
  const part = (of: number, name: string) => of > 0 && <i class={name} style={{ height: `${of * 100}%` }} />;
  return (
    <figure class="strip" data-testid="strip">
      <figcaption>
        {plural(runs, "run")} ended{failed > 0 ? `, ${failed} of them failed` : ""}
      </figcaption>
      <div class="strip-bars">
        {hours.map((h, i) => {
          const bar = bars[i]!;
          const clock = clockOf(Date.parse(h.hour), zone);
          return (
            <a key={h.hour} href={href(h.hour)} title={told(h, zone)} aria-label={told(h, zone)}>
              <span class="strip-bar">
                {part(bar.succeeded, "strip-good")}
                {part(bar.cancelled, "strip-still")}
                {part(bar.failed, "strip-bad")}
              </span>
              <small aria-hidden="true">{i % 6 === 0 ? `${clock.hour}:00` : ""}</small>
            </a>
          );
        })}
      </div>
    </figure>
  );
}
