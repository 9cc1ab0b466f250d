// The smaller changes to a run and its tasks, each with what and how many it is about: cancel, retry now, mark, note.
import { useState } from "preact/hooks";
import { plural } from "../lib/format";
import type { ParamSpecs, Texts } from "../lib/params";
import { paramsFaulty } from "../lib/params";
import { runApi } from "../lib/paths";
import { taskLive } from "../lib/run";

import { cancelCommand, markCommand, noteCommand, retryCommand } from "../lib/shell";
import type { RunDetail, Task } from "../lib/types";
import { ActionDialog } from "./action_dialog";
import { ParamForm } from "./param_form";

interface Common {
  run: RunDetail;
  close: () => void;
  done: (answer: unknown) => void;
}

// What a cancel would end; a few names, and how many there are.
function Ends({ tasks }: { tasks: Task[] }) {
  const live = tasks.filter((task) => taskLive(task) && task.state !== "unreachable");
  const silent = tasks.filter((task) => task.state === "unreachable");
  const waiting = tasks.filter((task) => task.state === "waiting");
  return (
    <>
      <p data-testid="cancel-count">
        {live.length > 0 ? (
          <>
            <strong>{plural(live.length, "running task is", "running tasks are")} ended</strong>, by TERM and, after its
            grace, KILL.
          </>
        ) : (
          silent.length === 0 && "No task is running."
        )}{" "}
        {silent.length > 0 && `${plural(silent.length, "task that can't be reached ends", "tasks that can't be reached end")} once the host answers. `}
        {waiting.length > 0 && `${plural(waiting.length, "task that waits", "tasks that wait")} won't start.`}
      </p>
      {live.length + silent.length > 0 && (
        <ul class="labels">
          {[...live, ...silent].slice(0, 20).map((task) => (
            <li key={task.label}>
              <code>{task.label}</code>
            </li>
          ))}
          {live.length + silent.length > 20 && <li class="soft">and {live.length + silent.length - 20} others</li>}
        </ul>
      )}
    </>
  );
}

export function CancelDialog({ run, task, close, done }: Common & { task: string | null }) {
  const tasks = task === null ? run.tasks : run.tasks.filter((one) => one.label === task || one.task === task);
  const again = task === null ? run.state === "cancelling" : tasks.some((one) => one.state === "stopping");
  const what = task === null ? run.name : `${task} of ${run.name}`;
  const silent = tasks.filter((one) => one.state === "unreachable");
  const [abandon, setAbandon] = useState(false);
  return (
    <ActionDialog
      title={again ? `Kill ${what}` : `Cancel ${what}`}
      action={again ? "Kill at once" : task === null ? "Cancel the run" : "Cancel the task"}
      danger
      path={runApi(run.id, "/cancel")}
      body={{ ...(task === null ? {} : { task }), ...(abandon ? { abandon } : {}) }}
      command={cancelCommand(run.name, task, abandon)}
      close={close}
      done={done}
    >
      {again ? (
        <p data-testid="cancel-count">
          It was told to stop already. A second cancel kills at once
          {task === null && (
            <>
              {" "}
              and ends the tasks with <code>finally</code> too
            </>
          )}:{" "}
          {plural(tasks.filter(taskLive).length, "task is", "tasks are")} still live.
        </p>
      ) : (
        <>
          <Ends tasks={tasks} />
          {task === null && <p class="soft">Tasks with <code>finally</code> still run. It can be rerun from where it stopped.</p>}
        </>
      )}
      {silent.length > 0 && (
        <label class="choice">
          <input type="checkbox" checked={abandon} onChange={(event) => setAbandon(event.currentTarget.checked)} data-testid="abandon" />
          <span>
            Give up {plural(silent.length, "task that can't", "tasks that can't")} be reached{" "}
            <span class="soft">
              ends as not confirmed now, instead of when its host answers; what is left there is ended at the next contact
            </span>
          </span>
        </label>
      )}
    </ActionDialog>
  );
}

export function RetryDialog({ run, task, close, done }: Common & { task: string }) {
  return (
    <ActionDialog
      title={`Retry ${task} of ${run.name} now`}
      action="Retry now"
      path={runApi(run.id, "/retry")}
      body={{ task }}
      command={retryCommand(run.name, task)}
      close={close}
      done={done}
    >
      <p>1 task stops waiting for the time of its next try and is tried as soon as there is a slot for it.</p>
    </ActionDialog>
  );
}

interface MarkProps extends Common {
  task: Task;
  outputs: ParamSpecs;
}

export function MarkDialog({ run, task, outputs, close, done }: MarkProps) {
  const [state, setState] = useState<"succeeded" | "skipped">("succeeded");
  const [reason, setReason] = useState("");
  const [edits, setEdits] = useState<Texts>({});
  const asked = state === "succeeded" ? outputs : {};
  const names = Object.keys(asked);
  const open = reason.trim() === "" || paramsFaulty(asked, {}, edits).length > 0;
  const body = { task: task.label, state, reason, ...(names.length > 0 ? { outputs: edits } : {}) };
  return (
    <ActionDialog
      title={`Mark ${task.label} of ${run.name}`}
      action={`Mark as ${state}`}
      path={runApi(run.id, "/mark")}
      body={body}
      disabled={open}
      command={markCommand(run.name, task.label, state, reason, names.length > 0 ? edits : {})}
      close={close}
      done={done}
    >
      <fieldset class="choices">
        <legend>1 task counts from now on as</legend>
        {(["succeeded", "skipped"] as const).map((value) => (
          <label key={value} class="choice">
            <input
              type="radio"
              name="state"
              checked={state === value}
              onChange={() => setState(value)}
              data-testid={`mark-${value}`}
            />
            <span>
              {value} <span class="soft">{value === "succeeded" ? "what needs it goes on" : "as if it had chosen to skip"}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <label class="field">
        Why, for those who look later
        <input
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
          data-testid="mark-reason"
          required
        />
      </label>
      {names.length > 0 && (
        <fieldset class="choices">
          <legend>The outputs that it declares</legend>
          <ParamForm specs={asked} given={{}} edits={edits} onEdit={setEdits} />
        </fieldset>
      )}
    </ActionDialog>
  );
}

export function NoteDialog({ run, close, done }: Common) {
  const [text, setText] = useState("");
  const failed = run.state === "failed";
  return (
    <ActionDialog
      title={failed ? `Acknowledge ${run.name}` : `A note to ${run.name}`}
      action={failed ? "Acknowledge" : "Write the note"}
      path={runApi(run.id, "/note")}
      body={{ text }}
      disabled={text.trim() === ""}
      command={noteCommand(run.name, text)}
      close={close}
      done={done}
    >
      <label class="field">
        {failed ? "What is known about it; it then leaves the list of what needs attention" : "The note"}
        <textarea
          rows={4}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          data-testid="note-text"
        />
      </label>
    </ActionDialog>
  );
}
