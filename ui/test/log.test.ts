import assert from "node:assert/strict";
import { test } from "node:test";
import { Folds, groupMark, groupsOf, lineWord } from "../src/lib/log_groups";
import { BLOCK, BLOCKS, type LogFetch, LogLines } from "../src/lib/log_lines";
import { logChoose, logHash, logRange } from "../src/lib/log_link";
import { LogSearch, plainSpans, shownSpans } from "../src/lib/log_search";
import { stampText, stampsNext } from "../src/lib/log_stamp";
import { ansiShow } from "../src/lib/ansi";

const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 1));

function daemon(state: { total: number; asked: string[] }): LogFetch {
  return async (range, signal) => {
    state.asked.push("tail" in range ? `tail ${range.tail}` : `${range.from}+${range.count}`);
    await settle();
    signal.throwIfAborted();
    const from = "tail" in range ? Math.max(0, state.total - range.tail) : range.from;
    const count = "tail" in range ? range.tail : range.count;
    const end = Math.min(state.total, from + count);
    const lines = Array.from({ length: Math.max(0, end - from) }, (_, i) => ({
      n: from + i, offset: (from + i) * 10, text: `line ${from + i}`, cut: 0, at: null,
    }));
    return { task: "a", attempt: 1, from, lines, total: state.total, size: state.total * 10, ended: false, gaps: [] };
  };
}

test("only what is in sight is fetched, and it is kept", async () => {
  const state = { total: 1_000_000, asked: [] as string[] };
  const log = new LogLines(daemon(state), () => {});
  await log.open("end");
  assert.equal(log.total, 1_000_000);
  assert.equal(log.get(999_999)?.text, "line 999999");
  log.need(700_100, 700_150);
  await settle();
  await settle();
  assert.equal(log.get(700_120)?.text, "line 700120");
  log.need(700_100, 700_150);
  assert.deepEqual(state.asked, ["tail 100", "700000+500"]);
});

test("the lines at hand stay few", async () => {
  const state = { total: 1_000_000, asked: [] as string[] };
  const log = new LogLines(daemon(state), () => {});
  await log.open({ line: 0 });
  for (let i = 0; i < 2 * BLOCKS; i++) {
    log.need(i * BLOCK, i * BLOCK + 10);
    await settle();
    await settle();
  }
  assert.ok(log.held <= BLOCKS, `${log.held}`);
});

test("what flew by isn't waited for", async () => {
  const state = { total: 1_000_000, asked: [] as string[] };
  let changes = 0;
  const log = new LogLines(daemon(state), () => changes++);
  await log.open("end");
  for (let i = 0; i < 20; i++) log.need(i * 5000, i * 5000 + 40);
  await settle();
  await settle();
  assert.ok(log.get(95_000));
  assert.equal(log.get(0), undefined);
  assert.equal(changes, 2);
});

test("what was added is found, and a line that grew", async () => {
  const state = { total: 10, asked: [] as string[] };
  const log = new LogLines(daemon(state), () => {});
  await log.open("end");
  state.total = 152;
  assert.equal(await log.refresh(), 142);
  assert.equal(state.asked[1], "9+2000");
  assert.equal(log.get(151)?.text, "line 151");
});

test("an error is kept and a retry asks again", async () => {
  let broken = true;
  const state = { total: 1000, asked: [] as string[] };
  const good = daemon(state);
  const log = new LogLines((r, s) => (broken ? Promise.reject(new Error("down")) : good(r, s)), () => {});
  await log.open("end");
  assert.match(String(log.error), /down/);
  broken = false;
  await log.open("end");
  assert.equal(log.error, null);
});

test("a link to lines is read and written", () => {
  assert.deepEqual(logRange("#L120-L140"), { first: 119, last: 139 });
  assert.deepEqual(logRange("#L140-L120"), { first: 119, last: 139 });
  assert.deepEqual(logRange("#L7"), { first: 6, last: 6 });
  for (const bad of ["", "#", "#L0", "#L-1", "#Lx", "#L1-", "#L99999999999999999999"]) assert.equal(logRange(bad), null, bad);
  assert.equal(logHash({ first: 119, last: 139 }), "#L120-L140");
  assert.equal(logHash({ first: 6, last: 6 }), "#L7");
  assert.deepEqual(logChoose({ first: 10, last: 10 }, 20, true), { first: 10, last: 20 });
  assert.deepEqual(logChoose({ first: 10, last: 20 }, 5, true), { first: 5, last: 20 });
  assert.deepEqual(logChoose({ first: 10, last: 20 }, 5, false), { first: 5, last: 5 });
});

