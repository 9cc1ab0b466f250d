// A part whose code is loaded when it is shown for the first time.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { problemFrom } from "../lib/api";
import { readyHold } from "../lib/ready";
import type { Problem } from "../lib/types";
import { Loading, ProblemView } from "./notice";

interface LazyProps<M> {
  load: () => Promise<M>;
  children: (module: M) => ComponentChildren;
}

export function Lazy<M>({ load, children }: LazyProps<M>) {
  const [module, moduleSet] = useState<{ is: M } | null>(null);
  const [problem, problemSet] = useState<Problem | null>(null);
  useEffect(() => {
    let late = false;
    const release = readyHold();
    load()
      .then(
        (is) => !late && moduleSet({ is }),
        (error: unknown) => !late && problemSet(problemFrom(error)),
      )
      .finally(() => setTimeout(release));
    return () => {
      late = true;
      release();
    };
  }, []);
  if (problem) return <ProblemView problem={problem} retry={() => location.reload()} />;
  return <>{module ? children(module.is) : <Loading />}</>;
}
