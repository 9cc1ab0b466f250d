// What a reader of a log does, without the page: where they are, what is chosen, folded, sought and followed. The part
// that draws it asks for rows and tells of scrolling; the daemon is asked through LogSource.

import { type Group, type Mark, Folds, GROUP_PATTERN, groupMark, groupsOf } from "./log_groups";
import { type LogFetch, type LogLine, LogLines } from "./log_lines";
import { type LogRange, logChoose } from "./log_link";
import { type LogMatches, LogSearch } from "./log_search";
import { Scroll } from "./scroll";

export interface LogQuery {
  q: string;
  regex: boolean;
  exact: boolean;
}

export interface LogSource {
  lines: LogFetch;
  search: (query: LogQuery | "errors", after: number | null, limit: number, signal: AbortSignal) => Promise<LogMatches>;
  /** `limit` bytes of the log from `offset`, as text. */
  bytes: (offset: number, limit: number, signal: AbortSignal) => Promise<string>;
  download: string;
}

export const ROW = 18;
const MARKS = 2000; // groups that are known at most

const NOBODY: LogQuery = { q: "", regex: false, exact: false };

export class LogReader {
  readonly scroll = new Scroll(ROW);
  readonly lines: LogLines;
  readonly folds = new Folds();
  groups: Group[] = [];
  chosen: LogRange | null = null;
  follow = false;
  /** Lines that came since the reader scrolled up. */
  unseen = 0;
  query: LogQuery = NOBODY;
  search: LogSearch | null = null;
  /** The match that n and N go on from. */
  hit: { line: number; index: number | null } | null = null;
  searching = false;
  /** What went wrong or wasn't found, in words; null if nothing. */
  notice: string | null = null;
  /** Where the bar has to be put after the next drawing; null to leave it. */
  bar: number | null = null;
  private marks: Mark[] = [];
  private marked = -1; // marks are known up to this line
  private looking = false;
  private closed = new AbortController();

  constructor(
    private readonly source: LogSource,
    private readonly changed: () => void,
  ) {
    this.lines = new LogLines(source.lines, () => this.came());
  }

  /** Opens with `top` as the first line in sight (where the reader was), else at what a link names, else at the end. */
  async open(range: LogRange | null, top: number | null = null): Promise<void> {
    this.chosen = range;
    const line = top ?? range?.first ?? null;
    await this.lines.open(line === null ? "end" : { line });
    if (top !== null && top < this.lines.total) this.bar = this.scroll.show(top, 0);
    else if (range && range.first < this.lines.total) this.reveal(range.first);
    else this.toEnd();
    this.follow = line === null && !this.lines.ended;
    this.changed();
    await this.findGroups();
  }

  /** A link to other lines of the same log was followed. */
  go(range: LogRange): void {
    this.chosen = range;
    this.reveal(Math.min(range.first, Math.max(0, this.lines.total - 1)));
    this.changed();
  }

  line(row: number): number {
    return this.folds.line(row);
  }

  at(row: number): LogLine | undefined {
    return this.lines.get(this.line(row));
  }

  /** The height of the window; called whenever it may have changed. */
  resize(view: number): void {
    const stays = this.scroll.atEnd && this.follow;
    this.scroll.resize(this.folds.count(this.lines.total), view);
    if (stays) this.bar = this.scroll.go(this.scroll.furthest);
  }

  /** Lines came: those of a growing log go on the list. */
  private came(): void {
    this.scroll.resize(this.folds.count(this.lines.total), this.scroll.view);
    if (this.follow) this.toEnd();
    this.changed();
  }

  /** These rows are drawn: what is missing of them is fetched. */
  seen(first: number, last: number): void {
    if (last <= first) return;
    const from = this.line(first);
    const to = this.line(last - 1) + 1;
    this.lines.need(from, to);
    // A plain text is found in the lines themselves, an expression only by the daemon.
    const { search } = this;
    if (!search || !this.query.regex || this.searching || this.looking) return;
    this.looking = true;
    void search
      .near(from, to)
      .then((came) => came && this.search === search && this.changed())
      .catch(() => {}) // without marks the lines can still be read
      .finally(() => (this.looking = false));
  }

  /** The reader moved the bar. Scrolling up ends following; reaching the end goes on with it. */
  scrolled(bar: number): void {
    const before = this.scroll.top;
    this.scroll.moved(bar);
    if (this.scroll.top < before - 1 && !this.scroll.atEnd) this.follow = false;
    if (this.scroll.atEnd) {
      this.unseen = 0;
      if (!this.lines.ended && this.scroll.top > before) this.follow = true;
    }
  }

  /** The first line in sight; null at the end. */
  get top(): number | null {
    return this.scroll.atEnd || this.lines.fresh ? null : this.line(this.scroll.at(this.scroll.top));
  }

  toEnd(): void {
    this.scroll.resize(this.folds.count(this.lines.total), this.scroll.view);
    this.unseen = 0;
    this.bar = this.scroll.go(this.scroll.furthest);
  }

  toStart(): void {
    this.follow = false;
    this.bar = this.scroll.go(0);
    this.changed();
  }

  by(rows: number): void {
    if (rows < 0) this.follow = false;
    this.bar = this.scroll.go(this.scroll.top + rows * ROW);
    this.changed();
  }

  setFollow(on: boolean): void {
    this.follow = on;
    if (on) this.toEnd();
    this.changed();
  }

