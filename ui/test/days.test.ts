import assert from "node:assert/strict";
import { test } from "node:test";
import { dayTime, daysOf } from "../src/lib/days";

test("a list is cut where the day of the zone begins, not that of UTC", () => {
  const at = ["2026-11-27T22:30:00Z", "2026-11-27T23:30:00Z", "2026-11-28T02:00:00Z"];
  const oslo = daysOf(at, "Europe/Oslo", (t) => t);
  assert.deepEqual(oslo.map((d) => [d.day, d.items.length]), [["Fri 2026-11-27", 1], ["Sat 2026-11-28", 2]]);
  assert.equal(daysOf(at, "UTC", (t) => t)[0]!.items.length, 2);
  assert.deepEqual(daysOf([], "UTC", String), []);
});

test("both halves of a repeated hour are told apart by their zone", () => {
  assert.equal(dayTime("2026-10-25T00:30:00Z", "Europe/London"), "01:30 BST");
  assert.equal(dayTime("2026-10-25T01:30:00Z", "Europe/London"), "01:30 GMT");
  assert.match(dayTime("2026-10-25T01:30:07Z", "Europe/London"), /^01:30:07/);
});
