// The bars on top: what the reader must know before trusting the page.
import { timeOfDay, zoneChoice, zoneName } from "../lib/time";
import { dataFrom, health, link, lostSince, upgraded } from "../live/store";
import { Time } from "./time";

export function Bars() {
  const zone = zoneName(zoneChoice.value);
  const { degraded, paused, backup } = health.value;
  return (
    <div class="bars" aria-live="polite">
      {link.value === "reconnecting" && (
        <p class="bar grey" data-testid="bar-reconnecting">
          Reconnecting to the daemon…
        </p>
      )}
      {link.value === "lost" && (
        <p class="bar red" data-testid="bar-lost">
          Daemon unreachable since {timeOfDay(lostSince.value, zone)}, data from {timeOfDay(dataFrom.value, zone)}
        </p>
      )}
      {degraded && (
        <p class="bar red" data-testid="bar-degraded">
          <span>
            The daemon can't record anything since <Time at={degraded.since} />: {degraded.reason}
          </span>
        </p>
      )}
      {backup?.failing && (
        <p class="bar amber" data-testid="bar-backup">
          <span>
            No backup can be made since <Time at={backup.failing.since} />: {backup.failing.reason}
          </span>
        </p>
      )}
      {paused && (
        <p class="bar amber">
          <span>
            Everything is paused{paused.by ? ` by ${paused.by}` : ""} since <Time at={paused.at} />
            {paused.reason ? `: ${paused.reason}` : ""}. No task starts.
          </span>
        </p>
      )}
      {upgraded.value && (
        <p class="bar grey">
          The daemon is another version now.{" "}
          <button type="button" onClick={() => location.reload()}>
            Load the page anew
          </button>
        </p>
      )}
    </div>
  );
}
