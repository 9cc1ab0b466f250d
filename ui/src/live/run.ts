// A run kept fresh. The address may name it otherwise than by its id, which alone the stream speaks of.
import { useRef } from "preact/hooks";
import { runApi } from "../lib/paths";
import type { Failure, RunDetail } from "../lib/types";
import { type Resource, ofRun, useResource } from "./resource";

export function useRun(name: string): Resource<RunDetail> {
  const id = useRef(name);
  const run = useResource<RunDetail>(runApi(name), (change) => ofRun(id.current)(change));
  id.current = run.data.value?.id ?? name;
  return run;
}

// What went wrong in it, once its id is known.
export function useFailure(id: string | undefined): Resource<Failure> {
  return useResource<Failure>(id ? runApi(id, "/failure") : null, ofRun(id));
}
