// Where a list of many rows stands: which rows are in sight, and where each is drawn. Rows have one height, but for
// those that were measured to be higher (wrapped lines) or that carry a second line (a gap).
//
// A browser draws no element higher than about 17 to 33 million pixels, and a million log lines come to 18 million. So
// the place in the list (`top`, in pixels of the whole list) isn't the place of the scroll bar (`bar`). A small move of
// the bar moves the list by the same distance; a jump (the bar was dragged, Home, End) goes to the same fraction. The
// difference is drawn away by a shift of all rows and given back by `settle` when scrolling rests.

/** The highest element that is asked for; below the limit of every browser. */
export const HIGHEST = 8_000_000;
const BLOCK = 512;

/** The heights of rows beyond the common one, as sums a block. */
class Extras {
  private rows = new Map<number, number>();
  private blocks = new Map<number, number>();
  total = 0;

  get(row: number): number {
    return this.rows.get(row) ?? 0;
  }

  set(row: number, extra: number): number {
    const change = extra - this.get(row);
    if (change === 0) return 0;
    if (extra === 0) this.rows.delete(row);
    else this.rows.set(row, extra);
    const block = Math.floor(row / BLOCK);
    this.blocks.set(block, (this.blocks.get(block) ?? 0) + change);
    this.total += change;
    return change;
  }

  /** Of all rows before `row`. */
  before(row: number): number {
    if (this.rows.size === 0) return 0;
    const block = Math.floor(row / BLOCK);
    let sum = 0;
    for (const [b, extra] of this.blocks) if (b < block) sum += extra;
    for (let r = block * BLOCK; r < row; r++) sum += this.get(r);
    return sum;
  }

  clear(): void {
    this.rows.clear();
    this.blocks.clear();
    this.total = 0;
  }
}

export interface Sight {
  first: number;
  /** One past the last. */
  last: number;
}

export class Scroll {
  count = 0;
  /** Pixels of the list above the sight's upper edge. */
  top = 0;
  /** The scroll bar's place that `top` was last told of. */
  bar = 0;
  view = 0;
  private extras = new Extras();

  constructor(readonly row: number) {}

  /** The whole list's height, and that of the element which stands for it. */
  get height(): number {
    return this.count * this.row + this.extras.total;
  }

  get drawn(): number {
    return Math.min(this.height, HIGHEST);
  }

  get furthest(): number {
    return Math.max(0, this.height - this.view);
  }

  private get barFurthest(): number {
    return Math.max(0, this.drawn - this.view);
  }

  get atEnd(): boolean {
    return this.top >= this.furthest - 2;
  }

  /** The upper edge of a row within the list. */
  edge(row: number): number {
    return row * this.row + this.extras.before(row);
  }

  /** Where a row is drawn within the element. */
  place(row: number): number {
    return this.edge(row) - this.top + this.bar;
  }

  /** The row at a height within the list. */
  at(y: number): number {
    let low = 0;
    let high = Math.max(0, this.count - 1);
    if (this.extras.total === 0) return Math.max(0, Math.min(high, Math.floor(y / this.row)));
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.edge(middle) <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The rows to be drawn: those in sight and `more` on each side. */
  sight(more = 0): Sight {
    if (this.count === 0) return { first: 0, last: 0 };
    const first = this.at(this.top);
    const last = Math.min(this.count, this.at(this.top + this.view) + 1);
    return { first: Math.max(0, first - more), last: Math.min(this.count, last + more) };
  }

  /** The bar was moved by the reader. */
  moved(bar: number): void {
    const by = bar - this.bar;
    this.bar = bar;
    if (bar <= 0) this.top = 0;
    else if (bar >= this.barFurthest - 1) this.top = this.furthest;
    else if (Math.abs(by) <= this.view * 3) this.top += by;
    else this.top = this.fraction(bar);
    this.clamp();
  }

  private fraction(bar: number): number {
    return this.barFurthest === 0 ? 0 : (bar / this.barFurthest) * this.furthest;
  }

  private clamp(): void {
    this.top = Math.max(0, Math.min(this.top, this.furthest));
  }

  /** Goes to a place in the list; answers where the bar is to be put. */
  go(top: number): number {
    this.top = top;
    this.clamp();
    return this.settle();
  }

  /** Brings a row into sight: at `part` of the height (0 its upper edge, 0.5 the middle). */
  show(row: number, part: number): number {
    return this.go(this.edge(row) - Math.max(0, this.view - this.row) * part);
  }

  /** The place of the bar that says where the list is. The list itself doesn't move. */
  settle(): number {
    this.clamp();
    const furthest = this.furthest;
    const scaled = this.height > HIGHEST;
    this.bar = scaled ? (furthest === 0 ? 0 : (this.top / furthest) * this.barFurthest) : this.top;
    this.bar = Math.max(0, Math.min(Math.round(this.bar), this.barFurthest));
    if (!scaled && this.bar !== this.top) this.top = this.bar;
    return this.bar;
  }

  /** A row turned out to be `height` high. What is in sight stays where it is. Answers whether that changed anything. */
  measured(row: number, height: number): boolean {
    const above = this.count > 0 && row < this.at(this.top);
    const change = this.extras.set(row, height - this.row);
    if (above) this.top += change;
    return change !== 0;
  }

  /** Forgets what was measured; the first row in sight stays. */
  forget(): void {
    const row = this.at(this.top);
    this.extras.clear();
    this.top = this.edge(row);
    this.clamp();
  }

  /** The number of rows or the height of the window changed. */
  resize(count: number, view: number): void {
    this.count = count;
    this.view = view;
    this.clamp();
  }
}
