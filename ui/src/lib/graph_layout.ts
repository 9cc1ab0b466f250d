// The places of a pipeline's tasks in layers from left to right: a task stands right of all that it needs (longest
// path), and within a layer near the middle of its neighbours (barycentre sweeps). An edge over several layers is led
// through an invisible place in each, unless these would be too many. Deterministic: the same graph looks the same.

export interface GraphTask {
  name: string;
  needs: readonly string[];
  /** Runs after all others, whatever their end: stands in the last layer, without edges. */
  finally?: boolean;
}

export interface Sizes {
  width: number;
  height: number;
  gapX: number;
  gapY: number;
}

export const SIZES: Sizes = { width: 184, height: 40, gapX: 72, gapY: 16 };

export interface Edge {
  from: number;
  to: number;
  /** The corners, from the right edge of `from` to the left edge of `to`. */
  points: { x: number; y: number }[];
}

export interface Layout {
  /** Upper left corners, in the order of the tasks. */
  x: Float64Array;
  y: Float64Array;
  layer: Int32Array;
  /** The tasks of each layer from top to bottom. */
  layers: number[][];
  edges: Edge[];
  width: number;
  height: number;
}

interface Net {
  count: number; // real tasks; places from here on are invisible
  up: number[][];
  down: number[][];
  layer: number[];
  chains: { from: number; to: number; via: number[] }[];
}

function links(tasks: readonly GraphTask[]): { from: number; to: number }[] {
  const index = new Map(tasks.map((t, i) => [t.name, i]));
  const found: { from: number; to: number }[] = [];
  tasks.forEach((task, to) => {
    for (const name of new Set(task.needs)) {
      const from = index.get(name);
      if (from !== undefined && from !== to) found.push({ from, to });
    }
  });
  return found;
}

/** The layer of each task: one more than the highest of what it needs. What lies on a circle (no valid pipeline has
 *  one) stays where the walk left it. */
function layersOf(tasks: readonly GraphTask[], edges: { from: number; to: number }[]): number[] {
  const layer = tasks.map(() => 0);
  const open = tasks.map(() => 0);
  const down: number[][] = tasks.map(() => []);
  for (const e of edges) {
    open[e.to]!++;
    down[e.from]!.push(e.to);
  }
  const queue = tasks.map((_, i) => i).filter((i) => open[i] === 0);
  for (let q = 0; q < queue.length; q++) {
    const at = queue[q]!;
    for (const next of down[at]!) {
      layer[next] = Math.max(layer[next]!, layer[at]! + 1);
      if (--open[next]! === 0) queue.push(next);
    }
  }
  // A task that needs nothing stands just left of the first that needs it.
  const needs = tasks.map(() => 0);
  for (const e of edges) needs[e.to]!++;
  tasks.forEach((_, i) => {
    if (needs[i] === 0 && down[i]!.length > 0) layer[i] = Math.min(...down[i]!.map((n) => layer[n]!)) - 1;
  });
  const last = Math.max(-1, ...layer.filter((_, i) => !tasks[i]!.finally));
  tasks.forEach((task, i) => {
    if (task.finally) layer[i] = Math.max(layer[i]!, last + 1);
  });
  return layer;
}

function netOf(tasks: readonly GraphTask[]): Net {
  const edges = links(tasks);
  const layer = layersOf(tasks, edges);
  const net: Net = { count: tasks.length, up: layer.map(() => []), down: layer.map(() => []), layer, chains: [] };
  const between = edges.reduce((sum, e) => sum + Math.max(0, layer[e.to]! - layer[e.from]! - 1), 0);
  const led = between <= 2000 + 4 * tasks.length;
  const join = (a: number, b: number): void => {
    net.down[a]!.push(b);
    net.up[b]!.push(a);
  };
  for (const e of edges) {
    const via: number[] = [];
    let from = e.from;
    for (let l = layer[e.from]! + 1; led && l < layer[e.to]!; l++) {
      const place = net.layer.length;
      net.layer.push(l);
      net.up.push([]);
      net.down.push([]);
      join(from, place);
      via.push(place);
      from = place;
    }
    join(from, e.to);
    net.chains.push({ from: e.from, to: e.to, via });
  }
  return net;
}

