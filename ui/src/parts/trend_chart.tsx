// The durations of a pipeline's runs, the oldest on the left, with their median. A run that didn't succeed is told by
// its shape as well as by its colour. Drawn by hand: a hundred points need no library.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { type TrendPoint, type TrendRun, trendOf } from "../lib/chart";
import { plural } from "../lib/format";
import { runHref } from "../lib/paths";
import { stateLook } from "../lib/states";
import { durationText } from "../lib/time";

const LEFT = 56;
const TOP = 10;
const BOTTOM = 22;
const RIGHT = 12;

function Point({ point }: { point: TrendPoint }) {
  const { run, x, y } = point;
  const look = stateLook(run.state);
  const told = `run ${run.number}: ${look.words}, ${durationText(run.duration_ms!)}`;
  const cross = `M${x - 4} ${y - 4}l8 8m0-8l-8 8`;
  return (
    <a href={runHref(run.id)} class={`trend-point tone-${look.tone}`} aria-label={told}>
      <title>{told}</title>
      <circle class="trend-hit" cx={x} cy={y} r={10} />
      {look.shape === "octagon" ? <path class="trend-cross" d={cross} /> : look.shape === "circle" ? <circle cx={x} cy={y} r={3.5} /> : <rect x={x - 3.5} y={y - 3.5} width={7} height={7} />}
    </a>
  );
}

export function TrendChart({ runs, median, height = 200 }: { runs: TrendRun[]; median: number | null; height?: number }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const el = box.current!;
    const fit = (): void => setWidth(el.clientWidth);
    const sized = new ResizeObserver(fit);
    sized.observe(el);
    fit();
    return () => sized.disconnect();
  }, []);
  const w = Math.max(0, width - LEFT - RIGHT);
  const h = height - TOP - BOTTOM;
  const trend = trendOf(runs, median, w, h);
  const { points } = trend;
  const first = points[0]?.run.number;
  const last = points[points.length - 1]?.run.number;
  return (
    <figure class="trend" ref={box} data-testid="trend">
      {points.length === 0 && <p class="trend-empty">No run has ended so far; their durations appear here.</p>}
      {points.length > 0 && (
        <figcaption>
          {plural(points.length, "run")}{median === null ? "" : `, median ${durationText(median)} (dashed)`}
        </figcaption>
      )}
      {points.length > 0 && width > 0 && (
        <svg width={width} height={height} role="group" aria-label={`durations of runs ${first} to ${last}`}>
          <g transform={`translate(${LEFT},${TOP})`}>
            {trend.ticks.map((t) => (
              <g key={t.value}>
                <line class="trend-grid" x1={0} x2={w} y1={t.y} y2={t.y} />
                <text class="trend-word" x={-8} y={t.y + 4} text-anchor="end">{t.text}</text>
              </g>
            ))}
            <polyline class="trend-line" points={points.map((p) => `${p.x},${p.y}`).join(" ")} />
            {trend.median !== null && <line class="trend-median" x1={0} x2={w} y1={trend.median} y2={trend.median} />}
            {points.map((p) => <Point key={p.run.id} point={p} />)}
            <text class="trend-word" x={0} y={h + 16}>#{first}</text>
            {last !== first && <text class="trend-word" x={w} y={h + 16} text-anchor="end">#{last}</text>}
          </g>
        </svg>
      )}
    </figure>
  );
}
