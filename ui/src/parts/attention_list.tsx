// What needs attention, the first thing on the first page: a row for each cause, with what can be done about it.
import { useRef, useState } from "preact/hooks";
import { mayOperate } from "../lib/me";
import { pipelineHref, runHref, runsHref, taskHref } from "../lib/paths";
import type { Attention } from "../lib/types";
import { heard } from "../live/store";
import { AcknowledgeDialog } from "./note_dialogs";
import { StateIcon } from "./state";
import { useWalk } from "./use_walk";
import { Time } from "./time";
import { TriggerDialog } from "./trigger_dialog";

function hrefOf(what: Attention): string {
  // A failed run begins with the lines that say why.
  if (what.run && what.task && what.kind !== "failed") return taskHref(what.run, what.task);
  if (what.run) return runHref(what.run);
  return what.pipeline ? pipelineHref(what.pipeline, what.kind === "missed" ? "schedule" : "") : "/p";
}

// All runs of one cause, when they are more than the row's own.
function More({ what }: { what: Attention }) {
  if (what.kind !== "failed" || what.count < 2 || !what.pipeline) return null;
  return <a href={runsHref(`state:failed p:${what.pipeline}`)}>all {what.count}</a>;
}

interface RowProps {
  what: Attention;
  ask: (asked: "acknowledge" | "run") => void;
}

function Row({ what, ask }: RowProps) {
  const may = mayOperate.value && heard.value;
  const kept = what.kind === "failed" || what.kind === "missed";
  return (
    <li class={`attention-row is-${what.kind}`} data-testid="attention">
      <StateIcon state={what.kind} label />
      <div class="attention-what">
        <a href={hrefOf(what)} class="attention-title">
          {what.title}
        </a>
        <span class="attention-why mono">{what.why}</span>
      </div>
      <span class="attention-at soft">
        {what.run && what.name && <a href={runHref(what.run)}>{what.name}</a>}
        <More what={what} />
        {what.at && <Time at={what.at} form="relative" />}
      </span>
      <span class="attention-do">
        {what.kind === "missed" && what.pipeline && (
          <button type="button" disabled={!may} onClick={() => ask("run")}>
            Run now…
          </button>
        )}
        {kept && (
          <button type="button" disabled={!may} onClick={() => ask("acknowledge")}>
            Acknowledge…
          </button>
        )}
      </span>
    </li>
  );
}

export function AttentionList({ items }: { items: Attention[] }) {
  const [asked, askedSet] = useState<{ what: Attention; kind: "acknowledge" | "run" } | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const close = (): void => askedSet(null);
  useWalk(() => [...(list.current?.children ?? [])], items.length > 0);
  if (items.length === 0)
    return (
      <p class="all-well">
        <StateIcon state="succeeded" /> Nothing needs attention.
      </p>
    );
  return (
    <>
      <ul class="attention" ref={list}>
        {items.map((what) => (
          <Row key={`${what.kind} ${what.run ?? what.pipeline} ${what.title}`} what={what} ask={(kind) => askedSet({ what, kind })} />
        ))}
      </ul>
      {asked?.kind === "acknowledge" && <AcknowledgeDialog what={asked.what} close={close} />}
      {asked?.kind === "run" && <TriggerDialog name={asked.what.pipeline!} at={asked.what.scheduled_for ?? null} close={close} />}
    </>
  );
}
