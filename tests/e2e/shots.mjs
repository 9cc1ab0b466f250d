#!/usr/bin/env node
// Takes the pictures of the documentation: node shots.mjs FOLDER [NAME...]; all of them, or those that are named. The
// example pipelines, a few dozen runs of them and a nightly that has failed, as a team would find them in the morning;
// and hosts, each in another state, in a place of their own.
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Person, browser_start, ready } from "./lib/browser.mjs";
import { Network } from "./lib/hosts.mjs";
import { nightly, nightly_before } from "./lib/pipelines.mjs";
import { Place, until } from "./lib/place.mjs";

const [folder, ...named] = process.argv.slice(2);
const source = process.env.ROTA_SOURCE;
mkdirSync(folder, { recursive: true });

const examples = (place) => cpSync(join(source, "dags"), place.dags, { recursive: true });

async function history(place) {
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

// One trains, one is being emptied, one is away.
async function training(place) {
  const there = async (name, state) => (await place.get(`/hosts/${name}`)).contact.state === state;
  await until("the hosts are up", async () => (await there("gpu01", "up")) && (await there("gpu02", "up")), 60);
  await place.post("/hosts/gpu02/drain", { reason: "new disks on Friday" });
  const taxi = await place.trigger("taxi_demand_nightly", { slow_s: 60, train_on: "gpus", days: 22, zones: 4 });
  const trains = (run) => run.tasks.filter((task) => task.task === "train" && task.state === "running").length;
  await until("it trains", async () => trains(await place.get(`/runs/${taxi}`)) === 3, 120);
}

const SHOTS = [
  { name: "overview", path: "/", dark: false },
  { name: "pipeline", path: "/p/premium_scores_nightly", dark: false },
  { name: "failed-run", path: `/r/${encodeURIComponent("forecast_nightly#19")}`, dark: true },
  { name: "compare", path: `/compare?a=${encodeURIComponent("forecast_nightly#18")}&b=${encodeURIComponent("forecast_nightly#19")}`, dark: false },
];
const HOSTS = [{ name: "hosts", path: "/hosts", dark: false, height: 300 }];

const wanted = (shots) => shots.filter(({ name }) => named.length === 0 || named.includes(name));

async function take(browser, place, { name, path, dark, height = 700 }) {
  const context = await browser.newContext({
    viewport: { width: 1200, height },
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

// The pictures of one place, once what they show has happened there.
async function session(browser, options, shots, happens) {
  const place = new Place(options);
  examples(place);
  try {
    await place.start();
    await happens(place);
    for (const shot of shots) await take(browser, place, shot);
  } finally {
    await place.end();
  }
}

async function hosts(browser) {
  const network = await Network.start([{ name: "gpu01" }, { name: "gpu02" }]);
  if (network.missing) return console.log(`no picture of hosts: ${network.missing}`);
  const entry = (name) => `  ${name}: ${network.entry(name, { slots: { gpu: 4 }, max_tasks: 3 })}\n`;
  const away = '  gpu03: {ssh: "ml@127.0.0.1:1", slots: {gpu: 4}}\n';
  const config = `slots: {cpu: 8}\nhosts:\n${entry("gpu01")}${entry("gpu02")}${away}groups: {gpus: [gpu01, gpu02, gpu03]}\n`;
  try {
    await session(browser, { config }, wanted(HOSTS), training);
  } finally {
    await network.end();
  }
}

const browser = await browser_start();
try {
  const options = { config: "slots: {cpu: 8}\n", pipelines: { forecast_nightly: nightly_before } };
  if (wanted(SHOTS).length > 0) await session(browser, options, wanted(SHOTS), history);
  if (wanted(HOSTS).length > 0) await hosts(browser);
} finally {
  await browser.close();
}
