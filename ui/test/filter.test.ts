import assert from "node:assert/strict";
import { test } from "node:test";
import { filterPut, filterQuote, filterSuggest, filterTerms, filterValue } from "../src/lib/filter";

const known = { pipelines: ["forecast/nightly", "forecast/hourly", "etl"], owners: ["ml"], tags: ["gpu"] };
const cut = (line: string): string[] => filterTerms(line).map((t) => `${t.key}=${t.value}`);

test("a line is cut at spaces, but not within quotes", () => {
  assert.deepEqual(cut('state:failed  p:"a b" "two words"'), ["state=failed", 'p="a b"', '="two words"']);
});

test("an escaped quote doesn't end a quoted value", () => {
  assert.deepEqual(cut('"a \\" b" x'), ['="a \\" b"', "=x"]);
});

test("a quote that is never closed and a trailing backslash reach to the end", () => {
  assert.deepEqual(cut('"a b\\'), ['="a b\\']);
});

test("a value with spaces or a colon is quoted", () => {
  assert.equal(filterQuote("a b"), '"a b"');
  assert.equal(filterQuote('say "x"'), '"say \\"x\\""');
  assert.equal(filterQuote("forecast/nightly"), "forecast/nightly");
});

test("a term is put in, changed and taken out, and the others stay", () => {
  assert.equal(filterPut('p:etl "x y"', "state", "failed"), 'state:failed p:etl "x y"');
  assert.equal(filterPut("state:failed p:etl", "state", "running"), "state:running p:etl");
  assert.equal(filterPut("state:failed p:etl", "state", null), "p:etl");
  assert.equal(filterValue("state:failed p:etl", "p"), "etl");
  assert.equal(filterValue("p:etl", "state"), null);
});

test("at the begin of a term its keys are suggested", () => {
  assert.deepEqual(
    filterSuggest("p:etl st", 8, known).map((s) => s.text),
    ["state:", "started:"],
  );
  assert.equal(filterSuggest("", 0, known).length, 9);
});

test("behind a colon the values that are known, behind a comma the next one", () => {
  assert.deepEqual(
    filterSuggest("p:night", 7, known).map((s) => s.text),
    ["forecast/nightly"],
  );
  const [next] = filterSuggest("state:failed,can", 16, known);
  assert.deepEqual(next, { text: "cancelled", help: "", start: 13, end: 16 });
});

test("what is complete suggests nothing", () => {
  assert.deepEqual(filterSuggest("tag:gpu", 7, known), []);
});
