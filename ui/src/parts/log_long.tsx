// One line that is too long for the list, by itself: fetched piece by piece and broken into rows of a fixed width, so
// that a line of many megabytes is read like any other text.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ansiShow } from "../lib/ansi";
import { bytesText } from "../lib/format";
import type { LogLine } from "../lib/log_lines";
import type { LogSource } from "../lib/log_reader";

const PIECE = 256 * 1024;
const MOST = 16 * 1024 * 1024;
const COLUMNS = 160;
const ROW = 18;

interface Props {
  line: LogLine;
  size: number; // of the line in bytes
  source: LogSource;
  onClose: () => void;
}

/** Splits at COLUMNS, not within a surrogate pair. */
export function longRows(text: string, rows: string[]): void {
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + COLUMNS);
    const unit = text.charCodeAt(end - 1);
    if (unit >= 0xd800 && unit < 0xdc00 && end < text.length) end--;
    rows.push(text.slice(at, end));
    at = end;
  }
}

function useText({ line, size, source }: Props): { rows: string[]; got: number; error: string | null } {
  const [state, set] = useState({ rows: [] as string[], got: 0, error: null as string | null });
  useEffect(() => {
    const stop = new AbortController();
    void (async () => {
      const rows: string[] = [];
      const end = Math.min(size, MOST);
      try {
        for (let got = 0; got < end; ) {
          const limit = Math.min(PIECE, end - got);
          const text = await source.bytes(line.offset + got, limit, stop.signal);
          got += limit;
          longRows(ansiShow(text.replace(/\n$/, "")).text, rows);
          set({ rows, got, error: null });
          await new Promise((next) => setTimeout(next));
        }
      } catch (error) {
        if (!stop.signal.aborted) set((s) => ({ ...s, error: error instanceof Error ? error.message : String(error) }));
      }
    })();
    return () => stop.abort();
  }, [line, size, source]);
  return state;
}

export function LogLong(props: Props) {
  const { line, size, onClose } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const { rows, got, error } = useText(props);
  useLayoutEffect(() => {
    dialog.current?.showModal();
    list.current?.focus();
  }, []);
  const view = list.current?.clientHeight ?? 600;
  const first = Math.max(0, Math.floor(top / ROW) - 10);
  const shown = rows.slice(first, Math.ceil((top + view) / ROW) + 10);
  return (
    <dialog class="log-long" ref={dialog} onClose={onClose} aria-label={`line ${line.n + 1}, whole`}>
      <header>
        <b>Line {(line.n + 1).toLocaleString("en-US")}</b>
        <span>
          {bytesText(size)}
          {got < Math.min(size, MOST) && !error && `, ${bytesText(got)} read`}
          {size > MOST && `; the first ${bytesText(MOST)} are shown, the download has the rest`}
        </span>
        <button type="button" onClick={() => dialog.current?.close()}>Close</button>
      </header>
      {error && <p role="alert">The line couldn't be read: {error}</p>}
      <div class="log-long-list" tabIndex={0} role="region" aria-label="the line's text" ref={list} onScroll={() => setTop(list.current!.scrollTop)}>
        <div class="log-long-all" style={{ height: `${rows.length * ROW}px` }}>
          <pre style={{ top: `${first * ROW}px` }}>{shown.join("\n")}</pre>
        </div>
      </div>
    </dialog>
  );
}