test("groups are read in both ways of writing", () => {
  assert.deepEqual(groupMark(3, "::group::Install it"), { n: 3, name: "Install it" });
  assert.deepEqual(groupMark(4, "##[endgroup]"), { n: 4, name: null });
  assert.equal(groupMark(5, "echo ::group::"), null);
  assert.deepEqual(lineWord("::error file=a.py,line=3::it broke"), { kind: "error", text: "it broke" });
  assert.deepEqual(lineWord("##[warning]mind"), { kind: "warning", text: "mind" });
  const marks = [{ n: 2, name: "a" }, { n: 5, name: null }, { n: 7, name: "b" }, { n: 9, name: "c" }];
  assert.deepEqual(groupsOf(marks, 20), [
    { first: 2, last: 5, name: "a" }, { first: 7, last: 8, name: "b" }, { first: 9, last: 19, name: "c" },
  ]);
});

test("folded lines leave the list and come back", () => {
  const folds = new Folds();
  folds.setGroups([{ first: 2, last: 5, name: "a" }, { first: 9, last: 19, name: "c" }]);
  assert.equal(folds.count(30), 30);
  folds.toggle(2);
  folds.toggle(9);
  assert.equal(folds.count(30), 17);
  const lines = Array.from({ length: 17 }, (_, row) => folds.line(row));
  assert.deepEqual(lines.slice(0, 8), [0, 1, 2, 6, 7, 8, 9, 20]);
  lines.forEach((line, row) => assert.equal(folds.row(line), row));
  assert.equal(folds.row(4), 2);
  assert.equal(folds.hider(4)?.first, 2);
  assert.equal(folds.hider(2), undefined);
  folds.all(false);
  assert.equal(folds.count(30), 30);
});

function searcher(lines: number[]): LogSearch {
  return new LogSearch(async (after, limit) => {
    const rest = lines.filter((n) => n > (after ?? -1));
    const page = rest.slice(0, limit);
    return {
      total: lines.length, at_least: false, next: rest.length > limit ? page[page.length - 1]! : null,
      matches: page.map((n) => ({ n, offset: 0, text: "x", spans: [[0, 1]] })),
    };
  });
}

test("next and previous walk through all matches and around", async () => {
  const s = searcher([3, 10, 20]);
  await s.begin();
  assert.equal(s.total, 3);
  assert.deepEqual((await s.next(3))!.index, 1);
  assert.deepEqual((await s.next(20))!.index, 0);
  assert.deepEqual((await s.previous(3))!.index, 2);
  assert.deepEqual((await s.previous(15))!.match.n, 10);
  assert.equal(await searcher([]).next(0), null);
});

test("a match far down is found without all before it", async () => {
  const s = searcher(Array.from({ length: 100_000 }, (_, i) => i * 10));
  await s.begin();
  assert.equal(s.total, 100_000);
  const far = await s.next(900_001);
  assert.deepEqual([far!.match.n, far!.index], [900_010, null]);
  assert.equal(s.on(900_010)?.n, 900_010);
  const near = await s.next(1_995);
  assert.deepEqual([near!.match.n, near!.index], [2000, 200]);
});

test("what was found is marked in what is shown", () => {
  assert.deepEqual(plainSpans("Error error", "error", false), [[0, 5], [6, 11]]);
  assert.deepEqual(plainSpans("Error error", "error", true), [[6, 11]]);
  assert.deepEqual(plainSpans("aaaa", "", false), []);
  const line = "\u001b[31mred\u001b[0m alert";
  const match = { n: 0, offset: 0, text: line, spans: [[13, 18]] as [number, number][] };
  assert.equal(line.slice(13, 18), "alert");
  assert.deepEqual(shownSpans(match, line, ansiShow(line).source), [[4, 9]]);
  assert.deepEqual(shownSpans({ ...match, text: "gone" }, line, null), []);
});

test("a stamp is told in the chosen way", () => {
  const at = "2026-11-28T03:04:05.678Z";
  assert.equal(stampText(at, "utc", null), "03:04:05.678Z");
  assert.equal(stampText(at, "relative", "2026-11-28T03:04:00.000Z"), "+5.6s");
  assert.equal(stampText(at, "relative", "2026-11-28T01:02:00.000Z"), "+2h 02m 05s");
  assert.equal(stampText(null, "utc", null), "");
  assert.equal(stampText(at, "off", null), "");
  assert.equal(stampsNext("local"), "off");
});

test("matches in sight beyond the numbered ones are asked for once", async () => {
  let asked = 0;
  const lines = Array.from({ length: 100_000 }, (_, i) => i * 10);
  const s = new LogSearch(async (after, limit) => {
    asked++;
    const page = lines.filter((n) => n > (after ?? -1)).slice(0, limit);
    return { total: lines.length, at_least: false, next: page[page.length - 1] ?? null, matches: page.map((n) => ({ n, offset: 0, text: "x", spans: [] })) };
  });
  await s.begin();
  assert.equal(await s.near(0, 60), false);
  assert.equal(await s.near(500_000, 500_060), true);
  assert.equal(s.on(500_050)?.n, 500_050);
  assert.equal(await s.near(500_020, 500_080), false);
  assert.equal(asked, 2);
});
