// What the tabs of a run's page show: its tasks over time, as a graph, as a list; a log; parameters; the file; events.
import { useMemo, useState } from "preact/hooks";
import { type GanttTask, ganttOf } from "../lib/gantt";
import { instantMs, zoneChoice, zoneName } from "../lib/time";
import { go, place, queryPut } from "../lib/router";
import { attemptsOf, tasksOpen } from "../lib/run";
import { stateEnded, stateFailure, taskState } from "../lib/states";
import { pipelineApi, runApi, taskHref } from "../lib/paths";
import type { Graph, Page, PipelineDetail, RunDetail, RunEvent, Version } from "../lib/types";
import { ofRun, useResource } from "../live/resource";
import { now } from "../live/store";
import { paramText } from "../lib/params";
import type { ParamSpecs } from "../lib/params";
import { Later } from "./later";
import { Empty, Loaded, Loading } from "./notice";
import { State } from "./state";
import { TaskList } from "./task_list";
import { Time } from "./time";

function ganttTasks(run: RunDetail, graph: Graph): GanttTask[] {
  const needs = new Map(graph.nodes.map((node) => [node.task, node.needs]));
  const attempts = new Map<string, GanttTask["attempts"][number][]>();
  for (const attempt of run.attempts) {
    const list = attempts.get(attempt.task) ?? [];
    list.push(attempt);
    attempts.set(attempt.task, list);
  }
  return run.tasks.map((task) => ({
    name: task.task,
    label: task.label,
    state: taskState(task),
    needs: needs.get(task.task) ?? [],
    attempts: attempts.get(task.label) ?? [],
  }));
}

export function GanttTab({ run }: { run: RunDetail }) {
  const graph = useResource<Graph>(runApi(run.id, "/graph"));
  const live = !stateEnded(run.state);
  const at = live ? now.value : instantMs(run.ended_at ?? run.created_at);
  return (
    <Loaded of={graph}>
      {(data) => (
        <Later>
          {({ GanttView }) => (
            <GanttView
              run={run.id}
              gantt={ganttOf(ganttTasks(run, data), run.started_at, run.ended_at, at)}
              zone={zoneName(zoneChoice.value, run.zone)}
              now={at}
              live={live}
              zoom={place.value.query.get("zoom") ?? ""}
              onZoom={(zoom) => queryPut({ zoom })}
            />
          )}
        </Later>
      )}
    </Loaded>
  );
}

export function GraphTab({ run }: { run: RunDetail }) {
  const graph = useResource<Graph>(runApi(run.id, "/graph"), ofRun(run.id));
  const { query } = place.value;
  const byName = useMemo(() => new Map(run.tasks.map((task) => [task.task, task.label])), [run]);
  const href = (task: string): string | null => {
    const label = byName.get(task);
    return label === undefined ? null : taskHref(run.id, label);
  };
  return (
    <Loaded of={graph}>
      {(data) => (
        <Later>
          {({ GraphView }) => (
            <GraphView
              nodes={data.nodes}
              href={href}
              onOpen={go}
              chosen={query.get("task")}
              onChoose={(task) => queryPut({ task })}
              table={query.get("as") === "table"}
              onTable={(on) => queryPut({ as: on ? "table" : null })}
            />
          )}
        </Later>
      )}
    </Loaded>
  );
}

// The tasks that the reader opened or closed stay so while the run goes on; the others follow the run.
export function TasksTab({ run }: { run: RunDetail }) {
  const [turned, turnedSet] = useState<ReadonlyMap<string, boolean>>(new Map());
  const open = new Set(tasksOpen(run));
  for (const [label, on] of turned) on ? open.add(label) : open.delete(label);
  const turn = (label: string): void => turnedSet(new Map(turned).set(label, !open.has(label)));
  return <TaskList run={run} open={open} onToggle={turn} />;
}

// Which task's log is shown if the address doesn't say: what failed, what runs, what ended last.
function logTask(run: RunDetail): string | null {
  const tried = run.tasks.filter((task) => task.attempts > 0);
  const first = tried.find((task) => stateFailure(task.state)) ?? tried.find((task) => !stateEnded(task.state));
  return (first ?? tried[tried.length - 1])?.label ?? null;
}

