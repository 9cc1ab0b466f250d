// <html data-ready="1"> while the page shows its data and nothing of it is being loaded: what a test waits for.
import { scrollRestore } from "./router";

let pending = 0;
let frame = 0;

function settle(): void {
  frame = 0;
  if (pending > 0) return;
  scrollRestore();
  document.documentElement.dataset["ready"] = "1";
}

// Something that the page can't do without is being loaded; call what comes back, once, when it is there.
export function readyHold(): () => void {
  let held = true;
  pending++;
  delete document.documentElement.dataset["ready"];
  return () => {
    if (!held) return;
    held = false;
    pending--;
    // Two frames: one in which the signals render, one in which what they show is laid out.
    if (pending === 0 && !frame) frame = requestAnimationFrame(() => (frame = requestAnimationFrame(settle)));
  };
}
