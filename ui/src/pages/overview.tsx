// The first page: what needs attention, what runs, what comes next, how the last day went, and how the daemon is.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { allResume } from "../lib/actions";
import { API, problemFrom } from "../lib/api";
import { plural } from "../lib/format";
import { hostState } from "../lib/hosts";
import { mayOperate } from "../lib/me";
import { hostHref, pipelineHref, runHref, runsHref, taskHref } from "../lib/paths";
import { durationText, instantMs, zoneChoice, zoneName } from "../lib/time";
import type { AwayHost, NextFiring, Overview, Run, RunningRun, Slot } from "../lib/types";
import { always, useResource } from "../live/resource";
import { health, healthTold, heard, link, now } from "../live/store";
import { AttentionList } from "../parts/attention_list";
import { HourStrip } from "../parts/hour_strip";
import { Meter } from "../parts/meter";
import { Loaded } from "../parts/notice";
import { PauseDialog } from "../parts/note_dialogs";
import { Page } from "../parts/page";
import { State, StateIcon } from "../parts/state";
import { type Column, Table } from "../parts/table";
import { Duration, Time } from "../parts/time";
import { toast } from "../parts/toast";

interface SectionProps {
  title: string;
  count?: number;
  more?: ComponentChildren;
  children: ComponentChildren;
}

function Section({ title, count, more, children }: SectionProps) {
  return (
    <section class="section" aria-label={title}>
      <header class="section-head">
        <h2>
          {title}
          {count !== undefined && <span class="count">{count}</span>}
        </h2>
        {more}
      </header>
      {children}
    </section>
  );
}

// Against the usual duration if that is known, else by the tasks that are done.
function progressOf(run: RunningRun): { part: number; over: boolean } {
  if (run.usual_ms && run.started_at) {
    const part = (now.value - instantMs(run.started_at)) / run.usual_ms;
    return { part, over: part > 1.2 };
  }
  return { part: run.tasks_total ? run.tasks_done / run.tasks_total : 0, over: false };
}

function Live({ run }: { run: RunningRun }) {
  if (run.live.length === 0) return <span class="none">–</span>;
  return (
    <span class="live">
      {run.live.map((task) => (
        <a key={task.label} href={taskHref(run.id, task.label)}>
          <StateIcon state={task.state} size={12} label />
          {task.label}
        </a>
      ))}
    </span>
  );
}

const RUNNING: readonly Column<RunningRun>[] = [
  { id: "run", head: "Run", cell: (r) => <a href={runHref(r.id)}>{r.name}</a> },
  { id: "state", head: "State", hide: "phone", cell: (r) => <State state={r.state} kind="run" /> },
  { id: "live", head: "Running tasks", grow: true, hide: "phone", cell: (r) => <Live run={r} /> },
  {
    id: "progress",
    head: "Tasks",
    cell: (r) => <Meter {...progressOf(r)} words={`${r.tasks_done} of ${r.tasks_total}`} />,
  },
  {
    id: "for",
    head: "For",
    end: true,
    cell: (r) => (
      <>
        <Duration since={r.started_at} />
        {r.usual_ms !== null && <span class="soft"> of {durationText(r.usual_ms)}</span>}
      </>
    ),
  },
];

const QUEUED: readonly Column<Run>[] = [
  { id: "run", head: "Run", cell: (r) => <a href={runHref(r.id)}>{r.name}</a> },
  { id: "reason", head: "Why it waits", grow: true, cell: (r) => r.reason ?? "for an earlier run of its pipeline" },
  { id: "since", head: "Since", end: true, cell: (r) => <Time at={r.created_at} form="relative" /> },
];

const NEXT: readonly Column<NextFiring>[] = [
  { id: "pipeline", head: "Pipeline", grow: true, cell: (f) => <a href={pipelineHref(f.pipeline)}>{f.pipeline}</a> },
  { id: "at", head: "At", end: true, cell: (f) => <Time at={f.scheduled_for} /> },
  { id: "in", head: "In", end: true, cell: (f) => <Time at={f.scheduled_for} form="countdown" /> },
];

function Slots({ slots }: { slots: Slot[] }) {
  return (
    <>
      {slots.map((s) => (
        <div key={`${s.host} ${s.name}`}>
          <dt>
            {s.name}
            {s.host && s.host !== "local" ? ` on ${s.host}` : ""}
          </dt>
          <dd>
            <Meter part={s.total ? s.used / s.total : 0} words={`${s.used} of ${s.total}`} />
          </dd>
        </div>
      ))}
    </>
  );
}

const HOSTS_SHOWN = 5;

