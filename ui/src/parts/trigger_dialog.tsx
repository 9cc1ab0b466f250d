// Starts a run of a pipeline: its parameters drawn from their types, and what the daemon says would run.
import { useEffect, useRef, useState } from "preact/hooks";
import { type TriggerBody, trigger, triggerPreview } from "../lib/actions";
import { idempotencyKey, problemFrom } from "../lib/api";
import { plural } from "../lib/format";
import { type ParamSpecs, type Texts, paramsChanged, paramsFaulty } from "../lib/params";
import { pipelineApi, runHref } from "../lib/paths";
import { go } from "../lib/router";
import { triggerCommand } from "../lib/shell";
import type { PipelineDetail, Problem } from "../lib/types";
import { useResource } from "../live/resource";
import { heard } from "../live/store";
import { DialogCommand } from "./copy";
import { Dialog } from "./dialog";
import { Loaded, ProblemView } from "./notice";
import { ParamForm } from "./param_form";
import { toast } from "./toast";

interface FormProps {
  name: string;
  specs: ParamSpecs;
  at: string | null; // the instant that it is for, if it makes up for a firing
  close: () => void;
}

// What the daemon would do with these parameters, asked for once the typing pauses.
function usePreview(name: string, body: TriggerBody, faulty: boolean): { tasks: string[] | null; problem: Problem | null } {
  const [shown, shownSet] = useState<{ tasks: string[] | null; problem: Problem | null }>({ tasks: null, problem: null });
  const text = JSON.stringify(body);
  useEffect(() => {
    if (faulty) return undefined;
    let late = false;
    const timer = setTimeout(() => {
      triggerPreview(name, JSON.parse(text) as TriggerBody).then(
        (plan) => !late && shownSet({ tasks: plan.tasks, problem: null }),
        (error: unknown) => !late && shownSet({ tasks: null, problem: problemFrom(error) }),
      );
    }, 250);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [name, text, faulty]);
  return shown;
}

const TASKS_SHOWN = 40;

function Preview({ tasks }: { tasks: string[] | null }) {
  if (!tasks) return <p class="soft">Asking the daemon what would run…</p>;
  const more = tasks.length - TASKS_SHOWN;
  return (
    <p class="will-run" data-testid="preview">
      Will run {plural(tasks.length, "task")}:{" "}
      <span class="mono">
        {tasks.slice(0, TASKS_SHOWN).join(", ")}
        {more > 0 && ` and ${more} more`}
      </span>
    </p>
  );
}

function Form({ name, specs, at, close }: FormProps) {
  const [edits, editsSet] = useState<Texts>({});
  const [now, nowSet] = useState(false);
  const [busy, busySet] = useState(false);
  const [problem, problemSet] = useState<Problem | null>(null);
  const key = useRef({ text: "", key: "" });
  const faulty = paramsFaulty(specs, {}, edits);
  const body: TriggerBody = { params: paramsChanged(specs, {}, edits), ...(at ? { for: at } : {}), ...(now ? { now } : {}) };
  const preview = usePreview(name, body, faulty.length > 0);
  const shown = problem ?? (faulty.length ? null : preview.problem);

  const send = async (force = false): Promise<void> => {
    const whole = force ? { ...body, force } : body;
    const text = JSON.stringify(whole);
    // The same request keeps its key, so that sending it twice starts one run.
    if (key.current.text !== text) key.current = { text, key: idempotencyKey() };
    busySet(true);
    problemSet(null);
    try {
      const { run } = await trigger(name, whole, key.current.key);
      toast(run.queued_behind ? `${run.name} is queued behind ${run.queued_behind}.` : `${run.name} was started.`);
      close();
      go(runHref(run.id));
    } catch (error) {
      problemSet(problemFrom(error));
      key.current = { text: "", key: "" };
      busySet(false);
    }
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <div class="dialog-body">
        {at && (
          <p>
            For the firing of <code>{at}</code>.
          </p>
        )}
        <ParamForm specs={specs} given={{}} edits={edits} onEdit={editsSet} fault={shown?.status === 422 ? shown.detail : null} />
        <label class="check">
          <input type="checkbox" checked={now} onChange={(event) => nowSet(event.currentTarget.checked)} />
          Don't queue behind a run of this pipeline that hasn't ended
        </label>
        {faulty.length === 0 && !preview.problem && <Preview tasks={preview.tasks} />}
        {shown && <ProblemView problem={shown} />}
        {problem?.status === 409 && at && (
          <button type="button" onClick={() => void send(true)} disabled={busy}>
            Start another run for that instant
          </button>
        )}
      </div>
      <footer class="dialog-foot">
        <DialogCommand command={triggerCommand(name, body.params ?? {}, { for: at ?? undefined, now })} />
        <button type="button" onClick={close}>
          Close
        </button>
        <button type="submit" class="primary" disabled={busy || faulty.length > 0 || !heard.value} data-testid="trigger-send">
          Start 1 run of {name}
        </button>
      </footer>
    </form>
  );
}

export function TriggerDialog({ name, at = null, close }: { name: string; at?: string | null; close: () => void }) {
  const pipeline = useResource<PipelineDetail>(pipelineApi(name));
  return (
    <Dialog title={`Run ${name}`} close={close} testid="trigger">
      <Loaded of={pipeline} what="Reading its parameters">
        {(p) => <Form name={name} specs={(p.definition?.params ?? {}) as ParamSpecs} at={at} close={close} />}
      </Loaded>
    </Dialog>
  );
}
