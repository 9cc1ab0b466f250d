// The pages by their addresses. Those that people open first come with the program; the others are loaded when they are
// shown for the first time.
import type { ComponentType } from "preact";
import { pathMatch } from "../lib/router";
import { laterLoad } from "../parts/later";
import LastPage from "./last";
import OverviewPage from "./overview";
import PipelinePage from "./pipeline";
import PipelinesPage from "./pipelines";
import RunPage from "./run";
import RunsPage from "./runs";
import SchedulePage from "./schedule";
import TaskPage from "./task";

export type Parts = Record<string, string>;
export type PageComponent = ComponentType<{ parts: Parts }>;
type Load = () => Promise<PageComponent>;
type Later = typeof import("../later");

const later =
  (pick: (module: Later) => PageComponent): Load =>
  async () =>
    pick(await laterLoad());

interface Page {
  pattern: string;
  nav: string;
  here?: PageComponent;
  later?: Load;
}

const PAGES: readonly Page[] = [
  { pattern: "/", nav: "/", here: OverviewPage },
  { pattern: "/p", nav: "/p", here: PipelinesPage },
  { pattern: "/p/{name}", nav: "/p", here: PipelinePage },
  { pattern: "/p/{name}/last", nav: "/p", here: LastPage },
  { pattern: "/p/{name}/last-failed", nav: "/p", here: LastPage },
  { pattern: "/runs", nav: "/runs", here: RunsPage },
  { pattern: "/r/{run}", nav: "/runs", here: RunPage },
  { pattern: "/r/{run}/t/{task}", nav: "/runs", here: TaskPage },
  { pattern: "/r/{run}/t/{task}/log", nav: "/runs", later: later((m) => m.LogPage) },
  { pattern: "/compare", nav: "/runs", later: later((m) => m.ComparePage) },
  { pattern: "/schedule", nav: "/schedule", here: SchedulePage },
  { pattern: "/hosts", nav: "/hosts", later: later((m) => m.HostsPage) },
  { pattern: "/hosts/{host}", nav: "/hosts", later: later((m) => m.HostPage) },
  { pattern: "/tokens", nav: "/tokens", later: later((m) => m.TokensPage) },
  { pattern: "/audit", nav: "/audit", later: later((m) => m.AuditPage) },
  { pattern: "/help", nav: "/help", later: later((m) => m.HelpPage) },
];

export interface Found {
  nav: string;
  parts: Parts;
  here?: PageComponent; // it is there
  load: Load;
}

export function pageFind(path: string): Found {
  for (const page of PAGES) {
    const parts = pathMatch(page.pattern, path);
    if (!parts) continue;
    const { nav, here } = page;
    return here ? { nav, parts, here, load: async () => here } : { nav, parts, load: page.later! };
  }
  return { nav: "", parts: {}, load: later((m) => m.NotFoundPage) };
}