/** Sorts each layer by the mean place of its neighbours, to and fro. */
function sweep(net: Net, rows: number[][]): void {
  const place = new Float64Array(net.layer.length);
  const key = new Float64Array(net.layer.length);
  const number = (row: number[]): void => row.forEach((n, i) => (place[n] = i - row.length / 2));
  rows.forEach(number);
  for (let round = 0; round < 8; round++) {
    const rightwards = round % 2 === 0;
    const side = rightwards ? net.up : net.down;
    for (let l = 0; l < rows.length; l++) {
      const row = rows[rightwards ? l : rows.length - 1 - l]!;
      for (const n of row) {
        const near = side[n]!;
        let sum = 0;
        for (const m of near) sum += place[m]!;
        key[n] = near.length === 0 ? place[n]! : sum / near.length;
      }
      row.sort((a, b) => key[a]! - key[b]! || place[a]! - place[b]!);
      number(row);
    }
  }
}

/** The heights nearest to those wished for, in order and apart: neighbours that press on each other share their mean. */
function settle(row: number[], wish: Float64Array, room: (n: number) => number, y: Float64Array): void {
  const blocks: { sum: number; count: number; first: number }[] = [];
  const offset: number[] = [];
  let at = 0;
  row.forEach((n, i) => {
    if (i > 0) at += (room(row[i - 1]!) + room(n)) / 2;
    offset.push(at);
    let block = { sum: wish[n]! - at, count: 1, first: i };
    for (let last = blocks[blocks.length - 1]; last && last.sum / last.count > block.sum / block.count; ) {
      block = { sum: last.sum + block.sum, count: last.count + block.count, first: last.first };
      blocks.pop();
      last = blocks[blocks.length - 1];
    }
    blocks.push(block);
  });
  blocks.forEach((block, b) => {
    const end = blocks[b + 1]?.first ?? row.length;
    for (let i = block.first; i < end; i++) y[row[i]!] = block.sum / block.count + offset[i]!;
  });
}

function heights(net: Net, rows: number[][], sizes: Sizes): Float64Array {
  const y = new Float64Array(net.layer.length);
  const wish = new Float64Array(net.layer.length);
  const room = (n: number): number => (n < net.count ? sizes.height + sizes.gapY : sizes.gapY);
  for (const row of rows) {
    row.forEach((n, i) => (wish[n] = (i - row.length / 2) * (sizes.height + sizes.gapY)));
    settle(row, wish, room, y);
  }
  for (let round = 0; round < 6; round++) {
    for (let l = 0; l < rows.length; l++) {
      const row = rows[round % 2 === 0 ? l : rows.length - 1 - l]!;
      for (const n of row) {
        const near = round < 4 ? (round % 2 === 0 ? net.up[n]! : net.down[n]!) : [...net.up[n]!, ...net.down[n]!];
        let sum = 0;
        for (const m of near) sum += y[m]!;
        wish[n] = near.length === 0 ? y[n]! : sum / near.length;
      }
      settle(row, wish, room, y);
    }
  }
  return y;
}

export function graphLayout(tasks: readonly GraphTask[], sizes: Sizes = SIZES): Layout {
  const net = netOf(tasks);
  const rows: number[][] = [];
  net.layer.forEach((l, n) => (rows[l] ??= []).push(n));
  for (let l = 0; l < rows.length; l++) rows[l] ??= [];
  sweep(net, rows);
  const middle = heights(net, rows, sizes);
  let low = 0;
  let high = 0;
  if (net.count > 0) low = Infinity;
  for (let n = 0; n < middle.length; n++) {
    low = Math.min(low, middle[n]! - sizes.height / 2);
    high = n === 0 ? middle[n]! + sizes.height / 2 : Math.max(high, middle[n]! + sizes.height / 2);
  }
  const step = sizes.width + sizes.gapX;
  const x = Float64Array.from(tasks, (_, n) => net.layer[n]! * step);
  const y = Float64Array.from(tasks, (_, n) => middle[n]! - sizes.height / 2 - low);
  const edges = net.chains.map(({ from, to, via }) => {
    const points = [{ x: x[from]! + sizes.width, y: middle[from]! - low }];
    for (const n of via) {
      const left = net.layer[n]! * step;
      points.push({ x: left, y: middle[n]! - low }, { x: left + sizes.width, y: middle[n]! - low });
    }
    points.push({ x: x[to]!, y: middle[to]! - low });
    return { from, to, points };
  });
  return {
    x, y, edges,
    layer: Int32Array.from(net.layer.slice(0, net.count)),
    layers: rows.map((row) => row.filter((n) => n < net.count)),
    width: rows.length === 0 ? 0 : rows.length * step - sizes.gapX,
    height: high - low,
  };
}

