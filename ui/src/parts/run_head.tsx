// The head of a run's page: its state, why it ran, when, with what, and where it stands between other runs.
import { compareHref, pipelineHref, runHref } from "../lib/paths";
import { paramsLine } from "../lib/report";
import { stateEnded } from "../lib/states";
import type { RunDetail } from "../lib/types";
import { State } from "./state";
import { Fact } from "./task_facts";
import { Duration, Time } from "./time";

function Took({ run }: { run: RunDetail }) {
  const usual = run.usual_ms;
  const over = usual && run.duration_ms !== null ? run.duration_ms / usual : null;
  return (
    <Fact name={stateEnded(run.state) ? "took" : "runs for"}>
      {run.duration_ms !== null ? <Duration ms={run.duration_ms} /> : run.started_at ? <Duration since={run.started_at} /> : "not started"}
      {usual ? (
        <span class="soft">
          {" "}
          usually <Duration ms={usual} />
          {over !== null && over >= 1.5 && `, ${over.toFixed(1)} times that`}
        </span>
      ) : null}
    </Fact>
  );
}

function Trigger({ run }: { run: RunDetail }) {
  return (
    <Fact name="started by">
      {run.trigger}
      {run.actor && run.trigger !== "schedule" && (
        <span>
          , {run.actor.name} <span class="soft">{run.actor.address}</span>
        </span>
      )}
    </Fact>
  );
}

function Links({ run }: { run: RunDetail }) {
  const next = run.continued_by ?? [];
  return (
    <>
      {run.linked_from && (
        <Fact name="goes on from">
          <a href={runHref(run.linked_from)} data-testid="linked-from">
            the run that it reran
          </a>{" "}
          <a href={compareHref(run.linked_from, run.id)}>compare</a>
        </Fact>
      )}
      {next.length > 0 && (
        <Fact name="rerun as">
          {next.map((id, i) => (
            <a key={id} href={runHref(id)} data-testid="continued-by">
              {next.length === 1 ? "a linked run" : `linked run ${i + 1}`}{" "}
            </a>
          ))}
        </Fact>
      )}
    </>
  );
}

function Progress({ run }: { run: RunDetail }) {
  const { tasks_done, tasks_total, tasks_failed } = run;
  return (
    <Fact name="tasks">
      {tasks_done} of {tasks_total} ended
      {tasks_failed > 0 && `, ${tasks_failed} failed`}
      {run.round > 1 && <span class="soft"> round {run.round}</span>}
      {run.failed_before && run.state === "succeeded" && <span class="soft"> after a failure</span>}
    </Fact>
  );
}

export function RunFacts({ run }: { run: RunDetail }) {
  const params = paramsLine(run.params);
  return (
    <dl class="brief" data-testid="facts">
      <Trigger run={run} />
      {run.scheduled_for && (
        <Fact name="for">
          <Time at={run.scheduled_for} zone={run.zone} />
        </Fact>
      )}
      <Fact name="started">{run.started_at ? <Time at={run.started_at} /> : run.reason ?? "not yet"}</Fact>
      <Took run={run} />
      {run.expected_end && !stateEnded(run.state) && (
        <Fact name="expected end">
          <Time at={run.expected_end} />
        </Fact>
      )}
      <Progress run={run} />
      <Fact name="version">
        <a href={`${runHref(run.id)}?tab=yaml`}>
          <code>{run.version.slice(0, 8)}</code>
        </a>
      </Fact>
      {params && (
        <Fact name="parameters">
          <a class="clip" href={`${runHref(run.id)}?tab=params`} title={params}>
            {params}
          </a>
        </Fact>
      )}
      <Links run={run} />
      {run.may_have_run_twice && <Fact name="may have run twice">a host was silent for longer than the task waits, so another copy was started</Fact>}
      {run.keep && <Fact name="kept">retention leaves it</Fact>}
    </dl>
  );
}

export function RunNotes({ run }: { run: RunDetail }) {
  if (run.notes.length === 0) return null;
  return (
    <ul class="notes" data-testid="notes" aria-label="Notes">
      {run.notes.map((note) => (
        <li key={note.key}>
          <span class="soft">
            {note.actor ?? "the daemon"}, <Time at={note.at} />:
          </span>{" "}
          {note.reason}
        </li>
      ))}
    </ul>
  );
}

export function RunTitle({ run }: { run: RunDetail }) {
  return (
    <span class="run-title">
      <State state={run.state} kind="run" />
      <span>
        <a href={pipelineHref(run.pipeline)}>{run.pipeline}</a>
        {`#${run.number}`}
      </span>
      {run.reason && <small data-testid="reason">{run.reason}</small>}
    </span>
  );
}

// The runs of the pipeline before and after this one: `[` and `]`.
export function Siblings({ run }: { run: RunDetail }) {
  const { previous, next } = run.siblings ?? { previous: null, next: null };
  return (
    <nav class="siblings" aria-label="Runs of the pipeline">
      {previous && (
        <a href={runHref(previous)} title="[" data-testid="previous" rel="prev">
          ‹ previous
        </a>
      )}
      {next && (
        <a href={runHref(next)} title="]" data-testid="next" rel="next">
          next ›
        </a>
      )}
    </nav>
  );
}
