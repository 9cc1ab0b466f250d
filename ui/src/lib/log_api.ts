// The log of one attempt, as the daemon answers for it. Its lines have a cache of their own (log_lines.ts), so nothing
// of it is kept with the other answers.

import { ApiError } from "./api";
import type { LogPart } from "./log_lines";
import type { LogMatches } from "./log_search";
import type { LogSource } from "./log_reader";
import { runApi } from "./paths";
import type { Problem } from "./types";

async function ask(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal, credentials: "same-origin", cache: "no-store" }).catch((error: unknown) => {
    if (signal.aborted) throw error;
    throw new ApiError({ type: "about:blank", title: "No answer", status: 0, detail: "it can't be reached." });
  });
  if (response.ok) return response;
  const { status } = response;
  const bare: Problem = { type: "about:blank", title: `Status ${status}`, status, detail: `it answered with status ${status}.` };
  const body = (await response.json().catch(() => ({}))) as Partial<Problem>;
  throw new ApiError({ ...bare, ...body });
}

/** Without a task the daemon takes the first failed one's, without an attempt the newest. */
export function logSource(run: string, task: string | null, attempt: number | null): LogSource {
  const url = (below: string, more: Record<string, string | number | null>): string => {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries({ task, attempt, ...more })) if (value !== null) query.set(key, String(value));
    return `${runApi(run, below)}?${query.toString()}`;
  };
  return {
    lines: async (range, signal) => (await ask(url("/log/lines", range), signal)).json() as Promise<LogPart>,
    search: async (query, after, limit, signal) => {
      const what: Record<string, string | number> =
        query === "errors" ? { errors: 1 } : { q: query.q, regex: query.regex ? 1 : 0, case: query.exact ? 1 : 0 };
      return (await ask(url("/log/search", { ...what, after, limit }), signal)).json() as Promise<LogMatches>;
    },
    bytes: async (offset, limit, signal) => (await ask(url("/log", { offset, limit }), signal)).text(),
    download: url("/log/file", {}),
  };
}
