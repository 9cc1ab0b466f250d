// j and k walk along the rows of a list: the first link of a row gets the focus, and Enter opens it.
import { useKeys } from "./use_keys";

const linkOf = (row: Element | undefined): HTMLElement | null => row?.querySelector<HTMLElement>("a[href]") ?? null;

export function useWalk(rows: () => Element[], on = true): void {
  const step = (by: number): void => {
    const all = rows();
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
    linkOf(all[next])?.focus();
  };
  useKeys(
    on
      ? [
          { keys: "j", text: "next row", run: () => step(1) },
          { keys: "k", text: "previous row", run: () => step(-1) },
          { keys: "Enter", text: "open the row", run: () => (document.activeElement as HTMLElement | null)?.click() },
        ]
      : [],
    [on],
  );
}
