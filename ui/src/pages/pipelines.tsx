// All pipelines: their last runs as cells, how the last one went, when the next one is.
import { useMemo, useState } from "preact/hooks";
import { pipelineResume, reload } from "../lib/actions";
import { API, problemFrom } from "../lib/api";
import { plural } from "../lib/format";
import { mayOperate } from "../lib/me";
import { pipelineHref, runHref } from "../lib/paths";
import { PIPELINE_ORDERS, type PipelineOrder, pipelineFits, pipelinesSorted } from "../lib/pipelines";
import { hrefWith, place, queryPut } from "../lib/router";
import type { Pipeline } from "../lib/types";
import { useAllPages } from "../live/all_pages";
import { always } from "../live/resource";
import { heard, now } from "../live/store";
import { Menu } from "../parts/menu";
import { Diagnostics, Empty, Loaded } from "../parts/notice";
import { PauseDialog } from "../parts/note_dialogs";
import { Page } from "../parts/page";
import { RunCells } from "../parts/run_cells";
import { State, StateIcon } from "../parts/state";
import { type Column, Table } from "../parts/table";
import { Duration, Time } from "../parts/time";
import { toast } from "../parts/toast";
import { TriggerDialog } from "../parts/trigger_dialog";

type Asked = { kind: "run" | "pause"; name: string } | null;

const ORDER_WORDS: Record<PipelineOrder, string> = { name: "Pipeline", last: "Last", next: "Next", usual: "Usual" };

function Head({ order, now: present }: { order: PipelineOrder; now: PipelineOrder }) {
  return (
    <a href={hrefWith({ sort: order === "name" ? null : order })} class="sort" aria-current={order === present ? "true" : undefined}>
      {ORDER_WORDS[order]}
      {order === present && <span class="chevron" aria-hidden="true" />}
    </a>
  );
}

function Name({ pipeline: p }: { pipeline: Pipeline }) {
  return (
    <span class="with-icon">
      {p.error && <StateIcon state="broken" label />}
      {p.paused && <StateIcon state="paused" label />}
      <a href={pipelineHref(p.name)} title={p.description ?? undefined}>
        {p.name}
      </a>
      {!p.present && <span class="soft">its file is gone</span>}
    </span>
  );
}

function Last({ pipeline: p }: { pipeline: Pipeline }) {
  const last = p.last_runs[0];
  if (!last) return <span class="none">never ran</span>;
  return (
    <span class="with-icon">
      <State state={last.state} kind="run" /> <a href={runHref(last.id)}>#{last.number}</a>
    </span>
  );
}

function Next({ pipeline: p }: { pipeline: Pipeline }) {
  const zone = p.schedules.find((s) => s.zone)?.zone ?? null;
  if (p.paused) return <span class="tone-warn">paused{p.paused.by ? ` by ${p.paused.by}` : ""}</span>;
  if (!p.next) return <span class="none">{p.schedules.length ? "–" : "by hand"}</span>;
  return (
    <>
      <Time at={p.next} zone={zone} /> <span class="soft">· <Time at={p.next} form="countdown" /></span>
    </>
  );
}

