// The filter line of runs, as scheduler/store/filter.h reads it: terms between spaces, quoted values, completed as they
// are typed. The daemon is the judge of a line; here it is only cut up.

export interface FilterTerm {
  start: number;
  end: number;
  key: string; // "" for a text
  value: string; // as written behind the colon, quotes included
}

export interface FilterKey {
  key: string;
  help: string;
  example: string;
}

export const FILTER_KEYS: readonly FilterKey[] = [
  { key: "state", help: "the run's state", example: "state:failed,cancelled" },
  { key: "p", help: "the pipeline, with * and ?", example: "p:nightly*" },
  { key: "started", help: "an age, a date or an instant", example: "started:>-24h" },
  { key: "dur", help: "how long it took", example: "dur:>10m" },
  { key: "task", help: "has this task; beside state:failed it failed there", example: "task:eval" },
  { key: "trigger", help: "what started it", example: "trigger:schedule" },
  { key: "owner", help: "the pipeline's owner", example: "owner:forecasting" },
  { key: "tag", help: "a tag of the pipeline", example: "tag:nightly" },
  { key: "param.", help: "the value of a parameter", example: "param.lr:0.01" },
];

export const FILTER_STATES = ["failed", "succeeded", "running", "queued", "cancelled", "cancelling"] as const;
export const FILTER_TRIGGERS = ["schedule", "manual", "rerun", "command"] as const;
const AGES = [">-1h", ">-24h", ">-7d", ">-30d"] as const;
const LENGTHS = [">1m", ">10m", ">1h", "<1m"] as const;

// A space ends a term, but not within quotes; `\` takes what follows it as it is there.
export function filterTerms(line: string): FilterTerm[] {
  const terms: FilterTerm[] = [];
  let at = 0;
  while (at < line.length) {
    if (line[at] === " ") {
      at++;
      continue;
    }
    const start = at;
    let quoted = false;
    for (; at < line.length && (quoted || line[at] !== " "); at++) {
      if (quoted && line[at] === "\\") at++;
      else if (line[at] === '"') quoted = !quoted;
    }
    const end = Math.min(at, line.length);
    const text = line.slice(start, end);
    const colon = text.startsWith('"') ? -1 : text.indexOf(":");
    terms.push({ start, end, key: colon < 0 ? "" : text.slice(0, colon), value: colon < 0 ? text : text.slice(colon + 1) });
  }
  return terms;
}

export const filterQuote = (value: string): string =>
  /[\s",:]/.test(value) ? `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"` : value;

// The line with one term's value put in, or taken out with null; the other terms stay as they are.
export function filterPut(line: string, key: string, value: string | null): string {
  const kept = filterTerms(line).filter((t) => t.key !== key);
  const words = kept.map((t) => line.slice(t.start, t.end));
  if (value !== null) words.unshift(`${key}:${value}`);
  return words.join(" ");
}

export const filterValue = (line: string, key: string): string | null =>
  filterTerms(line).find((t) => t.key === key)?.value ?? null;

export interface Suggestion {
  text: string; // takes the place of the line from `start` to `end`
  help: string;
  start: number;
  end: number;
}

export interface FilterKnown {
  pipelines: readonly string[];
  owners: readonly string[];
  tags: readonly string[];
}

const MOST = 8;

function valuesOf(key: string, known: FilterKnown): readonly string[] {
  switch (key) {
    case "state":
      return FILTER_STATES;
    case "trigger":
      return FILTER_TRIGGERS;
    case "p":
      return known.pipelines;
    case "owner":
      return known.owners;
    case "tag":
      return known.tags;
    case "started":
      return AGES;
    case "dur":
      return LENGTHS;
    default:
      return [];
  }
}

// What may stand where the caret is: a key, or a value of the key that is there; of a list with commas its last part.
export function filterSuggest(line: string, caret: number, known: FilterKnown): Suggestion[] {
  const term = filterTerms(line).find((t) => t.start < caret && caret <= t.end);
  const start = term?.start ?? caret;
  const end = term?.end ?? caret;
  const typed = line.slice(start, caret);
  const colon = typed.indexOf(":");
  if (colon < 0) {
    return FILTER_KEYS.filter((k) => k.key.startsWith(typed.toLowerCase())).map((k) => ({
      text: k.key.endsWith(".") ? k.key : `${k.key}:`,
      help: `${k.help}, ${k.example}`,
      start,
      end,
    }));
  }
  const from = start + Math.max(colon, typed.lastIndexOf(",")) + 1;
  const begun = line.slice(from, caret).toLowerCase();
  return valuesOf(typed.slice(0, colon), known)
    .filter((v) => v.toLowerCase().includes(begun) && v.toLowerCase() !== begun)
    .slice(0, MOST)
    .map((v) => ({ text: filterQuote(v), help: "", start: from, end }));
}
