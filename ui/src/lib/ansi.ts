// One line of a log, as a terminal would leave it: colours and attributes become spans, a carriage return goes back to
// the line's start so that what follows overwrites (progress bars), and whatever else would act on a terminal is either
// left out (cursor and mode sequences, titles, the address of a hyperlink) or shown as a visible symbol. Nothing of a
// line can hide text: concealed text is shown, a sequence that isn't complete is shown as it is. A style ends with its
// line, since lines are read from anywhere in the file.
//
// The work is linear in the line's length, however it is made: the cursor can't go further right than the line is long
// plus a fixed number of columns.

import { type Colour, DARK, LIGHT, css, readable } from "./colour";

export const BOLD = 1;
export const DIM = 2;
export const ITALIC = 4;
export const UNDERLINE = 8;
export const INVERSE = 16;
export const STRIKE = 32;

/** -1 the page's own colour, 0 to 15 one of the palette, RGB + 0xRRGGBB a colour as it is. */
export type Ink = number;
export const RGB = 0x1000000;

export interface Style {
  fg: Ink;
  bg: Ink;
  bits: number;
}

export interface Span {
  start: number;
  end: number;
  style: Style;
}

export interface Shown {
  /** What is seen, and copied. */
  text: string;
  /** Only where the style isn't the plain one; in order, without overlap. */
  spans: Span[];
  /** For each UTF-16 unit of `text` its place in the line as it came; null if they are the same. */
  source: Uint32Array | null;
}

const PLAIN: Style = { fg: -1, bg: -1, bits: 0 };
const JUMP = 1000; // columns that a cursor sequence may go past the text

// Everything that needs a second look: controls, DEL, C1, marks that change the direction or that can't be seen.
const SPECIAL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

function symbol(code: number): string {
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return "\u2426";
}

class Screen {
  chars: string[] = [];
  styles: Style[] = [];
  from: number[] = [];
  at = 0;
  private furthest: number;
  private blanks: number; // that may still be filled in; a line that asks for more goes on where its text ends

  constructor(length: number) {
    this.furthest = length + JUMP;
    this.blanks = length + JUMP;
  }

  put(char: string, style: Style, source: number): void {
    while (this.chars.length < this.at && this.blanks > 0) this.blank(source);
    this.at = Math.min(this.at, this.chars.length);
    this.chars[this.at] = char;
    this.styles[this.at] = style;
    this.from[this.at] = source;
    this.at++;
  }

  private blank(source: number): void {
    this.blanks--;
    this.chars.push(" ");
    this.styles.push(PLAIN);
    this.from.push(source);
  }

  move(to: number): void {
    this.at = Math.max(0, Math.min(to, this.furthest));
  }

  /** From the cursor to the end, or all of it. (To the cursor from the start is rare and would hide text: left out.) */
  erase(mode: number): void {
    if (mode === 1) return;
    const kept = mode === 2 ? 0 : Math.min(this.chars.length, this.at);
    this.chars.length = this.styles.length = this.from.length = kept;
  }

  shown(): Shown {
    const text = this.chars.join("");
    const source = new Uint32Array(text.length);
    const spans: Span[] = [];
    let unit = 0;
    for (let i = 0; i < this.chars.length; i++) {
      const style = this.styles[i]!;
      const width = this.chars[i]!.length;
      if (style !== PLAIN) {
        const last = spans[spans.length - 1];
        if (last && last.end === unit && last.style === style) last.end += width;
        else spans.push({ start: unit, end: unit + width, style });
      }
      for (let k = 0; k < width; k++) source[unit + k] = this.from[i]! + k;
      unit += width;
    }
    return { text, spans, source };
  }
}

const styles = new Map<string, Style>();

/** One object for each different style, so that neighbours are compared by identity. Bounded: it starts anew when full. */
function styleOf(fg: Ink, bg: Ink, bits: number): Style {
  if (fg === -1 && bg === -1 && bits === 0) return PLAIN;
  const key = `${fg},${bg},${bits}`;
  let style = styles.get(key);
  if (!style) {
    if (styles.size > 4096) styles.clear();
    style = { fg, bg, bits };
    styles.set(key, style);
  }
  return style;
}

