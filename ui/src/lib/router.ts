// Where the reader is. Everything that changes what is seen is in the address; links are plain <a>, and a click on one
// of ours changes the page without loading it anew. Back returns to the same scroll and selection: they are kept with
// the entry of the browser's history.
import { batch, signal } from "@preact/signals";

export interface Place {
  path: string;
  query: URLSearchParams;
  hash: string;
}

interface Kept {
  scroll?: number;
  selected?: string;
}

function placeNow(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search), hash: location.hash };
}

// The server has these as files of its own.
const FOREIGN = /^\/(api|assets|login)(\/|$|\?)/;

export const place = signal<Place>({ path: "/", query: new URLSearchParams(), hash: "" });
// Rises with each change of the page, not with one of the query alone.
export const visit = signal(0);
let restoring: Kept | null = null;

function keptNow(): Kept {
  return (history.state as Kept | null) ?? {};
}

function keptPut(change: Kept): void {
  history.replaceState({ ...keptNow(), ...change }, "");
}

function placeSet(next: Place): void {
  const other = next.path !== place.value.path;
  batch(() => {
    place.value = next;
    if (other) visit.value++;
  });
}

// Goes to an address of ours. `replace` makes no entry in the history; `still` leaves the scroll where it is.
export function go(href: string, options: { replace?: boolean; still?: boolean } = {}): void {
  const url = new URL(href, location.href);
  if (url.origin !== location.origin || FOREIGN.test(url.pathname)) {
    location.assign(url.href);
    return;
  }
  if (options.replace) history.replaceState(options.still ? keptNow() : {}, "", url);
  else {
    keptPut({ scroll: scrollY });
    history.pushState({}, "", url);
  }
  const other = url.pathname !== place.value.path;
  restoring = null;
  placeSet(placeNow());
  if (other && !options.still) scrollTo(0, 0);
}

// The present address with some of its query changed; null or "" takes a member out.
export function hrefWith(change: { [key: string]: string | number | null | undefined }, hash?: string): string {
  const query = new URLSearchParams(place.value.query);
  for (const [key, value] of Object.entries(change)) {
    if (value === null || value === undefined || value === "") query.delete(key);
    else query.set(key, String(value));
  }
  const text = query.toString();
  return place.value.path + (text ? `?${text}` : "") + (hash ?? "");
}

export function queryPut(change: { [key: string]: string | number | null | undefined }, replace = true): void {
  go(hrefWith(change, location.hash), { replace, still: true });
}

// What is selected on this page, for when Back comes to it again.
export function selectionKeep(selected: string): void {
  keptPut({ selected });
}
export function selectionKept(): string | undefined {
  return keptNow().selected;
}

// Once the page shows all of its data: only now it is high enough to be scrolled to where the reader was.
export function scrollRestore(): void {
  const kept = restoring;
  restoring = null;
  if (kept?.scroll !== undefined) scrollTo(0, kept.scroll);
}

function linkOf(event: MouseEvent): HTMLAnchorElement | null {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = (event.target as Element | null)?.closest?.("a");
  if (!link || !link.href || link.target || link.hasAttribute("download")) return null;
  const url = new URL(link.href);
  if (url.origin !== location.origin || FOREIGN.test(url.pathname)) return null;
  // A place within this page is the browser's to find, but it comes to us as a change of the hash.
  if (url.pathname === location.pathname && url.search === location.search && url.hash) return null;
  return link;
}

export function routerStart(): void {
  history.scrollRestoration = "manual";
  restoring = keptNow();
  place.value = placeNow();
  addEventListener("click", (event) => {
    const link = linkOf(event);
    if (!link) return;
    event.preventDefault();
    go(link.href);
  });
  addEventListener("popstate", () => {
    restoring = keptNow();
    const same = location.pathname === place.value.path;
    placeSet(placeNow());
    // Nothing may have to be fetched; where it is, this is done again when it has come.
    if (same) {
      const kept = restoring;
      scrollRestore();
      restoring = kept;
    }
  });
  addEventListener("pagehide", () => keptPut({ scroll: scrollY }));
  let timer = 0;
  addEventListener(
    "scroll",
    () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => restoring === null && keptPut({ scroll: scrollY }), 150);
    },
    { passive: true },
  );
}

// "/r/{run}/t/{task}" against a path: the decoded parts, or null.
export function pathMatch(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split("/");
  const have = path.replace(/(.)\/$/, "$1").split("/");
  if (want.length !== have.length) return null;
  const parts: Record<string, string> = {};
  for (let i = 0; i < want.length; i++) {
    const part = want[i]!;
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name) {
      if (!have[i]) return null;
      try {
        parts[name] = decodeURIComponent(have[i]!);
      } catch {
        return null;
      }
    } else if (part !== have[i]) return null;
  }
  return parts;
}
