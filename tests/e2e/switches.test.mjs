// What is switched: the theme before anything is drawn, the settings of a phone, the rest of a pipeline.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { scene } from "./lib/browser.mjs";

const yearly = `
schedule: {cron: "0 4 1 1 *", timezone: Europe/Oslo}
tasks:
  one: {run: echo one}
`;
const many = `
tasks:
  part:
    matrix: {n: [${Array.from({ length: 90 }, (_, i) => i).join(", ")}]}
    run: "true"
`;
const { place, person } = await scene({ pipelines: { yearly, many } });
let who;

before(async () => {
  who = await person();
});

test("a chosen theme is there before the pages' program is", async () => {
  const page = await who.open("/help");
  await page.getByLabel("Theme").selectOption("dark");
  await page.route(/\/assets\/main-.*\.js$/, (route) => route.abort());
  for (const path of ["/help", "/login"]) {
    await page.goto(place.url + path);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark", path);
  }
  await page.close();
});

test("on a phone the settings unfold, and fold when another page is opened", async () => {
  const phone = await person({ viewport: { width: 390, height: 844 } });
  const page = await phone.open("/");
  assert.equal(await page.getByLabel("Theme").isVisible(), false);
  await page.getByTestId("settings").click();
  await page.getByLabel("Time zone").selectOption("utc");
  await page.getByRole("link", { name: "Runs", exact: true }).first().click();
  await page.getByLabel("Theme").waitFor({ state: "hidden" });
  await page.context().close();
});

test("a pipeline is paused and resumed from the schedule, with a reason and its command", async () => {
  const page = await who.open("/schedule");
  await page.getByRole("button", { name: "Pause yearly" }).click();
  assert.ok(await page.getByTestId("confirm-send").isDisabled(), "a pause needs a reason");
  await page.getByLabel("Reason").fill("being mended");
  assert.equal(await page.getByTestId("command").innerText(), "rota pause yearly --reason 'being mended'");
  await page.getByTestId("confirm-send").click();
  await page.getByRole("button", { name: "Resume yearly" }).click();
  await page.getByRole("button", { name: "Pause yearly" }).waitFor();
  assert.deepEqual(page.troubles, []);
  await page.close();
});

test("the events of a run go on to the last", async () => {
  const { id } = await place.run("many");
  const page = await who.open(`/r/${id}?tab=events`);
  const rows = page.getByTestId("events").locator("tbody tr");
  await page.getByTestId("more").waitFor();
  const before = await rows.count();
  await page.getByTestId("more").click();
  await page.waitForFunction((n) => document.querySelectorAll('[data-testid="events"] tbody tr').length > n + 5, before);
  await page.close();
});

test("a login leads to no other host, however the address is written", async () => {
  for (const next of ["/.//127.0.0.2:1/", "//127.0.0.2:1/", "/\\127.0.0.2:1/", "http://127.0.0.2:1/", "javascript:alert(1)"]) {
    const page = await who.tab();
    const link = new URL(await place.link());
    link.searchParams.set("next", next);
    await page.goto(link.href, { waitUntil: "commit" });
    await page.waitForURL((url) => url.pathname !== "/login", { waitUntil: "commit" });
    assert.equal(new URL(page.url()).origin, place.url, next);
    await page.close();
  }
});
