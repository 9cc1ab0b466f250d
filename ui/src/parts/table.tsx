// A table of things that can be opened. j and k walk its rows, Enter opens the one that has the focus; which it was is
// kept, so that Back returns to it. The first link of a row is what opens it.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { selectionKeep, selectionKept } from "../lib/router";
import { useWalk } from "./use_walk";

export interface Column<T> {
  id: string;
  head: ComponentChildren;
  cell: (row: T) => ComponentChildren;
  end?: boolean; // numbers: to the right
  grow?: boolean; // takes the width that is left, and is cut
  wrap?: boolean | "phone"; // is wrapped instead, but on a phone; or there as well
  hide?: "phone" | "tablet"; // not shown below 760, 1100 px
}

interface TableProps<T> {
  label: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf: (row: T) => string;
  tone?: (row: T) => string | undefined; // a class of the row
  walk?: boolean; // false: j and k belong to another table of the page
}

function classOf<T>(column: Column<T>): string {
  return [column.end && "end", column.grow && "grow", column.wrap && "wraps", column.wrap === "phone" && "wraps-phone", column.hide && `not-${column.hide}`].filter(Boolean).join(" ");
}

const linkOf = (row: Element | undefined): HTMLElement | null => row?.querySelector<HTMLElement>("a[href]") ?? null;

export function Table<T>({ label, columns, rows, keyOf, tone, walk = true }: TableProps<T>) {
  const body = useRef<HTMLTableSectionElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const restored = useRef(false);

  useWalk(() => [...(body.current?.rows ?? [])], walk);

  useEffect(() => {
    if (restored.current || rows.length === 0) return;
    restored.current = true;
    const kept = selectionKept();
    if (kept === undefined || !walk) return;
    const row = [...(body.current?.rows ?? [])].find((r) => r.dataset["key"] === kept);
    linkOf(row)?.focus({ preventScroll: true });
  }, [rows]);

  // Who has only the keyboard must be able to scroll a table that has nothing to be focused.
  useEffect(() => {
    const at = box.current!;
    const still = at.scrollWidth <= at.clientWidth || at.querySelector("a[href], button, input") !== null;
    if (still) at.removeAttribute("tabindex");
    else at.tabIndex = 0;
  });

  return (
    <div class="table-box" ref={box}>
      <table class="table" aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.id} scope="col" class={classOf(column)}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          {rows.map((row) => {
            const key = keyOf(row);
            return (
              <tr
                key={key}
                data-key={key}
                class={tone?.(row)}
                onFocusCapture={() => walk && selectionKeep(key)}
              >
                {columns.map((column) => (
                  <td key={column.id} class={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
