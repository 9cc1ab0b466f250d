// What an action did, in the daemon's words, for a few seconds.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";

interface Toast {
  key: number;
  text: ComponentChildren;
}

const toasts = signal<Toast[]>([]);
let key = 0;
const SHOWN_MS = 6000;

export function toast(text: ComponentChildren): void {
  const made = { key: ++key, text };
  toasts.value = [...toasts.value.slice(-2), made];
  setTimeout(() => (toasts.value = toasts.value.filter((t) => t !== made)), SHOWN_MS);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((t) => (
        <p key={t.key} class="toast">
          {t.text}
        </p>
      ))}
    </div>
  );
}
