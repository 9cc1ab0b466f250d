// Groups of lines (`::group::NAME` to `::endgroup::`, or with `##[`), as a task prints them. Where they are is asked of
// the daemon for the whole log, so a group that begins a million lines up is known too. A folded group hides its lines
// from the list, never from search: a match unfolds it.

export interface Mark {
  n: number;
  name: string | null; // null ends a group
}

export interface Group {
  first: number; // the line with its name
  last: number; // its last line, with the end mark
  name: string;
}

/** For the daemon's search: the lines that begin or end a group. */
export const GROUP_PATTERN = "^\\s*(::|##\\[)(group|endgroup)(::|\\]|\\s)";

const BEGIN = /^\s*(?:::group::|##\[group\])(.*)$/;
const END = /^\s*(?:::endgroup::|##\[endgroup\])\s*$/;
const WORD = /^\s*(?:::(error|warning|notice|debug|endgroup)(?:\s[^:]*)?::|##\[(error|warning|notice|debug|command|section|endgroup)\])(.*)$/;

export function groupMark(n: number, text: string): Mark | null {
  const begin = BEGIN.exec(text);
  if (begin) return { n, name: begin[1]!.trim() };
  return END.test(text) ? { n, name: null } : null;
}

/** `::error file=a.py::text` and the like: their kind and what is to be read. */
export function lineWord(text: string): { kind: string; text: string } | null {
  const found = WORD.exec(text);
  return found ? { kind: found[1] ?? found[2]!, text: found[3]! } : null;
}

/** A group ends at its end mark, else where the next begins, else with the log. They don't nest. */
export function groupsOf(marks: readonly Mark[], total: number): Group[] {
  const groups: Group[] = [];
  let open: Group | null = null;
  for (const mark of marks) {
    if (open) {
      open.last = mark.name === null ? mark.n : mark.n - 1;
      open = null;
    }
    if (mark.name !== null) groups.push((open = { first: mark.n, last: total - 1, name: mark.name }));
  }
  return groups;
}

/** Which lines are listed, and where. */
export class Folds {
  private hidden: { first: number; last: number; before: number }[] = [];
  private folded = new Set<number>();
  private groups: readonly Group[] = [];
  private lost = 0;

  setGroups(groups: readonly Group[]): void {
    this.groups = groups;
    this.build();
  }

  private build(): void {
    this.hidden = [];
    this.lost = 0;
    for (const g of this.groups) {
      if (!this.folded.has(g.first) || g.last <= g.first) continue;
      this.hidden.push({ first: g.first + 1, last: g.last, before: this.lost });
      this.lost += g.last - g.first;
    }
  }

  isFolded(first: number): boolean {
    return this.folded.has(first);
  }

  group(first: number): Group | undefined {
    return this.groups.find((g) => g.first === first);
  }

  toggle(first: number): void {
    if (!this.folded.delete(first)) this.folded.add(first);
    this.build();
  }

  all(folded: boolean): void {
    this.folded = new Set(folded ? this.groups.map((g) => g.first) : []);
    this.build();
  }

  /** The group that hides a line, if one does. */
  hider(line: number): Group | undefined {
    const found = this.hidden.find((h) => h.first <= line && line <= h.last);
    return found && this.group(found.first - 1);
  }

  count(total: number): number {
    return total - this.lost;
  }

  /** The line of a row of the list. */
  line(row: number): number {
    let low = 0;
    let high = this.hidden.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const h = this.hidden[middle]!;
      if (h.first - h.before <= row) low = middle + 1;
      else high = middle;
    }
    const h = this.hidden[low - 1];
    return h ? row + h.before + (h.last - h.first + 1) : row;
  }

  /** The row of a line; of a hidden one that of its group. */
  row(line: number): number {
    let hidden = 0;
    for (const h of this.hidden) {
      if (h.first > line) break;
      hidden = line <= h.last ? h.before + (line - h.first + 1) : h.before + (h.last - h.first + 1);
    }
    return line - hidden;
  }
}
