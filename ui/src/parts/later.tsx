// What needs the code of later.ts: it is fetched when the first such part is shown, and there from then on.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { problemFrom } from "../lib/api";
import { readyHold } from "../lib/ready";
import type { Problem } from "../lib/types";
import { Loading, ProblemView } from "./notice";

type Code = typeof import("../later");

let code: Code | null = null;

export async function laterLoad(): Promise<Code> {
  code ??= await import("../later");
  return code;
}

// Null: it has yet to be fetched.
export const laterHere = (): Code | null => code;

export function Later({ children }: { children: (code: Code) => ComponentChildren }) {
  const [, drawn] = useState(code !== null);
  const [problem, problemSet] = useState<Problem | null>(null);
  useEffect(() => {
    // It may have come between the drawing and this, when nobody was there to be told.
    if (code) {
      drawn(true);
      return undefined;
    }
    let late = false;
    const release = readyHold();
    laterLoad()
      .then(
        () => !late && drawn(true),
        (error: unknown) => !late && problemSet(problemFrom(error)),
      )
      .finally(() => setTimeout(release));
    return () => {
      late = true;
      release();
    };
  }, []);
  if (problem) return <ProblemView problem={problem} retry={() => location.reload()} />;
  return <>{code ? children(code) : <Loading />}</>;
}
