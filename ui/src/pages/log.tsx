// The log of one attempt: /r/RUN/t/TASK/log?try=2#L120-L140. What is sought, wrapping and stamps are in the address too;
// the last choice of the two switches is what the next log opens with.
import { useRef } from "preact/hooks";
import { runApi, runHref, taskHref } from "../lib/paths";
import { go, place } from "../lib/router";
import { taskState } from "../lib/states";
import type { Attempt, RunDetail, Task } from "../lib/types";
import { ofRun, useResource } from "../live/resource";
import { Loaded } from "../parts/notice";
import { Page } from "../parts/page";
import { RunLog } from "../parts/run_log";
import { State } from "../parts/state";
import { useKeys } from "../parts/use_keys";

const logHref = (run: string, label: string, attempt?: number): string =>
  `${taskHref(run, label)}/log${attempt === undefined ? "" : `?try=${attempt}`}`;

/** An instance goes by its label or, as in the API, by its task's name: then it is the first. */
function taskFind(run: RunDetail, asked: string): Task | undefined {
  return run.tasks.find((t) => t.label === asked) ?? run.tasks.find((t) => t.task === asked);
}

function Switches({ run, task, attempts, attempt }: { run: RunDetail; task: Task; attempts: Attempt[]; attempt: Attempt | undefined }) {
  return (
    <div class="log-heading">
      <label>
        Task{" "}
        <select value={task.label} data-testid="log-task" onChange={(e) => go(logHref(run.id, e.currentTarget.value))}>
          {run.tasks.map((t) => <option key={t.label} value={t.label}>{t.label}</option>)}
        </select>
      </label>
      {attempts.length > 1 && (
        <nav class="log-tries" aria-label="attempts">
          {attempts.map((a) => (
            <a key={a.attempt} href={logHref(run.id, task.label, a.attempt)} aria-current={a === attempt ? "page" : undefined} data-testid={`try-${a.attempt}`}>
              attempt {a.attempt}
            </a>
          ))}
        </nav>
      )}
      {attempt && <State state={attempt.state} />}
      {!attempt && <State state={taskState(task)} />}
      {attempt?.host && <span class="soft">on {attempt.host}</span>}
    </div>
  );
}

function Log({ run, asked }: { run: RunDetail; asked: string }) {
  const task = taskFind(run, asked);
  const attempts = task ? run.attempts.filter((a) => a.task === task.label) : [];
  const wanted = Number(place.value.query.get("try"));
  const attempt = attempts.find((a) => a.attempt === wanted) ?? attempts[attempts.length - 1];
  const to = (id: string | null | undefined): void => {
    if (id && task) go(logHref(id, task.label));
  };
  useKeys([
    { keys: "[", text: "this task's log in the run before", run: () => to(run.siblings?.previous) },
    { keys: "]", text: "this task's log in the run after", run: () => to(run.siblings?.next) },
  ]);
  const heading = (
    <>
      <a href={runHref(run.id)}>{run.name}</a> <span class="soft">/</span>{" "}
      {task ? <a href={taskHref(run.id, task.label)}>{task.label}</a> : asked} <span class="soft">/</span> log
    </>
  );
  const below = task && <Switches run={run} task={task} attempts={attempts} attempt={attempt} />;
  return (
    <Page title={`${task?.label ?? asked} · ${run.name} · log`} heading={heading} below={below}>
      <div class="log-page">
        {task && attempt && <RunLog key={attempt.id} run={run} task={task} attempt={attempt} />}
        {task && !attempt && <p class="empty">{task.label} hasn't started in this run, so it has no log. {task.why ?? task.reason ?? ""}</p>}
        {!task && <p class="empty">{run.name} has no task {asked}. <a href={runHref(run.id)}>Its tasks</a></p>}
      </div>
    </Page>
  );
}

export default function LogPage({ parts }: { parts: Record<string, string> }) {
  const run = useResource<RunDetail>(runApi(parts["run"]!), (change) => ofRun(id.current)(change));
  const id = useRef<string | undefined>(undefined);
  id.current = run.data.value?.id;
  return <Loaded of={run} what="Loading the run">{(data) => <Log run={data} asked={parts["task"]!} />}</Loaded>;
}
