import assert from "node:assert/strict";
import { test } from "node:test";
import { type Key, keyFind, keyName } from "../src/lib/keys";

const key = (keys: string): Key => ({ keys, text: keys, run: () => undefined });
const press = (name: string, held: Partial<KeyboardEvent> = {}) => ({ key: name, ctrlKey: false, metaKey: false, altKey: false, ...held });

test("a key is named as it was typed", () => {
  assert.equal(keyName(press("j")), "j");
  assert.equal(keyName(press("G")), "G");
  assert.equal(keyName(press("?")), "?");
  assert.equal(keyName(press(" ")), "Space");
  assert.equal(keyName(press("k", { ctrlKey: true })), "Ctrl-K");
  assert.equal(keyName(press("k", { metaKey: true })), "Ctrl-K");
  assert.equal(keyName(press("j", { altKey: true })), "");
});

test("what was bound last has the key", () => {
  const page = key("j");
  const dialog = key("j");
  assert.equal(keyFind([[page], [dialog]], "", "j"), dialog);
  assert.equal(keyFind([[page]], "", "k"), null);
});

test("a sequence is begun and ended", () => {
  const top = key("g g");
  const pipelines = key("g p");
  const bound = [[top, pipelines]];
  assert.equal(keyFind(bound, "", "g"), "begun");
  assert.equal(keyFind(bound, "g", "g"), top);
  assert.equal(keyFind(bound, "g", "p"), pipelines);
  assert.equal(keyFind(bound, "", "p"), null);
});
