// The log of one attempt: a bar, and a list that has only the rows in sight in the page, whatever the log's length.

import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { bytesText } from "../lib/format";
import type { Key } from "../lib/keys";
import { logShown } from "../lib/log_draw";
import { type LogLine } from "../lib/log_lines";
import { logHash, logRange } from "../lib/log_link";
import { type LogQuery, LogReader, type LogSource } from "../lib/log_reader";
import { plainSpans, shownSpans } from "../lib/log_search";
import { type Stamps, stampText, stampsNext } from "../lib/log_stamp";
import { LogBar } from "./log_bar";
import { LogLong } from "./log_long";
import { LogRow } from "./log_row";
import { useKeys } from "./use_keys";

export interface LogViewProps {
  source: LogSource;
  /** `#L120-L140`, or what stands there instead. */
  hash: string;
  /** Lines were chosen: their address is to be shown, without a new page. */
  onChoose: (hash: string) => void;
  /** What it is the log of, for those who hear it. */
  label: string;
  started: string | null;
  wrap: boolean;
  stamps: Stamps;
  /** What is sought at the start, and told of when it changes. */
  query?: LogQuery;
  onQuery?: (query: LogQuery) => void;
  onWrap: (on: boolean) => void;
  onStamps: (kind: Stamps) => void;
  /** Its first lines are drawn. */
  onReady?: () => void;
  /** Where the reader was when they left (the first line in sight), and told of when scrolling rests; null: the end. */
  top?: number | null;
  onRest?: (top: number | null) => void;
  /** Keys are the view's own only while this is on. */
  keys?: boolean;
}

const MORE = 24; // rows beyond what is in sight
const CLUSTER = 16;
const POLL = 1000;
const REST = 140;

const NONE: readonly [number, number][] = [];
const spansKept = new WeakMap<LogLine, { of: unknown; key: string; spans: readonly [number, number][] }>();

/** What of a line is marked as found. */
function hitsOf(reader: LogReader, line: LogLine | undefined): readonly [number, number][] {
  const { search, query } = reader;
  if (!search || !line || query.q === "") return NONE;
  const match = search.on(line.n);
  const kept = spansKept.get(line);
  const key = match ? "match" : "plain";
  if (kept && kept.of === search && kept.key === key) return kept.spans;
  const shown = logShown(line);
  let spans: readonly [number, number][] = match ? shownSpans(match, line.text, shown.source) : NONE;
  if (!query.regex) spans = plainSpans(shown.text, query.q, query.exact);
  spansKept.set(line, { of: search, key, spans });
  return spans;
}

function useReader(props: LogViewProps, draw: () => void): LogReader {
  const reader = useMemo(() => {
    const made = new LogReader(props.source, draw);
    if (props.query) made.query = props.query;
    return made;
  }, [props.source]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let over = false;
    const turn = async (): Promise<void> => {
      if (!document.hidden && !reader.lines.fresh) await reader.poll();
      if (!over && !reader.lines.ended) timer = setTimeout(() => void turn(), POLL);
    };
    void reader.open(logRange(props.hash), props.top ?? null).then(() => {
      const still = logRange(props.hash) !== null || (props.top ?? null) !== null;
      if (reader.query.q !== "") void reader.find(reader.query, still);
      if (!over) timer = setTimeout(() => void turn(), POLL);
    });
    return () => {
      over = true;
      clearTimeout(timer);
      reader.close();
    };
  }, [reader]);
  return reader;
}

interface Switches {
  wrap: () => void;
  stamps: () => void;
  error: () => void;
  search: () => void;
}

function logKeys(reader: LogReader, { wrap, stamps, error, search }: Switches): Key[] {
  const end = (): void => {
    reader.setFollow(!reader.lines.ended);
    reader.toEnd();
  };
  return [
    { keys: "/", text: "search the log", run: search },
    { keys: "n", text: "next match", run: () => void reader.next() },
    { keys: "N", text: "previous match", run: () => void reader.previous() },
    { keys: "e", text: "next line that tells of an error", run: error },
    { keys: "f", text: "follow the log's end", run: () => reader.setFollow(!reader.follow) },
    { keys: "w", text: "break long lines", run: wrap },
    { keys: "t", text: "time stamps: off, since the start, UTC, local", run: stamps },
    { keys: "j", text: "a line down", run: () => reader.by(1) },
    { keys: "k", text: "a line up", run: () => reader.by(-1) },
    { keys: "g g", text: "the log's start", run: () => reader.toStart() },
    { keys: "G", text: "the log's end", run: end },
  ];
}

