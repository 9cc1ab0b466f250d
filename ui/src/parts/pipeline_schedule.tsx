// The schedules of a pipeline: what they say, when they fire next, what became of their firings.
import { useState } from "preact/hooks";
import { API } from "../lib/api";
import { mayOperate } from "../lib/me";
import { pipelineApi, runHref } from "../lib/paths";
import { timeLong } from "../lib/time";
import type { Firing, Page, PipelineDetail, PlannedFiring, ScheduleDefinition } from "../lib/types";
import { ofPipeline, useResource } from "../live/resource";
import { heard } from "../live/store";
import { MoreButton, useMore } from "./more";
import { Empty, Loaded } from "./notice";
import { State } from "./state";
import { type Column, Table } from "./table";
import { Time } from "./time";
import { TriggerDialog } from "./trigger_dialog";

const NEXT = 20;

function ScheduleFacts({ schedule: s }: { schedule: ScheduleDefinition }) {
  const rows: [string, string | undefined][] = [
    ["when", s.cron ?? (s.every ? `every ${s.every}` : undefined)],
    ["zone", s.timezone],
    ["missed firings", s.catchup_window ? `${s.catchup}, within ${s.catchup_window}` : s.catchup],
    ["while a run is under way", s.overlap],
    ["jitter", s.jitter],
    ["with", s.params ? Object.entries(s.params).map(([name, value]) => `${name}=${String(value)}`).join(" ") : undefined],
  ];
  return (
    <dl class="fact-box">
      {s.name && <h3>{s.name}</h3>}
      {rows.map(
        ([name, value]) =>
          value && (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="mono">{value}</dd>
            </div>
          ),
      )}
      {s.paused && <p class="tone-warn">The file says that it rests.</p>}
    </dl>
  );
}

const DST: Record<string, string> = { gap: "moved: the clock jumps forward", repeat: "this hour comes twice" };

const PLANNED: readonly Column<PlannedFiring>[] = [
  { id: "zone", head: "In its zone", cell: (f) => <span class="num">{timeLong(f.scheduled_for, f.zone)}</span> },
  { id: "at", head: "For you", hide: "phone", cell: (f) => <Time at={f.scheduled_for} form="long" /> },
  { id: "dst", head: <span class="unseen">Clock change</span>, cell: (f) => (f.dst ? <span class="tag warn">{DST[f.dst]}</span> : null) },
  { id: "in", head: "In", cell: (f) => (f.paused ? <span class="tone-warn">paused</span> : <Time at={f.scheduled_for} form="countdown" />) },
  { id: "schedule", head: "Schedule", grow: true, cell: (f) => <span class="mono">{f.schedule}</span> },
];

function firingColumns(runNow: (at: string) => void): Column<Firing>[] {
  return [
    { id: "outcome", head: "Outcome", cell: (f) => <State state={f.outcome} kind="firing" /> },
    {
      id: "at",
      head: "Firing",
      cell: (f) => (
        <>
          <Time at={f.scheduled_for} form="long" />
          {f.count > 1 && f.until && (
            <span class="soft">
              {" "}
              to <Time at={f.until} />, {f.count} of them
            </span>
          )}
        </>
      ),
    },
    { id: "reason", head: "Why", grow: true, hide: "phone", cell: (f) => f.reason ?? "" },
    {
      id: "run",
      head: "Run",
      end: true,
      cell: (f) =>
        f.run ? (
          <a href={runHref(f.run)}>Open</a>
        ) : (
          mayOperate.value && (
            <button type="button" class="plain" disabled={!heard.value} onClick={() => runNow(f.scheduled_for)}>
              Run now…
            </button>
          )
        ),
    },
  ];
}

const firingKey = (f: Firing): string => `${f.outcome} ${f.scheduled_for}`;

function FiringsDecided({ first, url, ask }: { first: Page<Firing>; url: string; ask: (at: string) => void }) {
  const more = useMore(first, url, firingKey);
  return (
    <>
      <Table label="Firings" columns={firingColumns(ask)} rows={more.items} keyOf={firingKey} />
      <MoreButton of={more} words="Older firings" />
    </>
  );
}

export function PipelineSchedule({ pipeline }: { pipeline: PipelineDetail }) {
  const name = pipeline.name;
  const concern = ofPipeline(name);
  const planned = useResource<{ items: PlannedFiring[] }>(`${API}/schedule?pipeline=${encodeURIComponent(name)}&n=${NEXT}`, concern);
  const firings = useResource<Page<Firing>>(pipelineApi(name, "/firings"), concern);
  const [asked, askedSet] = useState<string | null>(null);
  const schedules = pipeline.definition?.schedule ?? [];
  if (schedules.length === 0)
    return (
      <Empty title={`${name} has no schedule: it is started by hand.`}>
        <p>
          A schedule is written into its file, such as <code>{'schedule: {cron: "30 6 * * 1-5", timezone: Europe/Oslo}'}</code>.
        </p>
      </Empty>
    );
  return (
    <>
      <div class="boxes">
        {schedules.map((s) => (
          <ScheduleFacts key={s.identity} schedule={s} />
        ))}
      </div>
      <section class="section" aria-label="Next firings">
        <h2>Next firings</h2>
        <Loaded of={planned}>
          {(data) =>
            data.items.length ? (
              <Table label="Next firings" columns={PLANNED} rows={data.items} keyOf={(f) => `${f.schedule} ${f.scheduled_for}`} walk={false} />
            ) : (
              <Empty title="None of its schedules fires again." />
            )
          }
        </Loaded>
      </section>
      <section class="section" aria-label="What became of its firings">
        <h2>What became of its firings</h2>
        <Loaded of={firings}>
          {(page) =>
            page.items.length ? (
              <FiringsDecided first={page} url={pipelineApi(name, "/firings")} ask={askedSet} />
            ) : (
              <Empty title="No firing has come due so far." />
            )
          }
        </Loaded>
      </section>
      {asked && <TriggerDialog name={name} at={asked} close={() => askedSet(null)} />}
    </>
  );
}
