// A dialog that asks the daemon for a change: what it is about, what would happen, the command that does the same, and
// the button. It closes with the daemon's answer; what the daemon refuses is said in the dialog, which stays as it is.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { apiPost, problemFrom } from "../lib/api";
import type { Problem } from "../lib/types";
import { heard } from "../live/store";
import { DialogCommand } from "./copy";
import { Dialog } from "./dialog";
import { ProblemView } from "./notice";

interface Props {
  title: string;
  action: string; // what the button says
  danger?: boolean;
  path: string;
  body: unknown;
  disabled?: boolean;
  command: string;
  beside?: ComponentChildren; // beside the choices: a preview
  children: ComponentChildren;
  close: () => void;
  done: (answer: unknown) => void;
}

export function ActionDialog(props: Props) {
  const [busy, busySet] = useState(false);
  const [problem, problemSet] = useState<Problem | null>(null);
  const send = async (): Promise<void> => {
    busySet(true);
    problemSet(null);
    try {
      props.done(await apiPost<unknown>(props.path, props.body));
    } catch (error) {
      problemSet(problemFrom(error));
      busySet(false);
    }
  };
  return (
    <Dialog title={props.title} close={props.close} wide={props.beside !== undefined} testid="dialog">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy && !props.disabled) void send();
        }}
      >
        <div class={props.beside ? "dialog-body two" : "dialog-body"}>
          <div class="dialog-main">{props.children}</div>
          {props.beside}
        </div>
        {problem && (
          <div class="dialog-fault" data-testid="fault">
            <ProblemView problem={problem} />
          </div>
        )}
        <footer class="dialog-foot">
          <DialogCommand command={props.command} />
          <button type="button" onClick={props.close}>
            Close
          </button>
          <button
            type="submit"
            class={props.danger ? "danger" : "primary"}
            disabled={busy || props.disabled || !heard.value}
            data-testid="send"
          >
            {busy ? "Asking…" : props.action}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

interface Preview<T> {
  answer: T | null;
  fault: string | null;
  asking: boolean;
}

const PAUSE_MS = 120;

// What the daemon says would happen, asked a moment after the last change; null as the body asks nothing. An answer to a
// former question is dropped.
export function usePreview<T>(path: string, body: { [member: string]: unknown } | null): Preview<T> {
  const [preview, previewSet] = useState<Preview<T>>({ answer: null, fault: null, asking: body !== null });
  const question = body === null ? null : JSON.stringify(body);
  useEffect(() => {
    if (question === null) {
      previewSet({ answer: null, fault: null, asking: false });
      return undefined;
    }
    let late = false;
    previewSet((before) => ({ ...before, asking: true }));
    const ask = async (): Promise<void> => {
      try {
        const answer = await apiPost<T>(path, { ...JSON.parse(question), dry_run: true });
        if (!late) previewSet({ answer, fault: null, asking: false });
      } catch (error) {
        if (!late) previewSet({ answer: null, fault: problemFrom(error).detail, asking: false });
      }
    };
    const timer = setTimeout(() => void ask(), PAUSE_MS);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [path, question]);
  return preview;
}
