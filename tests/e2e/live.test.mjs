// What happens is seen without a reload, in as many tabs as a person likes; and a daemon that is gone is told from one
// that has nothing to say.
// time-limit: 300
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { ready, scene } from "./lib/browser.mjs";
import { gate } from "./lib/pipelines.mjs";

const { place, person } = await scene({ pipelines: { gate } });
let who;

before(async () => {
  who = await person();
});

test("ten tabs are live at once", async () => {
  const open = place.path("ten");
  const run = await place.trigger("gate", { open });
  await place.task_is(run, "hold", "running");
  const paths = [`/r/${run}`, `/r/${run}?tab=tasks`, `/r/${run}?tab=graph`, `/r/${run}?tab=events`, `/r/${run}/t/after`];
  const tabs = [];
  for (const path of [...paths, ...paths]) tabs.push(await who.open(path));
  for (const tab of tabs) assert.equal(await tab.locator('h1 [data-state="succeeded"]').count(), 0);
  writeFileSync(open, "");
  await Promise.all(tabs.map((tab) => tab.locator('h1 [data-state="succeeded"]').waitFor()));
  const events = await tabs[3].getByTestId("events").innerText();
  assert.match(events, /after\s+succeeded/);
  for (const tab of tabs) assert.deepEqual(tab.troubles, []);
  await Promise.all(tabs.map((tab) => tab.close()));
});

test("a log grows while it is read", async () => {
  const open = place.path("log");
  const run = await place.trigger("gate", { open });
  await place.task_is(run, "hold", "running");
  const page = await who.open(`/r/${run}/t/hold`);
  await page.getByTestId("log").getByText("waiting for").waitFor();
  writeFileSync(open, "");
  await page.getByTestId("log").getByText("through", { exact: true }).waitFor();
  await page.locator('h1 [data-state="succeeded"]').waitFor();
  await page.close();
});

test("progress and the age of the last output are shown while it runs", async () => {
  const open = place.path("progress");
  const run = await place.trigger("gate", { open });
  await place.task_is(run, "beside", "running");
  const page = await who.open(`/r/${run}/t/beside`);
  await page.getByTestId("progress").getByText("50% half of it").waitFor();
  const other = await who.open(`/r/${run}/t/after`);
  assert.match(await other.getByTestId("why").innerText(), /hold/);
  writeFileSync(open, "");
  await place.ended_run(run);
  await other.locator('h1 [data-state="succeeded"]').waitFor();
  await page.close();
  await other.close();
});

test("backups that fail are told over every page, as long as they do, and then how old the last one is", async () => {
  const page = await who.open("/");
  assert.equal(await page.getByTestId("bar-backup").count(), 0);
  writeFileSync(place.config, "slots: {cpu: 64}\nbackup: {dir: backups}\n");
  assert.equal((await place.rota("reload")).code, 0);
  await page.getByTestId("bar-backup").waitFor();
  assert.match(await page.getByTestId("bar-backup").innerText(), /No backup can be made since[^]*backups isn't there/);
  mkdirSync(place.path("backups"));
  assert.equal((await place.rota("reload")).code, 0);
  await page.getByTestId("bar-backup").waitFor({ state: "detached" });
  await page.getByTestId("last-backup").getByText(/^now$|ago$/).waitFor();
  await page.close();
});

const HOLD = `
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
`;

test("a daemon that can't record is told over every page with the reason, as long as it can't", async () => {
  const page = await who.open("/p/gate");
  const overview = await who.open("/");
  const holder = spawn("python3", ["-c", HOLD, join(place.state, "rota.db")], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    await once(holder.stdout, "data");
    await page.getByTestId("trigger").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("open").fill(place.config);
    await dialog.getByTestId("trigger-send").click();
    const bar = page.getByTestId("bar-degraded");
    await bar.getByText("another program holds the database: python3").waitFor();
    assert.match(await bar.innerText(), /^The daemon can't record anything since \d\d:\d\d \S+: another/, "one sentence");
    await dialog.getByRole("alert").getByText("nothing can be recorded").waitFor();
    await overview.getByTestId("daemon").getByText("degraded").waitFor();
  } finally {
    holder.stdin.end();
  }
  await page.getByTestId("bar-degraded").waitFor({ state: "detached" });
  await overview.getByTestId("daemon").getByText("healthy").waitFor();
  await overview.close();
  await page.close();
});

// The times are the design's: a notice within 5 s, the red bar within 15 s, and fresh within 5 s of the return.
test("a daemon that is gone is told, and so is its return", async () => {
  const open = place.path("gone");
  const run = await place.trigger("gate", { open });
  await place.task_is(run, "hold", "running");
  const page = await who.open(`/r/${run}`);
  const gone = Date.now();
  await place.kill();
  await page.getByTestId("bar-reconnecting").waitFor({ timeout: 5000 });
  await page.getByTestId("bar-lost").waitFor({ timeout: 15000 - (Date.now() - gone) });
  assert.match(await page.getByTestId("bar-lost").innerText(), /Daemon unreachable since \d\d:\d\d:\d\d .*, data from \d\d:\d\d:\d\d/);
  assert.equal(await page.getByTestId("cancel").isDisabled(), true);
  writeFileSync(open, "");
  await place.start();
  await place.ended_run(run);
  await page.locator('h1 [data-state="succeeded"]').waitFor({ timeout: 5000 });
  assert.equal(await page.getByTestId("bar-lost").count(), 0);
  await ready(page);
  await page.close();
});
