// What the pages know of the daemon right now: whether it is heard, its health, its clock, and who wants to know what
// changes. Everything here is a signal or told to those who asked with changesHear.
import { batch, computed, signal } from "@preact/signals";
import type { Change, Health } from "../lib/types";
import { type StreamMessage, sourceOpen } from "./source";

declare const STREAM_WORKER: string;

export type Link = "connecting" | "live" | "reconnecting" | "lost";

export const LOST_MS = 10_000;

export const link = signal<Link>("connecting");
export const lostSince = signal(0); // of this browser's clock
export const dataFrom = signal(Date.now()); // when the daemon was last heard
export const health = signal<Health>({ degraded: null, paused: null, backup: null });
export const healthTold = signal(false); // the stream has said how it is, and says each change
export const upgraded = signal(false); // the daemon has become another version than this page's
// The daemon's clock, to the second; it stops while the daemon isn't heard.
export const now = signal(Date.now());
export const heard = computed(() => link.value === "live" || link.value === "connecting");

let offset = 0; // the daemon's clock less ours
let version = "";

// null stands for a resync: anything may have changed.
type Hearer = (change: Change | null) => void;
const hearers = new Set<Hearer>();

export function changesHear(hearer: Hearer): () => void {
  hearers.add(hearer);
  return () => hearers.delete(hearer);
}

function changesTell(change: Change | null): void {
  for (const hearer of hearers) hearer(change);
}

function clockSet(instant: string): void {
  offset = Date.parse(instant) - Date.now();
}

export const nowExact = (): number => Date.now() + offset;

function lost(since: number): void {
  batch(() => {
    lostSince.value = since;
    link.value = Date.now() - since >= LOST_MS ? "lost" : "reconnecting";
  });
}

// Whatever was missed meanwhile, the pages ask for it.
function back(): void {
  const was = link.value;
  batch(() => {
    link.value = "live";
    lostSince.value = 0;
    dataFrom.value = Date.now();
    now.value = nowExact();
  });
  if (was === "reconnecting" || was === "lost") changesTell(null);
}

function take(message: StreamMessage): void {
  if (message.kind === "lost") return lost(message.since);
  if (message.kind === "bye") return;
  if (message.kind === "hello") {
    clockSet(message.data.now);
    if (version && version !== message.data.version) upgraded.value = true;
    version = message.data.version;
  }
  if (message.kind === "beat") clockSet(message.data.now);
  back();
  if (message.kind === "health") {
    batch(() => {
      health.value = message.data;
      healthTold.value = true;
    });
  }
  if (message.kind === "change") changesTell(message.data);
  if (message.kind === "resync") changesTell(null);
}

function connect(): void {
  if (typeof SharedWorker === "function") {
    try {
      const worker = new SharedWorker(STREAM_WORKER, "rota-stream");
      worker.port.onmessage = (event: MessageEvent<StreamMessage>) => take(event.data);
      worker.port.start();
      addEventListener("pagehide", () => worker.port.postMessage({ kind: "bye" } satisfies StreamMessage));
      addEventListener("pageshow", (event) => {
        if (event.persisted) location.reload(); // the worker has forgotten a page that comes back from the cache
      });
      return;
    } catch {
      // Forbidden in some private windows: this tab listens by itself.
    }
  }
  sourceOpen(take);
}

export function liveStart(): void {
  connect();
  setInterval(() => {
    if (link.value === "live" || link.value === "connecting") now.value = nowExact();
    else if (lostSince.value) lost(lostSince.value);
  }, 1000);
}
