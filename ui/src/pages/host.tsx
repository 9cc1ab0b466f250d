// One host: since when it stands so and why, who holds what, what runs and what failed there, and what was found out
// about the machine.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { apiPost, problemFrom } from "../lib/api";
import { diskLow, diskText, factText, hostState, orderText } from "../lib/hosts";
import { inlineOf } from "../lib/markdown";
import { mayOperate } from "../lib/me";
import { hostApi, runHref, taskHref } from "../lib/paths";
import type { Doctor, Host, HostDetail, HostTask, Problem } from "../lib/types";
import { type Concern, useResource } from "../live/resource";
import { heard } from "../live/store";
import { type HostAsked, HostDialog } from "../parts/host_dialogs";
import { Words } from "../parts/markdown";
import { Empty, Loaded, ProblemView } from "../parts/notice";
import { Page } from "../parts/page";
import { State } from "../parts/state";
import { type Column, Table } from "../parts/table";
import { Fact } from "../parts/task_facts";
import { Duration, Time } from "../parts/time";

const concerns =
  (name: string): Concern =>
  (change) =>
    (change.hosts ?? []).includes(name) || change.tasks.length > 0;

function Section({ title, count, children }: { title: string; count?: number; children: ComponentChildren }) {
  return (
    <section class="panel" data-testid={`host-${title.toLowerCase().replaceAll(" ", "-")}`}>
      <h2>
        {title} {count !== undefined && <span class="soft">{count}</span>}
      </h2>
      {children}
    </section>
  );
}

function Standing({ host }: { host: HostDetail }) {
  const { contact, boot, disk } = host;
  const order = orderText(host.order);
  return (
    <dl class="brief" data-testid="host-facts">
      <Fact name={contact.state === "up" ? "connected since" : `${contact.state} since`}>
        <Time at={contact.since} form="long" />
      </Fact>
      {order && (
        <Fact name="order">
          {order} <Time at={host.order.at} />
        </Fact>
      )}
      {host.address && (
        <Fact name="address">
          <code>{host.address}</code> {host.transport && <span class="soft">by {host.transport}</span>}
        </Fact>
      )}
      {host.groups.length > 0 && <Fact name="groups">{host.groups.join(", ")}</Fact>}
      <Fact name="tasks">
        {host.running}
        {host.max_tasks !== null && ` of at most ${host.max_tasks}`}
      </Fact>
      {disk && (
        <Fact name="disk free">
          <span class={diskLow(disk) ? "wrong" : undefined}>{diskText(disk)}</span>{" "}
          <span class="soft">
            seen <Time at={disk.at} form="relative" />
          </span>
        </Fact>
      )}
      {boot && (
        <Fact name="booted">
          <Time at={boot.booted_at} form="long" />
        </Fact>
      )}
    </dl>
  );
}