// Those that take no task; of many the first.
function Hosts({ hosts }: { hosts: AwayHost[] }) {
  return (
    <>
      {hosts.slice(0, HOSTS_SHOWN).map(({ name, order, contact, text }) => {
        const state = hostState({ order: { state: order }, contact: { state: contact } });
        return (
          <div key={name} data-testid="away" title={text ?? undefined}>
            <dt>
              <a href={hostHref(name)}>{name}</a>
            </dt>
            <dd class="with-icon">
              <StateIcon state={state} />
              {state}
            </dd>
          </div>
        );
      })}
      {hosts.length > HOSTS_SHOWN && (
        <div>
          <dt>
            <a href="/hosts">{plural(hosts.length - HOSTS_SHOWN, "more host")}</a>
          </dt>
          <dd>drained, down or out of reach</dd>
        </div>
      )}
    </>
  );
}

function Health({ data }: { data: Overview }) {
  // A daemon that can't record has no change to tell, on which the page would be asked for again.
  const { degraded, paused, backup } = link.value === "live" && healthTold.value ? health.value : data;
  const word = degraded ? "degraded" : paused ? "paused" : "healthy";
  const icon = degraded ? "broken" : paused ? "paused" : "succeeded";
  return (
    <dl class="fact-box">
      <div>
        <dt>Daemon</dt>
        <dd class="with-icon" data-testid="daemon">
          <StateIcon state={icon} />
          {word}, rota {data.version}
        </dd>
      </div>
      <div>
        <dt>Started</dt>
        <dd>
          <Time at={data.started_at} form="relative" />
        </dd>
      </div>
      <div>
        <dt>Pipelines</dt>
        <dd>
          <a href="/p">{plural(data.pipelines, "pipeline")}</a>
        </dd>
      </div>
      {backup && (
        <div>
          <dt>Last backup on schedule</dt>
          <dd data-testid="last-backup">{backup.last ? <Time at={backup.last} form="relative" /> : "none yet"}</dd>
        </div>
      )}
      <Slots slots={data.slots} />
      <Hosts hosts={data.hosts} />
    </dl>
  );
}

// The runs that started within an hour of the strip.
function hourHref(hour: string): string {
  const end = new Date(instantMs(hour) + 3_600_000).toISOString();
  return runsHref(`started:>=${hour.slice(0, 19)}Z started:<${end.slice(0, 19)}Z`);
}

function Content({ data }: { data: Overview }) {
  return (
    <>
      <Section title="Needs attention" count={data.attention.length}>
        <AttentionList items={data.attention} />
      </Section>
      <div class="columns">
        <div>
          <Section title="Running now" count={data.running.length} more={<a href={runsHref("state:running")}>All</a>}>
            {data.running.length ? (
              <Table label="Running now" columns={RUNNING} rows={data.running} keyOf={(r) => r.id} walk={data.attention.length === 0} />
            ) : (
              <p class="soft">Nothing runs.</p>
            )}
          </Section>
          {data.queued.length > 0 && (
            <Section title="Queued" count={data.queued.length} more={<a href={runsHref("state:queued")}>All</a>}>
              <Table label="Queued" columns={QUEUED} rows={data.queued} keyOf={(r) => r.id} walk={false} />
            </Section>
          )}
          <Section title="Last 24 hours" more={<a href={runsHref("started:>-24h")}>Runs</a>}>
            <HourStrip hours={data.strip} zone={zoneName(zoneChoice.value)} href={hourHref} />
          </Section>
        </div>
        <div>
          <Section title="Next firings" more={<a href="/schedule">Schedule</a>}>
            {data.next.length ? (
              <Table label="Next firings" columns={NEXT} rows={data.next} keyOf={(f) => `${f.pipeline} ${f.schedule} ${f.scheduled_for}`} walk={false} />
            ) : (
              <p class="soft">No pipeline has a schedule that is in force.</p>
            )}
          </Section>
          <Section title="Health">
            <Health data={data} />
          </Section>
        </div>
      </div>
    </>
  );
}

export default function OverviewPage() {
  const overview = useResource<Overview>(`${API}/overview`, always);
  const [asked, askedSet] = useState(false);
  const paused = overview.data.value?.paused;
  const resume = (): void => {
    allResume().then(
      (done) => {
        toast(done.did);
        void overview.reload();
      },
      (error: unknown) => toast(problemFrom(error).detail),
    );
  };
  return (
    <Page
      title="Overview"
      actions={
        mayOperate.value &&
        (paused ? (
          <button type="button" disabled={!heard.value} onClick={resume}>
            Resume everything
          </button>
        ) : (
          <button type="button" disabled={!heard.value} onClick={() => askedSet(true)}>
            Pause everything…
          </button>
        ))
      }
    >
      <Loaded of={overview}>{(data) => <Content data={data} />}</Loaded>
      {asked && <PauseDialog pipeline={null} close={() => askedSet(false)} />}
    </Page>
  );
}
