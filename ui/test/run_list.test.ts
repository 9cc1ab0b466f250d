import assert from "node:assert/strict";
import { test } from "node:test";
import { canCancel, canRerun, eachOf, runsJoined, runsUrl } from "../src/lib/run_list";
import type { Run } from "../src/lib/types";

const run = (id: string, state: Run["state"] = "failed"): Run => ({ id, state }) as Run;

test("the address of a page has the filter and the cursor, and nothing that is empty", () => {
  assert.equal(runsUrl(""), "/api/v1/runs");
  assert.equal(runsUrl("state:failed p:a b", "k7"), "/api/v1/runs?q=state%3Afailed+p%3Aa+b&after=k7");
});

test("a run that stands on two pages is shown once, where it is freshest", () => {
  const joined = runsJoined([run("c"), run("b")], [{ items: [run("b"), run("a")], next: null }]);
  assert.deepEqual(joined.map((r) => r.id), ["c", "b", "a"]);
});

test("what lives can be cancelled, what failed or was cancelled can be rerun", () => {
  assert.deepEqual(["queued", "running", "cancelling", "succeeded", "failed"].map((s) => canCancel(run("x", s as Run["state"]))), [
    true, true, true, false, false,
  ]);
  assert.deepEqual(["failed", "cancelled", "succeeded", "running"].map((s) => canRerun(run("x", s as Run["state"]))), [
    true, true, false, false,
  ]);
});

test("each is acted on once, and no more than a few at a time", async () => {
  let now = 0;
  let most = 0;
  const done: number[] = [];
  await eachOf([1, 2, 3, 4, 5], 2, async (n) => {
    most = Math.max(most, ++now);
    await new Promise((r) => setTimeout(r, 1));
    now--;
    done.push(n);
  });
  assert.equal(most, 2);
  assert.deepEqual(done.sort(), [1, 2, 3, 4, 5]);
});
