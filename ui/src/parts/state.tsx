// A state as icon and word. The word is a button that opens the sentence which says what the state means.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type Shape, type StateKind, stateLook, stateMoving, stateSentence } from "../lib/states";

const OUTLINES: Record<Exclude<Shape, "progress">, { path: string; filled: boolean; dash?: string }> = {
  circle: { path: "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1z", filled: true },
  octagon: { path: "M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z", filled: true },
  triangle: { path: "M8 1.2 15.3 14.4H.7z", filled: true },
  diamond: { path: "M8 .6 15.4 8 8 15.4.6 8z", filled: true },
  square: { path: "M3 2.5h10a.5.5 0 0 1 .5.5v10a.5.5 0 0 1-.5.5H3a.5.5 0 0 1-.5-.5V3a.5.5 0 0 1 .5-.5z", filled: true },
  ring: { path: "M8 1.75a6.25 6.25 0 1 0 0 12.5A6.25 6.25 0 0 0 8 1.75z", filled: false },
  dashed: { path: "M8 1.75a6.25 6.25 0 1 0 0 12.5A6.25 6.25 0 0 0 8 1.75z", filled: false, dash: "2.6 2.3" },
};
const ROUND = 2 * Math.PI * 6.25;

interface IconProps {
  state: string;
  progress?: number | null; // 0 to 1: the arc of what runs
  size?: number;
  label?: boolean; // the icon stands alone and must say what it is
}

export function StateIcon({ state, progress, size = 16, label = false }: IconProps) {
  const look = stateLook(state);
  const says = label ? { role: "img" as const, "aria-label": look.words } : { "aria-hidden": true as const };
  const known = typeof progress === "number" && progress >= 0;
  return (
    <svg class={`icon tone-${look.tone}`} width={size} height={size} viewBox="0 0 16 16" {...says}>
      {look.shape === "progress" ? (
        <>
          <circle class="icon-track" cx="8" cy="8" r="6.25" />
          <circle
            class={known || !stateMoving(state) ? "icon-arc" : "icon-arc spins"}
            cx="8"
            cy="8"
            r="6.25"
            stroke-dasharray={`${ROUND * (known ? Math.min(1, Math.max(0.04, progress)) : 0.25)} ${ROUND}`}
          />
          {look.glyph && <path class="icon-solid" d={look.glyph} />}
        </>
      ) : (
        <>
          <path
            class={`${OUTLINES[look.shape].filled ? "icon-filled" : "icon-ring"}${look.edge ? " icon-edge" : ""}`}
            d={OUTLINES[look.shape].path}
            stroke-dasharray={OUTLINES[look.shape].dash}
          />
          {look.glyph && <path class={OUTLINES[look.shape].filled ? "icon-cut" : "icon-mark"} d={look.glyph} />}
        </>
      )}
    </svg>
  );
}

interface Opened {
  button: HTMLElement;
  sentence: string;
}
const opened = signal<Opened | null>(null);

interface StateProps {
  state: string;
  kind?: StateKind;
  progress?: number | null;
  words?: string; // instead of the state's own
}

export function State({ state, kind = "task", progress, words }: StateProps) {
  const look = stateLook(state);
  const sentence = stateSentence(state, kind);
  const shown = (
    <>
      <StateIcon state={state} progress={progress ?? null} />
      <span>{words ?? look.words}</span>
    </>
  );
  if (!sentence) return <span class={`state tone-${look.tone}`}>{shown}</span>;
  return (
    <button
      type="button"
      class={`state tone-${look.tone}`}
      title={sentence}
      data-state={state}
      onClick={(event) => {
        event.preventDefault();
        event.stopPropagation();
        const button = event.currentTarget;
        opened.value = opened.value?.button === button ? null : { button, sentence };
      }}
    >
      {shown}
    </button>
  );
}

// The sentence that is open: one for the whole page, drawn by the shell.
export function StateSentence() {
  const box = useRef<HTMLDivElement>(null);
  const open = opened.value;
  useEffect(() => {
    if (!open || !box.current) return undefined;
    const at = open.button.getBoundingClientRect();
    const width = box.current.offsetWidth;
    box.current.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
    const below = at.bottom + 4;
    const fits = below + box.current.offsetHeight < innerHeight;
    box.current.style.top = `${fits ? below : at.top - box.current.offsetHeight - 4}px`;
    const close = (event: Event): void => {
      if (event instanceof KeyboardEvent && event.key !== "Escape") return;
      if (event.target instanceof Node && open.button.contains(event.target) && event.type === "click") return;
      opened.value = null;
    };
    for (const kind of ["click", "keydown", "scroll", "popstate"]) addEventListener(kind, close, true);
    return () => {
      for (const kind of ["click", "keydown", "scroll", "popstate"]) removeEventListener(kind, close, true);
    };
  }, [open]);
  return (
    <div ref={box} class="sentence" role="status" hidden={!open}>
      {open?.sentence}
    </div>
  );
}
