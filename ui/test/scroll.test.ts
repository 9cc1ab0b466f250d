import assert from "node:assert/strict";
import { test } from "node:test";
import { HIGHEST, Scroll } from "../src/lib/scroll";

function list(count: number, view = 900): Scroll {
  const scroll = new Scroll(18);
  scroll.resize(count, view);
  return scroll;
}

test("a short list is drawn as it is", () => {
  const s = list(1000);
  s.moved(500);
  assert.equal(s.top, 500);
  assert.equal(s.place(30), 540);
  assert.deepEqual(s.sight(), { first: 27, last: 78 });
});

test("ten million rows reach their first and their last", () => {
  const s = list(10_000_000);
  assert.equal(s.drawn, HIGHEST);
  s.moved(HIGHEST - 900);
  assert.equal(s.sight().last, 10_000_000);
  assert.ok(s.atEnd);
  s.moved(0);
  assert.equal(s.sight().first, 0);
});

test("the wheel moves a long list by what it was turned", () => {
  const s = list(10_000_000);
  s.go(90_000_000);
  const row = s.at(s.top);
  const bar = s.bar;
  for (let i = 1; i <= 18; i++) s.moved(bar + i * 100);
  assert.equal(s.at(s.top) - row, 100);
  assert.ok(Math.abs(s.place(s.at(s.top)) - s.bar) <= 18);
});

test("settling doesn't move what is in sight", () => {
  const s = list(10_000_000);
  s.go(90_000_000);
  s.moved(s.bar + 1000);
  const top = s.top;
  s.settle();
  assert.equal(s.top, top);
  assert.ok(Math.abs(s.bar / (HIGHEST - 900) - top / s.furthest) < 1e-6);
});

test("a dragged bar goes to its fraction", () => {
  const s = list(10_000_000);
  s.moved((HIGHEST - 900) / 2);
  assert.ok(Math.abs(s.at(s.top) - 5_000_000) < 100);
});

test("a row is shown in the middle", () => {
  const s = list(1_000_000);
  s.show(777_777, 0.5);
  const { first, last } = s.sight();
  assert.ok(Math.abs((first + last) / 2 - 777_777) < 2);
});

test("higher rows push the later ones down", () => {
  const s = list(100_000);
  assert.ok(s.measured(10, 54));
  assert.ok(!s.measured(10, 54));
  s.measured(2000, 36);
  assert.equal(s.edge(11), 11 * 18 + 36);
  assert.equal(s.edge(2001), 2001 * 18 + 54);
  assert.equal(s.at(s.edge(2001)), 2001);
  assert.equal(s.at(s.edge(2001) - 1), 2000);
  assert.equal(s.height, 100_000 * 18 + 54);
});

test("a measured row above keeps what is in sight", () => {
  const s = list(100_000);
  s.go(18_000);
  s.measured(999, 180);
  assert.equal(s.at(s.top), 1000);
  s.forget();
  assert.equal(s.at(s.top), 1000);
  assert.equal(s.top, 18_000);
});

test("an empty list has nothing in sight", () => {
  assert.deepEqual(list(0).sight(5), { first: 0, last: 0 });
});
