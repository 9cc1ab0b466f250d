// The system's Chromium, driven by the playwright-core of the pages' build, logged in to a place's daemon.
//
// Nothing here waits for a time: a page is ready when its root says data-ready="1", which the UI sets when what it
// shows is there and nothing is being fetched.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { Place } from "./place.mjs";

const SOURCE = process.env.ROTA_SOURCE ?? fileURLToPath(new URL("../../..", import.meta.url));
export const fromUi = createRequire(join(SOURCE, "build/ui/package.json"));
const { chromium } = fromUi("playwright-core");

const PROGRAMS = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"];
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// A fixed zone and language, and no animation: what a page shows depends on the daemon alone.
const LOOK = { locale: "en-GB", timezoneId: "Europe/Oslo", reducedMotion: "reduce" };

export async function browser_start() {
  const program = PROGRAMS.find((path) => path && existsSync(path));
  if (!program) throw new Error(`no Chromium: install the package chromium, or set CHROMIUM to its path`);
  return chromium.launch({ executablePath: program, args: ARGS, timeout: 60000 });
}

// What went wrong in a tab unasked; a test that provokes it clears the list.
function watch(page) {
  page.troubles = [];
  page.on("pageerror", (error) => page.troubles.push(`error: ${error.stack ?? error}`));
  page.on("console", (said) => {
    const text = said.text();
    if (said.type() === "error" && !/Failed to load resource|net::ERR_/.test(text)) page.troubles.push(`console: ${text}`);
    if (/Content Security Policy/.test(text)) page.troubles.push(`policy: ${text}`);
  });
  return page;
}

export async function ready(page, seconds = 60) {
  await page.waitForSelector('html[data-ready="1"]', { state: "attached", timeout: seconds * 1000 });
  return page;
}

// A person at a browser: a context of their own, logged in through a one-time link.
export class Person {
  constructor(place, context) {
    this.place = place;
    this.context = context;
  }

  // A new tab at a deep link, as cold as a tab can be.
  async open(path) {
    const page = await this.tab();
    await page.goto(this.place.url + path, { waitUntil: "commit" });
    return ready(page);
  }

  async tab() {
    return watch(await this.context.newPage());
  }

  async login() {
    const page = await this.tab();
    await page.goto(await this.place.link(), { waitUntil: "commit" });
    await page.waitForURL((url) => url.pathname !== "/login", { timeout: 60000, waitUntil: "commit" });
    await ready(page);
    await page.close();
    return this;
  }
}

// A daemon with these pipelines, a browser and people, all ended after the file's tests.
export async function scene(options) {
  const place = new Place(options);
  let browser = null;
  after(async () => {
    await browser?.close();
    await place.end();
  });
  await place.start();
  browser = await browser_start();
  return {
    place,
    browser,
    async person(more = {}) {
      const context = await browser.newContext({ ...LOOK, viewport: { width: 1280, height: 800 }, ...more });
      context.setDefaultTimeout(60000);
      return new Person(place, context).login();
    },
  };
}
