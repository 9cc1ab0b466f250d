// The pages by their addresses. Each is a file of its own, loaded when it is shown for the first time; its default
// export is a component that gets the parts of the address.
import type { ComponentType } from "preact";
import { pathMatch } from "../lib/router";

export type Parts = Record<string, string>;
export type PageComponent = ComponentType<{ parts: Parts }>;
type Load = () => Promise<{ default: PageComponent }>;

const PAGES: readonly { pattern: string; nav: string; load: Load }[] = [
  { pattern: "/", nav: "/", load: () => import("./overview") },
  { pattern: "/p", nav: "/p", load: () => import("./pipelines") },
  { pattern: "/p/{name}", nav: "/p", load: () => import("./pipeline") },
  { pattern: "/p/{name}/last", nav: "/p", load: () => import("./last") },
  { pattern: "/p/{name}/last-failed", nav: "/p", load: () => import("./last") },
  { pattern: "/runs", nav: "/runs", load: () => import("./runs") },
  { pattern: "/r/{run}", nav: "/runs", load: () => import("./run") },
  { pattern: "/r/{run}/t/{task}", nav: "/runs", load: () => import("./task") },
  { pattern: "/r/{run}/t/{task}/log", nav: "/runs", load: () => import("./log") },
  { pattern: "/compare", nav: "/runs", load: () => import("./compare") },
  { pattern: "/schedule", nav: "/schedule", load: () => import("./schedule") },
  { pattern: "/tokens", nav: "/tokens", load: () => import("./tokens") },
  { pattern: "/audit", nav: "/audit", load: () => import("./audit") },
  { pattern: "/help", nav: "/help", load: () => import("./help") },
];

export interface Found {
  nav: string;
  parts: Parts;
  load: Load;
}

export function pageFind(path: string): Found {
  for (const page of PAGES) {
    const parts = pathMatch(page.pattern, path);
    if (parts) return { nav: page.nav, parts, load: page.load };
  }
  return { nav: "", parts: {}, load: () => import("./not_found") };
}
