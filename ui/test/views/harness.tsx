// The heavy views by themselves, with more data than any pipeline should have: `?view=log&lines=1000000`. For looking at
// while working on them, and what the test of their budgets measures. Not part of what is shipped.

import { type JSX, render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "../../style/main.css";
import type { GridData } from "../../src/lib/grid";
import { type GanttTask, ganttOf } from "../../src/lib/gantt";
import { keysStart } from "../../src/lib/keys";
import type { LogLine } from "../../src/lib/log_lines";
import type { LogSource } from "../../src/lib/log_reader";
import type { Stamps } from "../../src/lib/log_stamp";
import { ChangeTable } from "../../src/parts/change_table";
import { GanttView } from "../../src/parts/gantt_view";
import { type GraphNode, GraphView } from "../../src/parts/graph_view";
import { GridView } from "../../src/parts/grid_view";
import { HourStrip } from "../../src/parts/hour_strip";
import { LogView } from "../../src/parts/log_view";
import { RunCells } from "../../src/parts/run_cells";
import { TrendChart } from "../../src/parts/trend_chart";

const query = new URLSearchParams(location.search);
const number = (key: string, otherwise: number): number => Number(query.get(key) ?? otherwise);

function random(seed: number): () => number {
  let s = seed;
  return () => (s = (s * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
}

const START = Date.UTC(2026, 10, 28, 2, 0);
const HOSTILE = [
  "<script>window.owned = 1</script><img src=x onerror='window.owned=1'>",
  "\u001b]8;;javascript:window.owned=1\u0007a hyperlink\u001b]8;;\u0007 and \u001b]0;title\u0007 no title",
  "\u001b[31mred \u001b[1mbold \u001b[0;33myellow \u001b[4;34munderlined blue\u001b[0m \u001b[7minverse\u001b[0m \u001b[41;97m on red \u001b[0m \u001b[2mdim\u001b[0m",
  "\u001b[38;5;208m256 orange\u001b[0m \u001b[38;2;120;200;80mtrue colour\u001b[0m \u001b[48;5;25m on 25 \u001b[0m \u001b[90mgrey \u001b[37mwhite \u001b[30mblack",
  "epoch 3:  10%|#         |\repoch 3:  50%|#####     |\repoch 3: 100%|##########| 12.1 it/s",
  "null \u0000, bell \u0007, right-to-left \u202e overridden, broken \ufffd\ufffd bytes",
  Array.from({ length: 3000 }, (_, i) => `\u001b[38;5;${i % 256}m${"abc"[i % 3]}`).join("").slice(0, 8192),
  "::error file=train.py,line=12::CUDA out of memory. Tried to allocate 2.00 GiB",
  "::warning::the cache is cold",
  "",
  "\ttab\ttab  العربية  日本語  😀",
];

function lineText(n: number): string {
  if (n < HOSTILE.length) return HOSTILE[n]!;
  if (n % 4000 === 100) return `::group::Install dependencies ${n}`;
  if (n % 4000 === 160) return "::endgroup::";
  if (n % 997 === 0) return `ERROR step ${n}: loss is NaN`;
  return `2026-11-28 step ${n} loss=${(1000 / (n + 1)).toFixed(6)} lr=0.0003 throughput=${(n * 7919) % 1000} samples/s`;
}

function logSourceFake(): LogSource {
  const state = { total: number("lines", 1_000_000), ended: query.get("live") === null };
  Object.assign(window, { grow: (n: number) => (state.total += n) });
  const line = (n: number): LogLine => {
    const text = lineText(n);
    const cut = n === 12 ? 5_000_000 : 0;
    return { n, offset: n * 60, text: cut ? "x".repeat(8192) : text, cut, at: n % 10 === 0 ? new Date(START + n * 137).toISOString() : null };
  };
  const find = (want: (text: string) => boolean) => (after: number | null, limit: number) => {
    const matches = [];
    let total = 0;
    let next: number | null = null;
    for (let n = 0; n < state.total; n++) {
      if (!want(lineText(n))) continue;
      total++;
      if (n <= (after ?? -1)) continue;
      if (matches.length < limit) matches.push({ n, offset: 0, text: lineText(n), spans: [] as [number, number][] });
      else next ??= matches[matches.length - 1]!.n;
    }
    return { total, at_least: false, matches, next };
  };
  return {
    lines: async (range) => {
      const from = "tail" in range ? Math.max(0, state.total - range.tail) : range.from;
      const end = Math.min(state.total, from + ("tail" in range ? range.tail : range.count));
      const lines = Array.from({ length: Math.max(0, end - from) }, (_, i) => line(from + i));
      const gaps = state.total > 50 ? [{ offset: 1, bytes: 12_345_678, line: 40 }] : [];
      return { task: "train", attempt: 1, from, lines, total: state.total, size: state.total * 60, ended: state.ended, gaps };
    },
    search: async (q, after, limit) => {
      if (q === "errors") return find((t) => t.startsWith("ERROR"))(after, limit);
      if (q.regex && q.q.startsWith("^\\s*(::")) return find((t) => t.startsWith("::group::") || t.startsWith("::endgroup::"))(after, limit);
      if (q.regex) throw new Error("At column 3 of the expression: missing closing parenthesis.");
      return find((t) => t.includes(q.q))(after, limit);
    },
    bytes: async (_offset, limit) => "abcdefgh ".repeat(limit / 9 + 1).slice(0, limit),
    download: "/download",
  };
}

function Log() {
  const [hash, setHash] = useState(location.hash);
  const [wrap, setWrap] = useState(query.get("wrap") !== null);
  const [stamps, setStamps] = useState<Stamps>((query.get("stamps") as Stamps | null) ?? "off");
  const [source] = useState(logSourceFake);
  useEffect(() => {
    const on = (): void => setHash(location.hash);
    addEventListener("hashchange", on);
    return () => removeEventListener("hashchange", on);
  }, []);
  return (
    <div style={{ height: "calc(100vh - 32px)" }}>
      <LogView
        source={source} hash={hash} label="log of train" started={new Date(START).toISOString()} wrap={wrap} stamps={stamps}
        onChoose={(h) => { history.replaceState(null, "", h); setHash(h); }} onWrap={setWrap} onStamps={setStamps} onReady={ready}
      />
    </div>
  );
}

// Said when the first frame with the view has been painted.
function ready(): void {
  if (document.documentElement.dataset["ready"]) return;
  requestAnimationFrame(() => setTimeout(() => (document.documentElement.dataset["ready"] = "1"), 5));
}

function gridData(count: number, runs: number): GridData {
  const next = random(3);
  const tasks = Array.from({ length: count }, (_, i) => {
    const matrix = i % 40 >= 20 && i % 40 < 32;
    const name = matrix ? `train_${Math.floor(i / 40)}` : `step_${i}_of_the_nightly_forecast`;
    return { name, label: matrix ? `${name}[${(i % 40) - 20}]` : name, depth: 0 };
  });
  const letters = "sssssssssssssssssssssssssssskcSSf";
  return {
    pipeline: "nightly/forecast", tasks, next: null,
    runs: Array.from({ length: runs }, (_, r) => {
      const live = r === 0;
      const failed = r % 6 === 3;
      let cells = "";
      for (let i = 0; i < count; i++) {
        if (live) cells += i < count / 3 ? "s" : i < count / 3 + 3 ? "r" : "w";
        else if (failed) cells += i < count / 2 ? "s" : i < count / 2 + 2 ? "fol"[r % 3]! : "b";
        else cells += letters[Math.floor(next() * letters.length)]!;
      }
      return {
        id: `01run${412 - r}`, number: 412 - r, state: live ? "running" : failed ? "failed" : "succeeded", trigger: "schedule",
        scheduled_for: null, created_at: new Date(START).toISOString(), started_at: new Date(START).toISOString(),
        ended_at: live ? null : new Date(START).toISOString(), duration_ms: live ? null : Math.round(3_000_000 + next() * 900_000), version: "abc", cells,
      };
    }),
  };
}

function Grid() {
  const [data] = useState(() => gridData(number("tasks", 1000), number("runs", 25)));
  return <GridView data={data} now={START + 1_200_000} onOpen={(h) => (document.title = h)} older="/older" newer={null} onReady={ready} />;
}

function ganttTasks(count: number): GanttTask[] {
  const next = random(9);
  const ends: number[] = [];
  return Array.from({ length: count }, (_, i): GanttTask => {
    const need = i === 0 ? -1 : Math.max(0, i - 1 - Math.floor(next() * 6));
    const from = (need === -1 ? START : ends[need]!) + next() * 40_000;
    const live = i > count * 0.9;
    const to = from + 10_000 + next() * 240_000;
    ends.push(to);
    const at = (t: number): string => new Date(t).toISOString();
    const state = live ? "running" : i % 13 === 5 ? "failed" : "succeeded";
    const attempt = (n: number, a: number, b: number, s: string) => ({ attempt: n, state: s, created_at: at(a), started_at: at(a), ended_at: s === "running" ? null : at(b) });
    const middle = from + (to - from) / 2;
    return {
      name: `t${i}`, label: i % 5 === 0 ? `train[lr=0.${i}]` : `step_${i}`, state, needs: need === -1 ? [] : [`t${need}`],
      attempts: i % 7 === 3 && !live ? [attempt(1, from, middle - 20_000, "failed"), attempt(2, middle, to, state)] : [attempt(1, from, to, state)],
    };
  });
}

function Gantt() {
  const [tasks] = useState(() => ganttTasks(number("tasks", 60)));
  const now = START + number("minutes", 45) * 60_000;
  useEffect(ready, []);
  return <GanttView run="01run" gantt={ganttOf(tasks, new Date(START).toISOString(), null, now)} zone="Europe/Berlin" now={now} live />;
}

function graphNodes(count: number): GraphNode[] {
  const next = random(7);
  const states = ["succeeded", "succeeded", "succeeded", "running", "failed", "waiting", "upstream_failed", "skipped"];
  return Array.from({ length: count }, (_, i) => ({
    task: i % 9 === 4 ? `train_model_${i}` : `step_${i}`, matrix: i % 9 === 4, instances: i % 9 === 4 ? 12 : 1, doc: null, host: i % 3 ? null : "gpu01",
    finally: i === count - 1, usual_ms: 60_000 + i * 1000,
    states: i % 9 === 4 ? { succeeded: 9, failed: 2, running: 1 } : { [states[Math.floor(next() * states.length)]!]: 1 },
    needs: i === 0 || i === count - 1 ? [] : [...new Set(Array.from({ length: 1 + Math.floor(next() * 2) }, () => Math.max(0, i - 1 - Math.floor(next() * Math.min(60, 8 + count / 20)))))].map((n) => (n % 9 === 4 ? `train_model_${n}` : `step_${n}`)),
  }));
}

function Graph() {
  const [nodes] = useState(() => graphNodes(number("tasks", 40)));
  const [chosen, choose] = useState<string | null>(null);
  const [table, setTable] = useState(false);
  useEffect(ready, []);
  return <GraphView nodes={nodes} href={(t) => `/r/01/t/${t}`} onOpen={(h) => (document.title = h)} chosen={chosen} onChoose={choose} table={table} onTable={setTable} />;
}

function Charts() {
  const runs = gridData(10, 60).runs;
  const next = random(5);
  const hours = Array.from({ length: 24 }, (_, i) => ({
    hour: new Date(START - (24 - i) * 3_600_000).toISOString(), succeeded: Math.floor(next() * 40), failed: i % 5 === 2 ? 1 : i === 20 ? 14 : 0, cancelled: i % 9 === 0 ? 2 : 0,
  }));
  useEffect(ready, []);
  return (
    <div style={{ display: "grid", gap: "24px" }}>
      <HourStrip hours={hours} zone="Europe/Berlin" href={(h) => `/runs?q=${h}`} />
      <p>nightly/forecast <RunCells runs={runs.slice(0, 20).map((r) => ({ ...r, tasks_done: 4, tasks_total: 10 }))} usual={3_400_000} now={START + 1_200_000} /></p>
      <TrendChart runs={runs} median={3_400_000} />
      <ChangeTable a="nightly#411" b="nightly#412" values={[{ name: "lr", a: 0.1, b: 0.3 }, { name: "model", a: { layers: [1, 2], act: "relu" }, b: { layers: [1, 3], act: "relu", drop: 0.1 } }, { name: "gone", a: "x", b: undefined }]} />
    </div>
  );
}

const views: Record<string, () => JSX.Element> = { log: Log, grid: Grid, gantt: Gantt, graph: Graph, charts: Charts };
const View = views[query.get("view") ?? "log"]!;
keysStart();
render(<main style={{ padding: "16px", minWidth: 0 }}><h1 class="unseen">views</h1><View /></main>, document.body);
