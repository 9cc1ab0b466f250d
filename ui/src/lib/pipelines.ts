// The list of pipelines: what narrows it down and how it is ordered.
import type { Pipeline } from "./types";

export const PIPELINE_ORDERS = ["name", "last", "next", "usual"] as const;
export type PipelineOrder = (typeof PIPELINE_ORDERS)[number];

// Every word must stand in the name, the owner, a tag or the description; "owner:x" and "tag:x" are of those alone.
export function pipelineFits(pipeline: Pipeline, text: string): boolean {
  const has = (where: string | null, what: string): boolean => (where ?? "").toLowerCase().includes(what);
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .every((word) => {
      if (word.startsWith("owner:")) return has(pipeline.owner, word.slice(6));
      if (word.startsWith("tag:")) return pipeline.tags.some((tag) => has(tag, word.slice(4)));
      return [pipeline.name, pipeline.owner, pipeline.description, ...pipeline.tags].some((where) => has(where, word));
    });
}

const RANK: Record<string, number> = { failed: 0, running: 1, cancelling: 1, queued: 2, cancelled: 3, succeeded: 4 };

function rankOf(pipeline: Pipeline): number {
  if (pipeline.error) return -1;
  const last = pipeline.last_runs[0];
  return last ? (RANK[last.state] ?? 5) : 6;
}

export function pipelinesSorted(items: readonly Pipeline[], order: PipelineOrder): Pipeline[] {
  const byName = (a: Pipeline, b: Pipeline): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  const by: Record<PipelineOrder, (a: Pipeline, b: Pipeline) => number> = {
    name: byName,
    last: (a, b) => rankOf(a) - rankOf(b),
    next: (a, b) => (a.next === b.next ? 0 : a.next === null || (b.next !== null && a.next > b.next) ? 1 : -1),
    usual: (a, b) => (b.usual_ms ?? -1) - (a.usual_ms ?? -1),
  };
  return [...items].sort((a, b) => by[order](a, b) || byName(a, b));
}
