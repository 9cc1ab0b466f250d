// Every page can be read and operated by everybody: axe-core finds nothing on it, light and dark, at a desk and on a phone.
// time-limit: 300
// takes: 42
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { fromUi, ready, scene } from "./lib/browser.mjs";
import { gate, hostile, nightly, nightly_before, shaky, wide } from "./lib/pipelines.mjs";

const AXE = readFileSync(fromUi.resolve("axe-core/axe.min.js"), "utf8");
const { place, person } = await scene({ pipelines: { nightly: nightly_before, gate, shaky, wide, hostile } });
const runs = {};

before(async () => {
  runs.success = (await place.run("nightly")).id;
  place.pipeline("nightly", nightly);
  await place.post("/reload");
  runs.failed = (await place.run("nightly")).id;
  await place.post(`/runs/${runs.failed}/note`, { text: "seen" });
  runs.wide = (await place.run("wide")).id;
  runs.hostile = (await place.run("hostile")).id;
  runs.shaky = await place.trigger("shaky");
  runs.live = await place.trigger("gate", { open: place.path("never") });
  await place.task_is(runs.live, "hold", "running");
});

const paths = () => [
  "/",
  "/p",
  "/p/nightly",
  "/p/nightly?tab=graph",
  "/runs",
  "/schedule",
  "/tokens",
  "/audit",
  "/help",
  `/r/${runs.failed}`,
  ...["graph", "tasks", "logs", "params", "yaml", "events"].map((tab) => `/r/${runs.failed}?tab=${tab}`),
  `/r/${runs.wide}?tab=graph`,
  `/r/${runs.live}?tab=tasks`,
  `/r/${runs.success}/t/train`,
  `/r/${runs.shaky}/t/later`,
  `/r/${runs.hostile}/t/say`,
  `/r/${runs.failed}/t/train/log`,
  `/compare?a=${runs.success}&b=${runs.failed}`,
];

const DESK = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const WCAG = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
const COLOURS = { runOnly: { type: "rule", values: ["color-contrast"] } };
// The size of what can be clicked has exceptions that a program can't judge: the line numbers of a log, the bars and the
// cells are as small as what they stand for, and each leads where a larger link leads too.
const RULES = { "target-size": { enabled: false } };

// The policy lets no script in that isn't the daemon's, so axe comes in by the debugger's way.
async function found(page, rules) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(`${AXE}; 0`);
  const violations = await page.evaluate(
    async (options) => (await window.axe.run(document, options)).violations,
    { resultTypes: ["violations"], ...rules, ...("type" in rules.runOnly ? {} : { rules: RULES }) },
  );
  return violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 160)}`));
}

// What is on the page now, in each look: everything in light, what the colours change in dark.
async function looks(page, name) {
  const all = [];
  for (const [size, viewport] of [["desk", DESK], ["phone", PHONE]]) {
    await page.setViewportSize(viewport);
    for (const [colorScheme, rules] of [["dark", COLOURS], ["light", WCAG]]) {
      await page.emulateMedia({ colorScheme });
      for (const one of await found(page, rules)) all.push(`${name} ${size} ${colorScheme} ${one}`);
    }
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wider > 0) all.push(`${name} is ${wider} px wider than the window of a ${size}`);
  }
  await page.setViewportSize(DESK);
  return all;
}

async function open(page, path) {
  await page.goto(place.url + path, { waitUntil: "commit" });
  await ready(page);
}

// One tab that goes from page to page.
async function walk(some) {
  const page = await (await person({ viewport: DESK })).tab();
  const all = [];
  for (const path of some) {
    await open(page, path);
    all.push(...(await looks(page, path)));
  }
  assert.equal(all.join("\n"), "");
}

test("the pages of the installation", () => walk(paths().slice(0, 9)));
test("the pages of runs and tasks", () => walk(paths().slice(9)));

test("the dialogs", async () => {
  const page = await (await person({ viewport: DESK })).tab();
  const all = [];
  const cases = [
    [`/r/${runs.failed}`, "rerun", "preview-count"],
    [`/r/${runs.live}`, "cancel", "cancel-count"],
    [`/r/${runs.failed}`, "note", "note-text"],
    [`/r/${runs.shaky}/t/count`, "mark", "param-rows"],
  ];
  for (const [path, button, there] of cases) {
    await open(page, path);
    await page.getByTestId(button).first().click();
    await page.getByTestId(there).waitFor();
    all.push(...(await looks(page, `${path} ${button}`)));
  }
  assert.equal(all.join("\n"), "");
});
