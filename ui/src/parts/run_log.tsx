// The log of one attempt within a page. What is chosen, sought, wrapping and stamps are in the address; the last choice of
// the two switches is what the next log opens with. The page is ready when its first lines are drawn.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { logSource } from "../lib/log_api";
import type { LogQuery } from "../lib/log_reader";
import { STAMPS, type Stamps } from "../lib/log_stamp";
import { readyHold } from "../lib/ready";
import { go, hrefWith, place, queryPut, selectionKeep, selectionKept } from "../lib/router";
import { stored, storedPut } from "../lib/stored";
import type { Attempt, RunDetail, Task } from "../lib/types";
import { LogView } from "./log_view";

function queryOf(query: URLSearchParams): LogQuery {
  return { q: query.get("find") ?? "", regex: query.get("regex") === "1", exact: query.get("case") === "1" };
}

export function RunLog({ run, task, attempt }: { run: RunDetail; task: Task; attempt: Attempt }) {
  const source = useMemo(() => logSource(run.id, task.label, attempt.attempt), [run.id, task.label, attempt.attempt]);
  const release = useRef<(() => void) | null>(null);
  release.current ??= readyHold();
  useEffect(() => () => release.current?.(), []);
  // Back returns to the lines that were in sight.
  const top = useMemo(() => {
    const kept = /^L(\d{1,12})$/.exec(selectionKept() ?? "");
    return kept ? Number(kept[1]) : null;
  }, [attempt.id]);
  const { query, hash } = place.value;
  const asked = query.get("stamps") as Stamps | null;
  const stamps = asked && STAMPS.includes(asked) ? asked : stored("log.stamps", STAMPS, "off");
  const wrap = (query.get("wrap") ?? stored("log.wrap", ["0", "1"], "0")) === "1";
  return (
    <LogView
      source={source} hash={hash} label={`log of ${task.label}, attempt ${attempt.attempt}`} started={attempt.started_at ?? attempt.created_at}
      wrap={wrap} stamps={stamps} query={queryOf(query)}
      onChoose={(next) => go(hrefWith({}, next), { replace: true, still: true })}
      onQuery={(q) => queryPut({ find: q.q, regex: q.q && q.regex ? 1 : null, case: q.q && q.exact ? 1 : null })}
      onWrap={(on) => {
        storedPut("log.wrap", on ? "1" : "0");
        queryPut({ wrap: on ? 1 : 0 });
      }}
      onStamps={(kind) => {
        storedPut("log.stamps", kind);
        queryPut({ stamps: kind });
      }}
      top={top} onRest={(line) => selectionKeep(line === null ? "" : `L${line}`)}
      onReady={() => release.current?.()}
    />
  );
}
