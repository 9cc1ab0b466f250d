// The bar above a log: search with its count, and the switches. Each has its key, which its title tells.

import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { LogQuery, LogReader } from "../lib/log_reader";
import { STAMPS, type Stamps } from "../lib/log_stamp";

export interface LogBarProps {
  reader: LogReader;
  input: RefObject<HTMLInputElement | null>;
  wrap: boolean;
  stamps: Stamps;
  onFind: (query: LogQuery) => void;
  onWrap: () => void;
  onStamps: (kind: Stamps) => void;
  onError: () => void;
  download: string;
}

const WAIT = 250;
const STAMP_WORDS: Record<Stamps, string> = { off: "no stamps", relative: "since start", utc: "UTC", local: "local" };

export function countText(reader: LogReader): string {
  const { search, hit, searching } = reader;
  if (!search || reader.query.q === "") return "";
  if (searching && search.total === 0) return "searching";
  const total = `${search.atLeast ? "at least " : ""}${search.total.toLocaleString("en-US")}`;
  if (search.total === 0) return "no match";
  if (!hit) return total;
  return hit.index === null ? `line ${(hit.line + 1).toLocaleString("en-US")}, of ${total}` : `${(hit.index + 1).toLocaleString("en-US")} of ${total}`;
}

function Search({ reader, input, onFind }: Pick<LogBarProps, "reader" | "input" | "onFind">) {
  const [query, set] = useState<LogQuery>(reader.query);
  useEffect(() => {
    if (query === reader.query) return undefined;
    const timer = setTimeout(() => onFind(query), WAIT);
    return () => clearTimeout(timer);
  }, [query]);
  const keyed = (e: KeyboardEvent): void => {
    if (e.key === "Enter") {
      e.preventDefault();
      if (query !== reader.query) onFind(query);
      else void (e.shiftKey ? reader.previous() : reader.next());
    } else if (e.key === "Escape") {
      set({ ...query, q: "" });
      input.current?.blur();
    }
  };
  const flag = (key: "regex" | "exact", text: string, title: string) => (
    <button type="button" class="log-flag" aria-pressed={query[key]} title={title} aria-label={title} onClick={() => set({ ...query, [key]: !query[key] })}>
      {text}
    </button>
  );
  return (
    <div class="log-search" role="search">
      <input
        ref={input} type="search" placeholder="Search the log" aria-label="Search the log" title="/" value={query.q} maxLength={1000}
        spellcheck={false} autocomplete="off" data-testid="log-search" aria-invalid={reader.notice !== null && reader.query.regex}
        onInput={(e) => set({ ...query, q: e.currentTarget.value })} onKeyDown={keyed}
      />
      {flag("regex", ".*", "regular expression")}
      {flag("exact", "Aa", "upper and lower case matter")}
      <output class="log-hits" aria-live="polite" data-testid="log-hits">{countText(reader)}</output>
      {reader.search && (
        <>
          <button type="button" title="previous match (N)" aria-label="previous match" onClick={() => void reader.previous()}>↑</button>
          <button type="button" title="next match (n)" aria-label="next match" onClick={() => void reader.next()}>↓</button>
        </>
      )}
    </div>
  );
}

export function LogBar(props: LogBarProps) {
  const { reader, wrap, stamps, onWrap, onStamps, onError, download } = props;
  const anyFolded = reader.groups.some((g) => reader.folds.isFolded(g.first));
  return (
    <div class="log-bar">
      <Search reader={reader} input={props.input} onFind={props.onFind} />
      <div class="log-switches">
        <button type="button" title="next line that tells of an error (e)" onClick={onError}>Next error</button>
        {reader.groups.length > 0 && (
          <button type="button" onClick={() => reader.foldAll(!anyFolded)}>{anyFolded ? "Unfold all" : "Fold all"}</button>
        )}
        {!reader.lines.ended && (
          <button type="button" aria-pressed={reader.follow} title="stay at the end (f)" data-testid="log-follow" onClick={() => reader.setFollow(!reader.follow)}>Follow</button>
        )}
        <button type="button" aria-pressed={wrap} title="break long lines (w)" data-testid="log-wrap" onClick={onWrap}>Wrap</button>
        <select aria-label="time stamps" title="time stamps (t)" value={stamps} data-testid="log-stamps" onChange={(e) => onStamps(e.currentTarget.value as Stamps)}>
          {STAMPS.map((kind) => <option value={kind}>{STAMP_WORDS[kind]}</option>)}
        </select>
        <a class="button" href={download} download data-native title="all that is kept of it">Download</a>
      </div>
    </div>
  );
}
