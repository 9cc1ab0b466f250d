// A whole list, page by page: the first is kept fresh as any resource, the others are asked for when it changes.
import { signal, useSignalEffect } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { apiGet } from "../lib/api";
import { readyHold } from "../lib/ready";
import type { Page } from "../lib/types";
import { type Concern, type Resource, useResource } from "./resource";

const MOST = 5000;

export function useAllPages<T>(url: string, concern: Concern): { first: Resource<Page<T>>; items: () => T[] } {
  const first = useResource<Page<T>>(url, concern);
  const rest = useMemo(() => signal<T[]>([]), [url]);
  useSignalEffect(() => {
    const begin = first.data.value;
    if (!begin) return undefined;
    if (!begin.next) {
      rest.value = [];
      return undefined;
    }
    let late = false;
    const release = readyHold();
    const read = async (): Promise<void> => {
      const found: T[] = [];
      for (let next: string | null = begin.next; next && !late && found.length < MOST; ) {
        const page: Page<T> = await apiGet<Page<T>>(`${url}?limit=500&after=${encodeURIComponent(next)}`);
        found.push(...page.items);
        next = page.next;
      }
      if (!late) rest.value = found;
    };
    // What is there already stays if the rest doesn't come; the next change asks again.
    read().then(release, release);
    return () => {
      late = true;
      release();
    };
  });
  return { first, items: () => [...(first.data.value?.items ?? []), ...rest.value] };
}
