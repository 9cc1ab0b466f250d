import assert from "node:assert/strict";
import { test } from "node:test";
import { FIRING_OUTCOMES, RUN_STATES, TASK_STATES, cellState, stateEnded, stateLook, stateSentence, taskState } from "../src/lib/states";

test("every state of the daemon has a look of its own and a sentence", () => {
  const looks = new Set<string>();
  for (const state of TASK_STATES) {
    const look = stateLook(state);
    assert.notEqual(look.words, "unknown", state);
    const seen = `${look.shape} ${look.glyph}`;
    assert.ok(!looks.has(seen), `${state} looks like another state without its colour`);
    looks.add(seen);
    assert.ok(stateSentence(state, "task").endsWith("."), state);
  }
  for (const state of RUN_STATES) assert.ok(stateSentence(state, "run").length > 10, state);
  for (const outcome of FIRING_OUTCOMES) assert.ok(stateSentence(outcome, "firing").length > 10, outcome);
  assert.equal(TASK_STATES.length, 12);
  assert.equal(RUN_STATES.length, 6);
  assert.equal(FIRING_OUTCOMES.length, 3);
});

test("a state that isn't known yet is shown by its word", () => {
  assert.equal(stateLook("held_back").words, "held back");
  assert.equal(stateLook("constructor").words, "constructor");
});

test("a task that waits for its next attempt retries", () => {
  assert.equal(taskState({ state: "waiting", wait: "retry" }), "retrying");
  assert.equal(taskState({ state: "waiting", wait: "slot" }), "waiting");
  assert.equal(taskState({ state: "failed", wait: null }), "failed");
});

test("cells of the grid", () => {
  assert.deepEqual(cellState("s"), { state: "succeeded", retried: false });
  assert.deepEqual(cellState("F"), { state: "failed", retried: true });
  assert.equal(cellState("."), null);
});

test("what has ended", () => {
  for (const state of TASK_STATES) {
    const live = ["waiting", "starting", "running", "stopping", "unreachable"].includes(state);
    assert.equal(stateEnded(state), !live, state);
  }
});
