import assert from "node:assert/strict";
import { test } from "node:test";
import { axisStep, axisTicks, zoneOffset } from "../src/lib/axis";
import { type GanttTask, ganttDrawn, ganttMove, ganttOf, ganttZoom } from "../src/lib/gantt";

const at = (s: number): string => new Date(Date.UTC(2026, 10, 28, 0, 0, s)).toISOString();
const ms = (s: number): number => Date.parse(at(s));

function task(name: string, needs: string[], from: number, to: number | null, state = "succeeded"): GanttTask {
  return {
    name, label: name, state, needs,
    attempts: [{ attempt: 1, state, created_at: at(from), started_at: at(from), ended_at: to === null ? null : at(to) }],
  };
}

test("the wait after what it needs is drawn before the attempt", () => {
  const g = ganttOf([task("a", [], 1, 10), task("b", ["a"], 14, 20)], at(0), at(20), ms(99));
  assert.deepEqual(g.rows[1]!.segments.map((s) => [s.kind, (s.from - ms(0)) / 1000, (s.to - ms(0)) / 1000]), [["wait", 10, 14], ["attempt", 14, 20]]);
  assert.equal(g.from, ms(0));
  assert.equal(g.to, ms(20));
});

test("each attempt is a segment, with the wait for its retry between", () => {
  const t: GanttTask = {
    name: "a", label: "a", state: "succeeded", needs: [], attempts: [
      { attempt: 1, state: "failed", created_at: at(0), started_at: at(0), ended_at: at(5) },
      { attempt: 2, state: "succeeded", created_at: at(10), started_at: at(11), ended_at: at(20) },
    ],
  };
  const g = ganttOf([t], at(0), at(20), ms(30));
  assert.deepEqual(g.rows[0]!.segments.map((s) => [s.kind, s.attempt]), [["attempt", 1], ["wait", null], ["attempt", 2]]);
});

test("a running attempt grows with the clock", () => {
  const tasks = [task("a", [], 0, null, "running"), { ...task("b", ["a"], 0, 0), attempts: [], state: "waiting" }];
  const g = ganttOf(tasks, at(0), null, ms(7));
  assert.deepEqual([g.rows[0]!.segments[0]!.live, g.rows[0]!.to, g.to], [true, ms(7), ms(7)]);
  assert.deepEqual(g.rows[1]!.segments, []);
  assert.equal(ganttOf(tasks, at(0), null, ms(9)).to, ms(9));
});

test("a task that waits for its next attempt shows that wait up to now", () => {
  const t = { ...task("a", [], 0, 5, "failed"), state: "retrying" };
  const g = ganttOf([t], at(0), null, ms(9));
  assert.deepEqual(g.rows[0]!.segments.map((s) => [s.kind, s.live]), [["attempt", false], ["wait", true]]);
});

test("the critical path is what the end hung on", () => {
  const g = ganttOf([
    task("a", [], 0, 10), task("short", [], 0, 2), task("b", ["a", "short"], 10, 20), task("side", ["short"], 2, 12), task("c", ["b", "side"], 20, 30),
  ], at(0), at(30), ms(30));
  assert.deepEqual(g.rows.filter((r) => r.critical).map((r) => r.name), ["a", "b", "c"]);
});

test("zoom stays within the whole and keeps the instant under the pointer", () => {
  const whole = { from: 0, to: 100_000 };
  const near = ganttZoom(whole, whole, 0.5, 0.25);
  assert.deepEqual(near, { from: 12_500, to: 62_500 });
  assert.deepEqual(ganttZoom(near, whole, 100, 0.5), whole);
  assert.deepEqual(ganttMove(near, whole, 1e9), { from: 50_000, to: 100_000 });
  const least = ganttZoom(whole, whole, 1e-9, 0);
  assert.equal(least.to - least.from, 50);
});

test("a segment is drawn where the window shows it", () => {
  assert.deepEqual(ganttDrawn({ from: 10, to: 30 }, { from: 0, to: 100 }), { left: 10, width: 20, cut: { left: false, right: false } });
  assert.deepEqual(ganttDrawn({ from: 10, to: 30 }, { from: 20, to: 40 }), { left: 0, width: 50, cut: { left: true, right: false } });
  assert.equal(ganttDrawn({ from: 10, to: 30 }, { from: 40, to: 50 }), null);
});

test("ticks are round in the zone, and few", () => {
  assert.equal(axisStep(100_000, 10), 10_000);
  const from = Date.UTC(2026, 6, 1, 21, 50);
  const ticks = axisTicks(from, from + 30 * 60_000, 4, "Asia/Kolkata");
  assert.deepEqual(ticks.map((t) => t.text), ["07-02 03:20", "03:30", "03:40", "03:50"]);
  assert.deepEqual(axisTicks(from, from + 200, 3, "UTC").map((t) => t.text), ["07-01 21:50:00.000", "21:50:00.100", "21:50:00.200"]);
  assert.equal(zoneOffset("Nowhere/None", from), 0);
  assert.deepEqual(axisTicks(5, 5, 4, "UTC"), []);
  assert.ok(axisTicks(0, 1e12, 8, "UTC").length <= 10);
});

test("a change of the clock keeps the words true", () => {
  const from = Date.UTC(2026, 9, 25, 0, 0);
  const words = axisTicks(from, from + 4 * 3_600_000, 8, "Europe/Berlin").map((t) => t.text);
  assert.equal(words.filter((w) => w.endsWith("02:00")).length, 2);
});

test("a thousand tasks are laid out at once", () => {
  const tasks = Array.from({ length: 1000 }, (_, i) => task(`t${i}`, i === 0 ? [] : [`t${i - 1}`], i, i + 1));
  const start = performance.now();
  const g = ganttOf(tasks, at(0), at(1001), ms(1001));
  assert.ok(performance.now() - start < 100);
  assert.equal(g.rows.filter((r) => r.critical).length, 1000);
});
