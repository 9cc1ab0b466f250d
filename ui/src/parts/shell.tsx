// What is round every page: the navigation, the bars, the switches of zone and theme, and the page itself.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { problemFrom } from "../lib/api";
import { logout, mayAdmin, me } from "../lib/me";
import { readyHold } from "../lib/ready";
import { go, place, visit } from "../lib/router";
import { type Theme, theme, themeChoose } from "../lib/theme";
import { type ZoneChoice, zoneChoice, zoneChoose, zoneLocal } from "../lib/time";
import type { Problem } from "../lib/types";
import { link } from "../live/store";
import { type PageComponent, type Parts, pageFind } from "../pages/pages";
import { Bars } from "./bar";
import { KeysHelp } from "./keys_help";
import { Loading, ProblemView } from "./notice";
import { Palette } from "./palette";
import { StateSentence } from "./state";
import { Toasts } from "./toast";
import { useKeys } from "./use_keys";

const NAV = [
  { href: "/", words: "Overview" },
  { href: "/p", words: "Pipelines" },
  { href: "/runs", words: "Runs" },
  { href: "/schedule", words: "Schedule" },
  { href: "/hosts", words: "Hosts" },
  { href: "/audit", words: "Audit" },
] as const;

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M8 1.5A6.5 6.5 0 1 1 1.9 5.8M8 4.5V8l2.5 2" />
    </svg>
  );
}

function Nav({ open }: { open: string }) {
  const items = mayAdmin.value ? [...NAV, { href: "/tokens", words: "Tokens" }] : NAV;
  return (
    <nav class="nav" aria-label="Main">
      {items.map((item) => (
        <a key={item.href} href={item.href} aria-current={item.href === open ? "page" : undefined}>
          {item.words}
        </a>
      ))}
    </nav>
  );
}

// On a phone what is seldom switched folds away behind one button.
function Switches({ find }: { find: () => void }) {
  const [unfolded, unfoldedSet] = useState(false);
  const visits = visit.value;
  useEffect(() => unfoldedSet(false), [visits]);
  return (
    <div class="switches">
      <button type="button" class="find" onClick={find} data-testid="find">
        Go to… <kbd>Ctrl</kbd>
        <kbd>K</kbd>
      </button>
      <span class={`link link-${link.value}`} role="img" aria-label={`Event stream: ${link.value}`} title={`Event stream: ${link.value}`} />
      <button
        type="button"
        class="only-phone"
        aria-expanded={unfolded}
        aria-controls="settings"
        onClick={() => unfoldedSet(!unfolded)}
        data-testid="settings"
      >
        Settings
      </button>
      <div id="settings" class={unfolded ? "settings unfolded" : "settings"}>
        <select
          aria-label="Time zone"
          value={zoneChoice.value}
          onChange={(event) => zoneChoose(event.currentTarget.value as ZoneChoice)}
        >
          <option value="local">Local ({zoneLocal()})</option>
          <option value="utc">UTC</option>
          <option value="schedule">Schedule's zone</option>
        </select>
        <select aria-label="Theme" value={theme.value} onChange={(event) => themeChoose(event.currentTarget.value as Theme)}>
          <option value="system">Auto</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
        <a href="/help">Help</a>
        {me.value?.session && (
          <button type="button" class="plain" onClick={() => void logout()} title={`${me.value.name}, ${me.value.role}`}>
            Log out
          </button>
        )}
      </div>
    </div>
  );
}

interface Shown {
  component: PageComponent;
  parts: Parts;
  path: string;
}

// The page of the present address. While the code of a page is being loaded the former one stays.
function View() {
  const path = place.value.path;
  const found = useMemo(() => pageFind(path), [path]);
  const [loaded, loadedSet] = useState<Shown | null>(null);
  const [problem, problemSet] = useState<Problem | null>(null);
  useEffect(() => {
    problemSet(null);
    if (found.here) {
      loadedSet({ component: found.here, parts: found.parts, path });
      return undefined;
    }
    let left = false;
    const release = readyHold();
    found
      .load()
      .then(
        (component) => !left && loadedSet({ component, parts: found.parts, path }),
        (error: unknown) => !left && problemSet(problemFrom(error)),
      )
      .finally(() => setTimeout(release));
    return () => {
      left = true;
      release();
    };
  }, [found]);
  if (problem) return <ProblemView problem={problem} retry={() => location.reload()} />;
  const shown = found.here ? { component: found.here, parts: found.parts, path } : loaded;
  if (!shown) return <Loading />;
  const Shown = shown.component;
  return <Shown key={shown.path} parts={shown.parts} />;
}

// The field of this page that narrows down what it shows; where there is none, the palette finds things.
function searchFocus(otherwise: () => void): void {
  const field = document.querySelector<HTMLInputElement>("main [data-search]");
  if (!field) return otherwise();
  field.focus();
  field.select();
}

type Opened = "palette" | "keys" | null;

export function Shell() {
  const main = useRef<HTMLElement>(null);
  const [opened, openedSet] = useState<Opened>(null);
  useKeys([
    { keys: "?", text: "this help", run: () => openedSet("keys") },
    { keys: "/", text: "search", run: () => searchFocus(() => openedSet("palette")) },
    { keys: "Ctrl-K", text: "go to a pipeline, a run or a page", always: true, run: () => openedSet("palette") },
    { keys: "g o", text: "overview", run: () => go("/") },
    { keys: "g p", text: "pipelines", run: () => go("/p") },
    { keys: "g r", text: "runs", run: () => go("/runs") },
    { keys: "g s", text: "schedule", run: () => go("/schedule") },
  ]);
  const visits = visit.value;
  // Who reads by ear is brought to the new page, as a browser would; the row to which Back returned keeps the focus.
  useEffect(() => {
    if (visits > 0 && !main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true });
  }, [visits]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href="/" aria-label="rota, overview">
          <Mark />
          <span class="not-phone">rota</span>
        </a>
        <Nav open={pageFind(place.value.path).nav} />
        <Switches find={() => openedSet("palette")} />
      </header>
      <Bars />
      <main id="main" ref={main} tabIndex={-1}>
        <View />
      </main>
      {opened === "palette" && <Palette close={() => openedSet(null)} />}
      {opened === "keys" && <KeysHelp close={() => openedSet(null)} />}
      <Toasts />
      <StateSentence />
    </>
  );
}
