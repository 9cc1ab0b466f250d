// Runs an ended run again: which tasks, with which parameters, of which version. Beside the choices stands what the
// daemon says would happen, asked anew as they change, and the command that does the same.
import { useState } from "preact/hooks";
import type { ParamSpecs, Texts } from "../lib/params";
import { paramsChanged, paramsFaulty } from "../lib/params";
import { runApi } from "../lib/paths";
import { stateFailure } from "../lib/states";
import { type RerunChoice, rerunCommand } from "../lib/shell";
import type { RerunPlan, RunDetail, Started } from "../lib/types";
import { ActionDialog, usePreview } from "./action_dialog";
import { ParamForm } from "./param_form";

interface Props {
  run: RunDetail;
  task: string | null;
  specs: ParamSpecs;
  newest: string | null;
  close: () => void;
  done: (answer: Started) => void;
}

type Mode = RerunChoice["mode"];

const MODES: [Mode, (task: string | null) => string, string][] = [
  ["failed", () => "From what failed", "the tasks that didn't succeed, and what needs them"],
  ["from", (task) => `${task ?? "A task"} and what follows`, "this task and all that needs it"],
  ["only", (task) => `${task ?? "A task"} only`, "nothing that needs it runs"],
  ["all", () => "The whole run", "every task, from the start"],
];

function Modes({ run, mode, task, onMode, onTask }: {
  run: RunDetail;
  mode: Mode;
  task: string | null;
  onMode: (mode: Mode) => void;
  onTask: (task: string) => void;
}) {
  const failed = run.tasks.some((one) => stateFailure(one.state) || one.state === "cancelled" || one.state === "upstream_failed");
  return (
    <fieldset class="choices">
      <legend>What runs</legend>
      {MODES.map(([value, title, about]) => (
        <label key={value} class="choice">
          <input
            type="radio"
            name="mode"
            value={value}
            checked={mode === value}
            disabled={value === "failed" && !failed}
            onChange={() => onMode(value)}
            data-testid={`mode-${value}`}
          />
          <span>
            {title(task)} <span class="soft">{about}</span>
          </span>
        </label>
      ))}
      {(mode === "from" || mode === "only") && (
        <label class="field">
          Task
          <input
            list="rerun-tasks"
            value={task ?? ""}
            onInput={(event) => onTask(event.currentTarget.value)}
            data-testid="rerun-task"
            spellcheck={false}
          />
          <datalist id="rerun-tasks">
            {run.tasks.slice(0, 500).map((one) => (
              <option key={one.label} value={one.label} />
            ))}
          </datalist>
        </label>
      )}
    </fieldset>
  );
}

function Versions({ run, newest, version, onVersion }: {
  run: RunDetail;
  newest: string;
  version: RerunChoice["version"];
  onVersion: (version: "same" | "newest") => void;
}) {
  const choice = (value: "same" | "newest", title: string, sha: string) => (
    <label class="choice">
      <input
        type="radio"
        name="version"
        value={value}
        checked={version === value}
        onChange={() => onVersion(value)}
        data-testid={`version-${value}`}
      />
      <span>
        {title} <code>{sha.slice(0, 8)}</code>
      </span>
    </label>
  );
  return (
    <fieldset class="choices">
      <legend>The file has changed since this run</legend>
      {choice("same", "This run's version", run.version)}
      {choice("newest", "The newest version", newest)}
    </fieldset>
  );
}

