// Runs as rows: what state, which, for what, what started it, when, how long, why. With `chosen` each has a box.
import { actorText, countText } from "../lib/format";
import { runHref } from "../lib/paths";
import type { Run } from "../lib/types";
import { State } from "./state";
import { type Column, Table } from "./table";
import { Duration, Time } from "./time";

interface RunsTableProps {
  runs: readonly Run[];
  chosen?: ReadonlySet<string> | null;
  choose?: (chosen: ReadonlySet<string>) => void;
  walk?: boolean;
}

function triggerWords(run: Run): string {
  const who = actorText(run.actor);
  return run.trigger === "schedule" ? "schedule" : who ? `${run.trigger}, ${who}` : run.trigger;
}

function toggled(chosen: ReadonlySet<string>, id: string): Set<string> {
  const next = new Set(chosen);
  if (!next.delete(id)) next.add(id);
  return next;
}

const COLUMNS: readonly Column<Run>[] = [
  {
    id: "state",
    head: "State",
    cell: (run) => (
      <State state={run.state} kind="run" progress={run.state === "running" && run.tasks_total ? run.tasks_done / run.tasks_total : null} />
    ),
  },
  {
    id: "run",
    head: "Run",
    cell: (run) => (
      <a href={runHref(run.id)} class="run-name">
        {run.name}
      </a>
    ),
  },
  { id: "started", head: "Started", cell: (run) => <Time at={run.started_at ?? run.created_at} zone={run.zone} /> },
  {
    id: "took",
    head: "Duration",
    end: true,
    cell: (run) =>
      run.state === "running" || run.state === "cancelling" ? <Duration since={run.started_at} /> : <Duration ms={run.duration_ms} />,
  },
  {
    id: "tasks",
    head: "Tasks",
    end: true,
    hide: "phone",
    cell: (run) => (
      <span class="num">
        {countText(run.tasks_done)}/{countText(run.tasks_total)}
      </span>
    ),
  },
  { id: "trigger", head: "Started by", hide: "tablet", cell: triggerWords },
  { id: "for", head: "For", hide: "tablet", cell: (run) => <Time at={run.scheduled_for} zone={run.zone} /> },
  {
    id: "reason",
    head: "Why",
    grow: true,
    hide: "phone",
    cell: (run) => (
      <span class="soft" title={run.reason ?? undefined}>
        {run.reason ?? (run.failed_before ? "failed before" : "")}
      </span>
    ),
  },
];

export function RunsTable({ runs, chosen, choose, walk = true }: RunsTableProps) {
  const box: Column<Run> | null =
    chosen && choose
      ? {
          id: "chosen",
          head: (
            <input
              type="checkbox"
              aria-label={`Choose all ${runs.length} runs shown`}
              checked={runs.length > 0 && runs.every((run) => chosen.has(run.id))}
              onChange={(event) => choose(new Set(event.currentTarget.checked ? runs.map((run) => run.id) : []))}
            />
          ),
          cell: (run) => (
            <input
              type="checkbox"
              aria-label={`Choose ${run.name}`}
              checked={chosen.has(run.id)}
              onChange={() => choose(toggled(chosen, run.id))}
            />
          ),
        }
      : null;
  return (
    <Table
      label="Runs"
      columns={box ? [box, ...COLUMNS] : COLUMNS}
      rows={runs}
      keyOf={(run) => run.id}
      tone={(run) => (run.state === "failed" ? "row-bad" : undefined)}
      walk={walk}
    />
  );
}
