// The story that the pages are for: at 7 in the morning the nightly has failed. From the overview to the lines that say
// why, to what changed since it last succeeded, to a rerun with another parameter, until it has succeeded.
// time-limit: 300
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { ready, scene } from "./lib/browser.mjs";
import { until } from "./lib/place.mjs";
import { nightly, nightly_before } from "./lib/pipelines.mjs";

const { place, person } = await scene({ pipelines: { mouse: nightly_before, keys: nightly_before } });
let who;

before(async () => {
  await Promise.all([place.run("mouse"), place.run("keys")]);
  for (const name of ["mouse", "keys"]) place.pipeline(name, nightly);
  await place.post("/reload");
  await Promise.all([place.run("mouse"), place.run("keys")]);
  who = await person();
});

// The lines that say why are on the page.
async function readsWhy(page, name) {
  const card = page.getByTestId("failure-card");
  await card.waitFor();
  assert.match(await card.innerText(), /train: exit code 1[\s\S]*CUDA out of memory/);
  assert.match(await page.locator("h1").innerText(), new RegExp(`${name}#2`));
}

async function readsWhatChanged(page) {
  await page.getByTestId("compare").waitFor();
  assert.match(await page.getByTestId("diff").innerText(), /default: 0\.1[\s\S]*default: 0\.4/);
}

// The preview is of the parameter as it is now: a changed one makes a linked run.
async function readsPreview(page) {
  await page.getByTestId("preview-count").getByText("in a new run").waitFor();
  assert.match(await page.getByTestId("preview-count").innerText(), /Will run \d+, keep \d+/);
  assert.match(await page.getByTestId("command").innerText(), /^rota rerun \w+#2 --failed -p lr=0\.1$/);
}

async function watchesItSucceed(page, name) {
  await page.locator('h1 [data-state="succeeded"]').waitFor();
  await ready(page);
  assert.match(await page.locator("h1").innerText(), new RegExp(`succeeded\\s+${name}#3`));
  await page.getByTestId("linked-from").waitFor();
  assert.deepEqual(page.troubles, []);
  const left = await place.get("/overview");
  assert.ok(!left.attention.some((row) => row.pipeline === name), "a later success takes it off the list");
}

test("the nightly failed: mended in five clicks", async () => {
  const page = await who.open("/");
  let clicks = 0;
  const click = async (target) => {
    await target.click();
    clicks++;
  };
  await click(page.getByRole("link", { name: /mouse#2/ }).first());
  await readsWhy(page, "mouse");
  await click(page.getByTestId("compare-success"));
  await readsWhatChanged(page);
  await click(page.getByTestId("rerun"));
  const lr = page.getByTestId("param-lr");
  await lr.waitFor();
  assert.equal(await lr.inputValue(), "0.4");
  await lr.fill("0.1");
  await readsPreview(page);
  await click(page.getByTestId("send"));
  await watchesItSucceed(page, "mouse");
  assert.ok(clicks <= 5, `${clicks} clicks`);
  await page.close();
});

test("the nightly failed: mended by the keyboard alone", async () => {
  const page = await who.open("/");
  const keys = page.keyboard;
  const rowNow = () => page.evaluate(() => document.activeElement?.closest("li, tr")?.textContent ?? "");
  for (let i = 0; i < 10 && !/keys#2/.test(await rowNow()); i++) await keys.press("j");
  assert.match(await rowNow(), /keys#2/);
  await keys.press("Enter");
  await readsWhy(page, "keys");
  await keys.press("c");
  await readsWhatChanged(page);
  await page.getByTestId("rerun").waitFor();
  await keys.press("r");
  await page.getByTestId("param-lr").waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("data-testid"));
  for (let i = 0; i < 12 && (await focused()) !== "param-lr"; i++) await keys.press("Tab");
  await keys.press("Control+a");
  await keys.type("0.1");
  await readsPreview(page);
  await keys.press("Enter");
  await watchesItSucceed(page, "keys");
  await page.close();
});

test("neither version is preselected once the file has changed", async () => {
  const run = await place.run("mouse");
  place.pipeline("mouse", nightly.replace("default: 56", "default: 57"));
  await place.post("/reload");
  const page = await who.open(`/r/${run.id}`);
  await page.getByTestId("rerun").click();
  const same = page.getByTestId("version-same");
  await same.waitFor();
  assert.equal(await same.isChecked(), false);
  assert.equal(await page.getByTestId("version-newest").isChecked(), false);
  assert.equal(await page.getByTestId("send").isDisabled(), true);
  await same.check();
  await page.getByTestId("preview-count").waitFor();
  await until("it can be sent", () => page.getByTestId("send").isEnabled());
  assert.match(await page.getByTestId("command").innerText(), /--version same/);
  await page.getByTestId("param-lr").fill("7");
  await page.getByText("at most 1").first().waitFor();
  assert.equal(await page.getByTestId("send").isDisabled(), true);
  await page.close();
});