function cube(n: number): Ink {
  if (n < 16) return n;
  if (n >= 232) {
    const grey = 8 + (n - 232) * 10;
    return RGB + ((grey << 16) | (grey << 8) | grey);
  }
  const level = (v: number): number => (v === 0 ? 0 : 55 + v * 40);
  const i = n - 16;
  return RGB + ((level(Math.floor(i / 36)) << 16) | (level(Math.floor(i / 6) % 6) << 8) | level(i % 6));
}

const byte = (v: number | undefined): number => Math.max(0, Math.min(255, v ?? 0));

/** The colour after 38 or 48 at `i`; answers it with how many numbers it took. */
function extended(codes: number[], i: number): { ink: Ink; took: number } {
  if (codes[i] === 5) return { ink: cube(byte(codes[i + 1])), took: 2 };
  if (codes[i] === 2) {
    return { ink: RGB + ((byte(codes[i + 1]) << 16) | (byte(codes[i + 2]) << 8) | byte(codes[i + 3])), took: 4 };
  }
  return { ink: -1, took: 1 };
}

const SET: Record<number, number> = { 1: BOLD, 2: DIM, 3: ITALIC, 4: UNDERLINE, 7: INVERSE, 9: STRIKE, 21: UNDERLINE };
const UNSET: Record<number, number> = { 22: BOLD | DIM, 23: ITALIC, 24: UNDERLINE, 27: INVERSE, 29: STRIKE };

/** Sub-parameters with colons (4:3, 38:2::r:g:b) mean what the forms with semicolons do. */
function numbers(text: string): number[] {
  return text
    .split(";")
    .flatMap((part) => {
      if (!part.includes(":")) return [part === "" ? 0 : Number(part)];
      const sub = part.split(":");
      if (sub[0] === "4") return [sub[1] === "0" ? 24 : 4];
      const full = sub[1] === "2" && sub.length > 5 ? [...sub.slice(0, 2), ...sub.slice(3)] : sub;
      return full.map(Number);
    })
    .slice(0, 64);
}

function select(style: Style, text: string): Style {
  let { fg, bg, bits } = style;
  const codes = numbers(text);
  for (let i = 0; i < codes.length; i++) {
    const c = codes[i]!;
    if (c === 0) (fg = -1), (bg = -1), (bits = 0);
    else if (SET[c]) bits |= SET[c]!;
    else if (UNSET[c]) bits &= ~UNSET[c]!;
    else if (c >= 30 && c <= 37) fg = c - 30;
    else if (c >= 90 && c <= 97) fg = c - 82;
    else if (c >= 40 && c <= 47) bg = c - 40;
    else if (c >= 100 && c <= 107) bg = c - 92;
    else if (c === 39) fg = -1;
    else if (c === 49) bg = -1;
    else if (c === 38 || c === 48) {
      const { ink, took } = extended(codes, i + 1);
      if (c === 38) fg = ink;
      else bg = ink;
      i += took;
    }
  }
  return styleOf(fg, bg, bits);
}

