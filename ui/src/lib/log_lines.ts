// The lines of one attempt's log that are at hand: whole blocks, at most BLOCKS of them, the longest unused one goes
// first. What is in sight is asked for; an answer that nobody waits for any more is let go. While the attempt runs,
// `refresh` asks for what was added (short requests: a browser has six connections a daemon for all of its tabs).

export interface LogLine {
  n: number;
  offset: number;
  text: string;
  /** Bytes left out at its end; 0 if it is whole. */
  cut: number;
  at: string | null;
}

export interface LogGap {
  offset: number;
  bytes: number;
  line: number;
}

export interface LogPart {
  task: string;
  attempt: number;
  from: number;
  lines: LogLine[];
  total: number;
  size: number;
  ended: boolean;
  gaps: LogGap[];
}

/** GET /runs/{run}/log/lines. Rejects as fetch does. */
export type LogFetch = (range: { from: number; count: number } | { tail: number }, signal: AbortSignal) => Promise<LogPart>;

export const BLOCK = 500;
export const BLOCKS = 60;
const AT_ONCE = 3;

export class LogLines {
  total = 0;
  size = 0;
  ended = false;
  /** Nothing is known yet. */
  fresh = true;
  gaps: LogGap[] = [];
  error: unknown = null;
  private blocks = new Map<number, LogLine[]>(); // in the order of use
  private asked = new Map<number, AbortController>();
  private wanted: number[] = [];
  private closed = new AbortController();

  constructor(
    private readonly fetch: LogFetch,
    /** Something new is to be shown. */
    private readonly changed: () => void,
  ) {}

  get(n: number): LogLine | undefined {
    return this.blocks.get(Math.floor(n / BLOCK))?.[n % BLOCK];
  }

  /** What a link or the end asks for first. */
  async open(at: { line: number } | "end"): Promise<void> {
    const range = at === "end" ? { tail: 100 } : { from: Math.floor(at.line / BLOCK) * BLOCK, count: BLOCK };
    await this.ask(range, this.closed.signal);
  }

  /** These lines are in sight: fetches what isn't there, the first of them first. */
  need(first: number, last: number): void {
    this.wanted = [];
    for (let b = Math.floor(first / BLOCK); b <= Math.floor((last - 1) / BLOCK) && b * BLOCK < this.total; b++) {
      if (this.missing(b) === -1) this.touch(b);
      else this.wanted.push(b);
    }
    for (const [b, stop] of this.asked) {
      if (this.wanted.includes(b)) continue;
      stop.abort();
      this.asked.delete(b);
    }
    this.pump();
  }

  /** The first line of a block that isn't there; -1 if all are. */
  private missing(b: number): number {
    const block = this.blocks.get(b) ?? [];
    const end = Math.min(BLOCK, this.total - b * BLOCK);
    for (let i = 0; i < end; i++) if (!block[i]) return i;
    return -1;
  }

  private pump(): void {
    for (const b of this.wanted) {
      if (this.asked.size >= AT_ONCE) return;
      if (this.asked.has(b)) continue;
      const stop = new AbortController();
      this.asked.set(b, stop);
      const missing = this.missing(b);
      const range = { from: b * BLOCK + missing, count: BLOCK - missing };
      void this.ask(range, AbortSignal.any([stop.signal, this.closed.signal])).then((came) => {
        if (this.asked.get(b) === stop) this.asked.delete(b);
        if (!came) return; // `retry` asks again
        // An answer has at most 2 MiB of lines: if it brought some, the rest of the block is asked for.
        const rest = this.missing(b);
        if (rest === -1 || rest === missing) this.wanted = this.wanted.filter((w) => w !== b);
        this.pump();
      });
    }
  }

  /** After an error: asks again for what is in sight. */
  retry(): void {
    this.error = null;
    this.pump();
  }

  /** Answers how many lines were added. */
  async refresh(): Promise<number> {
    const before = this.total;
    await this.ask({ from: Math.max(0, before - 1), count: 2000 }, this.closed.signal);
    return this.total - before;
  }

  private async ask(range: { from: number; count: number } | { tail: number }, signal: AbortSignal): Promise<boolean> {
    try {
      const part = await this.fetch(range, signal);
      if (signal.aborted) return false;
      this.take(part);
      this.error = null;
    } catch (error) {
      if (signal.aborted) return false;
      this.error = error;
    }
    this.changed();
    return this.error === null;
  }

  private take(part: LogPart): void {
    this.fresh = false;
    this.total = Math.max(this.total, part.total);
    this.size = part.size;
    this.ended = part.ended;
    this.gaps = part.gaps;
    for (const line of part.lines) {
      const b = Math.floor(line.n / BLOCK);
      let block = this.blocks.get(b);
      if (!block) this.blocks.set(b, (block = []));
      block[line.n % BLOCK] = line;
    }
    if (part.lines.length > 0) this.touch(Math.floor(part.lines[0]!.n / BLOCK));
    for (const b of this.blocks.keys()) {
      if (this.blocks.size <= BLOCKS) break;
      this.blocks.delete(b);
    }
  }

  private touch(b: number): void {
    const block = this.blocks.get(b);
    if (!block) return;
    this.blocks.delete(b);
    this.blocks.set(b, block);
  }

  get held(): number {
    return this.blocks.size;
  }

  close(): void {
    this.closed.abort();
  }
}
