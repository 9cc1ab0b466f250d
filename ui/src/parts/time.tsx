// Instants and durations. The whole instant, in the reader's zone and in UTC, is the title of each.
import { countdownText, durationRunning, durationText, instantMs, relativeText, timeLong, timeShort, zoneChoice, zoneName } from "../lib/time";
import { heard, now } from "../live/store";

interface TimeProps {
  at: string | null | undefined;
  zone?: string | null; // the schedule's, for who wants to read times in it
  form?: "short" | "long" | "relative" | "countdown";
}

export function Time({ at, zone, form = "short" }: TimeProps) {
  if (!at) return <span class="none">–</span>;
  const name = zoneName(zoneChoice.value, zone);
  const title = `${timeLong(at, name)}${name === "UTC" ? "" : `\n${timeLong(at, "UTC")}`}`;
  let text: string;
  if (form === "long") text = timeLong(at, name);
  else if (form === "relative") text = relativeText(at, now.value);
  else if (form === "countdown") text = countdownText(at, now.value);
  else text = timeShort(at, name, now.value);
  return (
    <time class="num" dateTime={at} title={title}>
      {text}
    </time>
  );
}

interface DurationProps {
  ms?: number | null | undefined;
  since?: string | null | undefined; // it runs since then: counted up by the daemon's clock
}

export function Duration({ ms, since }: DurationProps) {
  if (ms !== null && ms !== undefined) return <span class="num">{durationText(ms)}</span>;
  if (since) return <span class={heard.value ? "num runs" : "num"}>{durationRunning(now.value - instantMs(since))}</span>;
  return <span class="none">–</span>;
}
