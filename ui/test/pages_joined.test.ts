import assert from "node:assert/strict";
import { test } from "node:test";
import { pagesJoined } from "../src/lib/pages_joined";

const keyOf = (item: { id: number }): string => String(item.id);

test("pages follow each other", () => {
  const joined = pagesJoined([{ id: 4 }, { id: 3 }], [{ items: [{ id: 2 }] }, { items: [{ id: 1 }] }], keyOf);
  assert.deepEqual(joined.map((item) => item.id), [4, 3, 2, 1]);
});

test("what slipped off the fresh first page stays, and what is in two pages is shown once, as it is now", () => {
  const old = { items: [{ id: 4, word: "old" }, { id: 3, word: "old" }] };
  const joined = pagesJoined([{ id: 5, word: "new" }, { id: 4, word: "new" }], [old, { items: [{ id: 2, word: "old" }] }], keyOf);
  assert.deepEqual(joined.map((item) => `${keyOf(item)} ${item.word}`), ["5 new", "4 new", "3 old", "2 old"]);
});