  /** Asks what was added. */
  async poll(): Promise<void> {
    const added = await this.lines.refresh();
    if (added <= 0) return;
    if (!this.follow) this.unseen += added;
    this.scanNew(this.lines.total - added);
    this.changed();
  }

  /** Brings a line into the upper third, out of its folded group. */
  reveal(line: number): void {
    this.follow = false;
    const group = this.folds.hider(line);
    if (group) this.fold(group.first);
    this.scroll.resize(this.folds.count(this.lines.total), this.scroll.view);
    this.bar = this.scroll.show(this.folds.row(line), 0.33);
  }

  choose(line: number, shift: boolean): LogRange {
    this.chosen = logChoose(this.chosen, line, shift);
    this.follow = false;
    this.changed();
    return this.chosen;
  }

  // --- groups

  private async findGroups(): Promise<void> {
    try {
      const query = { q: GROUP_PATTERN, regex: true, exact: true };
      for (let after: number | null = null; this.marks.length < MARKS; ) {
        const got: LogMatches = await this.source.search(query, after, 1000, this.closed.signal);
        for (const m of got.matches) this.mark(m.n, m.text);
        if ((after = got.next) === null) break;
      }
      this.marked = Math.max(this.marked, this.lines.total - 1);
      this.regroup();
    } catch {
      // Without the marks the log is one list, which is all that a reader needs.
    }
  }

  private mark(n: number, text: string): void {
    const mark = groupMark(n, text);
    if (mark && !this.marks.some((m) => m.n === n)) this.marks.push(mark);
  }

  private scanNew(from: number): void {
    const before = this.marks.length;
    for (let n = Math.max(from, this.marked + 1); n < this.lines.total && this.marks.length < MARKS; n++) {
      const line = this.lines.get(n);
      if (line) this.mark(n, line.text);
    }
    this.marked = this.lines.total - 1;
    if (this.marks.length > before || this.groups.length > 0) this.regroup();
  }

  private regroup(): void {
    this.marks.sort((a, b) => a.n - b.n);
    this.groups = groupsOf(this.marks, this.lines.total);
    this.folds.setGroups(this.groups);
    this.came();
  }

  private keepingPlace(change: () => void): void {
    const line = this.line(this.scroll.at(this.scroll.top));
    const within = this.scroll.top - this.scroll.edge(this.folds.row(line));
    change();
    this.scroll.forget();
    this.scroll.resize(this.folds.count(this.lines.total), this.scroll.view);
    this.bar = this.scroll.go(this.scroll.edge(this.folds.row(line)) + within);
    this.changed();
  }

  fold(first: number): void {
    this.keepingPlace(() => this.folds.toggle(first));
  }

  foldAll(folded: boolean): void {
    this.keepingPlace(() => this.folds.all(folded));
  }

  /** The width or the wrapping changed: heights are measured anew. */
  rewrap(): void {
    this.keepingPlace(() => {});
  }

  // --- search

  /** `still`: what is in sight stays there, matches are only marked and counted. */
  async find(query: LogQuery, still = false): Promise<void> {
    this.search?.close();
    this.search = null;
    this.query = query;
    this.hit = null;
    this.notice = null;
    this.searching = query.q !== "";
    this.changed();
    if (query.q === "") return;
    const search = new LogSearch((after, limit, signal) => this.source.search(query, after, limit, signal));
    this.search = search;
    await this.step(async () => {
      await search.begin();
      const from = this.line(this.scroll.at(this.scroll.top));
      return still ? null : search.next(from - 1);
    }, search);
  }

  async next(): Promise<void> {
    const { search } = this;
    if (search) await this.step(() => search.next(this.here()), search);
  }

  async previous(): Promise<void> {
    const { search } = this;
    if (search) await this.step(() => search.previous(this.here()), search);
  }

  private here(): number {
    return this.hit?.line ?? this.line(this.scroll.at(this.scroll.top)) - 1;
  }

  private async step(find: () => Promise<{ match: { n: number }; index: number | null } | null>, of: LogSearch): Promise<void> {
    this.searching = true;
    this.changed();
    try {
      const found = await find();
      if (this.search !== of) return;
      this.notice = null;
      if (found) {
        this.hit = { line: found.match.n, index: found.index };
        this.reveal(found.match.n);
      }
    } catch (error) {
      if (this.search !== of) return;
      this.notice = error instanceof Error ? error.message : String(error);
    }
    this.searching = false;
    this.changed();
  }

  /** The next line that tells of an error, below what is chosen or in sight; after the last the first again. */
  async nextError(): Promise<LogRange | null> {
    const from = this.chosen?.last ?? this.line(this.scroll.at(this.scroll.top)) - 1;
    try {
      let got = await this.source.search("errors", from, 1, this.closed.signal);
      if (got.matches.length === 0) got = await this.source.search("errors", null, 1, this.closed.signal);
      const match = got.matches[0];
      this.notice = match ? null : "No line of this log tells of an error.";
      if (match) this.go({ first: match.n, last: match.n });
      else this.changed();
      return match ? this.chosen : null;
    } catch (error) {
      this.notice = error instanceof Error ? error.message : String(error);
      this.changed();
      return null;
    }
  }

  close(): void {
    this.search?.close();
    this.lines.close();
    this.closed.abort();
  }
}
