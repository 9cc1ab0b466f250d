// A list, newest first, of which the daemon gives a page at a time: what was fetched stays while the first page is kept
// fresh, and a button fetches the next.
import { useMemo, useState } from "preact/hooks";
import { apiGet, problemFrom } from "../lib/api";
import { pagesJoined } from "../lib/pages_joined";
import type { Page, Problem } from "../lib/types";
import { ProblemView } from "./notice";

export interface More<T> {
  items: T[];
  next: string | null;
  asking: boolean;
  problem: Problem | null;
  fetch: () => Promise<void>;
}

const cursorUrl = (url: string, after: string): string => `${url}${url.includes("?") ? "&" : "?"}after=${encodeURIComponent(after)}`;

export function useMore<T>(first: Page<T>, url: string, keyOf: (item: T) => string): More<T> {
  const [older, olderSet] = useState<Page<T>[]>([]);
  const [asking, askingSet] = useState(false);
  const [problem, problemSet] = useState<Problem | null>(null);
  const items = useMemo(() => pagesJoined(first.items, older, keyOf), [first, older]);
  const next = (older.at(-1) ?? first).next;
  const fetch = async (): Promise<void> => {
    if (next === null || asking) return;
    askingSet(true);
    problemSet(null);
    try {
      const page = await apiGet<Page<T>>(cursorUrl(url, next));
      // What the first page holds now may have left it by then: it is kept with the pages that were fetched.
      olderSet((before) => [...(before.length ? before : [first]), page]);
    } catch (error) {
      problemSet(problemFrom(error));
    } finally {
      askingSet(false);
    }
  };
  return { items, next, asking, problem, fetch };
}

export function MoreButton<T>({ of, words }: { of: More<T>; words: string }) {
  return (
    <>
      {of.problem && <ProblemView problem={of.problem} />}
      {of.next && (
        <p class="more">
          <button type="button" disabled={of.asking} onClick={() => void of.fetch()} data-testid="more">
            {words}
          </button>
        </p>
      )}
    </>
  );
}
