// What isn't part of the first page's files: the heavy views and the pages that are seldom opened first. It is one file,
// because many small ones cost more in requests than they save in bytes; it is fetched when the first page has settled.
export { default as AuditPage } from "./pages/audit";
export { default as ComparePage } from "./pages/compare";
export { default as HelpPage } from "./pages/help";
export { default as HostPage } from "./pages/host";
export { default as HostsPage } from "./pages/hosts";
export { default as LogPage } from "./pages/log";
export { default as NotFoundPage } from "./pages/not_found";
export { default as TokensPage } from "./pages/tokens";
export { GanttView } from "./parts/gantt_view";
export { GraphView } from "./parts/graph_view";
export { GridView } from "./parts/grid_view";
export { RunLog } from "./parts/run_log";
export { TextDiff } from "./parts/text_diff";
export { TrendChart } from "./parts/trend_chart";
