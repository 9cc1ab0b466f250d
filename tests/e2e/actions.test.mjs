// What a person does to runs and tasks, and that the page shows what the daemon answered.
// time-limit: 300
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { before, test } from "node:test";
import { scene } from "./lib/browser.mjs";
import { until } from "./lib/place.mjs";
import { gate, nightly, shaky } from "./lib/pipelines.mjs";

const { place, person } = await scene({ pipelines: { gate, nightly, shaky, stuck: gate.replace("echo \"waiting", "trap '' TERM; echo \"waiting") } });
let who;

before(async () => {
  who = await person();
});

async function send(page) {
  await until("the dialog can be sent", () => page.getByTestId("send").isEnabled());
  await page.getByTestId("send").click();
}

const headState = (page, state) => page.locator(`h1 [data-state="${state}"]`).waitFor();

test("a cancel names what and how many, and the page follows", async () => {
  const run = await place.trigger("gate", { open: place.path("never") });
  await place.task_is(run, "beside", "running");
  const page = await who.open(`/r/${run}`);
  await page.getByTestId("cancel").click();
  assert.match(await page.getByTestId("cancel-count").innerText(), /2 running tasks are ended/);
  assert.match(await page.getByTestId("dialog").innerText(), /Cancel gate#\d+/);
  assert.match(await page.getByTestId("command").innerText(), /^rota cancel gate#\d+$/);
  await send(page);
  await headState(page, "cancelled");
  const audit = (await place.get("/audit?limit=20")).items;
  assert.ok(audit.some((row) => /cancel/.test(row.action)), "the audit has a line");
  await page.close();
});

test("a second cancel kills", async () => {
  const run = await place.trigger("stuck", { open: place.path("never") });
  await place.task_is(run, "hold", "running");
  await until("the trap is set", async () => /waiting/.test(await place.get(`/runs/${run}/log?task=hold`)));
  const page = await who.open(`/r/${run}`);
  await page.getByTestId("cancel").click();
  await send(page);
  await headState(page, "cancelling");
  await page.getByTestId("cancel").click();
  assert.match(await page.getByTestId("dialog").innerText(), /Kill stuck#\d+[\s\S]*kills at once/);
  await send(page);
  await headState(page, "cancelled");
  await page.close();
});

test("one task is cancelled alone", async () => {
  const open = place.path("one");
  const run = await place.trigger("gate", { open });
  await place.task_is(run, "hold", "running");
  const page = await who.open(`/r/${run}/t/hold`);
  await page.getByTestId("cancel").click();
  await send(page);
  await headState(page, "cancelled");
  assert.equal((await place.get(`/runs/${run}`)).tasks[1].state, "running");
  writeFileSync(open, "");
  await page.close();
});

test("a task that waits for its next try says until when, and is tried now if asked", async () => {
  const run = await place.trigger("shaky");
  await until("it waits for its retry", async () => (await place.task_is(run, "later", "waiting")).wait === "retry");
  const page = await who.open(`/r/${run}/t/later`);
  assert.match(await page.getByTestId("countdown").innerText(), /next try in (1h|59m)/);
  await page.getByTestId("retry").click();
  await send(page);
  await headState(page, "succeeded");
  await page.getByTestId("try-1").click();
  await page.waitForURL("**try=1**");
  await page.getByTestId("attempt").getByText("exit status 75").first().waitFor();
  await page.close();
});

test("a task is marked as succeeded with a reason and the outputs that it declares", async () => {
  const run = (await place.get("/runs?q=p:shaky")).items[0].id;
  await place.ended_run(run);
  const page = await who.open(`/r/${run}/t/count`);
  await page.getByTestId("mark").click();
  await page.getByTestId("param-rows").waitFor();
  assert.equal(await page.getByTestId("send").isDisabled(), true);
  await page.getByTestId("mark-reason").fill("counted by hand");
  await page.getByTestId("param-rows").fill("12");
  assert.match(await page.getByTestId("command").innerText(), /rota mark shaky#\d+ count succeeded --reason 'counted by hand' -o rows=12/);
  await send(page);
  await headState(page, "succeeded");
  await page.getByTestId("outputs").getByText("12").waitFor();
  await place.ended_run(run);
  await page.close();
});

test("what the daemon refuses is said in the dialog, which stays", async () => {
  const run = await place.trigger("shaky");
  await until("it waits for its retry", async () => (await place.task_is(run, "later", "waiting")).wait === "retry");
  const page = await who.open(`/r/${run}/t/later`);
  await page.getByTestId("retry").click();
  await place.post(`/runs/${run}/retry`, { task: "later" });
  await place.task_is(run, "later", "succeeded");
  await send(page);
  await page.getByTestId("fault").waitFor();
  assert.ok((await page.getByTestId("fault").innerText()).length > 10);
  await page.getByTestId("dialog").waitFor();
  await page.close();
});

test("an acknowledgement is a note and takes the failure off the overview", async () => {
  const run = await place.run("nightly");
  const page = await who.open(`/r/${run.id}`);
  await page.getByTestId("note").click();
  await page.getByTestId("note-text").fill("the card is too small");
  await send(page);
  await page.getByTestId("notes").getByText("the card is too small").waitFor();
  const overview = await place.get("/overview");
  assert.ok(!overview.attention.some((row) => row.run === run.id));
  await page.close();
});

test("a run is kept, and no longer", async () => {
  const run = await place.run("nightly");
  const page = await who.open(`/r/${run.id}`);
  const keep = page.getByTestId("keep");
  await keep.click();
  await page.locator('[data-testid=keep][aria-pressed="true"]').waitFor();
  assert.equal((await place.get(`/runs/${run.id}`)).keep, true);
  await keep.click();
  await page.locator('[data-testid=keep][aria-pressed="false"]').waitFor();
  await page.close();
});

test("a rerun of one task and what follows says so before it does", async () => {
  const run = await place.run("nightly", { lr: "0.1" });
  const page = await who.open(`/r/${run.id}/t/train`);
  await page.getByTestId("rerun").click();
  assert.equal(await page.getByTestId("mode-from").isChecked(), true);
  await page.getByTestId("preview-count").waitFor();
  const preview = await page.getByTestId("preview").innerText();
  assert.match(preview, /in this same run/);
  assert.match(preview, /evaluate follows train/);
  await page.getByTestId("mode-only").check();
  await until("the preview follows", async () => !/evaluate/.test(await page.getByTestId("preview").innerText()));
  await send(page);
  await page.getByTestId("try-2").waitFor();
  await page.close();
});

test("the report of a run is plain text for a ticket", async () => {
  const run = await place.run("nightly");
  await who.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await who.open(`/r/${run.id}`);
  await page.getByRole("button", { name: "Copy report" }).click();
  await page.getByText("Copied").waitFor();
  const report = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(report, /^nightly#\d+ failed: failed: train\n/);
  assert.match(report, /parameters\s+lr=0\.4 days=56 size=small/);
  assert.match(report, /train: exit code 1, on local, attempt 1\n\s+line 43: torch\.OutOfMemoryError/);
  await page.close();
});
