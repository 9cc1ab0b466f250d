// What differs between two values of JSON, as rows of a table: a path and both sides. Order of keys doesn't matter.

import diff from "microdiff";

export interface ValueChange {
  /** `model.layers[3].size`; empty for the value itself. */
  path: string;
  kind: "added" | "removed" | "changed";
  a: unknown;
  b: unknown;
}

export function pathText(path: readonly (string | number)[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

const KINDS = { CREATE: "added", REMOVE: "removed", CHANGE: "changed" } as const;

const nested = (v: unknown): v is object => typeof v === "object" && v !== null;

/** Undefined means: that side has none. */
export function valueDiff(a: unknown, b: unknown): ValueChange[] {
  if (a === undefined && b === undefined) return [];
  if (a === undefined) return [{ path: "", kind: "added", a, b }];
  if (b === undefined) return [{ path: "", kind: "removed", a, b }];
  if (!nested(a) || !nested(b) || Array.isArray(a) !== Array.isArray(b)) {
    return Object.is(a, b) ? [] : [{ path: "", kind: "changed", a, b }];
  }
  return diff(a as Record<string, unknown>, b as Record<string, unknown>, { cyclesFix: false }).map((d) => ({
    path: pathText(d.path),
    kind: KINDS[d.type],
    a: d.type === "CREATE" ? undefined : (d.oldValue as unknown),
    b: d.type === "REMOVE" ? undefined : (d.value as unknown),
  }));
}
