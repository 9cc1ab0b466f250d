// What a page shows of the daemon, kept fresh: asked for at first, again when a change concerns it (at most about once a
// second), and after a loss of the connection. What was shown stays on the page until the fresh answer is there.
import { type Signal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { apiGet, apiKept, problemFrom } from "../lib/api";
import { readyHold } from "../lib/ready";
import type { Change, Problem } from "../lib/types";
import { changesHear } from "./store";

export interface Resource<T> {
  readonly data: Signal<T | undefined>;
  readonly problem: Signal<Problem | null>;
  readonly loading: Signal<boolean>;
  reload(): Promise<void>;
}

export type Concern = (change: Change) => boolean;
export const never: Concern = () => false;
export const always: Concern = () => true;

const GAP_MS = 1000;

interface Kept<T> extends Resource<T> {
  start(): () => void;
}

function resourceNew<T>(url: string | null, concern: () => Concern): Kept<T> {
  const data = signal<T | undefined>(url ? apiKept<T>(url) : undefined);
  const problem = signal<Problem | null>(null);
  const loading = signal(url !== null);
  let stop = new AbortController();
  let last = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking = false;
  let again = false;

  const ask = async (): Promise<void> => {
    if (url === null || stop.signal.aborted) return;
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    last = Date.now();
    const { signal: aborted } = stop;
    try {
      const value = await apiGet<T>(url, aborted);
      if (aborted.aborted) return;
      data.value = value;
      problem.value = null;
    } catch (error) {
      if (aborted.aborted) return;
      // The bar on top says that the daemon doesn't answer; what is known stays on the page.
      const found = problemFrom(error);
      if (found.status !== 0 || data.value === undefined) problem.value = found;
    } finally {
      asking = false;
      loading.value = false;
      if (again) {
        again = false;
        soon();
      }
    }
  };

  const soon = (): void => {
    if (timer !== undefined) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        void ask();
      },
      Math.max(80, last + GAP_MS - Date.now()),
    );
  };

  return {
    data,
    problem,
    loading,
    reload: ask,
    start() {
      stop = new AbortController();
      const mute = changesHear((change) => {
        if (change === null || concern()(change)) soon();
      });
      const release = readyHold();
      void ask().then(release);
      return () => {
        stop.abort();
        mute();
        clearTimeout(timer);
        timer = undefined;
        asking = false;
        release();
      };
    },
  };
}

// `url` null asks for nothing. `concern` says which changes of the stream call for a fresh answer.
export function useResource<T>(url: string | null, concern: Concern = never): Resource<T> {
  const held = useMemo(() => ({ concern }), []);
  held.concern = concern;
  const resource = useMemo(() => resourceNew<T>(url, () => held.concern), [url]);
  useEffect(() => resource.start(), [resource]);
  return resource;
}

// Which changes concern a run, a pipeline.
export const ofRun =
  (id: string | undefined): Concern =>
  (change) =>
    change.runs.some((r) => r.id === id) || change.tasks.some((t) => t.run === id) || change.notes.includes(id ?? "");
export const ofPipeline =
  (name: string): Concern =>
  (change) =>
    change.pipelines.includes(name) || change.firings.includes(name) || change.runs.some((r) => r.pipeline === name);
