// A run over time, in the grid's row order: waits light, attempts as segments, the chain that the end hung on outlined.
// Ctrl and the wheel, or + and -, zoom; arrows move. Only the rows in sight are in the page.

import { useEffect, useRef, useState } from "preact/hooks";
import { axisTicks } from "../lib/axis";
import { type Gantt, type GanttRow, type Segment, type Window, ganttDrawn, ganttMove, ganttZoom } from "../lib/gantt";
import { taskHref } from "../lib/paths";
import { durationText } from "../lib/time";
import { letterOf, lookClass, stateWord } from "./grid_row";
import { useSight } from "./use_sight";

export interface GanttViewProps {
  run: string; // its id
  gantt: Gantt;
  zone: string;
  now: number;
  live: boolean;
  /** What of it is seen, as it stands in the address: `12000-50000`, in ms since its start; empty for the whole. */
  zoom?: string;
  onZoom?: (zoom: string) => void;
}

const ROW = 24;
const HEAD = 28;

function segmentText(row: GanttRow, s: Segment): string {
  const took = durationText(s.to - s.from);
  if (s.kind === "wait") return `${row.label}: waited ${took}`;
  return `${row.label}, attempt ${s.attempt}: ${stateWord(s.state)}, ${took}${s.live ? " so far" : ""}`;
}

function Bars({ row, window, run }: { row: GanttRow; window: Window; run: string }) {
  return (
    <div class="gantt-bars">
      {row.segments.map((s) => {
        const drawn = ganttDrawn(s, window);
        if (!drawn) return null;
        const style = { left: `${drawn.left}%`, width: `max(2px, ${drawn.width}%)` };
        if (s.kind === "wait") return <span class={`gantt-wait${s.live ? " live" : ""}`} style={style} title={segmentText(row, s)} />;
        const name = `gantt-bar ${lookClass(s.state)}${row.critical ? " critical" : ""}${s.live ? " live" : ""}`;
        return (
          <a
            class={name} style={style} href={`${taskHref(run, row.label)}?try=${s.attempt}`} title={segmentText(row, s)} aria-label={segmentText(row, s)}
            data-letter={letterOf(s.state)}
          />
        );
      })}
    </div>
  );
}

function Axis({ window, zone, width }: { window: Window; zone: string; width: number }) {
  const ticks = axisTicks(window.from, window.to, Math.max(2, Math.floor(width / 110)), zone);
  const span = window.to - window.from;
  return (
    <>
      {ticks.map((t) => (
        <span class="gantt-tick" style={{ left: `${((t.at - window.from) / span) * 100}%` }}>{t.text}</span>
      ))}
    </>
  );
}

function zoomRead(text: string, start: number): Window | null {
  const found = /^(\d{1,12})-(\d{1,12})$/.exec(text);
  if (!found || Number(found[2]) <= Number(found[1])) return null;
  return { from: start + Number(found[1]), to: start + Number(found[2]) };
}

export function GanttView({ run, gantt, zone, now, live, zoom: asked, onZoom }: GanttViewProps) {
  const [zoomed, setZoomed] = useState<Window | null>(() => zoomRead(asked ?? "", gantt.from));
  const list = useRef<HTMLDivElement>(null);
  const plot = useRef<HTMLDivElement>(null);
  const whole = { from: gantt.from, to: gantt.to };
  const window = zoomed ? ganttMove(zoomed, whole, 0) : whole;

  const { scroll, onScroll } = useSight(list, gantt.rows.length, ROW, HEAD);

  const told = useRef(asked ?? "");
  useEffect(() => {
    const text = zoomed ? `${Math.round(zoomed.from - gantt.from)}-${Math.round(zoomed.to - gantt.from)}` : "";
    if (text === told.current) return undefined;
    const timer = setTimeout(() => {
      told.current = text;
      onZoom?.(text);
    }, 300); // a browser lets an address change a few times a second only
    return () => clearTimeout(timer);
  }, [zoomed]);

  const zoom = (factor: number, part: number): void => {
    const next = ganttZoom(window, whole, factor, part);
    setZoomed(next.to - next.from >= whole.to - whole.from ? null : next);
  };

  useEffect(() => {
    const el = list.current!;
    const onWheel = (e: WheelEvent): void => {
      if (!e.ctrlKey && !e.metaKey) return;
      e.preventDefault(); // not passive: the page itself isn't to be zoomed
      const box = plot.current!.getBoundingClientRect();
      zoom(e.deltaY > 0 ? 1.25 : 0.8, Math.max(0, Math.min(1, (e.clientX - box.left) / box.width)));
    };
    el.addEventListener("wheel", onWheel, { passive: false });
    return () => el.removeEventListener("wheel", onWheel);
  });

  const onKey = (e: KeyboardEvent): void => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const by = (window.to - window.from) / 5;
    if (e.key === "+" || e.key === "=") zoom(0.7, 0.5);
    else if (e.key === "-") zoom(1.4, 0.5);
    else if (e.key === "0") setZoomed(null);
    else if (e.key === "ArrowLeft" && zoomed) setZoomed(ganttMove(window, whole, -by));
    else if (e.key === "ArrowRight" && zoomed) setZoomed(ganttMove(window, whole, by));
    else return;
    e.preventDefault();
  };

  const { first, last } = scroll.sight(8);
  const at = ganttDrawn({ from: now, to: now }, window);
  return (
    <section class="gantt" data-testid="gantt">
      <div class="gantt-tools">
        <span class="gantt-legend"><i class="gantt-wait" /> waiting</span>
        <span class="gantt-legend"><i class="gantt-bar shape-circle tone-good critical" /> critical path</span>
        <button type="button" aria-label="zoom in" title="zoom in (+)" onClick={() => zoom(0.7, 0.5)}>+</button>
        <button type="button" aria-label="zoom out" title="zoom out (-)" disabled={!zoomed} onClick={() => zoom(1.4, 0.5)}>−</button>
        <button type="button" title="the whole run (0)" disabled={!zoomed} onClick={() => setZoomed(null)}>Whole run</button>
        <span class="gantt-span">{durationText(window.to - window.from)}, times in {zone}</span>
      </div>
      <div
        class="gantt-list" ref={list} tabIndex={0} role="region" aria-label="tasks over time" onKeyDown={onKey}
        onScroll={onScroll}
      >
        <div class="gantt-top">
          <span class="gantt-name" />
          <div class="gantt-axis" ref={plot}><Axis window={window} zone={zone} width={plot.current?.clientWidth ?? 800} /></div>
        </div>
        <div class="gantt-all" style={{ height: `${gantt.rows.length * ROW}px` }}>
          <div class="gantt-block" style={{ top: `${first * ROW}px` }}>
            {gantt.rows.slice(first, last).map((row) => (
              <div class="gantt-row" key={row.label}>
                <a class="gantt-name" href={taskHref(run, row.label)} title={row.label}>{row.label}</a>
                <Bars row={row} window={window} run={run} />
              </div>
            ))}
          </div>
          {live && at && <div class="gantt-now"><i style={{ left: `${at.left}%` }} /></div>}
        </div>
      </div>
    </section>
  );
}
