// A task of a run: how it stands, each try of it, what came in and what it handed on, and its log.
import { useState } from "preact/hooks";
import { mayOperate } from "../lib/me";
import { runApi, runHref, taskHref } from "../lib/paths";
import { go, hrefWith, place } from "../lib/router";
import { attemptsOf, taskLive } from "../lib/run";
import { stateEnded, taskState } from "../lib/states";
import type { Attempt, RunDetail, Task } from "../lib/types";
import { useResource } from "../live/resource";
import { useRun } from "../live/run";
import { heard } from "../live/store";
import { Later } from "../parts/later";
import { Markdown } from "../parts/markdown";
import { Empty, Loaded } from "../parts/notice";
import { Page } from "../parts/page";
import { type Asked, RunDialog } from "../parts/run_actions";
import { State } from "../parts/state";
import { AttemptFacts, Files, TaskNow, Values } from "../parts/task_facts";
import { useKeys } from "../parts/use_keys";

interface Why {
  task: string;
  state: string;
  why: string | null;
}

interface ActionsProps {
  run: RunDetail;
  task: Task;
  ask: (asked: Asked) => void;
}

function Actions({ run, task, ask }: ActionsProps) {
  if (!mayOperate.value) return null;
  const dead = !heard.value;
  const waitsForTime = task.state === "waiting" && task.wait === "retry";
  const markable = !taskLive(task) && task.state !== "succeeded" && task.state !== "skipped";
  return (
    <>
      {waitsForTime && (
        <button type="button" class="primary" disabled={dead} onClick={() => ask({ kind: "retry", task: task.label })} data-testid="retry">
          Retry now…
        </button>
      )}
      {markable && (
        <button type="button" disabled={dead} onClick={() => ask({ kind: "mark", task })} data-testid="mark">
          Mark…
        </button>
      )}
      {!stateEnded(task.state) && (
        <button type="button" class="danger" disabled={dead} onClick={() => ask({ kind: "cancel", task: task.label })} data-testid="cancel">
          {task.state === "stopping" ? "Kill…" : "Cancel…"}
        </button>
      )}
      {stateEnded(run.state) && (
        <button type="button" class="primary" disabled={dead} onClick={() => ask({ kind: "rerun", task: task.label })} data-testid="rerun" title="r">
          Rerun…
        </button>
      )}
    </>
  );
}

function Attempts({ attempts, chosen }: { attempts: Attempt[]; chosen: number }) {
  if (attempts.length < 2) return null;
  return (
    <nav class="tabs" aria-label="Attempts">
      {attempts.map((one) => (
        <a
          key={one.attempt}
          href={hrefWith({ try: one.attempt })}
          aria-current={one.attempt === chosen ? "page" : undefined}
          data-testid={`try-${one.attempt}`}
        >
          Attempt {one.attempt} <span class="soft">{one.state.replaceAll("_", " ")}</span>
        </a>
      ))}
    </nav>
  );
}

// Why it waits is known to the engine alone, and changes with what others do: it is asked for as they change.
function useWhy(run: RunDetail, task: Task): string | null {
  const waits = task.state === "waiting";
  const url = waits ? runApi(run.id, `/why?task=${encodeURIComponent(task.label)}`) : null;
  const why = useResource<Why>(url, (change) => change.runs.length > 0 || change.tasks.length > 0);
  return waits ? (why.data.value?.why ?? null) : null;
}

function Shown({ run, task, reload }: { run: RunDetail; task: Task; reload: () => Promise<void> }) {
  const [asked, askedSet] = useState<Asked | null>(null);
  const attempts = attemptsOf(run, task.label);
  const wanted = Number(place.value.query.get("try"));
  const attempt = attempts.find((one) => one.attempt === wanted) ?? attempts[attempts.length - 1];
  const why = useWhy(run, task);
  const before = run.tasks[task.index - 1];
  const after = run.tasks[task.index + 1];
  useKeys([
    { keys: "[", text: "the task before", run: () => before && go(taskHref(run.id, before.label)) },
    { keys: "]", text: "the task after", run: () => after && go(taskHref(run.id, after.label)) },
    { keys: "u", text: "up to the run", run: () => go(runHref(run.id)) },
    { keys: "r", text: "rerun", run: () => mayOperate.value && stateEnded(run.state) && askedSet({ kind: "rerun", task: task.label }) },
  ]);
  return (
    <Page
      title={`${task.label} of ${run.name}`}
      heading={
        <span class="run-title">
          <State state={taskState(task)} />
          <span>
            <a href={runHref(run.id)} data-testid="up">
              {run.name}
            </a>{" "}
            / {task.label}
          </span>
          {task.reason && task.state !== "waiting" && <small data-testid="reason">{task.reason}</small>}
          {task.marked && <small>marked by hand</small>}
        </span>
      }
      actions={<Actions run={run} task={task} ask={askedSet} />}
      below={<TaskNow task={task} why={why} />}
    >
      <Attempts attempts={attempts} chosen={attempt?.attempt ?? 0} />
      {attempt && <AttemptFacts attempt={attempt} />}
      <div class="panels">
        <Values title="Inputs" values={attempt?.inputs} />
        <Values title="Outputs" values={task.outputs} />
        {attempt && attempt.host !== null && attempt.host !== "local" && <Files run={run.id} task={task.label} attempt={attempt.attempt} />}
        {task.summary && (
          <section class="panel" data-testid="summary">
            <h2>Summary</h2>
            <Markdown text={task.summary} />
          </section>
        )}
      </div>
      {attempt ? (
        <Later>
          {({ RunLog }) => (
            <RunLog key={attempt.id} run={run} task={task} attempt={attempt} />
          )}
        </Later>
      ) : (
        <Empty title="It hasn't been started, so there is no log." />
      )}
      <RunDialog run={run} asked={asked} close={() => askedSet(null)} reload={reload} />
    </Page>
  );
}

export default function TaskPage({ parts }: { parts: Record<string, string> }) {
  const id = parts["run"]!;
  const label = parts["task"]!;
  const run = useRun(id);
  return (
    <Loaded of={run} what="Reading the task">
      {(data) => {
        const task = data.tasks.find((one) => one.label === label) ?? data.tasks.find((one) => one.task === label);
        if (task) return <Shown run={data} task={task} reload={run.reload} />;
        return (
          <Page title={label}>
            <Empty title={`${data.name} has no task ${label}.`}>
              <p>
                <a href={runHref(data.id)}>The run's page</a> lists those that it has.
              </p>
            </Empty>
          </Page>
        );
      }}
    </Loaded>
  );
}
