// The page of a log against the real daemon: what the daemon's line numbers, searches and ends make of the viewer.
// time-limit: 180
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { before, test } from "node:test";
import { fromUi, ready, scene } from "./lib/browser.mjs";

const long = `
description: Prints much
tasks:
  prints:
    run: |
      echo "::group::Set up"
      printf '\\033[32mready\\033[0m <b>not bold</b>\\n'
      printf ' 10%%\\r 90%%\\rdone\\n'
      echo "::endgroup::"
      awk 'BEGIN { for (i = 5; i <= 60000; i++) print "step " i " of many" }'
      awk 'BEGIN { for (i = 0; i < 300000; i++) printf "wide "; print "" }'
      echo "ValueError: the shapes differ" >&2
      exit 1
    retries: 1
  quiet:
    run: ":"
`;

const slow = `
description: Prints when it is told to
params:
  open: {type: string, help: The file whose lines it prints}
tasks:
  tells:
    run: |
      awk 'BEGIN { for (i = 1; i <= 200; i++) print "before " i }'
      while [ ! -e "$ROTA_PARAM_OPEN.more" ]; do sleep 0.05; done
      awk 'BEGIN { for (i = 1; i <= 142; i++) print "later " i }'
      while [ ! -e "$ROTA_PARAM_OPEN.end" ]; do sleep 0.05; done
      echo "the last words"
`;

const stage = await scene({ pipelines: { long, slow } });
const { place } = stage;
let person;
let run;

before(async () => {
  person = await stage.person();
  run = await place.run("long");
});

const path = (more = "") => `/r/${run.id}/t/prints/log${more}`;
const row = (page, line) => page.locator(`.log-row[data-n="${line - 1}"]:not(.absent)`);
const inSight = (page, line) =>
  page.waitForFunction((n) => {
    const box = document.querySelector(`.log-row[data-n="${n}"]:not(.absent)`)?.getBoundingClientRect();
    const list = document.querySelector("[data-testid=log-list]").getBoundingClientRect();
    return box && box.top >= list.top - 1 && box.bottom <= list.bottom + 1;
  }, line - 1);

test("a link lands on its lines and they are marked", async () => {
  const page = await person.open(path("?try=1#L31000-L31002"));
  await inSight(page, 31000);
  assert.equal(await page.locator(".log-row.chosen").count(), 3);
  assert.equal(await row(page, 31000).innerText(), "step 31000 of many");
  assert.deepEqual(page.troubles, []);
  await page.close();
});

test("without a link the end is shown, and another attempt is one click away", async () => {
  const page = await person.open(path());
  await page.getByText("ValueError: the shapes differ").waitFor();
  assert.equal(await page.locator("[data-testid=try-2]").getAttribute("aria-current"), "page");
  await page.locator("[data-testid=try-1]").click();
  await page.waitForURL(/try=1/);
  await ready(page);
  await page.getByText("ValueError: the shapes differ").waitFor();
  assert.deepEqual(page.troubles, []);
  await page.close();
});

test("a log that is left while it is being scrolled leaves nothing behind", async () => {
  const page = await person.open(path("?try=2"));
  await page.getByText("ValueError: the shapes differ").waitFor();
  await page.evaluate(() => {
    document.querySelector("[data-testid=log-list]").scrollTop -= 3000;
    requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector("[data-testid=try-1]").click()));
  });
  await page.waitForURL(/try=1/);
  await page.waitForTimeout(400);
  assert.deepEqual(page.troubles, []);
  await page.close();
});

test("the daemon's search has the true total and finds what was never loaded", async () => {
  const page = await person.open(path("?find=step+4%5Cd%7B4%7D+of&regex=1"));
  await page.waitForFunction(() => /of 10,000/.test(document.querySelector("[data-testid=log-hits]").textContent));
  await page.locator("[data-testid=log-search]").fill("(");
  await page.locator(".log-foot .log-notice").waitFor();
  assert.deepEqual(page.troubles, []);
  await page.close();
});

test("e finds the error, colours and overwritten text are as in a terminal", async () => {
  const page = await person.open(path("#L1"));
  await inSight(page, 2);
  assert.equal(await row(page, 2).locator(".a-ink").innerText(), "ready");
  assert.match(await row(page, 2).innerText(), /ready <b>not bold<\/b>/);
  assert.equal(await row(page, 3).locator(".log-text").innerText(), "done");
  await page.keyboard.press("e");
  await page.getByText("ValueError: the shapes differ").waitFor();
  assert.match(page.url(), /#L\d+$/);
  assert.deepEqual(page.troubles, []);
  await page.close();
});

test("a line of a megabyte and more is cut and opens whole", async () => {
  const page = await person.open(path());
  await page.getByText(/^show all 1\.4 MiB/).click();
  await page.locator(".log-long pre").waitFor();
  await page.waitForFunction(() => !/read/.test(document.querySelector(".log-long header").textContent));
  assert.match(await page.locator(".log-long pre").innerText(), /^(wide ){32}/);
  await page.close();
});

test("switches stay in the address and survive a reload", async () => {
  const page = await person.open(path("#L100"));
  await inSight(page, 100);
  await page.keyboard.press("w");
  await page.keyboard.press("t");
  await page.waitForURL(/wrap=1.*stamps=relative#L100|stamps=relative.*wrap=1#L100/);
  await page.reload({ waitUntil: "commit" });
  await ready(page);
  await inSight(page, 100);
  assert.equal(await page.locator("[data-testid=log-wrap]").getAttribute("aria-pressed"), "true");
  assert.equal(await page.locator("[data-testid=log-stamps]").inputValue(), "relative");
  await page.close();
});

test("a running log grows on the page, and waits for a reader who scrolled up", async () => {
  const open = place.path("told");
  const id = await place.trigger("slow", { open });
  await place.task_is(id, "tells", "running");
  const page = await person.open(`/r/${id}/t/tells/log`);
  await page.getByText("before 200").waitFor();
  await page.locator("[data-testid=log-list]").hover();
  await page.mouse.wheel(0, -1500);
  await page.waitForFunction(() => document.querySelector("[data-testid=log-follow]")?.getAttribute("aria-pressed") === "false");
  writeFileSync(`${open}.more`, "");
  await page.getByText("142 new lines").click();
  await page.getByText("later 142").waitFor();
  writeFileSync(`${open}.end`, "");
  await page.getByText("the last words").waitFor();
  await page.locator("[data-testid=log-follow]").waitFor({ state: "detached" });
  assert.deepEqual(page.troubles, []);
  await page.close();
});

test("a task that printed nothing and one that isn't there say so", async () => {
  const page = await person.open(`/r/${run.id}/t/quiet/log`);
  await page.getByText("It printed nothing.").waitFor();
  await page.close();
  const other = await person.open(`/r/${run.id}/t/nobody/log`);
  await other.getByText("has no task nobody").waitFor();
  await other.close();
});

test("axe finds nothing on the page", async () => {
  const page = await person.open(path("#L1"));
  await page.evaluate(readFileSync(fromUi.resolve("axe-core/axe.min.js"), "utf8"));
  const found = await page.evaluate(async () => (await window.axe.run()).violations.map((v) => `${v.id}: ${v.nodes[0].html}`));
  assert.deepEqual(found, []);
  await page.close();
});
