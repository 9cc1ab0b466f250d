// The frame of a page: its heading, with what belongs beside it, and its content. The title of the window follows.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

interface PageProps {
  title: string; // of the window
  heading?: ComponentChildren; // instead of the title
  actions?: ComponentChildren; // buttons on the right
  below?: ComponentChildren; // under the heading: facts, tabs
  children: ComponentChildren;
}

export function Page({ title, heading, actions, below, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · rota`;
  }, [title]);
  return (
    <div class="page">
      <header class="page-head">
        <div class="page-line">
          <h1>{heading ?? title}</h1>
          {actions && <div class="actions">{actions}</div>}
        </div>
        {below}
      </header>
      {children}
    </div>
  );
}
