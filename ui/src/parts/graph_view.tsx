// A pipeline's tasks as a graph, from left to right, a matrix as one node with its counts. Drag or scroll to move, Ctrl
// and the wheel to zoom; arrow keys walk along the edges. Beside it the same as a table, for who can't or won't read it.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { plural } from "../lib/format";
import { type Direction, SIZES, edgePath, edgesWithin, graphKin, graphLayout, graphStep, tasksWithin } from "../lib/graph_layout";
import { type Camera, cameraFit, cameraShow, cameraZoom } from "../lib/camera";
import { stateLook } from "../lib/states";
import { durationText } from "../lib/time";

export interface GraphNode {
  task: string;
  needs: string[];
  instances: number;
  finally: boolean;
  matrix: boolean;
  doc: string | null;
  host: string | null;
  usual_ms: number | null;
  states?: Record<string, number>;
}

export interface GraphViewProps {
  nodes: GraphNode[];
  /** Where a node's name leads; null: nowhere. */
  href: (task: string) => string | null;
  onOpen: (href: string) => void;
  chosen: string | null;
  onChoose: (task: string | null) => void;
  /** Whether graph or table is shown. */
  table: boolean;
  onTable: (on: boolean) => void;
}

// The state that most needs to be seen stands for the node.
const ORDER = [
  "failed", "timed_out", "lost", "unreachable", "upstream_failed", "stopping", "running", "starting", "waiting", "cancelled",
  "skipped", "succeeded",
];

function leading(node: GraphNode): string | null {
  return ORDER.find((state) => (node.states?.[state] ?? 0) > 0) ?? null;
}

function statesText(node: GraphNode): string {
  const all = Object.entries(node.states ?? {}).filter(([, n]) => n > 0);
  if (node.instances === 1 && all.length === 1) return stateLook(all[0]![0]).words;
  return all.map(([state, n]) => `${n} ${stateLook(state).words}`).join(", ");
}

function under(node: GraphNode): string {
  const parts = [];
  if (node.states) parts.push(statesText(node));
  else if (node.matrix) parts.push(plural(node.instances, "instance"));
  if (node.usual_ms !== null) parts.push(`usually ${durationText(node.usual_ms)}`);
  return parts.filter(Boolean).join(" · ");
}

const LEGIBLE = 0.8; // smaller than that only if the reader asks for the whole
const CHARS = 22;
const cut = (text: string, chars: number): string => (text.length > chars ? `${text.slice(0, chars - 1)}…` : text);

function Shape({ node, x, y, mark }: { node: GraphNode; x: number; y: number; mark: string }) {
  const state = leading(node);
  const look = state === null ? null : stateLook(state);
  const { width, height } = SIZES;
  return (
    <g class={`graph-node${look ? ` tone-${look.tone}` : ""}${mark}`} data-task={node.task} transform={`translate(${x},${y})`}>
      <title>{node.doc ? `${node.task}: ${node.doc}` : node.task}</title>
      {node.matrix && <rect class="graph-back" x={4} y={4} width={width} height={height} rx={4} />}
      <rect class="graph-box" width={width} height={height} rx={4} />
      {look && <path class={`graph-edge-state`} d={`M0 4a4 4 0 0 1 4-4h2v${height}h-2a4 4 0 0 1-4-4z`} />}
      <text class="graph-name" x={14} y={17}>{cut(node.task, node.matrix ? CHARS - 5 : CHARS)}</text>
      {node.matrix && <text class="graph-count" x={width - 8} y={17} text-anchor="end">×{node.instances}</text>}
      <text class="graph-under" x={14} y={32}>{cut(under(node) || (node.finally ? "always runs" : ""), 29)}</text>
    </g>
  );
}

