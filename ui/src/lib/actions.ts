// What a person may do to pipelines and their runs, as requests. Each answers in the daemon's words or throws ApiError.
import { API, apiPost } from "./api";
import { pipelineApi, runApi } from "./paths";
import type { Attention, Done, Started } from "./types";

export interface TriggerBody {
  params?: { [name: string]: string };
  for?: string;
  force?: boolean;
  now?: boolean;
}

export const trigger = (name: string, body: TriggerBody, key?: string): Promise<Started> =>
  apiPost<Started>(pipelineApi(name, "/runs"), body, key);

export const triggerPreview = (name: string, body: TriggerBody): Promise<{ params: Record<string, unknown>; tasks: string[] }> =>
  apiPost(pipelineApi(name, "/runs"), { ...body, dry_run: true });

export const pipelinePause = (name: string, reason: string): Promise<Done> =>
  apiPost<Done>(pipelineApi(name, "/pause"), { reason });
export const pipelineResume = (name: string): Promise<Done> => apiPost<Done>(pipelineApi(name, "/resume"));
export const allPause = (reason: string): Promise<Done> => apiPost<Done>(`${API}/pause`, { reason });
export const allResume = (): Promise<Done> => apiPost<Done>(`${API}/resume`);
export const reload = (): Promise<{ files: number; loaded: number; gone: number; broken: unknown[] }> =>
  apiPost(`${API}/reload`);

const AT_ONCE = 8;

// A note on each of its runs, several at once; what was missed has none, so the note is the pipeline's. The first refusal
// ends it and is told.
export async function acknowledge(what: Attention, text: string): Promise<void> {
  const runs = what.runs.length > 0 ? what.runs : what.run ? [what.run] : [];
  if (runs.length === 0 && what.pipeline) await apiPost<Done>(pipelineApi(what.pipeline, "/note"), { text });
  for (let at = 0; at < runs.length; at += AT_ONCE) {
    const sent = runs.slice(at, at + AT_ONCE).map((run) => apiPost<Done>(runApi(run, "/note"), { text }));
    const refused = (await Promise.allSettled(sent)).find((one) => one.status === "rejected");
    if (refused) throw refused.reason;
  }
}
