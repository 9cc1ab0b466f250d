// Small dialogs that ask for a word and send it: acknowledge, pause.
import { useState } from "preact/hooks";
import { acknowledge, allPause, pipelinePause } from "../lib/actions";
import { plural } from "../lib/format";
import { noteCommand, pauseCommand, pipelineNoteCommand } from "../lib/shell";
import type { Attention, Done } from "../lib/types";
import { Confirm } from "./confirm";
import { toast } from "./toast";

// The note of whoever writes none.
const SEEN = "acknowledged";

interface FieldProps {
  label: string;
  text: string;
  onText: (text: string) => void;
}

function Field({ label, text, onText }: FieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <textarea rows={2} maxLength={2000} autofocus value={text} onInput={(event) => onText(event.currentTarget.value)} />
    </label>
  );
}

export function AcknowledgeDialog({ what, close }: { what: Attention; close: () => void }) {
  const [text, textSet] = useState("");
  const runs = Math.max(1, what.runs.length);
  const named = what.runs.length > 0 ? what.runs : [what.run ?? ""];
  const of = what.kind === "missed" ? `the missed firings of ${what.pipeline}` : runs > 1 ? plural(runs, "run") : (what.name ?? what.title);
  return (
    <Confirm
      title={`Acknowledge ${of}`}
      action={runs > 1 ? `Acknowledge ${plural(runs, "run")}` : "Acknowledge"}
      command={
        what.kind === "missed"
          ? pipelineNoteCommand(what.pipeline ?? "", text.trim() || SEEN)
          : named.map((run) => noteCommand(runs > 1 ? run : (what.name ?? run), text.trim() || SEEN)).slice(0, 3).join("; ") + (runs > 3 ? "; …" : "")
      }
      close={close}
      run={async () => {
        await acknowledge(what, text.trim() || SEEN);
        toast(`Acknowledged ${of}.`);
      }}
    >
      <p>{what.title}. It leaves this list; the note stays with {what.kind === "missed" ? "the pipeline" : runs > 1 ? "each of the runs" : "the run"}.</p>
      <Field label="Note" text={text} onText={textSet} />
    </Confirm>
  );
}

// Without a pipeline it is the whole installation that rests.
export function PauseDialog({ pipeline, close }: { pipeline: string | null; close: () => void }) {
  const [text, textSet] = useState("");
  const send = async (): Promise<void> => {
    const reason = text.trim();
    const done: Done = pipeline === null ? await allPause(reason) : await pipelinePause(pipeline, reason);
    toast(done.did);
  };
  return (
    <Confirm
      title={pipeline === null ? "Pause everything" : `Pause ${pipeline}`}
      action={pipeline === null ? "Pause everything" : "Pause 1 pipeline"}
      danger={pipeline === null}
      disabled={text.trim() === ""}
      command={pauseCommand(pipeline, text.trim())}
      run={send}
      close={close}
    >
      <p>
        {pipeline === null
          ? "No task of any pipeline starts until someone resumes; what runs goes on."
          : "Its schedules rest until someone resumes them; it can still be started by hand."}
      </p>
      <Field label="Reason" text={text} onText={textSet} />
    </Confirm>
  );
}
