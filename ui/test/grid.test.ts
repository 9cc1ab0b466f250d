import assert from "node:assert/strict";
import { test } from "node:test";
import { type GridRun, type GridTask, gridBars, gridCell, gridRowCell, gridRows, gridStep } from "../src/lib/grid";

const tasks: GridTask[] = [
  { name: "fetch", label: "fetch", depth: 0 },
  { name: "train", label: "train[0.1]", depth: 1 },
  { name: "train", label: "train[0.2]", depth: 1 },
  { name: "train", label: "train[0.3]", depth: 1 },
  { name: "eval", label: "eval", depth: 2 },
];

const run = (over: Partial<GridRun>): GridRun => ({
  id: "r", number: 1, state: "succeeded", trigger: "schedule", scheduled_for: null, created_at: "2026-11-28T00:00:00Z",
  started_at: "2026-11-28T00:00:00Z", ended_at: "2026-11-28T00:01:00Z", duration_ms: 60_000, version: "v", cells: "sssss", ...over,
});

test("a byte is a state, in upper case one with several attempts", () => {
  assert.deepEqual(gridCell("s"), { state: "succeeded", again: false, letter: "s" });
  assert.deepEqual(gridCell("F"), { state: "failed", again: true, letter: "f" });
  assert.equal(gridCell(".").state, null);
  assert.equal(gridCell("?").state, null);
  assert.equal(gridCell(undefined).state, null);
});

test("a matrix is one row until it is opened", () => {
  const folded = gridRows(tasks, new Set(), "");
  assert.deepEqual(folded.map((r) => [r.label, r.kind]), [["fetch", "task"], ["train", "matrix"], ["eval", "task"]]);
  const open = gridRows(tasks, new Set(["train"]), "");
  assert.deepEqual(open.map((r) => r.label), ["fetch", "train", "train[0.1]", "train[0.2]", "train[0.3]", "eval"]);
  assert.equal(open[2]!.depth, 2);
});

test("a search opens the matrix whose instance it found", () => {
  assert.deepEqual(gridRows(tasks, new Set(), "0.2").map((r) => r.label), ["train", "train[0.2]"]);
  assert.deepEqual(gridRows(tasks, new Set(), "EVAL").map((r) => r.label), ["eval"]);
  assert.deepEqual(gridRows(tasks, new Set(), "nothing"), []);
});

test("a folded matrix shows what most needs to be seen, and how often", () => {
  const matrix = gridRows(tasks, new Set(), "")[1]!;
  const cell = gridRowCell(matrix, "ssFs.");
  assert.deepEqual([cell.state, cell.same, cell.of, cell.task, cell.again], ["failed", 1, 3, 2, true]);
  assert.deepEqual(gridRowCell(matrix, "ssss.").same, 3);
  assert.equal(gridRowCell(matrix, ".....").state, null);
  assert.equal(gridRowCell(gridRows(tasks, new Set(), "")[0]!, "f....").state, "failed");
});

test("the bars have the median of what succeeded", () => {
  const runs = [
    run({ duration_ms: 100 }), run({ duration_ms: 300 }), run({ duration_ms: 5, state: "failed" }),
    run({ duration_ms: null, ended_at: null, started_at: "2026-11-28T00:00:00.000Z", state: "running" }),
    run({ duration_ms: null, started_at: null, ended_at: null, state: "queued" }),
  ];
  const bars = gridBars(runs, Date.parse("2026-11-28T00:00:00.400Z"));
  assert.equal(bars.median?.ms, 200);
  assert.equal(bars.top, 400);
  assert.deepEqual(bars.bars.map((b) => b.part), [0.25, 0.75, 0.0125, 1, 0]);
  assert.equal(gridBars([], 0).median, null);
});

test("keys move within the grid", () => {
  assert.deepEqual(gridStep({ row: 0, column: 0 }, "ArrowUp", 10, 5, 4), { row: 0, column: 0 });
  assert.deepEqual(gridStep({ row: 1, column: 1 }, "]", 10, 5, 4), { row: 1, column: 2 });
  assert.deepEqual(gridStep({ row: 1, column: 1 }, "PageDown", 10, 5, 4), { row: 5, column: 1 });
  assert.deepEqual(gridStep({ row: 1, column: 1 }, "End", 10, 5, 4), { row: 1, column: 4 });
  assert.equal(gridStep({ row: 1, column: 1 }, "x", 10, 5, 4), null);
});

test("10,000 instances by 25 runs are folded at once", () => {
  const many = Array.from({ length: 10_000 }, (_, i) => ({ name: `m${Math.floor(i / 100)}`, label: `m${Math.floor(i / 100)}[${i}]`, depth: 0 }));
  const cells = "s".repeat(9_999) + "f";
  const start = performance.now();
  const rows = gridRows(many, new Set(), "");
  for (let k = 0; k < 25; k++) for (const row of rows) gridRowCell(row, cells);
  assert.ok(performance.now() - start < 200);
  assert.equal(rows.length, 100);
});
