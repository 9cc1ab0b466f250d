import assert from "node:assert/strict";
import { test } from "node:test";
import { pipelineApi, pipelineHref, runHref, runsHref, taskHref } from "../src/lib/paths";
import { pathMatch } from "../src/lib/router";
import { pageFind } from "../src/pages/pages";

test("a pattern takes the decoded parts of a path", () => {
  assert.deepEqual(pathMatch("/r/{run}/t/{task}", "/r/01abc/t/train%5B0.1%5D"), { run: "01abc", task: "train[0.1]" });
  assert.deepEqual(pathMatch("/", "/"), {});
  assert.deepEqual(pathMatch("/p", "/p/"), {});
});

test("a path of another length, an empty or a broken part fit nothing", () => {
  assert.equal(pathMatch("/r/{run}", "/r"), null);
  assert.equal(pathMatch("/r/{run}", "/r/"), null);
  assert.equal(pathMatch("/r/{run}", "/r/a/b"), null);
  assert.equal(pathMatch("/r/{run}", "/r/%zz"), null);
});

test("addresses lead to their pages", () => {
  assert.deepEqual(pageFind(pipelineHref("team/nightly")).parts, { name: "team.nightly" });
  assert.deepEqual(pageFind(runHref("nightly#412")).parts, { run: "nightly#412" });
  assert.deepEqual(pageFind(taskHref("01abc", "a/b")).parts, { run: "01abc", task: "a/b" });
  assert.equal(pageFind("/runs").nav, "/runs");
  assert.equal(pageFind("/nowhere").nav, "");
});

test("names and queries are escaped", () => {
  assert.equal(pipelineApi("team/night ly", "/grid"), "/api/v1/pipelines/team.night%20ly/grid");
  assert.equal(runsHref('state:failed "a&b"'), "/runs?q=state%3Afailed%20%22a%26b%22");
  assert.equal(runsHref(""), "/runs");
});
