import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { type StreamMessage, sourceOpen } from "../src/live/source";

// A clock that moves when told, and a stream whose events the test sends.
let now = 0;
let timers: { at: number; every: number; run: () => void; id: number }[] = [];
let opened: FakeStream[] = [];
let told: StreamMessage[] = [];

class FakeStream {
  readonly url: string;
  readonly listeners = new Map<string, (event: unknown) => void>();
  onerror: (() => void) | null = null;
  closed = false;
  constructor(url: string) {
    this.url = url;
    opened.push(this);
  }
  addEventListener(kind: string, listener: (event: unknown) => void): void {
    this.listeners.set(kind, listener);
  }
  close(): void {
    this.closed = true;
  }
  say(kind: string, data: unknown, lastEventId = ""): void {
    this.listeners.get(kind)!({ data: JSON.stringify(data), lastEventId });
  }
}

function pass(ms: number): void {
  const end = now + ms;
  for (;;) {
    const due = timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
    if (!due) break;
    now = due.at;
    if (due.every) due.at += due.every;
    else timers = timers.filter((t) => t !== due);
    due.run();
  }
  now = end;
}

beforeEach(() => {
  now = 1000;
  timers = [];
  opened = [];
  told = [];
  let id = 0;
  const put = (run: () => void, ms: number, every: number): number => (timers.push({ at: now + ms, every, run, id: ++id }), id);
  const drop = (gone: number): void => void (timers = timers.filter((t) => t.id !== gone));
  Object.assign(globalThis, {
    EventSource: FakeStream,
    setTimeout: (run: () => void, ms: number) => put(run, ms, 0),
    setInterval: (run: () => void, ms: number) => put(run, ms, ms),
    clearTimeout: drop,
    clearInterval: drop,
  });
  Date.now = () => now;
});

const kinds = (): string[] => told.map((m) => m.kind);

test("after a loss it goes on where it ended", () => {
  sourceOpen((m) => told.push(m));
  opened[0]!.say("hello", { now: "x" });
  opened[0]!.say("change", { runs: [] }, "41");
  opened[0]!.onerror!();
  assert.deepEqual(kinds(), ["hello", "change", "lost"]);
  pass(300);
  assert.equal(opened[1]!.url, "/api/v1/stream?last_event_id=41");
  assert.ok(opened[0]!.closed);
});

test("it tries again ever more slowly, but never later than after 2 s", () => {
  sourceOpen((m) => told.push(m));
  const at: number[] = [];
  for (let n = 0; n < 8; n++) {
    opened[opened.length - 1]!.onerror!();
    const begin = now;
    const had = opened.length;
    while (opened.length === had) pass(50);
    at.push(now - begin);
  }
  assert.deepEqual(at, [200, 500, 1000, 2000, 2000, 2000, 2000, 2000]);
});

test("the loss is dated by its first error until something is heard", () => {
  sourceOpen((m) => told.push(m));
  opened[0]!.onerror!();
  pass(300);
  opened[1]!.onerror!();
  const lost = told.filter((m) => m.kind === "lost") as { since: number }[];
  assert.deepEqual(lost.map((m) => m.since), [1000, 1000]);
});

test("silence counts as a loss", () => {
  sourceOpen((m) => told.push(m));
  opened[0]!.say("beat", { now: "x" });
  pass(11_000);
  assert.deepEqual(kinds(), ["beat"]);
  pass(3_000);
  assert.ok(kinds().includes("lost"));
});

test("beats keep it alive, and a closed one stays closed", () => {
  const source = sourceOpen((m) => told.push(m));
  for (let n = 0; n < 10; n++) {
    pass(5_000);
    opened[0]!.say("beat", { now: "x" });
  }
  assert.ok(!kinds().includes("lost"));
  source.close();
  pass(60_000);
  assert.equal(opened.length, 1);
});
