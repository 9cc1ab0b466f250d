// Ctrl-K: goes to a page, a pipeline or a run by a few letters, and turns the switches.
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { API, apiGet } from "../lib/api";
import { keysOn, keysSwitch } from "../lib/keys";
import { matchBest } from "../lib/match";
import { mayAdmin } from "../lib/me";
import { pipelineHref, runHref, runsHref } from "../lib/paths";
import { go } from "../lib/router";
import { themeChoose } from "../lib/theme";
import { zoneChoose } from "../lib/time";
import type { Page, Pipeline } from "../lib/types";
import { Dialog } from "./dialog";

interface Entry {
  words: string;
  kind: string;
  run: () => void;
}

const page = (words: string, href: string): Entry => ({ words, kind: "page", run: () => go(href) });

function entriesFixed(): Entry[] {
  return [
    page("Overview", "/"),
    page("Pipelines", "/p"),
    page("Runs", "/runs"),
    page("Failed runs of the last day", runsHref("state:failed started:>-24h")),
    page("Running now", runsHref("state:running")),
    page("Schedule", "/schedule"),
    page("Audit", "/audit"),
    page("Tokens and sessions", "/tokens"),
    page("Help: states, keys, filter", "/help"),
    { words: "Theme: light", kind: "switch", run: () => themeChoose("light") },
    { words: "Theme: dark", kind: "switch", run: () => themeChoose("dark") },
    { words: "Theme: as the system", kind: "switch", run: () => themeChoose("system") },
    { words: "Times: local", kind: "switch", run: () => zoneChoose("local") },
    { words: "Times: UTC", kind: "switch", run: () => zoneChoose("utc") },
    { words: "Times: the schedule's zone", kind: "switch", run: () => zoneChoose("schedule") },
    { words: keysOn.value ? "Keyboard shortcuts: off" : "Keyboard shortcuts: on", kind: "switch", run: () => keysSwitch(!keysOn.value) },
  ].filter((entry) => mayAdmin.value || entry.words !== "Tokens and sessions");
}

// What looks like a run goes there: nightly#412, nightly@failed, an id.
function entriesTyped(typed: string): Entry[] {
  const text = typed.trim();
  if (!text) return [];
  const made: Entry[] = [{ words: `Search runs for “${text}”`, kind: "search", run: () => go(runsHref(text)) }];
  if (/^\S+[#@]\S+$/.test(text) || /^[0-9a-hjkmnp-tv-z]{8,26}$/.test(text))
    made.unshift({ words: `Go to run ${text}`, kind: "run", run: () => go(runHref(text)) });
  return made;
}

const SHOWN = 12;

export function Palette({ close }: { close: () => void }) {
  const [typed, typedSet] = useState("");
  const [at, atSet] = useState(0);
  const [pipelines, pipelinesSet] = useState<Entry[]>([]);
  const list = useRef<HTMLUListElement>(null);
  const id = useId();
  useEffect(() => {
    // Without the pipelines the rest of the palette still serves.
    apiGet<Page<Pipeline>>(`${API}/pipelines?limit=500`).then(
      (found) => pipelinesSet(found.items.map((p) => ({ words: p.name, kind: "pipeline", run: () => go(pipelineHref(p.name)) }))),
      () => undefined,
    );
  }, []);
  const shown = useMemo(() => {
    const found = matchBest(typed, [...pipelines, ...entriesFixed()], (e) => e.words, SHOWN);
    const made = entriesTyped(typed);
    return made[0]?.kind === "run" ? [...made, ...found] : [...found, ...made];
  }, [typed, pipelines]);
  const run = (entry: Entry | undefined): void => {
    if (!entry) return;
    close();
    entry.run();
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key === "ArrowDown") atSet((at + 1) % Math.max(1, shown.length));
    else if (event.key === "ArrowUp") atSet((at - 1 + shown.length) % Math.max(1, shown.length));
    else if (event.key === "Enter") run(shown[at]);
    else return;
    event.preventDefault();
  };
  useEffect(() => list.current?.children[at]?.scrollIntoView({ block: "nearest" }), [at]);
  return (
    <Dialog title="Go to" close={close} testid="palette">
      <div class="palette" onKeyDown={press}>
        <input
          type="text"
          role="combobox"
          aria-label="A pipeline, a run or a page"
          aria-expanded="true"
          aria-controls={id}
          aria-activedescendant={shown.length ? `${id}-${at}` : undefined}
          placeholder="A pipeline, a run such as nightly#412, a page"
          autocomplete="off"
          spellcheck={false}
          autofocus
          value={typed}
          onInput={(event) => {
            typedSet(event.currentTarget.value);
            atSet(0);
          }}
        />
        <ul id={id} ref={list} role="listbox" aria-label="What was found">
          {shown.map((entry, i) => (
            <li
              key={`${entry.kind} ${entry.words}`}
              id={`${id}-${i}`}
              role="option"
              aria-selected={i === at}
              onMouseMove={() => atSet(i)}
              onClick={() => run(entry)}
            >
              <span class="cut">{entry.words}</span>
              <span class="soft">{entry.kind}</span>
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}
