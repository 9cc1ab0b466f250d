// What differs between two runs, and nothing else: parameters, the file, the code, hosts, tasks, outputs.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { API } from "../lib/api";
import { shortSha, valueText } from "../lib/format";
import { runHref } from "../lib/paths";
import { place } from "../lib/router";
import { tryHref } from "../lib/run";
import type { Compare, CompareTask, Json, Run } from "../lib/types";
import { useResource } from "../live/resource";
import { Empty, Loaded } from "../parts/notice";
import { Page } from "../parts/page";
import { RerunButton } from "../parts/run_actions";
import { State } from "../parts/state";
import { TextDiff } from "../parts/text_diff";
import { Duration, Time } from "../parts/time";

const TASKS_SHOWN = 200;

function Section({ title, count, children }: { title: string; count: number; children: ComponentChildren }) {
  return (
    <section class="panel" data-testid={`compare-${title.toLowerCase()}`}>
      <h2>
        {title} <span class="soft">{count}</span>
      </h2>
      {children}
    </section>
  );
}

function Value({ value }: { value: Json | undefined }) {
  if (value === undefined || value === null) return <span class="soft">none</span>;
  return <code>{valueText(value)}</code>;
}

function Rows({ head, data, children }: { head: string; data: Compare; children: ComponentChildren }) {
  return (
    <div class="wide" tabIndex={0} role="region" aria-label={head}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{head}</th>
            <th scope="col">{data.a.name}</th>
            <th scope="col">{data.b.name}</th>
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

interface ValueRow {
  name: string;
  a: Json;
  b: Json;
}

function Values({ title, head, data, rows }: { title: string; head: string; data: Compare; rows: ValueRow[] }) {
  if (rows.length === 0) return null;
  return (
    <Section title={title} count={rows.length}>
      <Rows head={head} data={data}>
        {rows.map((row) => (
          <tr key={row.name}>
            <th scope="row">{row.name}</th>
            <td>
              <Value value={row.a} />
            </td>
            <td>
              <Value value={row.b} />
            </td>
          </tr>
        ))}
      </Rows>
    </Section>
  );
}

function TaskCell({ run, label, task }: { run: Run; label: string; task: CompareTask | null }) {
  if (!task) return <td class="soft">not in this run</td>;
  return (
    <td>
      <State state={task.state} />{" "}
      <a href={tryHref(run.id, label)} aria-label={`${label} of ${run.name}`}>
        ↗
      </a>{" "}
      {task.duration_ms !== null && <Duration ms={task.duration_ms} />}
      {task.exit_code !== null && task.exit_code !== 0 && ` exit status ${task.exit_code}`}
      {task.attempts > 1 && <span class="soft"> {task.attempts} attempts</span>}
    </td>
  );
}

function Tasks({ data }: { data: Compare }) {
  const [all, setAll] = useState(false);
  const different = data.tasks.filter((task) => task.different);
  if (different.length === 0) return null;
  const shown = all ? different : different.slice(0, TASKS_SHOWN);
  return (
    <Section title="Tasks" count={different.length}>
      <Rows head="task" data={data}>
        {shown.map((task) => (
          <tr key={task.label}>
            <th scope="row">{task.label}</th>
            <TaskCell run={data.a} label={task.label} task={task.a} />
            <TaskCell run={data.b} label={task.label} task={task.b} />
          </tr>
        ))}
      </Rows>
      {shown.length < different.length && (
        <button type="button" onClick={() => setAll(true)}>
          {different.length - shown.length} more
        </button>
      )}
    </Section>
  );
}

function Commit({ commit, dirty }: { commit: string | null; dirty: boolean | null }) {
  if (!commit) return <span class="soft">no work tree</span>;
  return (
    <>
      <code>{commit.slice(0, 10)}</code>
      {dirty && " with changes that aren't committed"}
    </>
  );
}

function Code({ data }: { data: Compare }) {
  if (data.code.length === 0) return null;
  return (
    <Section title="Code" count={data.code.length}>
      <Rows head="folder" data={data}>
        {data.code.map((tree) => (
          <tr key={tree.dir}>
            <th scope="row">
              <code>{tree.dir}</code>
            </th>
            <td>
              <Commit commit={tree.a} dirty={tree.a_dirty} />
            </td>
            <td>
              <Commit commit={tree.b} dirty={tree.b_dirty} />
            </td>
          </tr>
        ))}
      </Rows>
      {data.code.map((tree) =>
        tree.files ? (
          <ul class="labels" key={tree.dir}>
            {tree.files.map((file) => (
              <li key={file.path}>
                <code>
                  {file.status} {file.path}
                </code>
              </li>
            ))}
          </ul>
        ) : null,
      )}
    </Section>
  );
}

function Side({ run }: { run: Run }) {
  return (
    <div class="side">
      <h2>
        <State state={run.state} kind="run" /> <a href={runHref(run.id)}>{run.name}</a>
      </h2>
      <p class="soft">
        {run.started_at && <Time at={run.started_at} />}
        {run.duration_ms !== null && (
          <>
            , took <Duration ms={run.duration_ms} />
          </>
        )}
        , version <code>{shortSha(run.version)}</code>
        {run.reason && `, ${run.reason}`}
      </p>
    </div>
  );
}

// What is the same is said in one line, so that nobody looks for it.
function Same({ data }: { data: Compare }) {
  const same = [
    !data.params.length && "parameters",
    data.version.same && "file",
    !data.code.length && "code",
    !data.hosts.length && "hosts",
    !data.facts?.length && "what is known of the hosts",
    !data.tasks.some((task) => task.different) && "tasks",
    !data.outputs.length && "outputs",
  ].filter(Boolean);
  if (same.length === 0) return null;
  const lead = same.length === 7 ? "Nothing differs. " : "";
  return (
    <p class="soft" data-testid="compare-same">
      {lead}The same in both: {same.join(", ")}.
    </p>
  );
}

function Body({ data }: { data: Compare }) {
  const { version, hosts, outputs } = data;
  return (
    <>
      <Values title="Parameters" head="parameter" data={data} rows={data.params} />
      {!version.same && (
        <Section title="File" count={1}>
          <TextDiff a={version.a_text ?? ""} b={version.b_text ?? ""} label={`${data.a.name} and ${data.b.name}`} />
        </Section>
      )}
      <Code data={data} />
      <Values title="Hosts" head="task" data={data} rows={hosts.map(({ task, a, b }) => ({ name: task, a, b }))} />
      <Values
        title="Machines"
        head="fact"
        data={data}
        rows={(data.facts ?? []).map(({ host, name, a, b }) => ({ name: `${host} ${name.replaceAll("_", " ")}`, a, b }))}
      />
      <Tasks data={data} />
      <Values
        title="Outputs"
        head="output"
        data={data}
        rows={outputs.map(({ task, name, a, b }) => ({ name: `${task}.${name}`, a, b }))}
      />
      <Same data={data} />
    </>
  );
}

export default function ComparePage() {
  const { query } = place.value;
  const a = query.get("a") ?? "";
  const b = query.get("b") ?? "";
  const url = a && b ? `${API}/compare?a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}` : null;
  const resource = useResource<Compare>(url);
  const data = resource.data.value;
  return (
    <Page
      title={data ? `${data.a.name} and ${data.b.name}` : "Compare"}
      heading={data ? `What differs between ${data.a.name} and ${data.b.name}` : "Compare two runs"}
      actions={data && <RerunButton id={data.b.id} />}
    >
      {url ? (
        <Loaded of={resource} what="Comparing">
          {(found) => (
            <div class="compare" data-testid="compare">
              <div class="sides">
                <Side run={found.a} />
                <Side run={found.b} />
              </div>
              <Body data={found} />
            </div>
          )}
        </Loaded>
      ) : (
        <Empty title="No two runs were chosen.">
          <p>A run's page leads here with its last success; the address names any two: /compare?a=RUN&amp;b=RUN.</p>
        </Empty>
      )}
    </Page>
  );
}
