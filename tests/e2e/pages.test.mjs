// Each page opened by its address in a tab that knows nothing, and what it says when there is nothing to show.
// time-limit: 300
// takes: 38
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { scene } from "./lib/browser.mjs";
import { until } from "./lib/place.mjs";
import { gate, nightly, nightly_before, shaky, wide } from "./lib/pipelines.mjs";

const { place, person } = await scene({ pipelines: { nightly: nightly_before, gate, shaky, wide } });
let who, success, failed, many;

before(async () => {
  success = await place.run("nightly");
  place.pipeline("nightly", nightly);
  await place.post("/reload");
  failed = await place.run("nightly");
  many = await place.run("wide");
  who = await person();
});

// Opens a deep link, looks for what it must show, and closes it again.
async function look(path, selector, text) {
  const page = await who.open(path);
  const found = page.locator(selector).first();
  await found.waitFor();
  if (text) assert.match(await found.innerText(), text);
  assert.deepEqual(page.troubles, []);
  return page;
}

test("the pages of the installation open from their addresses", async () => {
  const pages = [
    ["/", "main", /nightly#2/],
    ["/p", "main", /nightly[\s\S]*wide/],
    ["/p/nightly", "main", /Trains the demand model/],
    ["/runs", "main", /nightly#2/],
    ["/runs?q=state:failed", "main", /nightly#2/],
    ["/schedule", "main", /./],
    ["/tokens", "main", /./],
    ["/audit", "main", /run\.|trigger/],
    ["/help", "main", /./],
  ];
  for (const [path, selector, text] of pages) await (await look(path, selector, text)).close();
});

test("a failed run's page begins with the line that says why", async () => {
  const page = await look(`/r/${failed.id}`, "[data-testid=failure-card]", /train: exit code 1/);
  assert.match(await page.getByTestId("error-line").locator("xpath=..").innerText(), /CUDA out of memory/);
  assert.match(await page.getByTestId("facts").innerText(), /lr=0\.4/);
  assert.match(await page.title(), /nightly#2 failed/);
  assert.equal(await page.locator(".card-log li").count(), 20);
  await page.close();
});

test("each tab of a run has an address of its own", async () => {
  const tabs = [
    ["gantt", "[data-testid=gantt]", /train/],
    ["graph", "main", /evaluate/],
    ["tasks", "[data-testid=tasks]", /upstream failed/],
    ["logs", "[data-testid=log]", /OutOfMemoryError/],
    ["params", "[data-testid=run-params]", /The learning rate/],
    ["yaml", "[data-testid=yaml]", /default: 0\.4/],
    ["events", "[data-testid=events]", /exit status 1/],
  ];
  for (const [tab, selector, text] of tabs) await (await look(`/r/${failed.id}?tab=${tab}`, selector, text)).close();
});

test("of a failed run only the failed task is open", async () => {
  const page = await look(`/r/${failed.id}?tab=tasks`, "[data-testid=task-train]", /attempt 1/);
  assert.equal(await page.locator('.fold[aria-expanded="true"]').count(), 1);
  await page.close();
});

test("an older run shows the text that it ran, and says that the file has changed", async () => {
  const page = await look(`/r/${success.id}?tab=yaml`, "[data-testid=yaml]", /default: 0\.1/);
  await page.getByTestId("yaml-older").waitFor();
  await page.close();
});

test("a task's page shows its summary as a table, its outputs and its log", async () => {
  const page = await look(`/r/${success.id}/t/train`, "[data-testid=summary]", /rmse\s*4\.2/);
  assert.equal(await page.locator(".markdown td.to-right").innerText(), "4.2");
  assert.match(await page.getByTestId("outputs").innerText(), /rmse\s*4\.2/);
  assert.match(await page.getByTestId("log").innerText(), /epoch 40/);
  assert.match(await page.getByTestId("attempt").innerText(), /exit status 0[\s\S]*local/);
  await page.close();
});

test("a link to a line of a log lands on it", async () => {
  const page = await look(`/r/${failed.id}/t/train/log#L5-L7`, "[data-testid=log]", /epoch 5/);
  assert.match(await page.locator("[data-testid=log-list]").innerText(), /epoch 6/);
  await page.close();
});

test("failures alike share a card that names the others", async () => {
  const page = await look(`/r/${many.id}`, "[data-testid=failure-card]", /part\[(\d+)\][\s\S]*shard \1 is missing/);
  assert.equal(await page.getByTestId("failure-card").count(), 1);
  const same = page.getByTestId("same");
  assert.match(await same.innerText(), /37 more the same way/);
  await same.click();
  await page.getByRole("link", { name: "part[59]" }).first().waitFor();
  await page.close();
});

test("brackets go to the runs before and after", async () => {
  const page = await look(`/r/${failed.id}`, "h1", /nightly#2/);
  await page.keyboard.press("[");
  await page.waitForURL(`**/r/${success.id}`);
  await page.getByText("nightly#1").first().waitFor();
  await page.keyboard.press("]");
  await page.waitForURL(`**/r/${failed.id}`);
  await page.close();
});

test("the links to the last run and the last failed one stay", async () => {
  const page = await who.open("/p/nightly/last");
  await page.waitForURL(`**/r/${failed.id}`);
  await page.close();
  const other = await who.open("/p/wide/last-failed");
  await other.waitForURL(`**/r/${many.id}`);
  await other.close();
  await (await look("/p/gate/last", "main", /gate has no run yet/)).close();
});

test("a comparison shows what differs and nothing else", async () => {
  const page = await look(`/compare?a=${success.id}&b=${failed.id}`, "[data-testid=compare]", /lr/);
  assert.match(await page.getByTestId("diff").innerText(), /default: 0\.1[\s\S]*default: 0\.4/);
  const params = await page.getByTestId("compare-parameters").innerText();
  assert.match(params, /lr\s+0\.1\s+0\.4/);
  assert.doesNotMatch(params, /days/);
  assert.match(await page.getByTestId("compare-tasks").innerText(), /train[\s\S]*succeeded[\s\S]*failed/);
  await page.close();
});

test("what isn't there is said, with a way on", async () => {
  await (await look("/r/01aaaaaaaaaaaaaaaaaaaaaaaa", "main", /no .*run|No such/i)).close();
  await (await look(`/r/${failed.id}/t/nothing`, "main", /has no task nothing/)).close();
  await (await look("/nowhere", "main", /./)).close();
  await (await look("/compare", "main", /No two runs/)).close();
});

test("Back returns to the same tab and scroll", async () => {
  const page = await who.open(`/r/${many.id}?tab=tasks`);
  await page.evaluate(() => scrollTo(0, 900));
  await page.getByTestId("task-part[30]").getByRole("link", { name: "part[30]" }).click();
  await page.waitForURL("**/t/**");
  await page.getByTestId("log").waitFor();
  await page.goBack();
  await page.getByTestId("task-part[30]").waitFor();
  await until("the scroll is back", async () => Math.abs((await page.evaluate(() => scrollY)) - 900) < 60);
  assert.match(page.url(), /tab=tasks/);
  await page.close();
});
