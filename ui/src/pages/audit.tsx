// Every change that a person or a program made: who, when, what, from where.
import { useState } from "preact/hooks";
import { API, apiGet, problemFrom } from "../lib/api";
import { hrefWith, place } from "../lib/router";
import type { Actor, AuditRow, Page as ListPage, Problem } from "../lib/types";
import { always, useResource } from "../live/resource";
import { Empty, Loaded, ProblemView } from "../parts/notice";
import { Page } from "../parts/page";
import { type Column, Table } from "../parts/table";
import { Time } from "../parts/time";

const actorOf = (row: AuditRow): Actor =>
  row.actor && typeof row.actor === "object" ? row.actor : { kind: "", id: null, name: row.actor ?? null, address: null };

const COLUMNS: readonly Column<AuditRow>[] = [
  { id: "at", head: "When", cell: (row) => <Time at={row.at} form="long" /> },
  {
    id: "who",
    head: "Who",
    cell: (row) => {
      const actor = actorOf(row);
      const name = actor.name ?? actor.id ?? actor.kind;
      return (
        <>
          <a href={hrefWith({ actor: name })}>{name}</a> <span class="soft">{actor.kind}</span>
        </>
      );
    },
  },
  { id: "what", head: "What", cell: (row) => <a href={hrefWith({ action: row.action })}>{row.action}</a> },
  { id: "object", head: "Of", cell: (row) => row.object },
  { id: "detail", head: "Detail", grow: true, hide: "phone", cell: (row) => <span title={row.detail ?? undefined}>{row.detail}</span> },
  { id: "from", head: "From", hide: "tablet", cell: (row) => <span class="soft">{actorOf(row).address}</span> },
];

function urlOf(actor: string | null, action: string | null, after: string | null): string {
  const query = new URLSearchParams();
  if (actor) query.set("actor", actor);
  if (action) query.set("action", action);
  if (after) query.set("after", after);
  const text = query.toString();
  return `${API}/audit${text ? `?${text}` : ""}`;
}

function Rows({ first, url }: { first: ListPage<AuditRow>; url: (after: string) => string }) {
  const [older, olderSet] = useState<ListPage<AuditRow>[]>([]);
  const [problem, problemSet] = useState<Problem | null>(null);
  const next = (older.at(-1) ?? first).next;
  const rows = [first, ...older].flatMap((page) => page.items);
  const more = async (): Promise<void> => {
    problemSet(null);
    try {
      const page = await apiGet<ListPage<AuditRow>>(url(next!));
      olderSet((before) => [...before, page]);
    } catch (error) {
      problemSet(problemFrom(error));
    }
  };
  if (rows.length === 0 && !next)
    return <Empty title="Nothing was changed by hand yet." />;
  return (
    <>
      <Table label="Changes" columns={COLUMNS} rows={rows} keyOf={(row) => `${row.at} ${row.action} ${row.object ?? ""}`} />
      {problem && <ProblemView problem={problem} />}
      {next && (
        <p class="more">
          <button type="button" onClick={() => void more()}>
            Older changes
          </button>
        </p>
      )}
    </>
  );
}

export default function AuditPage() {
  const actor = place.value.query.get("actor");
  const action = place.value.query.get("action");
  const list = useResource<ListPage<AuditRow>>(urlOf(actor, action, null), always);
  return (
    <Page
      title="Audit"
      below={
        (actor || action) && (
          <p class="soft">
            Only {action ?? "what was done"}
            {actor && ` by ${actor}`}; <a href="/audit">everything</a>.
          </p>
        )
      }
    >
      <Loaded of={list}>{(first) => <Rows key={`${actor} ${action}`} first={first} url={(after) => urlOf(actor, action, after)} />}</Loaded>
    </Page>
  );
}