export function GraphTable({ nodes, href }: Pick<GraphViewProps, "nodes" | "href">) {
  const states = nodes.some((n) => n.states);
  return (
    <div class="graph-table" tabIndex={0} role="region" aria-label="tasks and what they need">
      <table class="table">
        <thead>
          <tr><th>Task</th><th>Needs</th>{states && <th>State</th>}<th>Instances</th><th>Usually</th><th>Host</th></tr>
        </thead>
        <tbody>
          {nodes.map((node) => {
            const to = href(node.task);
            return (
              <tr key={node.task}>
                <th scope="row">{to ? <a href={to}>{node.task}</a> : node.task}</th>
                <td>{node.finally ? "the end of all others" : node.needs.join(", ") || "nothing"}</td>
                {states && <td>{statesText(node)}</td>}
                <td class="end">{node.instances}</td>
                <td class="end">{node.usual_ms === null ? "" : durationText(node.usual_ms)}</td>
                <td>{node.host ?? ""}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

const WAYS: Record<string, Direction> = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };

function Picture({ nodes, href, onOpen, chosen, onChoose }: Omit<GraphViewProps, "table" | "onTable">) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [camera, setCamera] = useState<Camera | null>(null);
  const drag = useRef<{ x: number; y: number; from: Camera; moved: boolean } | null>(null);
  const shape = nodes.map((n) => `${n.task}>${n.needs.join()}${n.finally ? "!" : ""}`).join("\n");
  const layout = useMemo(() => graphLayout(nodes.map((n) => ({ name: n.task, needs: n.needs, finally: n.finally }))), [shape]);
  const index = chosen === null ? -1 : nodes.findIndex((n) => n.task === chosen);
  const kin = useMemo(() => (index === -1 ? null : graphKin(layout, index)), [layout, index]);
  const now = camera ?? cameraFit(layout, size, LEGIBLE);

  useLayoutEffect(() => {
    const el = box.current!;
    const fit = (): void => setSize({ width: el.clientWidth, height: el.clientHeight });
    const sized = new ResizeObserver(fit);
    sized.observe(el);
    fit();
    return () => sized.disconnect();
  }, []);
  useLayoutEffect(() => setCamera(null), [layout]);
  useEffect(() => {
    if (index === -1 || size.width === 0) return;
    setCamera((c) => cameraShow(c ?? cameraFit(layout, size, LEGIBLE), size, { x: layout.x[index]!, y: layout.y[index]!, ...SIZES }));
  }, [index, layout, size]);
  useEffect(() => {
    const el = box.current!;
    const onWheel = (e: WheelEvent): void => {
      e.preventDefault();
      const at = el.getBoundingClientRect();
      if (e.ctrlKey || e.metaKey) setCamera(cameraZoom(now, Math.exp(-e.deltaY / 300), e.clientX - at.left, e.clientY - at.top));
      else setCamera({ ...now, x: now.x + (e.shiftKey ? e.deltaY : e.deltaX) / now.scale, y: now.y + (e.shiftKey ? 0 : e.deltaY) / now.scale });
    };
    el.addEventListener("wheel", onWheel, { passive: false });
    return () => el.removeEventListener("wheel", onWheel);
  });

  const zoom = (factor: number): void => setCamera(cameraZoom(now, factor, size.width / 2, size.height / 2));
  const onKey = (e: KeyboardEvent): void => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const way = WAYS[e.key];
    if (way) onChoose(nodes[index === -1 ? (layout.layers[0]?.[0] ?? 0) : graphStep(layout, index, way)]?.task ?? null);
    else if (e.key === "Enter" && index !== -1) {
      const to = href(nodes[index]!.task);
      if (to) onOpen(to);
    } else if (e.key === "Escape" && index !== -1) onChoose(null);
    else if (e.key === "+" || e.key === "=") zoom(1.25);
    else if (e.key === "-") zoom(0.8);
    else if (e.key === "0") setCamera(cameraFit(layout, size, 0));
    else return;
    e.preventDefault();
  };
  const onDown = (e: PointerEvent): void => {
    if (e.button !== 0) return;
    drag.current = { x: e.clientX, y: e.clientY, from: now, moved: false };
  };
  const onMove = (e: PointerEvent): void => {
    const d = drag.current;
    if (!d) return;
    if (!d.moved && Math.hypot(e.clientX - d.x, e.clientY - d.y) < 4) return;
    if (!d.moved) box.current!.setPointerCapture(e.pointerId);
    d.moved = true;
    setCamera({ ...d.from, x: d.from.x - (e.clientX - d.x) / d.from.scale, y: d.from.y - (e.clientY - d.y) / d.from.scale });
  };
  const onUp = (e: PointerEvent): void => {
    const d = drag.current;
    drag.current = null;
    if (!d || d.moved) return;
    const node = e.target instanceof Element ? e.target.closest<SVGElement>("[data-task]")?.dataset["task"] : undefined;
    const to = node !== undefined && node === chosen ? href(node) : null;
    if (to) onOpen(to);
    else onChoose(node ?? null);
  };

  const view = { x: now.x, y: now.y, width: size.width / now.scale, height: size.height / now.scale };
  const dim = (n: number): string => (kin === null ? "" : n === index ? " chosen" : kin.has(n) ? " kin" : " far");
  const lit = (from: number, to: number): string => (kin === null ? "" : kin.has(from) && kin.has(to) ? " kin" : " far");
  const node = nodes[index];
  return (
    <>
      <div
        class="graph-box-view" ref={box} style={{ height: `${Math.max(220, Math.round(layout.height) + 96)}px` }} tabIndex={0} role="application" data-testid="graph"
        aria-label="graph of the tasks; arrow keys walk along its edges, the table has the same" aria-describedby="graph-told"
        onKeyDown={onKey} onPointerDown={onDown} onPointerMove={onMove} onPointerUp={onUp} onPointerCancel={() => (drag.current = null)}
      >
        <svg width={size.width} height={size.height} aria-hidden="true">
          <g transform={`scale(${now.scale}) translate(${-now.x},${-now.y})`}>
            {edgesWithin(layout, view).map((e) => <path key={`${e.from}-${e.to}`} class={`graph-line${lit(e.from, e.to)}`} d={edgePath(e)} />)}
            {tasksWithin(layout, view).map((n) => <Shape key={nodes[n]!.task} node={nodes[n]!} x={layout.x[n]!} y={layout.y[n]!} mark={dim(n)} />)}
          </g>
        </svg>
        <div class="graph-tools">
          <button type="button" aria-label="zoom in" title="zoom in (+)" onPointerDown={(e) => e.stopPropagation()} onClick={() => zoom(1.25)}>+</button>
          <button type="button" aria-label="zoom out" title="zoom out (-)" onPointerDown={(e) => e.stopPropagation()} onClick={() => zoom(0.8)}>−</button>
          <button type="button" title="the whole graph (0)" onPointerDown={(e) => e.stopPropagation()} onClick={() => setCamera(cameraFit(layout, size, 0))}>Fit</button>
        </div>
      </div>
      <output class="graph-told" id="graph-told">
        {node
          ? `${node.task}${under(node) ? `: ${under(node)}` : ""}; needs ${node.needs.join(", ") || "nothing"}. Enter opens it.`
          : `${plural(nodes.length, "task")}, ${plural(layout.edges.length, "edge")}`}
      </output>
    </>
  );
}

export function GraphView(props: GraphViewProps) {
  const { nodes, table, onTable, href } = props;
  if (nodes.length === 0) return <p class="graph-empty">This pipeline has no tasks.</p>;
  return (
    <section class="graph">
      <div class="graph-switch" role="group" aria-label="shown as">
        <button type="button" aria-pressed={!table} onClick={() => onTable(false)}>Graph</button>
        <button type="button" aria-pressed={table} data-testid="graph-table" onClick={() => onTable(true)}>Table</button>
      </div>
      {table ? <GraphTable nodes={nodes} href={href} /> : <Picture {...props} />}
    </section>
  );
}
