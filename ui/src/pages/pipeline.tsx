// A pipeline: its runs by its tasks as a grid, its graph, schedule, versions, parameters and the trend of its durations.
import { useState } from "preact/hooks";
import { pipelineResume } from "../lib/actions";
import { problemFrom } from "../lib/api";
import { shortSha } from "../lib/format";
import { mayOperate } from "../lib/me";
import { pipelineApi, pipelineHref, runHref, runsHref } from "../lib/paths";
import { go, hrefWith, place, queryPut } from "../lib/router";
import type { Graph, Grid, PipelineDetail } from "../lib/types";
import { ofPipeline, useResource } from "../live/resource";
import { heard, now } from "../live/store";
import { Later } from "../parts/later";
import { Markdown } from "../parts/markdown";
import { Diagnostics, Empty, Loaded } from "../parts/notice";
import { PauseDialog } from "../parts/note_dialogs";
import { Page } from "../parts/page";
import { PipelineParams } from "../parts/pipeline_params";
import { PipelineSchedule } from "../parts/pipeline_schedule";
import { PipelineTrend } from "../parts/pipeline_trend";
import { PipelineVersions } from "../parts/pipeline_versions";
import { State } from "../parts/state";
import { Tabs, tabNow } from "../parts/tabs";
import { Duration, Time } from "../parts/time";
import { toast } from "../parts/toast";
import { TriggerDialog } from "../parts/trigger_dialog";
import type { Parts } from "./pages";

const TABS = [
  { id: "grid", words: "Grid" },
  { id: "graph", words: "Graph" },
  { id: "schedule", words: "Schedule" },
  { id: "versions", words: "Versions" },
  { id: "parameters", words: "Parameters" },
  { id: "trend", words: "Trend" },
] as const;

function GridTab({ name }: { name: string }) {
  const query = place.value.query;
  const before = query.get("before");
  const runs = query.get("runs") ?? "25";
  const url = pipelineApi(name, `/grid?runs=${encodeURIComponent(runs)}${before ? `&before=${encodeURIComponent(before)}` : ""}`);
  const grid = useResource<Grid>(url, ofPipeline(name));
  return (
    <Loaded of={grid}>
      {(data) =>
        data.runs.length === 0 ? (
          <Empty title={`${name} has never run.`}>
            <p>Run… above starts it; a schedule in its file does so at its times.</p>
          </Empty>
        ) : (
          <Later>
            {({ GridView }) => (
              <GridView
                data={data}
                now={now.value}
                onOpen={go}
                older={data.next === null ? null : hrefWith({ before: data.next })}
                newer={before ? hrefWith({ before: null }) : null}
                find={query.get("find") ?? ""}
                onFind={(find) => queryPut({ find })}
                unfolded={query.get("open")?.split(",") ?? []}
                onUnfold={(names) => queryPut({ open: names.join(",") })}
              />
            )}
          </Later>
        )
      }
    </Loaded>
  );
}

