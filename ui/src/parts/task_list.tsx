// The tasks of a run, one row each, and below an open one what there is to know about it. Thousands of rows cost what
// the visible ones cost: rows out of sight aren't laid out by the browser, and beyond a page's worth they are made
// only as they are scrolled to.
import { useEffect, useRef, useState } from "preact/hooks";
import { taskHref } from "../lib/paths";
import { attemptsOf, exitWords, taskLive, tryHref } from "../lib/run";
import { taskState } from "../lib/states";
import type { RunDetail, Task } from "../lib/types";
import { State } from "./state";
import { Duration, Time } from "./time";
import { useWalk } from "./use_walk";

const PAGE = 200;

function Why({ task }: { task: Task }) {
  const said = task.why ?? task.reason;
  return (
    <>
      {said && <span class="clip" title={said}>{said}</span>}
      {task.progress && <span class="progress-words"> {task.progress}</span>}
      {taskLive(task) && task.last_output_at && (
        <span class="soft">
          {" "}
          last output <Duration since={task.last_output_at} /> ago
        </span>
      )}
      {task.marked && <span class="soft"> marked by hand</span>}
    </>
  );
}

function Details({ run, task }: { run: RunDetail; task: Task }) {
  const attempts = attemptsOf(run, task.label);
  const outputs = Object.entries(task.outputs ?? {});
  return (
    <div class="task-details">
      {attempts.length > 0 ? (
        <ol class="attempts">
          {attempts.map((attempt) => (
            <li key={attempt.id}>
              <a href={tryHref(run.id, task.label, attempt.attempt)}>attempt {attempt.attempt}</a>{" "}
              <State state={attempt.state} /> {exitWords(attempt) ?? attempt.reason} on {attempt.host}
              {attempt.started_at && (
                <>
                  , <Time at={attempt.started_at} />
                </>
              )}{" "}
              <a href={tryHref(run.id, task.label, attempt.attempt)}>log</a>
            </li>
          ))}
        </ol>
      ) : (
        <p class="soft">No attempt was made.</p>
      )}
      {outputs.length > 0 && (
        <dl class="brief">
          {outputs.map(([name, value]) => (
            <div class="fact" key={name}>
              <dt>{name}</dt>
              <dd>
                <code>{typeof value === "string" ? value : JSON.stringify(value)}</code>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}

function Row({ run, task, open, onToggle }: {
  run: RunDetail;
  task: Task;
  open: boolean;
  onToggle: () => void;
}) {
  return (
    <li class="task" data-testid={`task-${task.label}`}>
      <div class="task-row">
        <button type="button" class="fold" aria-expanded={open} aria-label={`Details of ${task.label}`} onClick={onToggle}>
          {open ? "▾" : "▸"}
        </button>
        <State state={taskState(task)} />
        <a class="task-name" href={taskHref(run.id, task.label)}>
          {task.label}
        </a>
        <span class="task-why">
          <Why task={task} />
        </span>
        <span class="task-time">
          {task.attempts > 1 && <span class="soft">{task.attempts} attempts </span>}
          {task.duration_ms !== null ? (
            <Duration ms={task.duration_ms} />
          ) : (
            taskLive(task) && task.started_at && <Duration since={task.started_at} />
          )}
        </span>
      </div>
      {open && <Details run={run} task={task} />}
    </li>
  );
}

// How many rows are made: one page more whenever the end comes into sight.
function useGrowing(total: number) {
  const [shown, setShown] = useState(PAGE);
  const end = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (!end.current || shown >= total) return undefined;
    const watcher = new IntersectionObserver(
      (seen) => seen.some((one) => one.isIntersecting) && setShown((before) => before + PAGE),
      { rootMargin: "600px" },
    );
    watcher.observe(end.current);
    return () => watcher.disconnect();
  }, [shown, total]);
  return { shown, end };
}

interface Props {
  run: RunDetail;
  open: Set<string>;
  onToggle: (label: string) => void;
}

export function TaskList({ run, open, onToggle }: Props) {
  const { shown, end } = useGrowing(run.tasks.length);
  const list = useRef<HTMLUListElement>(null);
  useWalk(() => [...(list.current?.querySelectorAll(".task") ?? [])]);
  const first = run.tasks.find((task) => open.has(task.label))?.index ?? 0;
  const until = Math.max(shown, first + 20);
  return (
    <ul class="tasks" ref={list} data-testid="tasks">
      {run.tasks.slice(0, until).map((task) => (
        <Row
          key={task.label}
          run={run}
          task={task}
          open={open.has(task.label)}
          onToggle={() => onToggle(task.label)}
        />
      ))}
      {until < run.tasks.length && (
        <li class="soft" ref={end}>
          {run.tasks.length - until} more
        </li>
      )}
    </ul>
  );
}
