// What fires next, of all pipelines, in the schedule's zone and the reader's; and which firings came to nothing, each of
// which can be run now.
import { useState } from "preact/hooks";
import { pipelineResume } from "../lib/actions";
import { API, apiPost, problemFrom } from "../lib/api";
import { dayTime, daysOf } from "../lib/days";
import { plural } from "../lib/format";
import { mayOperate } from "../lib/me";
import { pipelineApi, pipelineHref } from "../lib/paths";
import { hrefWith, place } from "../lib/router";
import { triggerCommand } from "../lib/shell";
import { timeLong, zoneChoice, zoneLocal, zoneName } from "../lib/time";
import type { Firing, Page as ListPage, PlannedFiring, Started } from "../lib/types";
import { type Concern, useResource } from "../live/resource";
import { heard, now } from "../live/store";
import { Confirm } from "../parts/confirm";
import { Empty, Loaded } from "../parts/notice";
import { PauseDialog } from "../parts/note_dialogs";
import { Page } from "../parts/page";
import { State } from "../parts/state";
import { type Column, Table } from "../parts/table";
import { Time } from "../parts/time";
import { toast } from "../parts/toast";

const SHOWN = [50, 200, 1000] as const;
// Whatever changes a schedule or decides a firing.
const planned: Concern = (change) => change.pipelines.length > 0 || change.firings.length > 0 || change.paused;

const DST = {
  gap: { words: "clocks skip this time", title: "The clocks go forward over its time of day: it fires right after the gap." },
  repeat: { words: "clocks show this time twice", title: "The clocks go back: its time of day comes twice, and it fires the first time." },
} as const;

interface Rest {
  pause: (pipeline: string) => void;
  resume: (pipeline: string) => void;
}

// Of the pipeline, at its first firing: its schedules rest together.
function PauseButton({ firing, rest }: { firing: PlannedFiring; rest: Rest }) {
  if (!mayOperate.value) return null;
  const { pipeline, paused } = firing;
  return (
    <button
      type="button"
      class="plain"
      disabled={!heard.value}
      aria-label={`${paused ? "Resume" : "Pause"} ${pipeline}`}
      onClick={() => (paused ? rest.resume(pipeline) : rest.pause(pipeline))}
      data-testid="rest"
    >
      {paused ? "Resume" : "Pause…"}
    </button>
  );
}

function Marks({ firing }: { firing: PlannedFiring }) {
  return (
    <>
      {firing.dst && (
        <span class="tag-warn" title={DST[firing.dst].title}>
          {DST[firing.dst].words}
        </span>
      )}
      {firing.paused && <State state="paused" />}
    </>
  );
}

function Day({ day, items, firsts, rest }: { day: string; items: PlannedFiring[]; firsts: ReadonlySet<PlannedFiring>; rest: Rest }) {
  return (
    <tbody>
      <tr class="day">
        <th scope="rowgroup" colSpan={6}>
          {day}
        </th>
      </tr>
      {items.map((firing) => (
        <tr key={`${firing.pipeline} ${firing.schedule} ${firing.scheduled_for}`}>
          <td class="num" title={timeLong(firing.scheduled_for, "UTC")}>
            {dayTime(firing.scheduled_for, zoneName(zoneChoice.value, firing.zone))}
          </td>
          <td class="not-phone">
            <Time at={firing.scheduled_for} form="countdown" />
          </td>
          <td>
            <a href={pipelineHref(firing.pipeline, "schedule")}>{firing.pipeline}</a>
          </td>
          <td class="num not-phone">
            {dayTime(firing.scheduled_for, firing.zone)} <span class="soft">{firing.zone}</span>
          </td>
          <td class="grow">
            <Marks firing={firing} /> <code class="soft">{firing.schedule}</code>
          </td>
          <td class="end">{firsts.has(firing) && <PauseButton firing={firing} rest={rest} />}</td>
        </tr>
      ))}
    </tbody>
  );
}

// Days are those of one zone: a list in each schedule's own would not be in order.
const dayZone = (): string => (zoneChoice.value === "utc" ? "UTC" : zoneLocal());

// The first firing of each pipeline.
function firstsOf(items: readonly PlannedFiring[]): ReadonlySet<PlannedFiring> {
  const first = new Map<string, PlannedFiring>();
  for (const item of items) if (!first.has(item.pipeline)) first.set(item.pipeline, item);
  return new Set(first.values());
}

function Planned({ items, rest }: { items: PlannedFiring[]; rest: Rest }) {
  const firsts = firstsOf(items);
  if (items.length === 0)
    return (
      <Empty title="Nothing is planned.">
        <p>
          No pipeline that is in force has a schedule. Give one <code>schedule: "30 2 * * *"</code> in its file;{" "}
          <code>rota next --cron "30 2 * * *"</code> shows when it would fire.
        </p>
      </Empty>
    );
  return (
    <div class="table-box">
      <table class="table" aria-label="The next firings" data-testid="planned">
        <thead>
          <tr>
            <th scope="col">At</th>
            <th scope="col" class="not-phone">
              In
            </th>
            <th scope="col">Pipeline</th>
            <th scope="col" class="not-phone">
              In the schedule's zone
            </th>
            <th scope="col" class="grow">
              Schedule
            </th>
            <th scope="col" class="end">
              <span class="unseen">Action</span>
            </th>
          </tr>
        </thead>
        {daysOf(items, dayZone(), (f) => f.scheduled_for).map((d) => (
          <Day key={d.day} {...d} firsts={firsts} rest={rest} />
        ))}
      </table>
    </div>
  );
}

