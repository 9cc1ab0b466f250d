// What can be done to a run: the buttons, and the dialog that one of them opened. After an action the page asks the
// daemon again; a rerun in a new run leads to it.
import { useState } from "preact/hooks";
import { apiPost, problemFrom } from "../lib/api";
import { mayOperate } from "../lib/me";
import type { ParamSpecs } from "../lib/params";
import { compareHref, pipelineApi, runApi, runHref } from "../lib/paths";
import { runReport } from "../lib/report";
import { go } from "../lib/router";
import { stateEnded } from "../lib/states";
import type { Done, Failure, PipelineDetail, RunDetail, Started, Task } from "../lib/types";
import { useResource } from "../live/resource";
import { heard } from "../live/store";
import { CopyButton } from "./copy";
import { RerunDialog } from "./rerun_dialog";
import { CancelDialog, MarkDialog, NoteDialog, RetryDialog } from "./run_dialogs";
import { toast } from "./toast";
import { useKeys } from "./use_keys";

export type Asked =
  | { kind: "rerun"; task: string | null }
  | { kind: "cancel"; task: string | null }
  | { kind: "retry"; task: string }
  | { kind: "mark"; task: Task }
  | { kind: "note" };

interface DialogProps {
  run: RunDetail;
  asked: Asked | null;
  close: () => void;
  reload: () => Promise<void>;
}

interface TaskDefinition {
  outputs?: ParamSpecs;
}

function definedOutputs(pipeline: PipelineDetail | undefined, task: string): ParamSpecs {
  const tasks = pipeline?.definition?.["tasks"] as { [name: string]: TaskDefinition } | undefined;
  return tasks?.[task]?.outputs ?? {};
}

// The dialog that was asked for, if any.
export function RunDialog({ run, asked, close, reload }: DialogProps) {
  const needs = asked?.kind === "rerun" || asked?.kind === "mark";
  const pipeline = useResource<PipelineDetail>(needs ? pipelineApi(run.pipeline) : null);
  if (!asked) return null;
  const defined = pipeline.data.value;
  if (needs && !defined && !pipeline.problem.value) return null;
  const done = (answer: unknown): void => {
    close();
    toast((answer as Done).did);
    void reload();
  };
  const started = (answer: unknown): void => {
    const { run: next } = answer as Started;
    close();
    toast(next.queued_behind ? `${next.name} is queued behind ${next.queued_behind}` : `${next.name} is ${next.state}`);
    if (next.id === run.id) void reload();
    else go(runHref(next.id));
  };
  switch (asked.kind) {
    case "rerun": {
      const specs = (defined?.definition?.params ?? {}) as ParamSpecs;
      const newest = defined?.version ?? null;
      return <RerunDialog run={run} task={asked.task} specs={specs} newest={newest} close={close} done={started} />;
    }
    case "cancel":
      return <CancelDialog run={run} task={asked.task} close={close} done={done} />;
    case "retry":
      return <RetryDialog run={run} task={asked.task} close={close} done={done} />;
    case "mark": {
      const outputs = definedOutputs(defined, asked.task.task);
      return <MarkDialog run={run} task={asked.task} outputs={outputs} close={close} done={done} />;
    }
    case "note":
      return <NoteDialog run={run} close={close} done={done} />;
  }
}

// Keeps a run when retention removes others, or no longer. Nothing is lost by it, so it asks nothing.
function KeepButton({ run, reload }: { run: RunDetail; reload: () => Promise<void> }) {
  const send = async (): Promise<void> => {
    try {
      toast((await apiPost<Done>(runApi(run.id, "/keep"), { keep: !run.keep })).did);
      await reload();
    } catch (error) {
      toast(problemFrom(error).detail);
    }
  };
  return (
    <button type="button" aria-pressed={run.keep} disabled={!heard.value} onClick={() => void send()} data-testid="keep">
      {run.keep ? "Kept" : "Keep"}
    </button>
  );
}

interface ActionsProps {
  run: RunDetail;
  failure: Failure | undefined;
  ask: (asked: Asked) => void;
  reload: () => Promise<void>;
}

export function RunActions({ run, failure, ask, reload }: ActionsProps) {
  const may = mayOperate.value;
  const ended = stateEnded(run.state);
  const success = run.last_success && run.last_success !== run.id ? run.last_success : null;
  useKeys([
    { keys: "r", text: "rerun", run: () => may && ended && ask({ kind: "rerun", task: null }) },
    { keys: "c", text: "compare with the last success", run: () => success && go(compareHref(success, run.id)) },
  ]);
  return (
    <>
      {success && (
        <a class="button" href={compareHref(success, run.id)} data-testid="compare-success" title="c">
          Compare with the last success
        </a>
      )}
      <CopyButton words="Copy report" text={() => runReport(run, failure?.cards ?? [], location.href)} />
      {may && <KeepButton run={run} reload={reload} />}
      {may && (
        <button type="button" disabled={!heard.value} onClick={() => ask({ kind: "note" })} data-testid="note">
          {run.state === "failed" ? "Acknowledge…" : "Note…"}
        </button>
      )}
      {may && !ended && (
        <button
          type="button"
          class="danger"
          disabled={!heard.value}
          onClick={() => ask({ kind: "cancel", task: null })}
          data-testid="cancel"
        >
          {run.state === "cancelling" ? "Kill…" : "Cancel…"}
        </button>
      )}
      {may && ended && (
        <button
          type="button"
          class="primary"
          disabled={!heard.value}
          onClick={() => ask({ kind: "rerun", task: null })}
          data-testid="rerun"
          title="r"
        >
          Rerun…
        </button>
      )}
    </>
  );
}

// The rerun of a run that another page is about, such as a comparison.
export function RerunButton({ id }: { id: string }) {
  const resource = useResource<RunDetail>(runApi(id));
  const [asked, askedSet] = useState<Asked | null>(null);
  const run = resource.data.value;
  const may = mayOperate.value && run !== undefined && stateEnded(run.state);
  const ask = (): void => askedSet({ kind: "rerun", task: null });
  useKeys([{ keys: "r", text: "rerun the second run", run: () => may && ask() }]);
  if (!run || !may) return null;
  return (
    <>
      <button type="button" class="primary" disabled={!heard.value} onClick={ask} data-testid="rerun" title="r">
        Rerun {run.name}…
      </button>
      <RunDialog run={run} asked={asked} close={() => askedSet(null)} reload={resource.reload} />
    </>
  );
}
