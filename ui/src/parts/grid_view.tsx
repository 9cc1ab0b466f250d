// The grid of a pipeline: its tasks by its runs, the newest run on the right, with the runs' durations as bars on top.
// Only the rows in sight are in the page. One tab stop; the arrow keys, [ and ], j and k walk, Enter opens.

import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type GridData, type GridRow as Row, type GridRun, type Place, gridBars, gridRowCell, gridRows, gridStep } from "../lib/grid";
import { plural } from "../lib/format";
import { runHref } from "../lib/paths";
import { durationText } from "../lib/time";
import { GridRow, cellHref, cellText, letterOf, lookClass, stateWord } from "./grid_row";
import { useSight } from "./use_sight";

export interface GridViewProps {
  data: GridData;
  now: number;
  onOpen: (href: string) => void;
  /** Of older and newer runs; null: there are none. */
  older: string | null;
  newer: string | null;
  onReady?: () => void;
  /** What stands in the address: the name that is sought, and the matrix tasks that are unfolded. */
  find?: string;
  onFind?: (find: string) => void;
  unfolded?: readonly string[];
  onUnfold?: (names: string[]) => void;
}

const ROW = 22;
const HEAD = 78;
const BAR = 50; // the height of the longest bar
const FOOT = 22; // of what stands under it
const COLUMN = 26;
const MORE = 8;

function RunHead({ run, part, ms, base, column }: { run: GridRun; part: number; ms: number | null; base: string; column: number }) {
  const told = `run ${run.number}: ${run.state}${ms === null ? "" : `, ${durationText(ms)}`}`;
  return (
    <div class="grid-head" role="columnheader" id={`${base}-h-${column}`} aria-colindex={column + 2}>
      <a href={runHref(run.id)} tabIndex={-1} aria-label={told}>
        <span class={`grid-bar ${lookClass(run.state)}`} style={{ height: `${Math.max(ms === null ? 0 : 2, Math.round(part * BAR))}px` }} />
        <span class={`cell small ${lookClass(run.state)}`} data-letter={letterOf(run.state)} />
      </a>
    </div>
  );
}

function Head({ runs, now, base }: { runs: GridRun[]; now: number; base: string }) {
  const { bars, median, top } = gridBars(runs, now);
  return (
    <div class="grid-top" role="row" aria-rowindex={1}>
      <div class="grid-name" role="columnheader" aria-label="task">
        {(!median || median.part < 0.7) && <span class="grid-scale">{durationText(top)}</span>}
        {median && <span class="grid-scale" style={{ bottom: `${FOOT + median.part * BAR - 7}px` }}>median {durationText(median.ms!)}</span>}
      </div>
      {runs.map((run, i) => <RunHead key={run.id} run={run} part={bars[i]!.part} ms={bars[i]!.ms} base={base} column={i} />)}
      {median && <div class="grid-median" role="presentation" style={{ bottom: `${FOOT + median.part * BAR}px`, width: `${runs.length * COLUMN}px` }} />}
    </div>
  );
}

/** What the pointer or the keyboard is on, in words. */
function told(data: GridData, rows: Row[], runs: GridRun[], at: Place | null): string {
  const run = at && runs[at.column];
  const row = at && rows[at.row];
  if (!run) return `${plural(data.tasks.length, "task")}, ${plural(runs.length, "run")}`;
  const head = `${data.pipeline}#${run.number}, ${stateWord(run.state)}`;
  const time = run.duration_ms === null ? "" : ` after ${durationText(run.duration_ms)}`;
  return row ? `${row.label}: ${cellText(gridRowCell(row, run.cells))} — ${head}${time}` : `${head}${time}`;
}

