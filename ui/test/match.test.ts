import assert from "node:assert/strict";
import { test } from "node:test";
import { matchBest, matchScore } from "../src/lib/match";
import { pipelineFits, pipelinesSorted } from "../src/lib/pipelines";
import type { Pipeline } from "../src/lib/types";

const pipeline = (name: string, more: Partial<Pipeline> = {}): Pipeline => ({
  name,
  present: true,
  paused: null,
  error: null,
  owner: null,
  tags: [],
  description: null,
  version: null,
  next: null,
  last_runs: [],
  usual_ms: null,
  schedules: [],
  ...more,
});

test("what begins as it was typed comes first", () => {
  const names = ["retrain_nightly", "nightly", "team/nightly", "unlikely"];
  assert.deepEqual(matchBest("nightly", names, (n) => n, 9), ["nightly", "team/nightly", "retrain_nightly"]);
});

test("letters in their order are enough", () => {
  assert.ok(matchScore("tdn", "taxi_demand_nightly") !== null);
  assert.equal(matchScore("ndt", "taxi_demand"), null);
  assert.equal(matchScore("", "anything"), 0);
});

test("pipelines are narrowed down by every word", () => {
  const p = pipeline("taxi_demand", { owner: "Forecasting", tags: ["nightly"], description: "Trains a model" });
  assert.ok(pipelineFits(p, ""));
  assert.ok(pipelineFits(p, "taxi model"));
  assert.ok(pipelineFits(p, "owner:forecasting tag:night"));
  assert.ok(!pipelineFits(p, "taxi bus"));
  assert.ok(!pipelineFits(p, "tag:forecasting"));
});

test("pipelines by their last result begin with what doesn't load, then what failed", () => {
  const ended = (state: "failed" | "succeeded"): Partial<Pipeline> => ({ last_runs: [{ id: "1", number: 1, state, duration_ms: 1 }] });
  const all = [pipeline("d"), pipeline("c", ended("succeeded")), pipeline("b", ended("failed")), pipeline("a", { error: [] })];
  assert.deepEqual(pipelinesSorted(all, "last").map((p) => p.name), ["a", "b", "c", "d"]);
});

test("pipelines by their next firing end with those that have none", () => {
  const all = [pipeline("a"), pipeline("b", { next: "2026-01-02T00:00:00Z" }), pipeline("c", { next: "2026-01-01T00:00:00Z" })];
  assert.deepEqual(pipelinesSorted(all, "next").map((p) => p.name), ["c", "b", "a"]);
});
