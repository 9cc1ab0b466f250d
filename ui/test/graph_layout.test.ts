import assert from "node:assert/strict";
import { test } from "node:test";
import { type GraphTask, SIZES, edgePath, edgesWithin, graphKin, graphLayout, graphStep, tasksWithin } from "../src/lib/graph_layout";

const chain: GraphTask[] = [
  { name: "fetch", needs: [] },
  { name: "train", needs: ["fetch"] },
  { name: "eval", needs: ["train"] },
  { name: "report", needs: ["eval", "fetch"] },
  { name: "clean", needs: [], finally: true },
];

function random(seed: number): () => number {
  let s = seed;
  return () => (s = (s * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
}

export function large(count: number): GraphTask[] {
  const next = random(7);
  return Array.from({ length: count }, (_, i) => ({
    name: `t${i}`,
    needs: i === 0 ? [] : Array.from({ length: 1 + Math.floor(next() * 3) }, () => `t${Math.max(0, i - 1 - Math.floor(next() * 60))}`),
  }));
}

test("a task stands right of all that it needs", () => {
  const l = graphLayout(chain);
  assert.deepEqual([...l.layer], [0, 1, 2, 3, 4]);
  for (const e of l.edges) assert.ok(l.x[e.from]! + SIZES.width < l.x[e.to]!);
});

test("tasks never overlap, nor leave the picture", () => {
  const l = graphLayout(large(300));
  for (const row of l.layers) {
    row.forEach((n, i) => {
      assert.ok(l.y[n]! >= -0.01 && l.y[n]! + SIZES.height <= l.height + 0.01);
      if (i > 0) assert.ok(l.y[n]! - l.y[row[i - 1]!]! >= SIZES.height + SIZES.gapY - 0.01);
    });
  }
});

test("two chains side by side don't cross", () => {
  const l = graphLayout([
    { name: "a1", needs: [] }, { name: "b1", needs: [] },
    { name: "b2", needs: ["b1"] }, { name: "a2", needs: ["a1"] },
    { name: "a3", needs: ["a2"] }, { name: "b3", needs: ["b2"] },
  ]);
  assert.ok(l.y[0]! < l.y[1]! && l.y[3]! < l.y[2]! && l.y[4]! < l.y[5]!);
  assert.equal(l.y[0], l.y[3]);
});

test("a name that isn't there and a circle do no harm", () => {
  const l = graphLayout([{ name: "a", needs: ["b", "gone"] }, { name: "b", needs: ["a"] }]);
  assert.equal(l.x.length, 2);
  assert.equal(graphLayout([]).width, 0);
});

test("the same graph looks the same", () => {
  assert.deepEqual(graphLayout(large(200)), graphLayout(large(200)));
});

test("the arrow keys follow the edges", () => {
  const l = graphLayout(chain);
  assert.equal(graphStep(l, 1, "right"), 2);
  assert.equal(graphStep(l, 1, "left"), 0);
  assert.equal(graphStep(l, 1, "up"), 1);
  assert.equal(graphStep(l, 4, "right"), 4);
});

test("kin are all before and after, not beside", () => {
  const l = graphLayout([
    { name: "a", needs: [] }, { name: "b", needs: ["a"] }, { name: "c", needs: ["a"] }, { name: "d", needs: ["b"] },
  ]);
  assert.deepEqual([...graphKin(l, 1)].sort(), [0, 1, 3]);
});

test("only what is in sight is drawn", () => {
  const l = graphLayout(large(1000));
  const box = { x: 0, y: 0, width: 800, height: l.height };
  assert.ok(tasksWithin(l, box).length < 200);
  assert.ok(edgesWithin(l, box).length < l.edges.length / 2);
  assert.match(edgePath(l.edges[0]!), /^M[\d.]+ [\d.]+[LC]/);
});

// Processor time in ms: what else the machine does meanwhile isn't the layout's.
function spent(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

test("a thousand tasks are laid out within 150 ms", () => {
  const tasks = large(1000);
  graphLayout(large(50));
  const times = [1, 2, 3, 4, 5].map(() => spent(() => graphLayout(tasks)));
  assert.ok(Math.min(...times) < 150, `${times.map(Math.round)} ms`);
});

test("a wide one and a dense one are within it too", () => {
  const wide: GraphTask[] = [{ name: "a", needs: [] }, ...Array.from({ length: 998 }, (_, i) => ({ name: `m${i}`, needs: ["a"] }))];
  wide.push({ name: "z", needs: wide.map((t) => t.name) });
  const dense = Array.from({ length: 1000 }, (_, i) => ({
    name: `t${i}`,
    needs: Array.from({ length: Math.min(20, Math.floor(i / 50) * 20) }, (_, k) => `t${(Math.floor(i / 50) - 1) * 50 + ((i * 7 + k) % 50)}`),
  }));
  for (const tasks of [wide, dense]) {
    const took = spent(() => graphLayout(tasks));
    assert.ok(took < 400, `${took} ms`);
  }
});
