// What this browser remembers for its reader. A browser that forbids it remembers nothing, and all else works.
export function stored<T extends string>(key: string, known: readonly T[], otherwise: T): T {
  try {
    const value = localStorage.getItem(`rota.${key}`) as T | null;
    return value !== null && known.includes(value) ? value : otherwise;
  } catch {
    return otherwise;
  }
}

export function storedPut(key: string, value: string): void {
  try {
    localStorage.setItem(`rota.${key}`, value);
  } catch {
    // The choice holds until the page is left.
  }
}
