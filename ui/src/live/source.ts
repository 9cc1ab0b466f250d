// One connection to the event stream: it is opened anew after each loss, from where it ended, with a growing delay. It
// runs in the shared worker, or in the page where there is none.
import type { Change, Health, Instant } from "../lib/types";

export type StreamMessage =
  | { kind: "hello"; data: { version: string; state_id: string; commit: string | number; now: Instant } }
  | { kind: "change"; data: Change }
  | { kind: "health"; data: Health }
  | { kind: "beat"; data: { now: Instant } }
  | { kind: "resync" }
  | { kind: "lost"; since: number }
  | { kind: "bye" };

const URL_STREAM = "/api/v1/stream";
const KINDS = ["hello", "change", "health", "beat", "resync"] as const;
const DELAYS = [200, 500, 1000, 2000];
// Beats come every 5 s: after two missing ones the connection is dead, whatever the network says.
const SILENCE_MS = 12_000;

export interface Source {
  close(): void;
}

export function sourceOpen(tell: (message: StreamMessage) => void): Source {
  let events: EventSource | null = null;
  let last = "";
  let failures = 0;
  let heard = 0;
  let since = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  const fail = (): void => {
    if (closed) return;
    events?.close();
    events = null;
    if (!since) since = Date.now();
    tell({ kind: "lost", since });
    clearTimeout(timer);
    timer = setTimeout(open, DELAYS[Math.min(failures++, DELAYS.length - 1)]);
  };

  const take = (kind: (typeof KINDS)[number], event: MessageEvent<string>): void => {
    heard = Date.now();
    failures = 0;
    since = 0;
    if (event.lastEventId) last = event.lastEventId;
    if (kind === "resync") tell({ kind });
    else tell({ kind, data: JSON.parse(event.data) } as StreamMessage);
  };

  const open = (): void => {
    heard = Date.now();
    events = new EventSource(last ? `${URL_STREAM}?last_event_id=${encodeURIComponent(last)}` : URL_STREAM);
    for (const kind of KINDS) events.addEventListener(kind, (event) => take(kind, event as MessageEvent<string>));
    events.onerror = fail;
  };

  const watch = setInterval(() => {
    if (events && Date.now() - heard > SILENCE_MS) fail();
  }, 2000);

  open();
  return {
    close() {
      closed = true;
      clearInterval(watch);
      clearTimeout(timer);
      events?.close();
    },
  };
}
