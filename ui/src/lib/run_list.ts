// The list of runs as it grows page by page: the first page is kept fresh, what was asked for after it stays below.
import { API } from "./api";
import type { Page, Run } from "./types";

export const LIST_LIMIT = 50;

export function runsUrl(q: string, after?: string | null): string {
  const query = new URLSearchParams();
  if (q) query.set("q", q);
  if (after) query.set("after", after);
  const text = query.toString();
  return `${API}/runs${text ? `?${text}` : ""}`;
}

/** The fresh first page above the older ones; a run that moved to the first page isn't shown twice. */
export function runsJoined(first: readonly Run[], older: readonly Page<Run>[]): Run[] {
  const seen = new Set(first.map((run) => run.id));
  const all = [...first];
  for (const page of older) for (const run of page.items) if (!seen.has(run.id)) seen.add(run.id), all.push(run);
  return all;
}

/** Which of the chosen runs an action can do something with. */
export const canCancel = (run: Run): boolean => run.state === "queued" || run.state === "running" || run.state === "cancelling";
export const canRerun = (run: Run): boolean => run.state === "failed" || run.state === "cancelled";

/** Acts on each, a few at a time; what came of each is told as it comes. */
export async function eachOf<T>(items: readonly T[], at_once: number, act: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) await act(items[i]!);
  };
  await Promise.all(Array.from({ length: Math.min(at_once, items.length) }, work));
}