const unrunColumns = (ask: (firing: Firing) => void): Column<Firing>[] => [
  { id: "outcome", head: "Outcome", cell: (f) => <State state={f.outcome} kind="firing" /> },
  {
    id: "pipeline",
    head: "Pipeline",
    cell: (f) => <a href={pipelineHref(f.pipeline ?? "", "schedule")}>{f.pipeline}</a>,
  },
  {
    id: "at",
    head: "Was due",
    cell: (f) => (
      <>
        <Time at={f.scheduled_for} />
        {f.count > 1 && (
          <span class="soft">
            {" "}
            to <Time at={f.until} />, {plural(f.count, "firing")}
          </span>
        )}
      </>
    ),
  },
  { id: "why", head: "Why", grow: true, hide: "phone", cell: (f) => <span class="soft">{f.reason}</span> },
  {
    id: "run",
    head: <span class="unseen">Action</span>,
    end: true,
    cell: (f) =>
      f.run_now === false ? (
        <span class="soft">run by hand since</span>
      ) : (
        mayOperate.value && (
          <button type="button" class="plain" disabled={!heard.value} onClick={() => ask(f)} data-testid="run-now">
            Run now
          </button>
        )
      ),
  },
];

function RunNow({ firing, close, done }: { firing: Firing; close: () => void; done: () => void }) {
  const pipeline = firing.pipeline ?? "";
  const run = async (): Promise<void> => {
    const { run: started } = await apiPost<Started>(pipelineApi(pipeline, "/runs"), { for: firing.scheduled_for });
    toast(
      <>
        <a href={`/r/${started.id}`}>{started.name}</a> is {started.state}.
      </>,
    );
    done();
  };
  return (
    <Confirm title={`Run ${pipeline} now`} action="Run it now" command={triggerCommand(pipeline, {}, { for: firing.scheduled_for })} run={run} close={close}>
      <p>
        One run for <strong>{timeLong(firing.scheduled_for, zoneName(zoneChoice.value))}</strong>, as if it had fired then:{" "}
        <code>scheduled_for</code> and the parameters that follow from it are of that instant.
        {firing.count > 1 && ` The other ${firing.count - 1} of these firings stay as they are.`}
      </p>
      <p class="soft">An instant is run once: if someone has run it meanwhile, this is refused and says by which run.</p>
    </Confirm>
  );
}

function Unrun() {
  const list = useResource<ListPage<Firing>>(`${API}/firings?limit=50`, planned);
  const [asked, askedSet] = useState<Firing | null>(null);
  return (
    <section class="section" aria-labelledby="unrun">
      <h2 id="unrun">Came to nothing</h2>
      <Loaded of={list}>
        {(data) =>
          data.items.length === 0 ? (
            <Empty title="Every firing has become a run." />
          ) : (
            <Table
              label="Firings that were skipped or missed"
              columns={unrunColumns(askedSet)}
              rows={data.items}
              keyOf={(f) => `${f.pipeline} ${f.schedule} ${f.scheduled_for}`}
            />
          )
        }
      </Loaded>
      {asked && <RunNow firing={asked} close={() => askedSet(null)} done={() => void list.reload()} />}
    </section>
  );
}

export default function SchedulePage() {
  const wanted = Number(place.value.query.get("n"));
  const n = SHOWN.find((count) => count === wanted) ?? SHOWN[0];
  const pipeline = place.value.query.get("pipeline");
  const list = useResource<{ items: PlannedFiring[] }>(
    `${API}/schedule?n=${n}${pipeline ? `&pipeline=${encodeURIComponent(pipeline)}` : ""}`,
    planned,
  );
  const [pausing, pausingSet] = useState<string | null>(null);
  const resume = (name: string): void => {
    pipelineResume(name).then(
      (done) => {
        toast(done.did);
        void list.reload();
      },
      (error: unknown) => toast(problemFrom(error).detail),
    );
  };
  return (
    <Page
      title="Schedule"
      below={
        <p class="soft">
          {pipeline ? (
            <>
              Only {pipeline}; <a href={hrefWith({ pipeline: null })}>all pipelines</a>.
            </>
          ) : (
            "All pipelines."
          )}{" "}
          It is <span class="num">{timeLong(new Date(now.value).toISOString(), dayZone())}</span>.
        </p>
      }
    >
      <section aria-labelledby="next">
        <h2 id="next">Next</h2>
        <Loaded of={list}>
          {(data) => (
            <>
              <Planned items={data.items} rest={{ pause: pausingSet, resume }} />
              {data.items.length >= n && (
                <p class="more">
                  {SHOWN.filter((count) => count > n).map((count) => (
                    <a key={count} class="button" href={hrefWith({ n: count })}>
                      Show {count}
                    </a>
                  ))}
                </p>
              )}
            </>
          )}
        </Loaded>
      </section>
      {!pipeline && <Unrun />}
      {pausing && (
        <PauseDialog
          pipeline={pausing}
          close={() => {
            pausingSet(null);
            void list.reload();
          }}
        />
      )}
    </Page>
  );
}
