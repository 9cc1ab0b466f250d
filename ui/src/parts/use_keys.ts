import { useEffect, useRef } from "preact/hooks";
import { type Key, keysBind } from "../lib/keys";

// Binds keys while a component is shown. What they run may change with each render, the keys themselves with `inputs`.
export function useKeys(keys: readonly Key[], inputs: readonly unknown[] = []): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(
    () => keysBind(keys.map((key, i) => ({ ...key, run: (event: KeyboardEvent) => latest.current[i]?.run(event) }))),
    inputs,
  );
}
