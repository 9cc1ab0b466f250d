import assert from "node:assert/strict";
import { test } from "node:test";
import { arcPath, durationShort, durationTicks, progressPart, stripBars, trendOf } from "../src/lib/chart";
import { pathText, valueDiff } from "../src/lib/value_diff";

test("an axis of durations has round steps that reach the top", () => {
  assert.deepEqual(durationTicks(100_000, 4), [0, 30_000, 60_000, 90_000, 120_000]);
  assert.deepEqual(durationTicks(1, 4), [0, 100]);
  assert.ok(durationTicks(1e11, 5).length <= 7);
});

test("durations are told shortly", () => {
  const told = [0, 1500, 45_000, 60_000, 150_000, 3_600_000, 3_720_000, 200_000_000].map(durationShort);
  assert.deepEqual(told, ["0s", "1.5s", "45s", "1m", "2m 30s", "1h", "1h 02m", "2d 7h"]);
});

test("the trend goes from the oldest to the newest", () => {
  const run = (number: number, duration_ms: number | null) => ({ id: `${number}`, number, state: "succeeded", started_at: null, duration_ms });
  const t = trendOf([run(3, 30_000), run(2, null), run(1, 60_000)], 45_000, 100, 80);
  assert.deepEqual(t.points.map((p) => [p.run.number, p.x]), [[1, 0], [3, 100]]);
  assert.ok(t.points[0]!.y < t.points[1]!.y);
  assert.ok(t.median! > t.points[0]!.y && t.median! < t.points[1]!.y);
  assert.equal(trendOf([run(1, 5)], null, 100, 80).points[0]!.x, 50);
  assert.deepEqual(trendOf([], null, 100, 80).points, []);
});

test("one failure among a thousand is seen", () => {
  const [a, b] = stripBars([{ hour: "a", succeeded: 1000, failed: 1, cancelled: 0 }, { hour: "b", succeeded: 0, failed: 0, cancelled: 0 }]);
  assert.ok(a!.failed >= 0.05 && a!.succeeded > 0.9);
  assert.equal(b!.total, 0);
});

test("progress is never full while it runs", () => {
  assert.equal(progressPart(0, 10, 200, 100), 0.97);
  assert.equal(progressPart(5, 10, null, null), 0.5);
  assert.equal(progressPart(0, 0, null, null), 0.02);
  assert.match(arcPath(0.75, 8, 10), /^M10 2A8 8 0 1 1 2.00 10.00$/);
});

test("values differ by their paths", () => {
  assert.deepEqual(valueDiff({ lr: 0.1, m: { l: [1, 2] } }, { m: { l: [1, 3] }, lr: 0.1 }), [{ path: "m.l[1]", kind: "changed", a: 2, b: 3 }]);
  assert.deepEqual(valueDiff({ a: 1 }, { b: 2 }), [
    { path: "a", kind: "removed", a: 1, b: undefined }, { path: "b", kind: "added", a: undefined, b: 2 },
  ]);
  assert.deepEqual(valueDiff(1, 2), [{ path: "", kind: "changed", a: 1, b: 2 }]);
  assert.deepEqual(valueDiff("x", "x"), []);
  assert.deepEqual(valueDiff(undefined, 3), [{ path: "", kind: "added", a: undefined, b: 3 }]);
  assert.deepEqual(valueDiff([1], { 0: 1 }).length, 1);
  assert.equal(pathText(["a", 0, "odd key", "__proto__"]), 'a[0]["odd key"].__proto__');
});