function Rows({ reader, stamps, started, first, last }: { reader: LogReader; stamps: Stamps; started: string | null; first: number; last: number }) {
  const rows = [];
  for (let row = first; row < last; row++) {
    const n = reader.line(row);
    const line = reader.lines.get(n);
    const group = reader.folds.group(n);
    rows.push(
      <LogRow
        key={n} n={n} line={line}
        stamp={stamps === "off" ? null : stampText(line?.at ?? null, stamps, started)}
        chosen={reader.chosen !== null && n >= reader.chosen.first && n <= reader.chosen.last}
        current={reader.hit?.line === n} hits={hitsOf(reader, line)}
        gap={reader.lines.gaps.find((g) => g.line === n)}
        folded={group ? reader.folds.isFolded(group.first) : null} groupLines={group ? group.last - group.first : 0}
      />,
    );
  }
  return <>{rows}</>;
}

function Foot({ reader }: { reader: LogReader }) {
  const { lines, unseen, follow, notice } = reader;
  return (
    <div class="log-foot">
      {!lines.ended && !follow && unseen > 0 && (
        <button type="button" class="log-new" data-testid="log-new" onClick={() => reader.setFollow(true)}>
          {unseen.toLocaleString("en-US")} new {unseen === 1 ? "line" : "lines"} ↓
        </button>
      )}
      {notice && <span class="log-notice" role="status">{notice}</span>}
      {lines.error !== null && (
        <span class="log-notice" role="alert">
          The daemon didn't answer: {lines.error instanceof Error ? lines.error.message : String(lines.error)}{" "}
          <button type="button" onClick={() => lines.retry()}>Try again</button>
        </span>
      )}
      {!lines.fresh && (
        <span class="log-size">
          {lines.total.toLocaleString("en-US")} {lines.total === 1 ? "line" : "lines"}, {bytesText(lines.size)}
          {lines.ended ? "" : ", growing"}
        </span>
      )}
    </div>
  );
}

/** Rounded to clusters, so that a small move draws nothing anew. */
function cluster(reader: LogReader): { first: number; last: number } {
  const { first, last } = reader.scroll.sight(MORE);
  return {
    first: Math.floor(first / CLUSTER) * CLUSTER,
    last: Math.min(reader.folds.count(reader.lines.total), Math.ceil(last / CLUSTER) * CLUSTER),
  };
}

