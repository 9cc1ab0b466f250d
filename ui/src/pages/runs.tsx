// All runs by the filter line, newest first; those that are chosen can be rerun or cancelled together.
import { useMemo, useState } from "preact/hooks";
import { API, apiGet, problemFrom } from "../lib/api";
import { type FilterKnown, filterPut, filterValue } from "../lib/filter";
import { countText, plural } from "../lib/format";
import { mayOperate } from "../lib/me";
import { hrefWith, place, queryPut } from "../lib/router";
import { LIST_LIMIT, canCancel, canRerun, runsJoined, runsUrl } from "../lib/run_list";
import { stateLook } from "../lib/states";
import type { Page as ListPage, Pipeline, Problem, Run } from "../lib/types";
import { always, never, useResource } from "../live/resource";
import { FilterLine } from "../parts/filter_line";
import { Empty, Loading, ProblemView } from "../parts/notice";
import { Page } from "../parts/page";
import { RunsBulk } from "../parts/runs_bulk";
import { RunsTable } from "../parts/runs_table";
import { Time } from "../parts/time";

const QUICK = [
  { words: "All", value: null },
  { words: "Failed", value: "failed" },
  { words: "Running", value: "running" },
  { words: "Queued", value: "queued" },
  { words: "Succeeded", value: "succeeded" },
  { words: "Cancelled", value: "cancelled" },
] as const;

function Quick({ q }: { q: string }) {
  const now = filterValue(q, "state");
  return (
    <nav class="quick" aria-label="By state">
      {QUICK.map(({ words, value }) => (
        <a
          key={words}
          href={hrefWith({ q: filterPut(q, "state", value) })}
          aria-current={now === value ? "true" : undefined}
          class={value ? `tone-${stateLook(value).tone}` : undefined}
        >
          {words}
        </a>
      ))}
    </nav>
  );
}

// The count isn't waited for: it may look at more than the list does.
function Count({ q }: { q: string }) {
  const count = useResource<{ count: number; at_least: boolean }>(`${API}/run-count${q ? `?q=${encodeURIComponent(q)}` : ""}`, never);
  const found = count.data.value;
  if (!found) return null;
  return (
    <p class="soft num" data-testid="count">
      {found.at_least ? `at least ${countText(found.count)} runs` : plural(found.count, "run")}
    </p>
  );
}

function useKnown(): FilterKnown {
  const pipelines = useResource<ListPage<Pipeline>>(`${API}/pipelines?limit=500`, never).data.value;
  return useMemo(() => {
    const items = pipelines?.items ?? [];
    const unique = (all: (string | null)[]): string[] => [...new Set(all.filter((t): t is string => !!t))].sort();
    return {
      pipelines: items.map((p) => p.name),
      owners: unique(items.map((p) => p.owner)),
      tags: unique(items.flatMap((p) => p.tags)),
    };
  }, [pipelines]);
}

function Nothing({ q }: { q: string }) {
  if (!q)
    return (
      <Empty title="There are no runs yet.">
        <p>
          A schedule starts them, or you do: open <a href="/p">a pipeline</a> and trigger it, or say{" "}
          <code>rota trigger NAME</code>.
        </p>
      </Empty>
    );
  return (
    <Empty title="No run matches this filter.">
      <p>
        Take a term out, or look at <a href="/runs">all runs</a>; <a href="/help?tab=filter">what a filter can say</a>.
      </p>
    </Empty>
  );
}

interface Older {
  pages: ListPage<Run>[];
  asking: boolean;
  problem: Problem | null;
}
const NO_OLDER: Older = { pages: [], asking: false, problem: null };

function RunsFound({ q, first }: { q: string; first: ListPage<Run> }) {
  const [older, olderSet] = useState<Older>(NO_OLDER);
  const [chosen, chosenSet] = useState<ReadonlySet<string>>(new Set());
  const runs = useMemo(() => runsJoined(first.items, older.pages), [first, older.pages]);
  const last = older.pages.at(-1) ?? first;
  const more = async (): Promise<void> => {
    olderSet({ ...older, asking: true, problem: null });
    try {
      const page = await apiGet<ListPage<Run>>(runsUrl(q, last.next));
      olderSet({ pages: [...older.pages, page], asking: false, problem: null });
    } catch (error) {
      olderSet({ ...older, asking: false, problem: problemFrom(error) });
    }
  };
  if (runs.length === 0 && !last.next) return <Nothing q={q} />;
  const picked = runs.filter((run) => chosen.has(run.id));
  return (
    <>
      {mayOperate.value && (
        <RunsBulk
          cancel={picked.filter(canCancel)}
          rerun={picked.filter(canRerun)}
          chosen={picked.length}
          clear={() => chosenSet(new Set())}
        />
      )}
      <RunsTable runs={runs} chosen={mayOperate.value ? chosen : null} choose={chosenSet} />
      {last.searched_back_to && (
        <p class="soft">
          Searched back to <Time at={last.searched_back_to} form="long" />; older runs may match too.
        </p>
      )}
      {older.problem && <ProblemView problem={older.problem} />}
      {last.next && (
        <p class="more">
          <button type="button" onClick={() => void more()} disabled={older.asking} data-testid="more">
            {last.searched_back_to ? "Search on" : `${LIST_LIMIT} more`}
          </button>
        </p>
      )}
    </>
  );
}

export default function RunsPage() {
  const q = place.value.query.get("q") ?? "";
  const known = useKnown();
  const list = useResource<ListPage<Run>>(runsUrl(q), always);
  const problem = list.problem.value;
  const first = list.data.value;
  return (
    <Page title={q ? `Runs: ${q}` : "Runs"} heading="Runs" below={<Quick q={q} />}>
      <FilterLine value={q} known={known} wrong={problem?.status === 422} put={(line) => queryPut({ q: line }, false)} />
      {problem?.status === 422 ? (
        <pre class="filter-wrong" role="alert" data-testid="filter-problem">
          {problem.detail}
        </pre>
      ) : (
        problem && <ProblemView problem={problem} retry={() => void list.reload()} />
      )}
      {!problem && <Count q={q} />}
      {first && !problem && <RunsFound key={q} q={q} first={first} />}
      {!first && !problem && <Loading what="Looking for runs" />}
    </Page>
  );
}