function columns(order: PipelineOrder, ask: (asked: Asked) => void): Column<Pipeline>[] {
  const may = mayOperate.value && heard.value;
  const resume = (name: string): void => {
    pipelineResume(name).then(
      (done) => toast(done.did),
      (error: unknown) => toast(problemFrom(error).detail),
    );
  };
  return [
    { id: "name", head: <Head order="name" now={order} />, cell: (p) => <Name pipeline={p} /> },
    { id: "runs", head: "Last 20 runs", hide: "phone", cell: (p) => <RunCells runs={p.last_runs} usual={p.usual_ms} now={now.value} /> },
    { id: "last", head: <Head order="last" now={order} />, cell: (p) => <Last pipeline={p} /> },
    { id: "next", head: <Head order="next" now={order} />, hide: "phone", cell: (p) => <Next pipeline={p} /> },
    { id: "usual", head: <Head order="usual" now={order} />, end: true, hide: "phone", cell: (p) => <Duration ms={p.usual_ms} /> },
    {
      id: "schedule",
      head: "Schedule",
      hide: "tablet",
      cell: (p) => <span class="mono soft">{p.schedules.map((s) => s.text).join(", ") || "–"}</span>,
    },
    {
      id: "owner",
      head: "Owner and tags",
      grow: true,
      hide: "tablet",
      cell: (p) => (
        <span class="soft">
          {[p.owner, ...p.tags.map((tag) => `#${tag}`)].filter(Boolean).join(" ") || "–"}
        </span>
      ),
    },
    {
      id: "do",
      head: <span class="unseen">Actions</span>,
      end: true,
      cell: (p) =>
        mayOperate.value && (
          <Menu
            words="Run"
            label={`Run, and other actions of ${p.name}`}
            actions={[
              { words: "Run…", disabled: !may || !p.present || !p.version, run: () => ask({ kind: "run", name: p.name }) },
              p.paused
                ? { words: "Resume", disabled: !may, run: () => resume(p.name) }
                : { words: "Pause…", disabled: !may, run: () => ask({ kind: "pause", name: p.name }) },
            ]}
          />
        ),
    },
  ];
}

function Broken({ items }: { items: Pipeline[] }) {
  if (items.length === 0) return null;
  return (
    <section class="problem" aria-label="Files that don't load">
      <p class="problem-title">
        {plural(items.length, "file")} {items.length === 1 ? "doesn't" : "don't"} load
      </p>
      {items.map((p) => (
        <Diagnostics key={p.name} items={p.error ?? []} />
      ))}
    </section>
  );
}

function orderNow(): PipelineOrder {
  const asked = place.value.query.get("sort") as PipelineOrder | null;
  return asked && PIPELINE_ORDERS.includes(asked) ? asked : "name";
}

function Content({ all }: { all: Pipeline[] }) {
  const [asked, ask] = useState<Asked>(null);
  const sought = place.value.query.get("q") ?? "";
  const order = orderNow();
  const shown = useMemo(
    () => pipelinesSorted(all.filter((p) => pipelineFits(p, sought)), order),
    [all, sought, order],
  );
  const close = (): void => ask(null);
  if (all.length === 0)
    return (
      <Empty title="There is no pipeline yet.">
        <p>
          Write one with <code>rota new NAME</code> into the daemon's folder of pipelines; it is read as soon as it is there.
        </p>
      </Empty>
    );
  return (
    <>
      <Broken items={all.filter((p) => p.error)} />
      <div class="sieve">
        <input
          type="search"
          data-search
          data-testid="search"
          aria-label="Narrow down the pipelines"
          placeholder="name, owner:x, tag:y"
          value={sought}
          onInput={(event) => queryPut({ q: event.currentTarget.value })}
        />
        <span class="soft" role="status">
          {shown.length === all.length ? plural(all.length, "pipeline") : `${shown.length} of ${plural(all.length, "pipeline")}`}
        </span>
      </div>
      {shown.length ? (
        <Table label="Pipelines" columns={columns(order, ask)} rows={shown} keyOf={(p) => p.name} />
      ) : (
        <Empty title={`No pipeline fits “${sought}”.`}>
          <p>
            <a href={hrefWith({ q: null })}>Show all {all.length}</a>
          </p>
        </Empty>
      )}
      {asked?.kind === "run" && <TriggerDialog name={asked.name} close={close} />}
      {asked?.kind === "pause" && <PauseDialog pipeline={asked.name} close={close} />}
    </>
  );
}

export default function PipelinesPage() {
  const { first, items } = useAllPages<Pipeline>(`${API}/pipelines`, always);
  const readAnew = (): void => {
    reload().then(
      (told) => {
        toast(`Read ${plural(told.files, "file")}: ${told.loaded} loaded, ${told.broken.length} with mistakes.`);
        void first.reload();
      },
      (error: unknown) => toast(problemFrom(error).detail),
    );
  };
  return (
    <Page
      title="Pipelines"
      actions={
        mayOperate.value && (
          <button type="button" disabled={!heard.value} onClick={readAnew}>
            Read files anew
          </button>
        )
      }
    >
      <Loaded of={first}>{() => <Content all={items()} />}</Loaded>
    </Page>
  );
}