export function LogView(props: LogViewProps) {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const [long, setLong] = useState<{ line: LogLine; size: number } | null>(null);
  const reader = useReader(props, () => draw(undefined));
  const list = useRef<HTMLDivElement>(null);
  const block = useRef<HTMLDivElement>(null);
  const all = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const widest = useRef(0);
  const drawn = useRef({ first: -1, last: -1, place: 0 });
  const rest = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const { first, last } = cluster(reader);

  const wrapNow = (): void => props.onWrap(!props.wrap);
  const stampsNow = (): void => props.onStamps(stampsNext(props.stamps));
  const errorNow = (): void => void reader.nextError().then((range) => range && props.onChoose(logHash(range)));

  useLayoutEffect(() => {
    const el = list.current!;
    const sized = new ResizeObserver(() => {
      reader.resize(el.clientHeight);
      if (props.wrap) reader.rewrap();
      draw(undefined);
    });
    sized.observe(el);
    reader.resize(el.clientHeight);
    return () => sized.disconnect();
  }, [reader, props.wrap]);

  useLayoutEffect(() => reader.rewrap(), [props.wrap]);

  useLayoutEffect(() => () => clearTimeout(rest.current), []); // a log that is gone comes to no rest

  useLayoutEffect(() => {
    reader.seen(first, last);
    const { scroll } = reader;
    let changed = false;
    for (const el of block.current!.children as HTMLCollectionOf<HTMLElement>) {
      if (!props.wrap && !el.querySelector(":scope > .log-gap")) continue;
      changed = scroll.measured(reader.folds.row(Number(el.dataset["n"])), el.offsetHeight) || changed;
    }
    if (changed && reader.follow) reader.toEnd();
    if (!props.wrap) widest.current = Math.max(widest.current, block.current!.scrollWidth);
    all.current!.style.height = `${scroll.drawn}px`;
    all.current!.style.minWidth = props.wrap ? "0" : `${widest.current}px`;
    if (reader.bar !== null) {
      list.current!.scrollTop = reader.bar;
      scroll.bar = list.current!.scrollTop;
      reader.bar = null;
    }
    const place = scroll.place(first);
    block.current!.style.top = `${place}px`;
    drawn.current = { first, last, place };
    if (changed) draw(undefined);
    if (!reader.lines.fresh) props.onReady?.();
  });

  useEffect(() => {
    const range = logRange(props.hash);
    const now = reader.chosen;
    if (range && !reader.lines.fresh && (range.first !== now?.first || range.last !== now.last)) reader.go(range);
  }, [props.hash]);

  const search = (): void => {
    input.current?.focus();
    input.current?.select();
  };
  useKeys(props.keys === false ? [] : logKeys(reader, { wrap: wrapNow, stamps: stampsNow, error: errorNow, search }), [reader]);

  const onScroll = (): void => {
    const before = { unseen: reader.unseen, follow: reader.follow };
    reader.scrolled(list.current!.scrollTop);
    const now = cluster(reader);
    const moved = now.first !== drawn.current.first || now.last !== drawn.current.last;
    if (moved || reader.scroll.place(now.first) !== drawn.current.place) draw(undefined);
    else if (before.unseen !== reader.unseen || before.follow !== reader.follow) draw(undefined);
    clearTimeout(rest.current);
    rest.current = setTimeout(() => {
      // It was moved meanwhile, and the event of that comes yet: it isn't at rest.
      if (Math.abs(list.current!.scrollTop - reader.scroll.bar) >= 1) return;
      const bar = reader.scroll.settle();
      props.onRest?.(reader.top);
      if (Math.abs(bar - list.current!.scrollTop) >= 1) {
        reader.bar = bar;
        draw(undefined);
      }
    }, REST);
  };

  const onClick = (e: MouseEvent): void => {
    const el = e.target instanceof Element ? e.target.closest<HTMLElement>("[data-line], [data-fold], [data-long]") : null;
    if (!el || e.ctrlKey || e.metaKey) return;
    e.preventDefault();
    const { line, fold, long: cut } = el.dataset;
    if (line !== undefined) props.onChoose(logHash(reader.choose(Number(line), e.shiftKey)));
    else if (fold !== undefined) reader.fold(Number(fold));
    else {
      const whole = reader.lines.get(Number(cut));
      if (whole) setLong({ line: whole, size: whole.cut + new TextEncoder().encode(whole.text).length });
    }
  };

  const digits = (el: HTMLElement | null): void => el?.style.setProperty("--digits", String(Math.max(4, String(reader.lines.total).length)));
  const empty = !reader.lines.fresh && reader.lines.total === 0;
  return (
    <section class={`log${props.wrap ? " wrap" : ""}${props.stamps === "off" ? "" : " stamped"}`} ref={digits} data-testid="log">
      <LogBar
        reader={reader} input={input} wrap={props.wrap} stamps={props.stamps} download={props.source.download}
        onFind={(query) => { void reader.find(query); props.onQuery?.(query); }} onWrap={wrapNow} onStamps={props.onStamps} onError={errorNow}
      />
      <div class="log-list" ref={list} tabIndex={0} role="region" aria-label={props.label} onScroll={onScroll} onClick={onClick} data-testid="log-list">
        <div class="log-all" ref={all}>
          <div class="log-block" ref={block}>
            <Rows reader={reader} stamps={props.stamps} started={props.started} first={first} last={last} />
          </div>
        </div>
        {reader.lines.fresh && reader.lines.error === null && <p class="log-empty">Reading the log…</p>}
        {empty && <p class="log-empty">{reader.lines.ended ? "It printed nothing." : "Nothing was printed so far; new lines appear here."}</p>}
      </div>
      <Foot reader={reader} />
      {long && <LogLong line={long.line} size={long.size} source={props.source} onClose={() => setLong(null)} />}
    </section>
  );
}