// The file's `on` may name a host that is down for the night.
function Where({ anywhere, onAnywhere }: { anywhere: boolean; onAnywhere: (anywhere: boolean) => void }) {
  return (
    <fieldset class="choices">
      <legend>Where it runs</legend>
      {[false, true].map((value) => (
        <label key={String(value)} class="choice">
          <input type="radio" name="on" checked={anywhere === value} onChange={() => onAnywhere(value)} data-testid={value ? "on-any" : "on-written"} />
          <span>{value ? "On any host that has the slots it needs" : "Where the file says"}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Preview({ preview }: { preview: RerunPlan }) {
  const { will_run, will_keep, linked } = preview;
  return (
    <>
      <p data-testid="preview-count">
        <strong>
          Will run {will_run.length}, keep {will_keep.length}
        </strong>
        {linked ? " in a new run that is linked to this one." : " in this same run."}
      </p>
      <ul class="preview-list">
        {will_run.slice(0, 200).map(({ task, why }) => (
          <li key={task}>
            <code>{task}</code> <span class="soft">{why}</span>
          </li>
        ))}
        {will_run.length > 200 && <li class="soft">and {will_run.length - 200} others</li>}
      </ul>
      {will_keep.some((one) => one.changed || one.uses_param.length > 0) && (
        <ul class="preview-list warn">
          {will_keep
            .filter((one) => one.changed || one.uses_param.length > 0)
            .slice(0, 50)
            .map((one) => (
              <li key={one.task}>
                <code>{one.task}</code> is kept{one.changed && ", though its definition has changed"}
                {one.uses_param.length > 0 && `, though it uses ${one.uses_param.join(", ")}`}
              </li>
            ))}
        </ul>
      )}
    </>
  );
}

// The parameters that the chosen version has, as far as can be told: the newest one's, and those of the run itself.
function specsOf(run: RunDetail, specs: ParamSpecs, version: RerunChoice["version"]): ParamSpecs {
  if (version === "newest") return specs;
  const out: ParamSpecs = {};
  for (const name of Object.keys(run.params)) out[name] = specs[name] ?? { type: "string" };
  return out;
}

export function RerunDialog({ run, task: asked, specs: newestSpecs, newest, close, done }: Props) {
  const failed = run.state === "failed" || run.state === "cancelled";
  const differs = newest !== null && newest !== run.version;
  const [mode, setMode] = useState<Mode>(failed ? "failed" : asked ? "from" : "all");
  const [task, setTask] = useState<string | null>(asked);
  const [version, setVersion] = useState<RerunChoice["version"]>(null);
  const [edits, setEdits] = useState<Texts>({});
  const [anywhere, setAnywhere] = useState(false);
  const specs = specsOf(run, newestSpecs, version);
  const params = paramsChanged(specs, run.params, edits);
  const named = mode === "from" || mode === "only";
  const choice: RerunChoice = { mode, task: named ? task : null, version: differs ? version : null, params, on: anywhere ? "any" : null };
  const body = {
    mode,
    ...(named ? { task } : {}),
    ...(choice.version ? { version: choice.version } : {}),
    ...(Object.keys(params).length > 0 ? { params } : {}),
    ...(anywhere ? { on: "any" } : {}),
  };
  const open = (differs && !version) || (named && !task) || paramsFaulty(specs, run.params, edits).length > 0;
  const path = runApi(run.id, "/rerun");
  const preview = usePreview<RerunPlan>(path, differs && !version ? null : body);
  return (
    <ActionDialog
      title={`Rerun ${run.name}`}
      action="Rerun"
      path={path}
      body={body}
      disabled={open || preview.fault !== null}
      command={rerunCommand(run.name, choice)}
      close={close}
      done={(answer) => done(answer as Started)}
      beside={
        <section class="preview" aria-live="polite" aria-busy={preview.asking} data-testid="preview">
          <h3>What would happen</h3>
          {differs && !version ? (
            <p>Choose a version: the file has changed since this run, and only you know which one is meant.</p>
          ) : preview.fault ? (
            <p class="wrong">{preview.fault}</p>
          ) : preview.answer ? (
            <Preview preview={preview.answer} />
          ) : (
            <p class="soft">asking the daemon…</p>
          )}
        </section>
      }
    >
      <Modes run={run} mode={mode} task={task} onMode={setMode} onTask={setTask} />
      {differs && <Versions run={run} newest={newest} version={version} onVersion={setVersion} />}
      {run.attempts.some((one) => one.host !== null && one.host !== "local") && <Where anywhere={anywhere} onAnywhere={setAnywhere} />}
      <fieldset class="choices">
        <legend>Parameters</legend>
        <ParamForm specs={specs} given={run.params} edits={edits} onEdit={setEdits} fault={preview.fault} />
      </fieldset>
    </ActionDialog>
  );
}
