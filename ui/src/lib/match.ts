// How well a text fits what was typed: its letters in order, best where words begin and where they stand together.
// Null: it doesn't fit. Lower is better.
export function matchScore(typed: string, text: string): number | null {
  const want = typed.toLowerCase();
  const have = text.toLowerCase();
  if (!want) return 0;
  const whole = have.indexOf(want);
  if (whole >= 0) return whole === 0 ? 0 : /[\w]/.test(have[whole - 1]!) ? 20 + whole : 5 + whole / 100;
  let score = 40;
  let at = 0;
  for (const letter of want) {
    if (letter === " ") continue;
    const found = have.indexOf(letter, at);
    if (found < 0) return null;
    score += found - at;
    at = found + 1;
  }
  return score;
}

export function matchBest<T>(typed: string, items: readonly T[], textOf: (item: T) => string, limit: number): T[] {
  const scored: { item: T; score: number }[] = [];
  for (const item of items) {
    const score = matchScore(typed.trim(), textOf(item));
    if (score !== null) scored.push({ item, score });
  }
  return scored
    .sort((a, b) => a.score - b.score)
    .slice(0, limit)
    .map((s) => s.item);
}
