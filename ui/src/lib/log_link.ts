// A place in a log as it stands in an address: `#L120`, `#L120-L140`. Lines count from 1 there, from 0 in the API.

export interface LogRange {
  first: number;
  last: number;
}

export function logRange(hash: string): LogRange | null {
  const found = /^#?L([1-9]\d{0,11})(?:-L?([1-9]\d{0,11}))?$/.exec(hash);
  if (!found) return null;
  const a = Number(found[1]) - 1;
  const b = found[2] === undefined ? a : Number(found[2]) - 1;
  return { first: Math.min(a, b), last: Math.max(a, b) };
}

export function logHash(range: LogRange): string {
  const first = `#L${range.first + 1}`;
  return range.last === range.first ? first : `${first}-L${range.last + 1}`;
}

/** What a click on a line's number chooses; with the shift key from the line chosen first. */
export function logChoose(now: LogRange | null, line: number, shift: boolean): LogRange {
  if (!shift || !now) return { first: line, last: line };
  return line < now.first ? { first: line, last: now.last } : { first: now.first, last: line };
}
