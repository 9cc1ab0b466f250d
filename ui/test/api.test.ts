import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { test } from "node:test";
import { ApiError, apiGet, apiPost } from "../src/lib/api";

interface Asked {
  url: string;
  headers: Record<string, string>;
  body: string | undefined;
}

// A daemon that gives its answers in their order and keeps what it was asked.
function daemon(answers: (Response | Error)[]): Asked[] {
  const asked: Asked[] = [];
  globalThis.fetch = (async (url: string, init: RequestInit) => {
    asked.push({ url, headers: init.headers as Record<string, string>, body: init.body as string | undefined });
    const answer = answers[asked.length - 1]!;
    if (answer instanceof Error) throw answer;
    return answer;
  }) as typeof fetch;
  return asked;
}

const json = (value: unknown, init: ResponseInit = {}): Response => new Response(JSON.stringify(value), init);

Object.assign(globalThis, { document: { getElementById: () => null } });
// Browsers have it, and node from 19 on.
if (!globalThis.crypto) Object.assign(globalThis, { crypto: webcrypto });

test("what hasn't changed is the same object and isn't sent again", async () => {
  const asked = daemon([json({ a: 1 }, { headers: { ETag: '"x"' } }), new Response(null, { status: 304 })]);
  const first = await apiGet("/api/v1/one");
  const second = await apiGet("/api/v1/one");
  assert.equal(first, second);
  assert.equal(asked[0]!.headers["If-None-Match"], undefined);
  assert.equal(asked[1]!.headers["If-None-Match"], '"x"');
});

test("a problem document is the error", async () => {
  daemon([json({ title: "Not found", status: 404, detail: "no pipeline is called 'x'" }, { status: 404 })]);
  await assert.rejects(apiGet("/api/v1/two"), (e: ApiError) => e.status === 404 && e.message === "no pipeline is called 'x'");
});

test("an answer that is no problem document still says its status", async () => {
  daemon([new Response("<html>", { status: 502, statusText: "Bad Gateway" })]);
  await assert.rejects(apiGet("/api/v1/three"), (e: ApiError) => e.status === 502 && e.problem.title === "Bad Gateway");
});

test("a change that wasn't answered is sent again with its key", async () => {
  const asked = daemon([new TypeError("failed to fetch"), json({ title: "busy" }, { status: 503 }), json({ ok: true })]);
  assert.deepEqual(await apiPost("/api/v1/pause", { reason: "x" }), { ok: true });
  const keys = asked.map((a) => a.headers["Idempotency-Key"]);
  assert.equal(asked.length, 3);
  assert.ok(keys[0] && keys[0].length >= 16);
  assert.equal(new Set(keys).size, 1);
  assert.equal(new Set(asked.map((a) => a.body)).size, 1);
});

test("a refusal is final", async () => {
  const asked = daemon([json({ title: "Conflict", status: 409, detail: "it runs" }, { status: 409 })]);
  await assert.rejects(apiPost("/api/v1/x"), (e: ApiError) => e.status === 409);
  assert.equal(asked.length, 1);
});

test("who isn't logged in is sent to the login and comes back", async () => {
  let sent = "";
  Object.assign(globalThis, {
    location: { pathname: "/r/1", search: "?tab=logs", hash: "#L3", assign: (to: string) => (sent = to) },
  });
  daemon([json({ title: "Who are you?", status: 401 }, { status: 401 })]);
  await assert.rejects(apiGet("/api/v1/four"), (e: ApiError) => e.status === 401);
  assert.equal(sent, "/login?next=%2Fr%2F1%3Ftab%3Dlogs%23L3");
});
