// What there is to know about a task and one try of it.
import type { ComponentChildren } from "preact";
import { bytesText, valueText } from "../lib/format";
import { hostHref, runApi } from "../lib/paths";
import { exitWords, taskLive } from "../lib/run";
import type { Attempt, Json, Page as ListPage, SentFile, Task } from "../lib/types";
import { ofRun, useResource } from "../live/resource";
import { Duration, Time } from "./time";

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function commandText(command: string | string[] | null | undefined): string | null {
  if (!command) return null;
  return typeof command === "string" ? command : command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(" ");
}

function slotsText(slots: unknown): string {
  if (!slots || typeof slots !== "object") return "";
  return Object.entries(slots as Record<string, string[]>)
    .map(([name, units]) => `${name} ${units.join(", ")}`)
    .join("; ");
}

function Ended({ attempt }: { attempt: Attempt }) {
  const words = exitWords(attempt);
  return (
    <Fact name={attempt.ended_at ? "ended with" : "state"}>
      {words ?? attempt.reason ?? attempt.state}
      {words && attempt.reason && !words.startsWith(attempt.reason) && <span class="soft"> {attempt.reason}</span>}
    </Fact>
  );
}

function Code({ attempt }: { attempt: Attempt }) {
  if (!attempt.git_commit) return null;
  return (
    <Fact name="code">
      <code>{attempt.git_commit.slice(0, 10)}</code>
      {attempt.git_dirty && " with changes that aren't committed"}
    </Fact>
  );
}

export function AttemptFacts({ attempt }: { attempt: Attempt }) {
  const command = commandText(attempt.command);
  const slots = slotsText(attempt.slots);
  return (
    <dl class="brief" data-testid="attempt">
      <Ended attempt={attempt} />
      <Fact name="host">{attempt.host ? <a href={hostHref(attempt.host)}>{attempt.host}</a> : "not chosen yet"}</Fact>
      {attempt.unreachable_at && (
        <Fact name="unreachable since">
          <Time at={attempt.unreachable_at} form="long" />
        </Fact>
      )}
      <Fact name="started">
        <Time at={attempt.started_at} form="long" />
      </Fact>
      <Fact name={attempt.ended_at ? "took" : "runs for"}>
        <Duration ms={attempt.duration_ms} since={attempt.ended_at ? null : attempt.started_at} />
      </Fact>
      {attempt.max_rss_kb !== null && <Fact name="memory">{bytesText(attempt.max_rss_kb * 1024)} at most</Fact>}
      {attempt.cpu_ms !== null && (
        <Fact name="CPU time">
          <Duration ms={attempt.cpu_ms} />
        </Fact>
      )}
      {attempt.pid !== null && !attempt.ended_at && <Fact name="process">{attempt.pid}</Fact>}
      {slots && <Fact name="slots">{slots}</Fact>}
      <Code attempt={attempt} />
      {command && (
        <Fact name="command">
          <code class="clip" title={command}>
            {command}
          </code>
        </Fact>
      )}
      {attempt.dir && (
        <Fact name="folder">
          <code>{attempt.dir}</code>
        </Fact>
      )}
    </dl>
  );
}

// Values by name: what came in, what is handed on.
export function Values({ title, values }: { title: string; values: { [name: string]: Json } | null | undefined }) {
  const entries = Object.entries(values ?? {});
  if (entries.length === 0) return null;
  return (
    <section class="panel" data-testid={title.toLowerCase()}>
      <h2>{title}</h2>
      <dl class="values">
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <code>{valueText(value)}</code>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

// What went to the host with the task and came back from there, with what was checked of each.
export function Files({ run, task, attempt }: { run: string; task: string; attempt: number }) {
  const url = runApi(run, `/files?task=${encodeURIComponent(task)}&attempt=${attempt}`);
  const files = useResource<ListPage<SentFile>>(url, ofRun(run)).data.value?.items ?? [];
  if (files.length === 0) return null;
  return (
    <section class="panel" data-testid="files">
      <h2>Files</h2>
      <ul class="labels">
        {files.slice(0, 200).map((file) => (
          <li key={`${file.direction} ${file.path}`}>
            <span class="soft">{file.direction === "send" ? "sent" : "fetched"}</span> <code>{file.path}</code>{" "}
            <span class="num">{bytesText(file.size)}</span> <code class="soft" title={file.sha256}>{file.sha256.slice(0, 8)}</code>
          </li>
        ))}
        {files.length > 200 && <li class="soft">and {files.length - 200} others</li>}
      </ul>
    </section>
  );
}

// What a task that isn't running waits for, and how long; what one that runs last said of itself.
export function TaskNow({ task, why }: { task: Task; why: string | null }) {
  if (taskLive(task)) {
    return (
      <p class="task-now">
        {task.progress !== null && <strong data-testid="progress">{task.progress} </strong>}
        {task.last_output_at && (
          <span class="soft" data-testid="last-output">
            last output <Time at={task.last_output_at} form="relative" />
          </span>
        )}
      </p>
    );
  }
  if (task.state !== "waiting") return null;
  return (
    <p class="task-now" data-testid="why">
      {why ?? task.why ?? task.reason ?? "It waits."}
      {task.not_before && (
        <strong data-testid="countdown">
          {" "}
          next try <Time at={task.not_before} form="countdown" />
        </strong>
      )}
    </p>
  );
}
