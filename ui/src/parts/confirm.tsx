// Asks before something is done: names what and how many, shows the daemon's answer if it refuses.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { problemFrom } from "../lib/api";
import type { Problem } from "../lib/types";
import { heard } from "../live/store";
import { DialogCommand } from "./copy";
import { Dialog } from "./dialog";
import { ProblemView } from "./notice";

interface ConfirmProps {
  title: string; // "Cancel nightly#412"
  action: string; // what the button says: "Cancel 1 run"
  danger?: boolean;
  disabled?: boolean; // something is still to be filled in
  command?: string; // what does the same in a shell
  run: () => Promise<void>;
  close: () => void;
  children?: ComponentChildren;
}

export function Confirm({ title, action, danger, disabled, command, run, close, children }: ConfirmProps) {
  const [busy, busySet] = useState(false);
  const [problem, problemSet] = useState<Problem | null>(null);
  const send = async (): Promise<void> => {
    busySet(true);
    problemSet(null);
    try {
      await run();
      close();
    } catch (error) {
      problemSet(problemFrom(error));
      busySet(false);
    }
  };
  return (
    <Dialog title={title} close={close} testid="confirm">
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <div class="dialog-body">
          {children}
          {problem && <ProblemView problem={problem} />}
        </div>
        <footer class="dialog-foot">
          {command && <DialogCommand command={command} />}
          <button type="button" onClick={close}>
            Close
          </button>
          <button type="submit" class={danger ? "danger" : "primary"} disabled={busy || disabled || !heard.value} data-testid="confirm-send">
            {action}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
