// The machines that tasks run on: how each stands, what it has and what of it is in use.
import { API } from "../lib/api";
import { diskLow, diskText, hostState, hostsSorted, orderText, slotsUsed } from "../lib/hosts";
import { hostHref } from "../lib/paths";
import type { Host, Page as ListPage } from "../lib/types";
import { type Concern, useResource } from "../live/resource";
import { Empty, Loaded } from "../parts/notice";
import { Page } from "../parts/page";
import { State } from "../parts/state";
import { type Column, Table } from "../parts/table";
import { Time } from "../parts/time";

const changed: Concern = (change) => (change.hosts ?? []).length > 0 || change.tasks.length > 0;

// Why it is as it is: the person's words, else the connection's.
function Why({ host }: { host: Host }) {
  const order = orderText(host.order);
  return (
    <span class="soft" title={host.contact.text ?? undefined}>
      {order && <>{order}. </>}
      {host.contact.state !== "up" && host.contact.text}
    </span>
  );
}

const COLUMNS: readonly Column<Host>[] = [
  {
    id: "name",
    head: "Host",
    cell: (host) => (
      <a href={hostHref(host.name)}>
        <strong>{host.name}</strong>
      </a>
    ),
  },
  { id: "state", head: "State", cell: (host) => <State state={hostState(host)} kind="host" /> },
  { id: "since", head: "Since", hide: "phone", cell: (host) => <Time at={host.order.at ?? host.contact.since} form="relative" /> },
  {
    id: "tasks",
    head: "Tasks",
    end: true,
    cell: (host) => (
      <span class="num">
        {host.running}
        {host.max_tasks !== null && ` / ${host.max_tasks}`}
      </span>
    ),
  },
  {
    id: "slots",
    head: "Slots",
    hide: "phone",
    cell: (host) => (
      <span class="num">
        {slotsUsed(host)
          .map(({ name, used, total }) => `${name} ${used}/${total}`)
          .join(", ")}
      </span>
    ),
  },
  { id: "disk", head: "Disk free", hide: "tablet", end: true, cell: (host) => <span class={diskLow(host.disk) ? "num wrong" : "num"}>{diskText(host.disk)}</span> },
  { id: "why", head: "Why", grow: true, wrap: "phone", cell: (host) => <Why host={host} /> },
];

export default function HostsPage() {
  const list = useResource<ListPage<Host>>(`${API}/hosts`, changed);
  return (
    <Page title="Hosts">
      <Loaded of={list} what="Reading the hosts">
        {({ items }) => (
          <>
            <Table label="Hosts" columns={COLUMNS} rows={hostsSorted(items)} keyOf={(host) => host.name} />
            {items.length === 1 && (
              <Empty title="Tasks run on this machine alone.">
                <p>
                  Other machines need nothing but an SSH login: name them in <code>rota.yaml</code>, as in{" "}
                  <code>{"hosts: {gpu01: {ssh: ml@gpu01.example}}"}</code>, then <code>rota reload</code> and{" "}
                  <code>rota doctor gpu01</code>.
                </p>
              </Empty>
            )}
          </>
        )}
      </Loaded>
    </Page>
  );
}
