// The fresh first page and what was fetched before: an item is shown once, as the freshest page has it.
export function pagesJoined<T>(first: readonly T[], older: readonly { items: readonly T[] }[], keyOf: (item: T) => string): T[] {
  const seen = new Set<string>();
  return [...first, ...older.flatMap((page) => page.items)].filter((item) => {
    const key = keyOf(item);
    return !seen.has(key) && seen.add(key);
  });
}
