// The little Markdown that a task's summary and the `doc` of a pipeline are shown with: headings, lists, tables, code
// and emphasis. The text comes from a task and is hostile, so this makes plain data and whoever shows it makes text
// nodes of it. Links, images and HTML stay the text that they are.

export type Inline = { kind: "text" | "code" | "strong" | "em"; text: string };

export type Block =
  | { kind: "heading"; level: number; inline: Inline[] }
  | { kind: "text"; inline: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "rule" }
  | { kind: "list"; ordered: boolean; start: number; items: { depth: number; inline: Inline[] }[] }
  | { kind: "table"; align: ("left" | "right" | "center" | null)[]; head: Inline[][]; rows: Inline[][][] };

const FENCE = /^ {0,3}(```+|~~~+)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])( *\1){2,}\s*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const DELIMITER = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

// Beyond this a line is no prose, and the marks within it aren't looked for.
const INLINE_MAX = 2000;

export function inlineOf(text: string): Inline[] {
  if (text.length > INLINE_MAX) return [{ kind: "text", text }];
  const out: Inline[] = [];
  const mark = /(`{1,3})(.+?)\1(?!`)|\*\*(\S(?:.*?\S)?)\*\*|\*(\S(?:[^*]*?\S)?)\*|(?<![\w])_(\S(?:[^_]*?\S)?)_(?![\w])/g;
  let from = 0;
  for (let hit = mark.exec(text); hit; hit = mark.exec(text)) {
    if (hit.index > from) out.push({ kind: "text", text: text.slice(from, hit.index) });
    if (hit[1]) out.push({ kind: "code", text: hit[2]!.trim() || hit[2]! });
    else if (hit[3]) out.push({ kind: "strong", text: hit[3] });
    else out.push({ kind: "em", text: (hit[4] ?? hit[5])! });
    from = hit.index + hit[0].length;
  }
  if (from < text.length) out.push({ kind: "text", text: text.slice(from) });
  return out;
}

// The cells of a row; `\|` is a bar within one.
function cellsOf(line: string): string[] {
  const trimmed = line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "");
  return trimmed.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
}

function alignOf(cell: string): "left" | "right" | "center" | null {
  const left = cell.startsWith(":");
  const right = cell.endsWith(":");
  return left && right ? "center" : right ? "right" : left ? "left" : null;
}

// Reads blocks from a list of lines. Each reader takes what is its own from `at` on and says where it ended.
class Reader {
  blocks: Block[] = [];
  at = 0;

  constructor(private lines: string[]) {}

  all(): Block[] {
    while (this.at < this.lines.length) this.next();
    return this.blocks;
  }

  private next(): void {
    const line = this.lines[this.at]!;
    const heading = HEADING.exec(line);
    if (!line.trim()) this.at++;
    else if (FENCE.test(line)) this.code();
    else if (heading) {
      this.blocks.push({ kind: "heading", level: heading[1]!.length, inline: inlineOf(heading[2]!) });
      this.at++;
    } else if (RULE.test(line)) {
      this.blocks.push({ kind: "rule" });
      this.at++;
    } else if (this.isTable()) this.table();
    else if (ITEM.test(line)) this.list();
    else this.text();
  }

  private code(): void {
    const fence = FENCE.exec(this.lines[this.at++]!)![1]!;
    const from = this.at;
    while (this.at < this.lines.length && !this.lines[this.at]!.trim().startsWith(fence)) this.at++;
    this.blocks.push({ kind: "code", text: this.lines.slice(from, this.at).join("\n") });
    this.at++;
  }

  private isTable(): boolean {
    const below = this.lines[this.at + 1];
    const line = this.lines[this.at]!;
    return line.includes("|") && below !== undefined && below.includes("-") && DELIMITER.test(below);
  }

  private table(): void {
    const head = cellsOf(this.lines[this.at]!);
    const align = cellsOf(this.lines[this.at + 1]!).map(alignOf);
    const rows: Inline[][][] = [];
    this.at += 2;
    for (; this.at < this.lines.length && this.lines[this.at]!.includes("|"); this.at++) {
      const cells = cellsOf(this.lines[this.at]!);
      rows.push(head.map((_, i) => inlineOf(cells[i] ?? "")));
    }
    this.blocks.push({ kind: "table", align: head.map((_, i) => align[i] ?? null), head: head.map(inlineOf), rows });
  }

  private list(): void {
    const first = ITEM.exec(this.lines[this.at]!)!;
    const ordered = /\d/.test(first[2]!);
    const items: { depth: number; text: string }[] = [];
    for (; this.at < this.lines.length; this.at++) {
      const line = this.lines[this.at]!;
      const item = ITEM.exec(line);
      if (item) {
        const depth = Math.min(3, Math.floor((item[1]!.length - first[1]!.length) / 2));
        items.push({ depth: Math.max(0, depth), text: item[3]! });
      } else if (/^\s+\S/.test(line)) items.at(-1)!.text += ` ${line.trim()}`;
      else break;
    }
    const start = ordered ? Number.parseInt(first[2]!, 10) : 1;
    const shown = items.map(({ depth, text }) => ({ depth, inline: inlineOf(text) }));
    this.blocks.push({ kind: "list", ordered, start, items: shown });
  }

  private text(): void {
    const words: string[] = [];
    for (; this.at < this.lines.length; this.at++) {
      const line = this.lines[this.at]!;
      const ends = !line.trim() || FENCE.test(line) || HEADING.test(line) || RULE.test(line);
      if (ends || (words.length > 0 && (ITEM.test(line) || this.isTable()))) break;
      words.push(line.trim());
    }
    this.blocks.push({ kind: "text", inline: inlineOf(words.join(" ")) });
  }
}

export function markdownBlocks(text: string): Block[] {
  return new Reader(text.replace(/\r\n?/g, "\n").split("\n")).all();
}