/** The line of an edge as an SVG path: level at both ends of each piece, so that it is smooth. */
export function edgePath(edge: Edge): string {
  const [start, ...rest] = edge.points;
  let path = `M${start!.x} ${round(start!.y)}`;
  let last = start!;
  for (const p of rest) {
    if (Math.abs(p.y - last.y) < 0.5) path += `L${p.x} ${round(p.y)}`;
    else {
      const half = (p.x - last.x) / 2;
      path += `C${last.x + half} ${round(last.y)} ${p.x - half} ${round(p.y)} ${p.x} ${round(p.y)}`;
    }
    last = p;
  }
  return path;
}

const round = (v: number): number => Math.round(v * 10) / 10;

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export function tasksWithin(layout: Layout, box: Box, sizes: Sizes = SIZES): number[] {
  const found: number[] = [];
  for (let n = 0; n < layout.x.length; n++) {
    const inside =
      layout.x[n]! < box.x + box.width && layout.x[n]! + sizes.width > box.x &&
      layout.y[n]! < box.y + box.height && layout.y[n]! + sizes.height > box.y;
    if (inside) found.push(n);
  }
  return found;
}

export function edgesWithin(layout: Layout, box: Box): Edge[] {
  return layout.edges.filter(({ points }) => {
    let top = Infinity;
    let bottom = -Infinity;
    for (const p of points) {
      top = Math.min(top, p.y);
      bottom = Math.max(bottom, p.y);
    }
    const left = points[0]!.x;
    const right = points[points.length - 1]!.x;
    return left < box.x + box.width && right > box.x && top < box.y + box.height && bottom > box.y;
  });
}

export type Direction = "left" | "right" | "up" | "down";

/** The task that an arrow key leads to: along an edge to the nearest neighbour, or up and down within the layer. */
export function graphStep(layout: Layout, from: number, way: Direction): number {
  if (way === "up" || way === "down") {
    const row = layout.layers[layout.layer[from]!]!;
    return row[row.indexOf(from) + (way === "up" ? -1 : 1)] ?? from;
  }
  let best = from;
  let least = Infinity;
  for (const e of layout.edges) {
    const near = way === "right" ? (e.from === from ? e.to : -1) : e.to === from ? e.from : -1;
    if (near === -1) continue;
    const away = Math.abs(layout.y[near]! - layout.y[from]!);
    if (away < least) {
      least = away;
      best = near;
    }
  }
  return best;
}

/** A task with all that it needs and all that needs it, however far: what is lit when it is chosen. */
export function graphKin(layout: Layout, of: number): Set<number> {
  const kin = new Set([of]);
  for (const forward of [true, false]) {
    const queue = [of];
    const next = new Map<number, number[]>();
    for (const e of layout.edges) {
      const [a, b] = forward ? [e.from, e.to] : [e.to, e.from];
      const list = next.get(a);
      if (list) list.push(b);
      else next.set(a, [b]);
    }
    const seen = new Set(queue);
    for (let q = 0; q < queue.length; q++) {
      for (const n of next.get(queue[q]!) ?? []) {
        if (seen.has(n)) continue;
        seen.add(n);
        kin.add(n);
        queue.push(n);
      }
    }
  }
  return kin;
}
