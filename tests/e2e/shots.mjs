#!/usr/bin/env node
// Takes the pictures of the documentation: node shots.mjs FOLDER. The example pipelines, a few dozen runs of them and a
// nightly that has failed, as a team would find them in the morning.
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Person, browser_start, ready } from "./lib/browser.mjs";
import { nightly, nightly_before } from "./lib/pipelines.mjs";
import { Place } from "./lib/place.mjs";

const folder = process.argv[2];
const source = process.env.ROTA_SOURCE;
mkdirSync(folder, { recursive: true });

const place = new Place({ config: "slots: {cpu: 8}\n", pipelines: { forecast_nightly: nightly_before } });
cpSync(join(source, "dags"), place.dags, { recursive: true });
await place.start();

async function history() {
  for (let i = 0; i < 18; i++) {
    const drifted = i === 5 || i === 12 ? { shift: 0.65 } : {};
    await Promise.all([place.run("premium_scores_nightly", drifted), place.run("forecast_nightly", { days: 50 + i })]);
  }
  await Promise.all([place.run("taxi_demand_nightly"), place.run("doc_label_nightly"), place.run("tour"), place.run("hello")]);
  place.pipeline("forecast_nightly", nightly);
  await place.post("/reload");
  await place.run("forecast_nightly");
  const slow = [place.trigger("taxi_demand_nightly", { slow_s: 40 }), place.trigger("premium_scores_nightly", { slow_s: 30 })];
  const [taxi] = await Promise.all(slow);
  await place.task_is(taxi, "make_trips", "running", "succeeded");
}

const SHOTS = [
  { name: "overview", path: "/", dark: false },
  { name: "pipeline", path: "/p/premium_scores_nightly", dark: false },
  { name: "failed-run", path: `/r/${encodeURIComponent("forecast_nightly#19")}`, dark: true },
  { name: "compare", path: `/compare?a=${encodeURIComponent("forecast_nightly#18")}&b=${encodeURIComponent("forecast_nightly#19")}`, dark: false },
];

const browser = await browser_start();
try {
  await history();
  for (const { name, path, dark } of SHOTS) {
    const context = await browser.newContext({
      viewport: { width: 1200, height: 700 },
      colorScheme: dark ? "dark" : "light",
      locale: "en-GB",
      timezoneId: "Europe/Oslo",
      reducedMotion: "reduce",
    });
    const person = await new Person(place, context).login();
    const page = await person.open(path);
    await ready(page);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    console.log(`${join(folder, name)}.png`);
    await context.close();
  }
} finally {
  await browser.close();
  await place.end();
}
