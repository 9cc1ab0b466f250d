import assert from "node:assert/strict";
import { test } from "node:test";
import { countdownText, durationRunning, durationText, relativeText, timeLong, timeOfDay, timeShort, zoneName } from "../src/lib/time";

test("a duration has its units in full below its first", () => {
  for (const [ms, text] of [
    [0, "0ms"],
    [420, "420ms"],
    [3_200, "3.2s"],
    [9_949, "9.9s"],
    [9_960, "10s"],
    [42_000, "42s"],
    [59_700, "1m 00s"],
    [247_000, "4m 07s"],
    [3_723_000, "1h 02m 03s"],
    [86_399_600, "1d 00h 00m"],
    [183_840_000, "2d 03h 04m"],
    [-3_200, "-3.2s"],
  ] as const)
    assert.equal(durationText(ms), text);
});

test("a running duration moves by whole seconds", () => {
  assert.equal(durationRunning(3_999), "3s");
  assert.equal(durationRunning(-50), "0s");
  assert.equal(durationRunning(61_900), "1m 01s");
});

test("a time carries the zone that is in force then", () => {
  assert.equal(timeLong("2026-01-15T13:02:11.000000Z", "Europe/Oslo"), "2026-01-15 14:02:11 CET");
  assert.equal(timeLong("2026-07-15T13:02:11.000000Z", "Europe/Oslo"), "2026-07-15 15:02:11 CEST");
  assert.equal(timeOfDay("2026-07-15T13:02:11.000000Z", "UTC"), "13:02:11 UTC");
});

test("a short time says as much as is needed beside now", () => {
  const now = Date.parse("2026-11-28T12:00:00Z");
  assert.equal(timeShort("2026-11-28T02:30:00Z", "UTC", now), "02:30 UTC");
  assert.equal(timeShort("2026-11-27T02:30:00Z", "UTC", now), "Fri 11-27 02:30 UTC");
  assert.equal(timeShort("2026-08-01T02:30:00Z", "UTC", now), "08-01 02:30 UTC");
  assert.equal(timeShort("2025-08-01T02:30:00Z", "UTC", now), "2025-08-01 02:30 UTC");
});

test("today is the day of the zone, not of UTC", () => {
  const now = Date.parse("2026-11-28T23:30:00Z");
  assert.equal(timeShort("2026-11-29T01:00:00Z", "Europe/Oslo", now), "02:00 CET");
});

test("a zone that the browser doesn't know is told in UTC", () => {
  assert.equal(timeOfDay("2026-07-15T13:02:11Z", "Nowhere/Atall"), "13:02:11 UTC");
});

test("ages and countdowns", () => {
  const now = Date.parse("2026-11-28T12:00:00Z");
  assert.equal(relativeText("2026-11-28T11:57:00Z", now), "3m ago");
  assert.equal(relativeText("2026-11-28T14:05:00Z", now), "in 2h 05m");
  assert.equal(relativeText("2026-11-28T12:00:00.400Z", now), "now");
  assert.equal(relativeText("2026-11-18T12:00:00Z", now), "10d ago");
  assert.equal(countdownText("2026-11-28T12:04:07Z", now), "in 4m 07s");
  assert.equal(countdownText("2026-11-28T11:59:59Z", now), "due");
});

test("the schedule's zone is shown where there is one", () => {
  assert.equal(zoneName("schedule", "Asia/Tokyo"), "Asia/Tokyo");
  assert.equal(zoneName("schedule", null), zoneName("local"));
  assert.equal(zoneName("utc", "Asia/Tokyo"), "UTC");
});