function Units({ host }: { host: Host }) {
  if (host.slots.length === 0) return null;
  return (
    <Section title="Slots">
      <dl class="values host-facts">
        {host.slots.map((slot) => (
          <div key={slot.name}>
            <dt>{slot.name}</dt>
            <dd>
              {slot.total === 0 && <span class="soft">none</span>}
              {slot.units.map((unit) => (
                <span key={unit.name} class="unit">
                  <code>{unit.name}</code>{" "}
                  {unit.run && unit.run_id ? (
                    <a href={unit.task ? taskHref(unit.run_id, unit.task) : runHref(unit.run_id)}>
                      {unit.run} {unit.task}
                    </a>
                  ) : (
                    <span class="soft">free</span>
                  )}
                </span>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

const taskColumns = (ended: boolean): Column<HostTask>[] => [
  {
    id: "task",
    head: "Task",
    cell: (one) => (
      <a href={taskHref(one.run_id, one.task)}>
        {one.run} {one.task}
      </a>
    ),
  },
  { id: "state", head: "State", cell: (one) => <State state={one.state} /> },
  {
    id: "when",
    head: ended ? "Ended" : "For",
    cell: (one) => (ended ? <Time at={one.ended_at} form="relative" /> : <Duration since={one.started_at} />),
  },
  { id: "why", head: "Why", grow: true, hide: "phone", cell: (one) => <span class="soft">{one.reason}</span> },
];

function Tasks({ title, items, ended, walk }: { title: string; items: HostTask[]; ended: boolean; walk: boolean }) {
  return (
    <Section title={title} count={items.length}>
      {items.length === 0 ? (
        <p class="soft">None.</p>
      ) : (
        <Table label={title} columns={taskColumns(ended)} rows={items} keyOf={(one) => `${one.run_id} ${one.task} ${one.attempt}`} walk={walk} />
      )}
    </Section>
  );
}

function Remnants({ host }: { host: HostDetail }) {
  if (host.remnants.length === 0) return null;
  return (
    <Section title="May still live there" count={host.remnants.length}>
      <p>
        These were given up. They are ended there at the next contact, before anything new starts. If that machine won't come back:{" "}
        <code>rota hosts down {host.name} --gone</code>
      </p>
      <ul class="labels">
        {host.remnants.map((one) => (
          <li key={`${one.run_id} ${one.task}`}>
            <a href={taskHref(one.run_id, one.task)}>
              {one.run} {one.task}
            </a>{" "}
            <span class="soft">
              since <Time at={one.since} />
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Machine({ host }: { host: HostDetail }) {
  const facts = Object.entries(host.facts ?? {});
  if (facts.length === 0) return null;
  return (
    <Section title="Machine">
      <dl class="values host-facts">
        {facts.map(([key, value]) => {
          const { name, text } = factText(key, value);
          return (
            <div key={key}>
              <dt>{name}</dt>
              <dd>{text}</dd>
            </div>
          );
        })}
      </dl>
      {host.boots.length > 1 && (
        <>
          <h3>Reboots</h3>
          <ul class="labels">
            {host.boots.map((boot) => (
              <li key={boot.id}>
                <Time at={boot.booted_at ?? boot.seen_at} form="long" />
              </li>
            ))}
          </ul>
        </>
      )}
    </Section>
  );
}

const RESULT = { ok: "succeeded", warn: "missed", fail: "failed" } as const;

function Checks({ doctor }: { doctor: Doctor }) {
  return (
    <>
      <p class="soft">
        <Time at={doctor.at} form="long" />
      </p>
      <ul class="checks" data-testid="checks">
        {doctor.checks.map((check) => (
          <li key={check.name}>
            <State state={RESULT[check.result]} kind="host" words={check.name} />
            <div>
              {check.text}
              {check.todo && <p class="help">{check.todo}</p>}
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

function DoctorPanel({ host, reload }: { host: HostDetail; reload: () => Promise<void> }) {
  const [busy, busySet] = useState(false);
  const [problem, problemSet] = useState<Problem | null>(null);
  const ask = async (): Promise<void> => {
    busySet(true);
    problemSet(null);
    try {
      await apiPost<Doctor>(hostApi(host.name, "/doctor"));
      await reload();
    } catch (error) {
      problemSet(problemFrom(error));
    }
    busySet(false);
  };
  return (
    <Section title="Doctor">
      {host.doctor ? <Checks doctor={host.doctor} /> : <p class="soft">It hasn't been asked yet.</p>}
      {problem && <ProblemView problem={problem} />}
      {mayOperate.value && (
        <p>
          <button type="button" disabled={busy || !heard.value} onClick={() => void ask()} data-testid="doctor-run">
            {busy ? "Looking, about half a minute…" : "Ask the doctor"}
          </button>{" "}
          <code class="soft">rota doctor {host.name}</code>
        </p>
      )}
    </Section>
  );
}

function Actions({ host, ask, check }: { host: HostDetail; ask: (asked: HostAsked) => void; check: () => void }) {
  if (!mayOperate.value) return null;
  const dead = !heard.value;
  const { state } = host.order;
  const remote = host.address !== null;
  return (
    <>
      {remote && host.contact.state !== "up" && (
        <button type="button" disabled={dead} onClick={check} data-testid="host-check">
          Try now
        </button>
      )}
      {state === "up" && (
        <button type="button" disabled={dead} onClick={() => ask("drain")} data-testid="host-drain">
          Drain…
        </button>
      )}
      {remote && state !== "down" && (
        <button type="button" class="danger" disabled={dead} onClick={() => ask("down")} data-testid="host-down">
          Declare down…
        </button>
      )}
      {state !== "up" && (
        <button type="button" class="primary" disabled={dead} onClick={() => ask("up")} data-testid="host-up">
          Use again…
        </button>
      )}
    </>
  );
}

function Shown({ host, reload }: { host: HostDetail; reload: () => Promise<void> }) {
  const [asked, askedSet] = useState<HostAsked | null>(null);
  const [problem, problemSet] = useState<Problem | null>(null);
  const check = (): void => {
    problemSet(null);
    apiPost(hostApi(host.name, "/check")).then(reload, (error: unknown) => problemSet(problemFrom(error)));
  };
  return (
    <Page
      title={host.name}
      heading={
        <span class="run-title">
          <State state={hostState(host)} kind="host" />
          <span>
            <a class="crumb" href="/hosts">
              Hosts
            </a>{" "}
            / {host.name}
          </span>
        </span>
      }
      actions={<Actions host={host} ask={askedSet} check={check} />}
      below={<Standing host={host} />}
    >
      {host.contact.state !== "up" && host.contact.text && (
        <p class="host-why" data-testid="reason">
          <Words inline={inlineOf(host.contact.text)} />
        </p>
      )}
      {problem && <ProblemView problem={problem} />}
      <Tasks title="Running" items={host.running_tasks} ended={false} walk />
      <Remnants host={host} />
      <div class="panels">
        <Units host={host} />
        <Machine host={host} />
        {host.address !== null && <DoctorPanel host={host} reload={reload} />}
      </div>
      <Tasks title="Recent failures" items={host.failures} ended walk={false} />
      <HostDialog host={host} asked={asked} close={() => askedSet(null)} reload={reload} />
    </Page>
  );
}

export default function HostPage({ parts }: { parts: Record<string, string> }) {
  const name = parts["host"]!;
  const host = useResource<HostDetail>(hostApi(name), concerns(name));
  if (host.problem.value?.status === 404)
    return (
      <Page title={name}>
        <Empty title={`There is no host ${name} in the configuration.`}>
          <p>
            <a href="/hosts">The list of hosts</a> has those that there are.
          </p>
        </Empty>
      </Page>
    );
  return (
    <Loaded of={host} what="Reading the host">
      {(data) => <Shown host={data} reload={host.reload} />}
    </Loaded>
  );
}
