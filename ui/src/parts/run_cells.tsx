// The last runs of a pipeline as small cells, the newest on the right; a running one has an arc of its progress.

import { arcPath, progressPart } from "../lib/chart";
import { runHref } from "../lib/paths";
import { stateLook } from "../lib/states";
import { durationText } from "../lib/time";
import { letterOf, lookClass } from "./grid_row";

export interface CellRun {
  id: string;
  number: number;
  state: string;
  duration_ms: number | null;
  started_at?: string | null;
  tasks_done?: number;
  tasks_total?: number;
}

export function ProgressArc({ part, size = 16 }: { part: number; size?: number }) {
  const c = size / 2;
  return (
    <svg class="arc tone-live" width={size} height={size} viewBox={`0 0 ${size} ${size}`} aria-hidden="true">
      <circle cx={c} cy={c} r={c - 2} />
      <path d={arcPath(part, c - 2, c)} />
    </svg>
  );
}

/** `runs` newest first, as the API has them. */
export function RunCells({ runs, usual, now }: { runs: CellRun[]; usual: number | null; now: number }) {
  return (
    <span class="cells">
      {[...runs].reverse().map((run) => {
        const { words } = stateLook(run.state);
        const took = run.duration_ms === null ? "" : `, ${durationText(run.duration_ms)}`;
        const told = `run ${run.number}: ${words}${took}`;
        const ran = run.started_at ? now - Date.parse(run.started_at) : null;
        return (
          <a key={run.id} href={runHref(run.id)} title={told} aria-label={told}>
            {run.state === "running" ? (
              <ProgressArc part={progressPart(run.tasks_done ?? 0, run.tasks_total ?? 0, ran, usual)} />
            ) : (
              <span class={`cell small ${lookClass(run.state)}`} data-letter={letterOf(run.state)} />
            )}
          </a>
        );
      })}
    </span>
  );
}
