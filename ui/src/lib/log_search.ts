// The matches of a search in a log. The daemon looks through the whole log and tells their true number; they come in
// pages in the order of the lines. What came without a hole from the start is numbered ("12 of 3,401"); a jump beyond
// it goes straight to the next match and has no number.

export interface LogMatch {
  n: number;
  offset: number;
  text: string;
  spans: [number, number][];
}

export interface LogMatches {
  total: number;
  at_least: boolean;
  matches: LogMatch[];
  next: number | null;
}

export type SearchFetch = (after: number | null, limit: number, signal: AbortSignal) => Promise<LogMatches>;

export interface Hit {
  match: LogMatch;
  /** From 0; null beyond what is numbered. */
  index: number | null;
}

const PAGE = 200;
const PAGES = 50;

export class LogSearch {
  total = 0;
  atLeast = false;
  private list: LogMatch[] = [];
  private byLine = new Map<number, LogMatch>();
  private after: number | null = null; // where the next page begins
  private pages = 0;
  private whole = false;
  private looked = { first: 0, last: -1 };
  private stop = new AbortController();

  constructor(private readonly fetch: SearchFetch) {}

  /** The match on a line, if it is known. */
  on(line: number): LogMatch | undefined {
    return this.byLine.get(line);
  }

  async begin(): Promise<void> {
    await this.page();
  }

  private async page(): Promise<void> {
    const got = await this.fetch(this.after, PAGE, this.stop.signal);
    this.pages++;
    this.total = Math.max(got.total, this.total);
    this.atLeast = got.at_least;
    for (const match of got.matches) {
      this.list.push(match);
      this.byLine.set(match.n, match);
    }
    this.after = got.next;
    this.whole = got.next === null || got.matches.length === 0;
  }

  private get covered(): number {
    return this.whole ? Infinity : (this.list[this.list.length - 1]?.n ?? -1);
  }

  /** Finds the matches on lines that are in sight but beyond what came from the start, so that they can be marked.
   *  Answers whether some came. */
  async near(first: number, last: number): Promise<boolean> {
    if (last <= this.covered || (first >= this.looked.first && last <= this.looked.last)) return false;
    const got = await this.fetch(first - 1, PAGE, this.stop.signal);
    const end = got.next === null ? Infinity : (got.matches[got.matches.length - 1]?.n ?? first);
    this.looked = { first, last: Math.max(end, last) };
    for (const match of got.matches) this.byLine.set(match.n, match);
    return got.matches.length > 0;
  }

  private known(i: number): Hit | null {
    const match = this.list[i];
    return match ? { match, index: i } : null;
  }

  /** The first match below `line`; after the last the first again. */
  async next(line: number): Promise<Hit | null> {
    for (let tries = 0; tries < 3; tries++) {
      const i = this.list.findIndex((m) => m.n > line);
      if (i !== -1) return this.known(i);
      if (this.whole) return this.known(0);
      if (line > this.covered + PAGE || this.pages >= PAGES) break;
      await this.page();
    }
    const got = await this.fetch(line, 1, this.stop.signal);
    const match = got.matches[0];
    if (!match) return this.known(0);
    this.byLine.set(match.n, match);
    return { match, index: null };
  }

  /** The last match above `line`; before the first the last one that is numbered. */
  async previous(line: number): Promise<Hit | null> {
    while (!this.whole && this.covered < line && this.pages < PAGES) await this.page();
    let i = this.list.length - 1;
    while (i >= 0 && this.list[i]!.n >= line) i--;
    return this.known(i === -1 ? this.list.length - 1 : i);
  }

  close(): void {
    this.stop.abort();
  }
}

/** The places of a plain text in a line, at most 100 of them. */
export function plainSpans(text: string, sought: string, exact: boolean): [number, number][] {
  const found: [number, number][] = [];
  if (sought === "") return found;
  const hay = exact ? text : text.toLowerCase();
  const needle = exact ? sought : sought.toLowerCase();
  if (hay.length !== text.length) return found; // a letter whose small form is longer: no place is better than a wrong one
  for (let at = hay.indexOf(needle); at !== -1 && found.length < 100; at = hay.indexOf(needle, at + needle.length)) {
    found.push([at, at + needle.length]);
  }
  return found;
}

/** The spans of a match as places in what is shown of its line. `source` as ansiShow answers it. */
export function shownSpans(match: LogMatch, line: string, source: Uint32Array | null): [number, number][] {
  const shift = match.text === line ? 0 : line.indexOf(match.text);
  if (shift === -1) return [];
  if (source === null) return match.spans.map(([a, b]) => [a + shift, b + shift]);
  const spans: [number, number][] = [];
  for (const [a, b] of match.spans) {
    let start = -1;
    let end = -1;
    for (let i = 0; i < source.length; i++) {
      if (source[i]! < a + shift || source[i]! >= b + shift) continue;
      if (start === -1) start = i;
      end = i + 1;
    }
    if (start !== -1) spans.push([start, end]);
  }
  return spans;
}
