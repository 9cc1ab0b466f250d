// A run: what it is, what went wrong in it first, and its tasks in every way of looking at them.
import { useState } from "preact/hooks";
import { runHref } from "../lib/paths";
import { go } from "../lib/router";
import { mayOperate } from "../lib/me";
import { stateEnded } from "../lib/states";
import type { Failure, RunDetail } from "../lib/types";
import { useFailure, useRun } from "../live/run";
import { FailureCards } from "../parts/failure_card";
import { Loaded } from "../parts/notice";
import { Page } from "../parts/page";
import { type Asked, RunActions, RunDialog } from "../parts/run_actions";
import { RunFacts, RunNotes, RunTitle, Siblings } from "../parts/run_head";
import { EventsTab, GanttTab, GraphTab, LogsTab, ParamsTab, TasksTab, YamlTab } from "../parts/run_tabs";
import { Tabs, tabNow } from "../parts/tabs";
import { useKeys } from "../parts/use_keys";

const TABS = [
  { id: "gantt", words: "Gantt", shown: GanttTab },
  { id: "graph", words: "Graph", shown: GraphTab },
  { id: "tasks", words: "Tasks", shown: TasksTab },
  { id: "logs", words: "Logs", shown: LogsTab },
  { id: "params", words: "Parameters", shown: ParamsTab },
  { id: "yaml", words: "YAML", shown: YamlTab },
  { id: "events", words: "Events", shown: EventsTab },
] as const;

interface ShownProps {
  run: RunDetail;
  failure: Failure | undefined;
  reload: () => Promise<void>;
}

function Shown({ run, failure, reload }: ShownProps) {
  const [asked, askedSet] = useState<Asked | null>(null);
  const open = tabNow(TABS.map((tab) => tab.id));
  const Tab = TABS.find((tab) => tab.id === open)!.shown;
  const previous = run.siblings?.previous;
  const next = run.siblings?.next;
  useKeys([
    { keys: "[", text: "the previous run of the pipeline", run: () => previous && go(runHref(previous)) },
    { keys: "]", text: "the next run of the pipeline", run: () => next && go(runHref(next)) },
  ]);
  const rerun = mayOperate.value && stateEnded(run.state);
  return (
    <Page
      title={`${run.name} ${run.state}`}
      heading={<RunTitle run={run} />}
      actions={<RunActions run={run} failure={failure} ask={askedSet} reload={reload} />}
      below={
        <>
          <RunFacts run={run} />
          <RunNotes run={run} />
        </>
      }
    >
      <FailureCards
        run={run.id}
        cards={failure?.cards ?? []}
        onRerun={rerun ? () => askedSet({ kind: "rerun", task: null }) : null}
      />
      <div class="tabs-line">
        <Tabs label="Ways of looking at the run" open={open} tabs={TABS} />
        <Siblings run={run} />
      </div>
      <Tab key={run.id} run={run} />
      <RunDialog run={run} asked={asked} close={() => askedSet(null)} reload={reload} />
    </Page>
  );
}

export default function RunPage({ parts }: { parts: Record<string, string> }) {
  const id = parts["run"]!;
  const run = useRun(id);
  const failed = useFailure(run.data.value?.id);
  return (
    <Loaded of={run} what="Reading the run">
      {(data) => <Shown run={data} failure={failed.data.value} reload={run.reload} />}
    </Loaded>
  );
}
