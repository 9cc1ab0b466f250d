// Numbers and words.
const whole = new Intl.NumberFormat("en-US");

export const countText = (n: number): string => whole.format(n);

// "1 run", "12 runs"
export function plural(n: number, one: string, many = one + "s"): string {
  return `${countText(n)} ${n === 1 ? one : many}`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export const shortId = (id: string): string => (id.length > 10 ? id.slice(0, 10) : id);
export const shortSha = (sha: string | null): string => (sha ? sha.slice(0, 8) : "");

// A value as one line of text.
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function actorText(actor: { name: string | null; kind: string } | string | null | undefined): string {
  if (!actor) return "";
  return typeof actor === "string" ? actor : (actor.name ?? actor.kind);
}
