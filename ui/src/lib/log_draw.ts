// The pieces of text that one line is drawn with: where its colours and the matches of the search begin and end. At
// most PIECES of them: a line that changes its colour at each letter is drawn plain from there on, so that no log can
// make a page of a hundred thousand elements.

import { type Paint, type Shown, ansiPaint, ansiShow } from "./ansi";
import type { LogLine } from "./log_lines";

export interface Piece {
  text: string;
  paint: Paint | null;
  hit: boolean;
}

export const PIECES = 256;

const kept = new WeakMap<LogLine, Shown>();

export function logShown(line: LogLine): Shown {
  let shown = kept.get(line);
  if (!shown) kept.set(line, (shown = ansiShow(line.text)));
  return shown;
}

/** `hits` in order, without overlap. `text` and `spans` as of ansiShow. */
export function logPieces({ text, spans }: Pick<Shown, "text" | "spans">, hits: readonly [number, number][]): Piece[] {
  const pieces: Piece[] = [];
  let s = 0;
  let h = 0;
  for (let at = 0; at < text.length; ) {
    while (s < spans.length && spans[s]!.end <= at) s++;
    while (h < hits.length && hits[h]![1] <= at) h++;
    const span = spans[s];
    const hit = hits[h];
    const inSpan = span !== undefined && span.start <= at;
    const inHit = hit !== undefined && hit[0] <= at;
    let end = text.length;
    if (pieces.length < PIECES - 1) {
      if (span) end = Math.min(end, inSpan ? span.end : span.start);
      if (hit) end = Math.min(end, inHit ? hit[1] : hit[0]);
    }
    const plain = pieces.length >= PIECES - 1;
    pieces.push({ text: text.slice(at, end), paint: inSpan && !plain ? ansiPaint(span.style) : null, hit: inHit && !plain });
    at = end;
  }
  return pieces;
}
