// What stands where there is nothing to show yet, nothing at all, or something went wrong.
import type { ComponentChildren } from "preact";
import type { Diagnostic, Problem } from "../lib/types";
import type { Resource } from "../live/resource";

// Why it is empty and what to do.
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function Loading({ what = "Loading" }: { what?: string }) {
  return (
    <div class="loading" role="status">
      <span class="loading-bar" aria-hidden="true" />
      {what}…
    </div>
  );
}

export function Diagnostics({ items }: { items: Diagnostic[] }) {
  return (
    <ul class="diagnostics">
      {items.map((d, i) => (
        <li key={i} class={d.level}>
          <code>
            {d.file ?? ""}
            {d.line ? `:${d.line}:${d.column}` : ""}
          </code>{" "}
          {d.message}
          {d.help && <p class="help">{d.help}</p>}
        </li>
      ))}
    </ul>
  );
}

export function ProblemView({ problem, retry }: { problem: Problem; retry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <p class="problem-title">{problem.title}</p>
      {problem.detail !== problem.title && <p>{problem.detail}</p>}
      {problem.diagnostics && <Diagnostics items={problem.diagnostics} />}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

interface LoadedProps<T> {
  of: Resource<T>;
  what?: string;
  children: (data: T) => ComponentChildren;
}

// The data of a resource once it is there; until then, or if it doesn't come, what stands in its place.
export function Loaded<T>({ of, what, children }: LoadedProps<T>) {
  const data = of.data.value;
  const problem = of.problem.value;
  if (data === undefined) {
    return problem ? <ProblemView problem={problem} retry={() => void of.reload()} /> : <Loading {...(what ? { what } : {})} />;
  }
  return (
    <>
      {problem && <ProblemView problem={problem} retry={() => void of.reload()} />}
      {children(data)}
    </>
  );
}
