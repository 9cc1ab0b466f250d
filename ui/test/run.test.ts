import assert from "node:assert/strict";
import { test } from "node:test";
import { markdownBlocks } from "../src/lib/markdown";
import { paramFault, paramInitial, paramText, paramsChanged, paramsFaulty } from "../src/lib/params";
import { exitWords } from "../src/lib/run";
import { rerunCommand, shellWord } from "../src/lib/shell";

test("a value becomes the text that a person would write", () => {
  assert.equal(paramText({ type: "float" }, 0.1), "0.1");
  assert.equal(paramText({ type: "list", items: "int" }, [10, 20]), "10, 20");
  assert.equal(paramText({ type: "list" }, ["a,b", "c"]), '["a,b","c"]');
  assert.equal(paramText({ type: "json" }, "x"), '"x"');
  assert.equal(paramInitial({ type: "date", default: "${{ run.date }}" }, undefined), "");
});

test("a text that can't be its type is told", () => {
  assert.equal(paramFault({ type: "int", min: "1", max: "9" }, "10"), "at most 9");
  assert.match(paramFault({ type: "int" }, "1.5") ?? "", /whole number/);
  assert.match(paramFault({ type: "json" }, "{") ?? "", /JSON/);
  assert.equal(paramFault({ type: "duration" }, "1h30m"), null);
});

test("a request names only what was changed", () => {
  const specs = { lr: { type: "float" }, days: { type: "int" }, must: { type: "string" } };
  assert.deepEqual(paramsChanged(specs, { lr: 0.4, days: 5 }, { lr: "0.1", days: "5" }), { lr: "0.1" });
  assert.deepEqual(paramsFaulty(specs, { lr: 0.4, days: 5 }, { days: "x" }), ["days", "must"]);
});

test("a command line quotes what a shell would take apart", () => {
  assert.equal(shellWord("nightly#2"), "nightly#2");
  assert.equal(shellWord("it's"), "'it'\\''s'");
  const choice = { mode: "from" as const, task: "train[0.1]", version: "newest" as const, params: { lr: "0.1; rm" } };
  assert.equal(rerunCommand("nightly#2", choice), "rota rerun nightly#2 --from 'train[0.1]' --version newest -p 'lr=0.1; rm'");
});

test("a signal is told in words", () => {
  assert.equal(exitWords({ exit_code: null, signal: 9 }), "killed by SIGKILL (9): often out of memory");
  assert.equal(exitWords({ exit_code: 139, signal: null }), "exit status 139: killed by SIGSEGV (11): it touched memory that isn't its own");
  assert.equal(exitWords({ exit_code: 3, signal: null }), "exit status 3");
});

test("Markdown becomes headings, lists, tables and code, and everything else text", () => {
  const kinds = markdownBlocks("# A\n\n- one\n  - two\n\n| a | b |\n| - | -: |\n| 1 | 2 |\n\n```\n<b>\n```\n<script>x</script>").map((b) => b.kind);
  assert.deepEqual(kinds, ["heading", "list", "table", "code", "text"]);
  const [link] = markdownBlocks("[a](javascript:x) and **b** `c`");
  assert.deepEqual(link, {
    kind: "text",
    inline: [
      { kind: "text", text: "[a](javascript:x) and " },
      { kind: "strong", text: "b" },
      { kind: "text", text: " " },
      { kind: "code", text: "c" },
    ],
  });
});