export function LogsTab({ run }: { run: RunDetail }) {
  const { query } = place.value;
  const label = query.get("task") ?? logTask(run);
  const tried = run.tasks.filter((task) => task.attempts > 0);
  const task = tried.find((one) => one.label === label);
  if (label === null || tried.length === 0) return <Empty title="No task has been started, so there is no log yet." />;
  const attempts = attemptsOf(run, label);
  const chosen = Number(query.get("try")) || attempts.length;
  const attempt = attempts.find((one) => one.attempt === chosen);
  return (
    <>
      <div class="log-choice">
        <label>
          Task{" "}
          <select
            value={label}
            onChange={(event) => go(`?tab=logs&task=${encodeURIComponent(event.currentTarget.value)}`, { still: true })}
            data-testid="log-task"
          >
            {tried.map((task) => (
              <option key={task.label} value={task.label}>
                {task.label}: {taskState(task).replaceAll("_", " ")}
              </option>
            ))}
          </select>
        </label>
        {attempts.length > 1 && (
          <label>
            Attempt{" "}
            <select value={chosen} onChange={(event) => queryPut({ try: event.currentTarget.value })}>
              {attempts.map((one) => (
                <option key={one.attempt} value={one.attempt}>
                  {one.attempt}: {one.state}
                </option>
              ))}
            </select>
          </label>
        )}
        <a href={`${taskHref(run.id, label)}?try=${chosen}`}>the task's page</a>
      </div>
      {task && attempt ? (
        <Later>
          {({ RunLog }) => (
            <RunLog key={attempt.id} run={run} task={task} attempt={attempt} />
          )}
        </Later>
      ) : (
        <Empty title={`${label} has no attempt ${chosen}.`} />
      )}
    </>
  );
}

export function ParamsTab({ run }: { run: RunDetail }) {
  const pipeline = useResource<PipelineDetail>(pipelineApi(run.pipeline));
  const specs = (pipeline.data.value?.definition?.params ?? {}) as ParamSpecs;
  const names = Object.keys(run.params);
  if (names.length === 0) return <Empty title="This run has no parameters." />;
  return (
    <div class="wide">
      <table class="table" data-testid="run-params">
        <thead>
          <tr>
            <th scope="col">Parameter</th>
            <th scope="col">Value</th>
            <th scope="col">Default now</th>
            <th scope="col">What it is for</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => {
            const spec = specs[name] ?? { type: "string" };
            const text = paramText(spec, run.params[name]);
            const usual = spec.default === undefined ? null : paramText(spec, spec.default);
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  <code>{text}</code>
                </td>
                <td>{usual === null ? <span class="soft">none</span> : usual === text ? <span class="soft">the same</span> : <code>{usual}</code>}</td>
                <td class="soft">{spec.help}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

export function YamlTab({ run }: { run: RunDetail }) {
  const pipeline = useResource<PipelineDetail>(pipelineApi(run.pipeline));
  const older = pipeline.data.value && pipeline.data.value.version !== run.version;
  const versions = useResource<Page<Version>>(older ? pipelineApi(run.pipeline, "/versions?limit=500") : null);
  const text = older
    ? versions.data.value?.items.find((one) => one.version === run.version)?.text
    : pipeline.data.value?.text;
  if (text === undefined || text === null) {
    const problem = pipeline.problem.value ?? versions.problem.value;
    return problem || versions.data.value ? (
      <Empty title="The text of this version isn't kept any more." />
    ) : (
      <Loaded of={pipeline}>{() => <Loading />}</Loaded>
    );
  }
  return (
    <>
      {older && (
        <p class="soft" data-testid="yaml-older">
          The file has changed since this run; this is what it ran.
        </p>
      )}
      <pre class="yaml" tabIndex={0} data-testid="yaml">
        {text}
      </pre>
    </>
  );
}

// A page of the events from the first on, each kept fresh, and below it the next one when it is asked for.
function EventRows({ run, after }: { run: RunDetail; after: string | null }) {
  const [more, moreSet] = useState(false);
  const events = useResource<Page<RunEvent>>(runApi(run.id, `/events?limit=200${after ? `&after=${encodeURIComponent(after)}` : ""}`), ofRun(run.id));
  const page = events.data.value;
  if (!page)
    return (
      <tbody>
        <tr>
          <td colSpan={5}>
            <Loaded of={events}>{() => null}</Loaded>
          </td>
        </tr>
      </tbody>
    );
  return (
    <>
      <tbody>
        {page.items.map((event) => (
          <EventRow key={event.key} run={run} event={event} />
        ))}
        {page.next && !more && (
          <tr>
            <td colSpan={5}>
              <button type="button" onClick={() => moreSet(true)} data-testid="more">
                Later events
              </button>
            </td>
          </tr>
        )}
      </tbody>
      {page.next && more && <EventRows key={page.next} run={run} after={page.next} />}
    </>
  );
}

export function EventsTab({ run }: { run: RunDetail }) {
  return (
    <div class="wide">
      <table class="table" data-testid="events">
        <thead>
          <tr>
            <th scope="col">At</th>
            <th scope="col">What</th>
            <th scope="col">State</th>
            <th scope="col">Why</th>
            <th scope="col">Who</th>
          </tr>
        </thead>
        <EventRows run={run} after={null} />
      </table>
    </div>
  );
}

function EventRow({ run, event }: { run: RunDetail; event: RunEvent }) {
  const task = event.task === null ? null : run.tasks[event.task];
  return (
    <tr>
      <td>
        <Time at={event.at} form="long" />
      </td>
      <td>{task ? <a href={taskHref(run.id, task.label)}>{task.label}</a> : event.kind}</td>
      <td>{event.state && <State state={event.state} kind={event.kind === "task" ? "task" : "run"} />}</td>
      <td>{event.reason}</td>
      <td class="soft">{event.actor}</td>
    </tr>
  );
}

