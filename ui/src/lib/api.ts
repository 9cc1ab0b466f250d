// Requests to the daemon. GETs are kept with their ETag, so that what hasn't changed isn't sent again; POSTs carry an
// Idempotency-Key that stays the same over their repetitions, so a repeated one acts once.
import type { Problem } from "./types";

export const API = "/api/v1";

// What the daemon, or the way to it, answered instead of what was asked for.
export class ApiError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }
  get status(): number {
    return this.problem.status;
  }
}

interface Kept {
  etag: string;
  text: string;
  value: unknown;
}

const KEPT_MAX = 60;
const kept = new Map<string, Kept>();
let first: { url: string; value: unknown } | null | undefined;

// The data that came with the page, once.
function firstTake(url: string): unknown {
  if (first === undefined) {
    const element = document.getElementById("first");
    first = null;
    if (element) {
      try {
        first = { url: element.dataset["url"] ?? "", value: JSON.parse(element.textContent ?? "null") };
      } catch {
        first = null; // it is asked for as if it hadn't come
      }
    }
  }
  if (!first || first.url !== url) return undefined;
  const { value } = first;
  first = null;
  return value;
}

async function problemOf(response: Response): Promise<Problem> {
  const bare: Problem = {
    type: "about:blank",
    title: response.statusText || `Status ${response.status}`,
    status: response.status,
    detail: `The daemon answered with status ${response.status}.`,
  };
  try {
    const body = (await response.json()) as Partial<Problem>;
    return { ...bare, ...body };
  } catch {
    return bare;
  }
}

function unreachable(): ApiError {
  return new ApiError({ type: "about:blank", title: "No answer", status: 0, detail: "The daemon doesn't answer." });
}

// Whoever isn't logged in any more comes back to this page after the login.
function loginGo(): void {
  const here = location.pathname + location.search + location.hash;
  location.assign("/login?next=" + encodeURIComponent(here));
}

async function send(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw unreachable();
  }
  if (response.status === 401) {
    loginGo();
    throw new ApiError(await problemOf(response));
  }
  return response;
}

function keep(url: string, entry: Kept): void {
  kept.delete(url);
  kept.set(url, entry);
  for (const key of kept.keys()) {
    if (kept.size <= KEPT_MAX) break;
    kept.delete(key);
  }
}

// The last answer to this URL if it is still kept: shown while a fresh one is on its way.
export function apiKept<T>(url: string): T | undefined {
  return kept.get(url)?.value as T | undefined;
}

// The same object comes back while the daemon says that nothing has changed. Throws ApiError.
export async function apiGet<T>(url: string, signal?: AbortSignal): Promise<T> {
  const injected = firstTake(url);
  if (injected !== undefined) {
    keep(url, { etag: "", text: "", value: injected });
    return injected as T;
  }
  const known = kept.get(url);
  const headers: Record<string, string> = { Accept: "application/json" };
  if (known?.etag) headers["If-None-Match"] = known.etag;
  const response = await send(url, { headers, signal: signal ?? null, cache: "no-store" });
  if (response.status === 304 && known) return known.value as T;
  if (!response.ok) throw new ApiError(await problemOf(response));
  const text = await response.text();
  if (known && known.text === text) return known.value as T;
  const value = JSON.parse(text) as T;
  const etag = response.headers.get("ETag");
  keep(url, { etag: etag ?? "", text, value });
  return value;
}

export function idempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

const REPEATS = [300, 1000, 3000];

// A 503, or no answer, leaves open what happened: it is asked again with the same key before it counts as a failure.
export async function apiPost<T>(url: string, body: unknown = {}, key = idempotencyKey()): Promise<T> {
  const init: RequestInit = {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify(body),
  };
  for (let n = 0; ; n++) {
    let failed: ApiError;
    try {
      const response = await send(url, init);
      if (response.ok) return (await response.json()) as T;
      failed = new ApiError(await problemOf(response));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failed = error;
    }
    const delay = REPEATS[n];
    if ((failed.status !== 503 && failed.status !== 0) || delay === undefined) throw failed;
    await new Promise((done) => setTimeout(done, delay));
  }
}

export function problemFrom(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  const detail = error instanceof Error ? error.message : String(error);
  return { type: "about:blank", title: "The page failed", status: -1, detail };
}
