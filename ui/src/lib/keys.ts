// The keyboard: which keys do what on the page that is shown. Keys rest while an input has the focus or a dialog is
// open, and all of them can be switched off.
import { signal } from "@preact/signals";
import { stored, storedPut } from "./stored";

export interface Key {
  keys: string; // "j", "?", "g g", "Ctrl-K", "Enter", "["
  text: string; // what it does, for the help
  run: (event: KeyboardEvent) => void;
  always?: boolean; // even while an input has the focus or keys are switched off
}

export const keysOn = signal(stored("keys", ["on", "off"], "on") === "on");

export function keysSwitch(on: boolean): void {
  keysOn.value = on;
  storedPut("keys", on ? "on" : "off");
}

// What is bound now; what came last is asked first.
export const keysBound = signal<readonly (readonly Key[])[]>([]);

// Binds keys until what comes back is called.
export function keysBind(keys: readonly Key[]): () => void {
  keysBound.value = [...keysBound.peek(), keys];
  return () => {
    keysBound.value = keysBound.peek().filter((bound) => bound !== keys);
  };
}

// "Ctrl-K" of an event. Letters without Ctrl or Meta are as they were typed: "G" is Shift and g.
export function keyName(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey">): string {
  const held = event.ctrlKey || event.metaKey;
  if (event.altKey) return "";
  if (held) return event.key.length === 1 ? `Ctrl-${event.key.toUpperCase()}` : `Ctrl-${event.key}`;
  return event.key === " " ? "Space" : event.key;
}

// Which key a press means, after what was pressed right before it: a key of its own, or the end of a sequence.
export function keyFind(bound: readonly (readonly Key[])[], before: string, name: string): Key | "begun" | null {
  let begun = false;
  for (let i = bound.length - 1; i >= 0; i--) {
    for (const key of bound[i]!) {
      if (before && key.keys === `${before} ${name}`) return key;
      if (key.keys === name) return key;
      if (key.keys.startsWith(`${name} `)) begun = true;
    }
  }
  return begun ? "begun" : null;
}

function typing(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  if (!element?.closest) return false;
  return element.isContentEditable || element.closest("input, textarea, select") !== null;
}

const SEQUENCE_MS = 800;

export function keysStart(): void {
  let before = "";
  let at = 0;
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const name = keyName(event);
    if (!name || name === "Shift") return;
    const found = keyFind(keysBound.value, event.timeStamp - at < SEQUENCE_MS ? before : "", name);
    before = found === "begun" ? name : "";
    at = event.timeStamp;
    if (!found || found === "begun") return;
    const rests = typing(event.target) || !keysOn.value || document.querySelector("dialog[open]") !== null;
    if (rests && !found.always) return;
    // Enter and Space belong to the button or link that has the focus.
    const control = (event.target as Element | null)?.closest?.("button, a, summary, [role=tab]");
    if (control && (name === "Enter" || name === "Space")) return;
    event.preventDefault();
    found.run(event);
  });
}
