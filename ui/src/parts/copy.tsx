// Copies a text; says so for a moment.
import { useState } from "preact/hooks";

// The clipboard is there only for pages over https or of this machine; elsewhere the old way works.
async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.style.position = "fixed";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function CopyButton({ text, words = "Copy" }: { text: string | (() => string); words?: string }) {
  const [done, doneSet] = useState<"" | "Copied" | "Not copied">("");
  const run = async (): Promise<void> => {
    try {
      await copy(typeof text === "string" ? text : text());
      doneSet("Copied");
    } catch {
      doneSet("Not copied");
    }
    setTimeout(() => doneSet(""), 1500);
  };
  return (
    <button type="button" class="copy" onClick={() => void run()} aria-live="polite">
      {done || words}
    </button>
  );
}

// The command that does what a dialog asks for.
export function DialogCommand({ command }: { command: string }) {
  return (
    <div class="dialog-command">
      <code data-testid="command">{command}</code>
      <CopyButton text={command} />
    </div>
  );
}
