// What a task prints and what a file says is text on every page, whatever it looks like.
// time-limit: 300
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { scene } from "./lib/browser.mjs";
import { HOSTILE, hostile } from "./lib/pipelines.mjs";

const { place, person } = await scene({ pipelines: { hostile } });
let who, run;

before(async () => {
  run = await place.run("hostile", { text: HOSTILE });
  await place.post(`/runs/${run.id}/note`, { text: HOSTILE });
  who = await person();
});

async function harmless(path, more) {
  const page = await who.open(path);
  if (more) await more(page);
  assert.equal(await page.evaluate(() => window.taken), undefined, `${path} ran what a task wrote`);
  assert.equal(await page.locator("main img, main script, main iframe").count(), 0, path);
  assert.equal(await page.locator('a[href^="javascript:" i]').count(), 0, path);
  assert.deepEqual(page.troubles, [], path);
  const text = await page.locator("main").innerText();
  await page.close();
  return text;
}

test("no page runs what a task or a file says", async () => {
  const tabs = ["gantt", "graph", "tasks", "logs", "params", "yaml", "events"].map((tab) => `/r/${run.id}?tab=${tab}`);
  const pages = ["/", "/p", "/p/hostile", "/p/hostile?tab=versions", "/runs", "/audit", ...tabs];
  for (const path of pages) await harmless(path);
});

test("the page shows it as it was written", async () => {
  assert.ok((await harmless(`/r/${run.id}`)).includes(HOSTILE));
  assert.ok((await harmless(`/r/${run.id}?tab=yaml`)).includes("</script><script>window.taken=1</script>"));
  const task = await harmless(`/r/${run.id}/t/say`);
  assert.ok(task.includes("[a](javascript:window.taken=1)"), "a link of a summary stays text");
  assert.ok(task.includes(`red ${HOSTILE}`), "colours are taken out of the text");
  assert.ok(!task.includes("\u001b"), "no escape is left");
});

test("a search for it marks text", async () => {
  await harmless(`/r/${run.id}/t/say/log?find=${encodeURIComponent("<script>")}`, async (page) => {
    await page.getByTestId("log").getByText("window.taken").first().waitFor();
  });
});

test("the rerun dialog shows a hostile parameter as a value", async () => {
  await harmless(`/r/${run.id}`, async (page) => {
    await page.getByTestId("rerun").click();
    await page.getByTestId("preview-count").waitFor();
    assert.equal(await page.getByTestId("param-text").inputValue(), HOSTILE);
  });
});

test("the first page's data can't end its element", async () => {
  const page = await who.open("/p/hostile");
  assert.equal(await page.evaluate(() => window.taken), undefined);
  await page.close();
});
