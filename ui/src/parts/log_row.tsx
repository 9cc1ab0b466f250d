// One line of a log. Text nodes only: whatever a task printed, it is never markup. Its number and its stamp are drawn by
// the style sheet from attributes, so they are in no selection and in no copied text.

import { Component } from "preact";
import type { Paint } from "../lib/ansi";
import { bytesText } from "../lib/format";
import { logPieces, logShown } from "../lib/log_draw";
import { groupMark, lineWord } from "../lib/log_groups";
import type { LogGap, LogLine } from "../lib/log_lines";

export interface LogRowProps {
  n: number;
  line: LogLine | undefined;
  stamp: string | null; // null: stamps are off
  chosen: boolean;
  current: boolean; // the match that n and N go on from
  hits: readonly [number, number][];
  gap: LogGap | undefined;
  folded: boolean | null; // null: no group begins here
  groupLines: number;
}

const ink = (paint: Paint | null) => (el: HTMLElement | null): void => {
  if (!el || !paint) return;
  if (paint.light) el.style.setProperty("--ink-light", paint.light);
  if (paint.dark) el.style.setProperty("--ink-dark", paint.dark);
  if (paint.ground) el.style.setProperty("--ink-ground", paint.ground);
};

function Text({ line, hits }: { line: LogLine; hits: readonly [number, number][] }) {
  const shown = logShown(line);
  if (shown.text === "") return <br />;
  if (shown.spans.length === 0 && hits.length === 0) return <>{shown.text}</>;
  return (
    <>
      {logPieces(shown, hits).map((p) => {
        const text = p.paint ? <span class={p.paint.className} ref={ink(p.paint)}>{p.text}</span> : p.text;
        return p.hit ? <mark>{text}</mark> : text;
      })}
    </>
  );
}

function Content({ line, hits, folded, groupLines }: LogRowProps & { line: LogLine }) {
  const mark = folded !== null ? groupMark(line.n, line.text) : null;
  if (mark && mark.name !== null) {
    return (
      <button class="log-group" data-fold={line.n} aria-expanded={!folded} type="button">
        {mark.name || "group"}
        {folded && <span class="log-count"> {groupLines.toLocaleString("en-US")} lines</span>}
      </button>
    );
  }
  const word = lineWord(line.text);
  return (
    <span class={word ? `log-text log-${word.kind}` : "log-text"}>
      <Text line={line} hits={hits} />
      {line.cut > 0 && (
        <button class="log-cut" data-long={line.n} type="button">
          show all {bytesText(line.cut + new TextEncoder().encode(line.text).length)}
        </button>
      )}
    </span>
  );
}

export class LogRow extends Component<LogRowProps> {
  override shouldComponentUpdate(next: LogRowProps): boolean {
    const now = this.props;
    const hits = now.hits === next.hits || (now.hits.length === 0 && next.hits.length === 0);
    return !(
      hits && now.n === next.n && now.line === next.line && now.stamp === next.stamp && now.chosen === next.chosen &&
      now.current === next.current && now.gap === next.gap && now.folded === next.folded && now.groupLines === next.groupLines
    );
  }

  override render(props: LogRowProps) {
    const { n, line, stamp, chosen, current, gap } = props;
    const name = `log-row${chosen ? " chosen" : ""}${current ? " current" : ""}${line ? "" : " absent"}`;
    return (
      <div class={name} data-n={n}>
        {gap && <div class="log-gap" data-text={`${bytesText(gap.bytes)} dropped here: the log was over its cap`} />}
        <a class="log-n" href={`#L${n + 1}`} data-line={n} data-text={n + 1} tabIndex={-1} aria-label={`line ${n + 1}`} />
        {stamp !== null && <span class="log-stamp" data-text={stamp} />}
        {line && <Content {...props} line={line} />}
      </div>
    );
  }
}