function GraphTab({ name }: { name: string }) {
  const graph = useResource<Graph>(pipelineApi(name, "/graph"), ofPipeline(name));
  const query = place.value.query;
  return (
    <Loaded of={graph}>
      {(data) => (
        <Later>
          {({ GraphView }) => (
            <GraphView
              nodes={data.nodes}
              href={() => null}
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

function Facts({ pipeline: p }: { pipeline: PipelineDetail }) {
  const last = p.last_runs[0];
  const zone = p.schedules.find((s) => s.zone)?.zone ?? null;
  return (
    <>
      {p.description && <p>{p.description}</p>}
      <ul class="line-facts">
        {last && (
          <li>
            last <State state={last.state} kind="run" /> <a href={runHref(last.id)}>#{last.number}</a>
          </li>
        )}
        {p.next && (
          <li>
            next <Time at={p.next} zone={zone} />, <Time at={p.next} form="countdown" />
          </li>
        )}
        {p.usual_ms !== null && (
          <li>
            usually <Duration ms={p.usual_ms} />
          </li>
        )}
        {p.owner && <li>owner {p.owner}</li>}
        {p.tags.map((tag) => (
          <li key={tag}>#{tag}</li>
        ))}
        {p.version && (
          <li>
            version <a class="mono" href={hrefWith({ tab: "versions" })}>{shortSha(p.version)}</a>
          </li>
        )}
        <li>
          <a href={runsHref(`p:${p.name}`)}>all runs</a>
        </li>
        <li>
          <a href={`${pipelineHref(p.name)}/last`}>last</a>, <a href={`${pipelineHref(p.name)}/last-failed`}>last failed</a>
        </li>
      </ul>
    </>
  );
}

function Standing({ pipeline: p }: { pipeline: PipelineDetail }) {
  return (
    <>
      {!p.present && <p class="note warn">Its file is gone from the folder of pipelines: its history stays, nothing fires.</p>}
      {p.paused && (
        <p class="note warn">
          Paused{p.paused.by ? ` by ${p.paused.by}` : ""} since <Time at={p.paused.at} />
          {p.paused.reason ? `: ${p.paused.reason}` : ""}. Its schedules rest.
        </p>
      )}
      {p.error && (
        <div class="problem">
          <p class="problem-title">Its file doesn't load{p.version ? "; what was in force before stays so" : ""}.</p>
          <Diagnostics items={p.error} />
        </div>
      )}
    </>
  );
}

function Content({ pipeline, tab }: { pipeline: PipelineDetail; tab: string }) {
  const { name, definition } = pipeline;
  switch (tab) {
    case "graph":
      return <GraphTab name={name} />;
    case "schedule":
      return <PipelineSchedule pipeline={pipeline} />;
    case "versions":
      return <PipelineVersions name={name} />;
    case "parameters":
      return <PipelineParams params={definition?.params} />;
    case "trend":
      return <PipelineTrend name={name} />;
    default:
      return (
        <>
          <GridTab name={name} />
          {definition?.doc && (
            <section class="section prose" aria-label="Documentation">
              <Markdown text={definition.doc} />
            </section>
          )}
        </>
      );
  }
}

function Actions({ pipeline: p, ask }: { pipeline: PipelineDetail | undefined; ask: (asked: "run" | "pause") => void }) {
  if (!p || !mayOperate.value) return null;
  const resume = (): void => {
    pipelineResume(p.name).then(
      (done) => toast(done.did),
      (error: unknown) => toast(problemFrom(error).detail),
    );
  };
  return (
    <>
      {p.paused ? (
        <button type="button" disabled={!heard.value} onClick={resume}>
          Resume
        </button>
      ) : (
        <button type="button" disabled={!heard.value} onClick={() => ask("pause")}>
          Pause…
        </button>
      )}
      <button type="button" class="primary" disabled={!heard.value || !p.present || !p.version} onClick={() => ask("run")} data-testid="trigger">
        Run…
      </button>
    </>
  );
}

export default function PipelinePage({ parts }: { parts: Parts }) {
  const asked = parts["name"]!;
  const pipeline = useResource<PipelineDetail>(pipelineApi(asked), ofPipeline(asked));
  const [dialog, dialogSet] = useState<"run" | "pause" | null>(null);
  const tab = tabNow(TABS.map((t) => t.id));
  const data = pipeline.data.value;
  const name = data?.name ?? asked;
  const close = (): void => dialogSet(null);
  return (
    <Page
      title={name}
      actions={<Actions pipeline={data} ask={dialogSet} />}
      below={
        data && (
          <>
            <Facts pipeline={data} />
            <Standing pipeline={data} />
            <Tabs tabs={TABS} label="Views of the pipeline" open={tab} />
          </>
        )
      }
    >
      <Loaded of={pipeline}>{(p) => <Content pipeline={p} tab={tab} />}</Loaded>
      {dialog === "run" && <TriggerDialog name={name} close={close} />}
      {dialog === "pause" && <PauseDialog pipeline={name} close={close} />}
    </Page>
  );
}