// A control sequence, a string sequence up to its end (BEL or ST), or a short escape; each must be complete.
const CSI = /\u001b\[([0-?]{0,256})[ -/]{0,4}([@-~])/y;
const TEXT = /\u001b[\]P^_X][^\u0007\u001b]*(?:\u0007|\u001b\\)/y;
const SHORT = /\u001b(?:[ -/][0-~]|[0-OQ-WYZ\\`-~])/y;

function control(screen: Screen, style: Style, args: string, final: string): Style {
  if (final === "m") return /^[0-9;:]*$/.test(args) ? select(style, args) : style;
  const n = parseInt(args, 10);
  const count = Number.isNaN(n) ? 1 : Math.max(1, n);
  if (final === "K") screen.erase(Number.isNaN(n) ? 0 : n);
  else if (final === "G" || final === "`") screen.move(count - 1);
  else if (final === "C") screen.move(screen.at + count);
  else if (final === "D") screen.move(screen.at - count);
  return style;
}

/** Takes the escape at `i`; answers the style after it and where the text goes on (`i` if it isn't a whole sequence). */
function escape(screen: Screen, style: Style, line: string, i: number): { style: Style; next: number } {
  CSI.lastIndex = i;
  const csi = CSI.exec(line);
  if (csi) return { style: control(screen, style, csi[1]!, csi[2]!), next: CSI.lastIndex };
  for (const kind of [TEXT, SHORT]) {
    kind.lastIndex = i;
    if (kind.test(line)) return { style, next: kind.lastIndex };
  }
  return { style, next: i };
}

function width(line: string, i: number): number {
  const high = line.charCodeAt(i);
  const low = line.charCodeAt(i + 1); // NaN at the end
  return high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000 ? 2 : 1;
}

/** A line without its newline. */
export function ansiShow(line: string): Shown {
  if (!SPECIAL.test(line)) return { text: line, spans: [], source: null };
  const end = line.endsWith("\r") ? line.replace(/\r+$/, "").length : line.length;
  const screen = new Screen(end);
  let style = PLAIN;
  let unended = false; // an unended string sequence was met: a second look at each would be quadratic
  for (let i = 0; i < end; ) {
    const code = line.charCodeAt(i);
    const step = width(line, i);
    if (code === 0x1b && !(unended && "]P^_X".includes(line[i + 1] ?? " "))) {
      const seen = escape(screen, style, line, i);
      if (seen.next > i) {
        style = seen.style;
        i = Math.min(seen.next, end);
        continue;
      }
      unended = unended || "]P^_X".includes(line[i + 1] ?? " ");
    }
    if (code === 0x0d) screen.move(0);
    else if (code === 0x08) screen.move(screen.at - 1);
    else if (code !== 0x07) {
      const char = step === 1 && code !== 9 && SPECIAL.test(line[i]!) ? symbol(code) : line.slice(i, i + step);
      screen.put(char, style, i);
    } else screen.put(symbol(code), style, i);
    i += step;
  }
  return screen.shown();
}

// The sixteen colours of the palette; `readable` makes up for what a background asks.
const PALETTE_LIGHT: Colour[] = [
  0x24292f, 0xcf222e, 0x116329, 0x7d4e00, 0x0969da, 0x8250df, 0x1b7c83, 0x57606a,
  0x57606a, 0xa40e26, 0x1a7f37, 0x633c01, 0x0550ae, 0x6639ba, 0x136a70, 0x24292f,
];
const PALETTE_DARK: Colour[] = [
  0x8b949e, 0xff7b72, 0x3fb950, 0xd29922, 0x58a6ff, 0xbc8cff, 0x39c5cf, 0xc9d1d9,
  0x8b949e, 0xffa198, 0x56d364, 0xe3b341, 0x79c0ff, 0xd2a8ff, 0x56d4dd, 0xf0f6fc,
];
// As a background they are what they say.
const GROUND: Colour[] = [
  0x24292f, 0xcf222e, 0x1a7f37, 0xbf8700, 0x0969da, 0x8250df, 0x1b7c83, 0xd0d7de,
  0x57606a, 0xff7b72, 0x3fb950, 0xe3b341, 0x79c0ff, 0xd2a8ff, 0x56d4dd, 0xf6f8fa,
];

export interface Paint {
  className: string;
  /** Text and background for the light and for the dark page; null: the page's own. */
  light: string | null;
  dark: string | null;
  ground: string | null;
}

const ink = (i: Ink, table: Colour[]): Colour => (i >= RGB ? i - RGB : table[i]!);

function names(style: Style): string {
  let name = "";
  if (style.bits & BOLD) name += " a-bold";
  if (style.bits & DIM) name += " a-dim";
  if (style.bits & ITALIC) name += " a-italic";
  if (style.bits & UNDERLINE) name += " a-under";
  if (style.bits & STRIKE) name += " a-strike";
  return name;
}

/** How a style is drawn: every text has a contrast of at least 4.5:1 on what is behind it. */
export function ansiPaint(style: Style): Paint {
  const className = names(style);
  const swap = (style.bits & INVERSE) !== 0;
  const fg = swap ? style.bg : style.fg;
  const bg = swap ? style.fg : style.bg;
  if (swap && bg === -1) return { className: `${className} a-inverse`.trim(), light: null, dark: null, ground: null };
  if (bg !== -1) {
    const ground = ink(bg, GROUND);
    const text = css(readable(fg === -1 ? 0x24292f : ink(fg, PALETTE_LIGHT), ground));
    return { className: `${className} a-ground`.trim(), light: text, dark: text, ground: css(ground) };
  }
  if (fg === -1) return { className: className.trim(), light: null, dark: null, ground: null };
  return {
    className: `${className} a-ink`.trim(),
    light: css(readable(ink(fg, PALETTE_LIGHT), LIGHT)),
    dark: css(readable(ink(fg, PALETTE_DARK), DARK)),
    ground: null,
  };
}