export function GridView(props: GridViewProps) {
  const { data, now, onOpen, older, newer, onReady } = props;
  const base = useId();
  const [sought, setSought] = useState(props.find ?? "");
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(props.unfolded));
  const [at, setAt] = useState<Place | null>(null);
  const [hover, setHover] = useState<Place | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const runs = useMemo(() => [...data.runs].reverse(), [data]);
  const rows = useMemo(() => gridRows(data.tasks, open, sought), [data, open, sought]);

  const { scroll, onScroll } = useSight(list, rows.length, ROW, HEAD);

  useLayoutEffect(() => {
    list.current!.scrollLeft = 1e6; // the newest runs
    onReady?.();
  }, [data.pipeline]);

  useEffect(() => {
    if (!at || at.row < 0) return;
    const el = list.current!;
    const top = at.row * ROW;
    if (top < el.scrollTop) el.scrollTop = top;
    else if (top + ROW > el.scrollTop + scroll.view) el.scrollTop = top + ROW - scroll.view;
    const name = el.querySelector<HTMLElement>(".grid-name")!.offsetWidth;
    const left = at.column * COLUMN;
    if (left < el.scrollLeft) el.scrollLeft = left;
    else if (left + COLUMN + name > el.scrollLeft + el.clientWidth) el.scrollLeft = left + COLUMN + name - el.clientWidth;
  }, [at]);

  const toggle = (name: string): void => {
    const next = new Set(open);
    if (!next.delete(name)) next.add(name);
    setOpen(next);
    props.onUnfold?.([...next]);
  };

  const onKey = (e: KeyboardEvent): void => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const now = at ?? { row: -1, column: runs.length };
    const row = rows[now.row];
    if (e.key === "Enter" && at) {
      const run = runs[at.column]!;
      const cell = row && gridRowCell(row, run.cells);
      if (row?.kind === "matrix" && (e.shiftKey || cell?.state === null)) toggle(row.name);
      else if (cell && cell.state !== null) onOpen(cellHref(data, run, cell));
    } else if (e.key === " " && row?.kind === "matrix") toggle(row.name);
    else {
      const next = gridStep(now, e.key, rows.length, runs.length, Math.max(1, Math.floor(scroll.view / ROW) - 1));
      if (!next) return;
      setAt(next);
    }
    e.preventDefault();
    e.stopPropagation();
  };

  /** The place under the pointer, by its coordinates: cheaper than a handler on each cell. */
  const placeOf = (e: MouseEvent): Place | null => {
    const el = list.current!;
    const box = el.getBoundingClientRect();
    const name = el.querySelector<HTMLElement>(".grid-name")!.offsetWidth;
    const x = e.clientX - box.left;
    const y = e.clientY - box.top;
    if (x < name) return null;
    const column = Math.floor((x - name + el.scrollLeft) / COLUMN);
    const row = y < HEAD ? -1 : Math.floor((y - HEAD + el.scrollTop) / ROW);
    return column < runs.length && row < rows.length ? { row, column } : null;
  };

  const { first, last } = scroll.sight(MORE);
  const shown = hover ?? at;
  return (
    <section class="grid" data-testid="grid">
      <div class="grid-tools">
        <input
          type="search" placeholder="Find a task" aria-label="Find a task" value={sought} spellcheck={false} data-testid="grid-search"
          onInput={(e) => {
            setSought(e.currentTarget.value);
            props.onFind?.(e.currentTarget.value);
          }}
        />
        <output class="grid-told">{told(data, rows, runs, shown)}</output>
        {older !== null && <a class="button" href={older}>Older runs</a>}
        {newer !== null && <a class="button" href={newer}>Newer runs</a>}
      </div>
      <div
        class="grid-list" ref={list} role="grid" tabIndex={0} aria-label={`tasks of ${data.pipeline} by run`} aria-rowcount={rows.length + 1}
        aria-colcount={runs.length + 1} aria-activedescendant={at && at.row >= 0 ? `${base}-${at.row}-${at.column}` : undefined}
        onKeyDown={onKey} onMouseLeave={() => setHover(null)}
        onScroll={onScroll}
        onMouseMove={(e) => {
          const next = placeOf(e);
          if (next?.row !== hover?.row || next?.column !== hover?.column) setHover(next);
        }}
        onClick={(e) => {
          const fold = e.target instanceof Element && e.target.closest<HTMLElement>("[data-matrix]");
          if (fold) toggle(fold.dataset["matrix"]!);
        }}
      >
        <Head runs={runs} now={now} base={base} />
        <div class="grid-all" role="presentation" style={{ height: `${rows.length * ROW}px` }}>
          <div class="grid-block" role="rowgroup" style={{ top: `${first * ROW}px` }}>
            {rows.slice(first, last).map((row, i) => <GridRow key={`${row.kind}${row.label}`} data={data} runs={runs} row={row} index={first + i} base={base} />)}
          </div>
          {hover && <div class="grid-hover column" role="presentation" style={{ left: `calc(var(--name) + ${hover.column * COLUMN}px)`, width: `${COLUMN}px` }} />}
          {hover && hover.row >= 0 && <div class="grid-hover row" role="presentation" style={{ top: `${hover.row * ROW}px`, height: `${ROW}px` }} />}
          {at && at.row >= 0 && (
            <div class="grid-at" role="presentation" style={{ left: `calc(var(--name) + ${at.column * COLUMN}px)`, top: `${at.row * ROW}px`, width: `${COLUMN}px`, height: `${ROW}px` }} />
          )}
        </div>
        {rows.length === 0 && <p class="grid-empty">{sought ? `No task has “${sought}” in its name.` : "This pipeline has no tasks."}</p>}
      </div>
    </section>
  );
}
