// Tasks on other machines, as a person sees them: hosts that are up, refused, away, drained and declared down, over
// real sshds, and what runs there while its host is lost.
// time-limit: 240
// takes: 48
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, before, test } from "node:test";
import { fromUi, scene } from "./lib/browser.mjs";
import { network } from "./lib/hosts.mjs";
import { HOSTILE } from "./lib/pipelines.mjs";
import { until } from "./lib/place.mjs";

const net = await network([{ name: "gpu01" }, { name: "gpu02" }, { name: "strange", known: false }]);
const skip = net.missing;

// Nobody listens at port 1 of `away`.
const config = () => `slots: {cpu: 8}
hosts:
  gpu01: ${net.entry("gpu01", { slots: { gpu: 2 }, max_tasks: 8 })}
  gpu02: ${net.entry("gpu02", { slots: { gpu: 2 } })}
  strange: ${net.entry("strange")}
  away: {ssh: "127.0.0.1:1"}
groups: {gpus: [gpu01, gpu02]}
`;

// Holds a card of a host until a file is there.
const held = `
params: {open: {type: string}, on: {type: string, default: gpu01}}
tasks:
  train:
    on: \${{ params.on }}
    slots: {gpu: 1}
    retries: {lost: 0}
    run: |
      echo "epoch 1"
      while [ ! -e "$ROTA_PARAM_OPEN" ]; do sleep 0.1; done
      echo "epoch 2"
  after: {needs: train, run: echo after}
`;

// Fails with text that an attacker would like to see run.
const broken = `
params: {on: {type: string, default: gpu02}}
tasks:
  train:
    on: \${{ params.on }}
    run: |
      echo '${HOSTILE}' >&2
      exit 3
`;

const files = `
tasks:
  make: {run: "seq 1 1000 > $ROTA_WORK/data.csv"}
  count:
    needs: make
    on: gpu02
    send: [data.csv]
    fetch: [lines.txt]
    run: "wc -l < $ROTA_WORK/data.csv > $ROTA_WORK/lines.txt"
`;

const { place, person } = skip ? {} : await scene({ config: config(), pipelines: { held, broken, files } });
let who;

const host_is = (name, state) =>
  until(`${name} is ${state}`, async () => (await place.get(`/hosts/${name}`)).contact.state === state, 30);

before(async () => {
  if (skip) return;
  who = await person();
  await Promise.all([host_is("gpu01", "up"), host_is("gpu02", "up"), host_is("strange", "refused"), host_is("away", "unreachable")]);
});

// gpu01's sshd is killed; what runs there lives on. A test that fails in between leaves it for the next one as it was.
let lost = false;

async function lose() {
  lost = true;
  await net.act("gpu01", "stop");
}

async function find() {
  if (lost) await net.act("gpu01", "start");
  lost = false;
}

afterEach(async () => {
  if (!lost) return;
  await find();
  await place.post("/hosts/gpu01/check");
  await host_is("gpu01", "up");
});

const row = (page, name) => page.locator(`tr[data-key="${name}"]`);

async function send(page) {
  await until("the dialog can be sent", () => page.getByTestId("send").isEnabled());
  await page.getByTestId("send").click();
}

async function done(page) {
  assert.deepEqual(page.troubles, []);
  await page.close();
}

test("the list has each host with its state, those that need somebody first", { skip }, async () => {
  const page = await who.open("/hosts");
  const names = await page.locator("tbody tr").evaluateAll((rows) => rows.map((one) => one.dataset.key));
  assert.deepEqual(names, ["strange", "away", "local", "gpu01", "gpu02"]);
  await row(page, "gpu01").locator('[data-state="up"]').waitFor();
  assert.match(await row(page, "gpu01").innerText(), /0 \/ 8[\s\S]*gpu 0\/2[\s\S]*GiB/);
  assert.match(await row(page, "away").innerText(), /unreachable[\s\S]*No connection to 127\.0\.0\.1 port 1: Connection refused/);
  await row(page, "gpu01").getByRole("link", { name: "gpu01" }).click();
  await page.waitForURL("**/hosts/gpu01");
  await done(page);
});

test("a host that is up says how it is reached and what it is", { skip }, async () => {
  const page = await who.open("/hosts/gpu01");
  const facts = await page.getByTestId("host-facts").innerText();
  assert.match(facts, /connected since\s*\d{4}-/);
  assert.match(facts, /127\.0\.0\.1:\d+ by libssh2[\s\S]*groups\s*gpus[\s\S]*tasks\s*0 of at most 8[\s\S]*booted\s*\d{4}-/);
  await page.getByTestId("host-machine").getByText("kernel").waitFor();
  assert.match(await page.getByTestId("host-machine").innerText(), /memory\s*\d+(\.\d)? [GM]iB/);
  assert.match(await page.getByTestId("host-slots").innerText(), /gpu\s*0 free\s*1 free/);
  await done(page);
});

test("a host that is refused says why, with the line that trusts it", { skip }, async () => {
  const page = await who.open("/hosts/strange");
  const why = await page.getByTestId("reason").innerText();
  const { port, fingerprint } = net.hosts.strange;
  assert.ok(why.includes(fingerprint), why);
  assert.ok(why.endsWith(`ssh-keyscan -p ${port} 127.0.0.1 >>${net.known_hosts}`), why);
  await net.act("strange", "make_known");
  await page.getByTestId("host-check").click();
  await page.locator('h1 [data-state="up"]').waitFor();
  await page.getByTestId("reason").waitFor({ state: "detached" });
  await done(page);
});

test("a host is drained and used again", { skip }, async () => {
  const page = await who.open("/hosts/gpu02");
  await page.getByTestId("host-drain").click();
  assert.equal(await page.getByTestId("send").isDisabled(), true, "a reason is wanted");
  await page.getByTestId("host-reason").fill(HOSTILE);
  assert.match(await page.getByTestId("command").innerText(), /^rota hosts drain gpu02 --reason '<img/);
  await send(page);
  await page.locator('h1 [data-state="drained"]').waitFor();
  assert.ok((await page.getByTestId("host-facts").innerText()).includes(`drained by root: ${HOSTILE}`));
  const list = await who.open("/hosts");
  assert.ok((await row(list, "gpu02").innerText()).includes(HOSTILE), "the list says why");
  await done(list);
  const run = await place.trigger("broken");
  await until("the page says what it waits for", async () => (await place.get(`/runs/${run}/why?task=train`)).why?.includes(HOSTILE));
  const task = await who.open(`/r/${run}/t/train`);
  await task.getByTestId("why").getByText(HOSTILE).waitFor();
  assert.equal(await task.evaluate(() => window.taken), undefined);
  await done(task);
  await page.getByTestId("host-up").click();
  assert.match(await page.getByTestId("command").innerText(), /^rota hosts up gpu02$/);
  await send(page);
  await page.locator('h1 [data-state="up"]').waitFor();
  await place.ended_run(run);
  await page.getByTestId("host-recent-failures").getByText("exit status 3").waitFor();
  assert.equal(await page.evaluate(() => window.taken), undefined);
  await done(page);
});

test("what runs there appears, and a slot names who holds it", { skip }, async () => {
  const page = await who.open("/hosts/gpu01");
  const open = place.path("appears");
  const run = await place.trigger("held", { open });
  const { name } = await place.get(`/runs/${run}`);
  await page.getByTestId("host-running").getByRole("link", { name: `${name} train` }).waitFor();
  await page.getByTestId("host-slots").getByRole("link", { name: `${name} train` }).waitFor();
  writeFileSync(open, "");
  await page.getByTestId("host-running").getByText("None.").waitFor();
  await page.getByTestId("host-slots").getByRole("link").waitFor({ state: "detached" });
  assert.equal((await place.ended_run(run)).state, "succeeded");
  await done(page);
});

test("a connection that is lost is said everywhere, and the task goes on when it is back", { skip }, async () => {
  const open = place.path("lost");
  const run = await place.trigger("held", { open });
  await place.task_is(run, "train", "running");
  await lose();
  await place.task_is(run, "train", "unreachable");
  const task = await who.open(`/r/${run}/t/train`);
  await task.locator('h1 [data-state="unreachable"]').waitFor();
  assert.match(await task.getByTestId("reason").innerText(), /gpu01 can't be reached: .*Connection refused/);
  assert.match(await task.getByTestId("attempt").innerText(), /unreachable since\s*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
  const page = await who.open(`/r/${run}`);
  const card = await page.getByTestId("failure-card").innerText();
  assert.match(card, /unreachable[\s\S]*gpu01 can't be reached: [\s\S]*on gpu01 since \d\d:\d\d/);
  assert.match(card, /may still be running on gpu01[\s\S]*rota cancel --abandon held#\d+/);
  await done(page);
  const overview = await who.open("/");
  await overview.getByText(/train of held#\d+: gpu01 doesn't answer/).waitFor();
  await done(overview);
  const host = await who.open("/hosts/gpu01");
  await host.locator('h1 [data-state="unreachable"]').waitFor();
  writeFileSync(open, "");
  await find();
  await host.getByTestId("host-check").click();
  await host.locator('h1 [data-state="up"]').waitFor();
  await done(host);
  await task.locator('h1 [data-state="succeeded"]').waitFor();
  await task.getByTestId("log").getByText("epoch 2").waitFor();
  await done(task);
});

test("a cancel with abandon ends what can't be reached", { skip }, async () => {
  const run = await place.trigger("held", { open: place.path("never") });
  await place.task_is(run, "train", "running");
  await lose();
  await place.task_is(run, "train", "unreachable");
  const page = await who.open(`/r/${run}`);
  await page.getByTestId("cancel").click();
  await page.getByTestId("abandon").check();
  assert.match(await page.getByTestId("command").innerText(), /^rota cancel --abandon held#\d+$/);
  await send(page);
  await page.locator('h1 [data-state="cancelled"]').waitFor();
  await done(page);
  const task = await who.open(`/r/${run}/t/train`);
  assert.match(await task.locator("main").innerText(), /not confirmed/);
  await done(task);
  const host = await who.open("/hosts/gpu01");
  await host.getByTestId("host-may-still-live-there").getByText(/held#\d+ train/).waitFor();
  await find();
  await host.getByTestId("host-check").click();
  await host.getByTestId("host-may-still-live-there").waitFor({ state: "detached" });
  await done(host);
});

test("a host is declared down after its tasks are named, and what is left there is ended when it is back", { skip }, async () => {
  const run = await place.trigger("held", { open: place.path("never") });
  await place.task_is(run, "train", "running");
  await lose();
  await host_is("gpu01", "unreachable");
  const page = await who.open("/hosts/gpu01");
  await page.getByTestId("host-down").click();
  await page.getByTestId("down-count").waitFor();
  assert.match(await page.getByTestId("dialog").innerText(), /1 task may still live there[\s\S]*held#\d+ train\s+ends as lost/);
  await page.getByTestId("host-reason").fill("it burns");
  assert.match(await page.getByTestId("command").innerText(), /^rota hosts down gpu01 --reason 'it burns'$/);
  await send(page);
  await page.locator('h1 [data-state="down"]').waitFor();
  assert.equal((await place.ended_run(run)).state, "failed");
  await page.getByTestId("host-recent-failures").getByText(/declared down by root: it burns/).waitFor();
  await page.getByTestId("host-may-still-live-there").getByText(/held#\d+ train/).waitFor();
  await find();
  await page.getByTestId("host-up").click();
  assert.match(await page.getByTestId("dialog").innerText(), /what is left of 1 task was ended there/);
  await send(page);
  await page.getByTestId("host-check").click();
  await page.locator('h1 [data-state="up"]').waitFor();
  await page.getByTestId("host-may-still-live-there").waitFor({ state: "detached" });
  await done(page);
});

test("files that went along and came back are on the task's page", { skip }, async () => {
  const run = await place.run("files");
  const page = await who.open(`/r/${run.id}/t/count`);
  await page.getByTestId("files").getByText("lines.txt").waitFor();
  assert.match(await page.getByTestId("files").innerText(), /sent data\.csv 3\.8 KiB [0-9a-f]{8}\s+fetched lines\.txt 5 B [0-9a-f]{8}/);
  await done(page);
});

test("a comparison says that it was another machine", { skip }, async () => {
  const [a, b] = [await place.run("broken", { on: "gpu01" }), await place.run("broken", { on: "gpu02" })];
  const page = await who.open(`/compare?a=${a.id}&b=${b.id}`);
  assert.match(await page.getByTestId("compare-hosts").innerText(), /train\s+gpu01\s+gpu02/);
  assert.match(await page.getByTestId("compare-machines").innerText(), /gpu01 \/ gpu02 \w+/);
  await done(page);
});

test("a rerun may go to any host that has the slots", { skip }, async () => {
  const { id } = await place.run("broken");
  const page = await who.open(`/r/${id}`);
  await page.getByTestId("rerun").click();
  await page.getByTestId("on-any").check();
  await page.getByTestId("preview-count").waitFor();
  assert.match(await page.getByTestId("command").innerText(), /^rota rerun broken#\d+ --failed --on any/);
  await done(page);
});

// An examination takes 20 s for the sake of what kills background processes; one that ends at the door doesn't.
test("the doctor's findings are shown with what to do", { skip }, async () => {
  const page = await who.open("/hosts/away");
  await page.getByTestId("host-doctor").getByText("It hasn't been asked yet.").waitFor();
  await page.getByTestId("doctor-run").click();
  await page.getByTestId("checks").getByText(/Connection refused/).first().waitFor({ timeout: 60000 });
  assert.ok((await place.get("/hosts/away")).doctor.checks.length > 0);
  await done(page);
});

test("the overview has the hosts that take no task", { skip }, async () => {
  const page = await who.open("/");
  const told = await page.getByTestId("away").evaluateAll((rows) => rows.map((one) => one.innerText.split(/\s+/).join(" ")));
  assert.ok(told.includes("away unreachable"), told);
  await page.getByTestId("away").getByRole("link", { name: "away" }).click();
  await page.waitForURL("**/hosts/away");
  await done(page);
});

test("what isn't there is said", { skip }, async () => {
  const page = await who.open(`/hosts/${encodeURIComponent(HOSTILE)}`);
  await page.getByText(`There is no host ${HOSTILE} in the configuration.`).waitFor();
  assert.equal(await page.evaluate(() => window.taken), undefined);
  await done(page);
});

test("axe finds nothing, and nothing is wider than the window", { skip }, async () => {
  const axe = readFileSync(fromUi.resolve("axe-core/axe.min.js"), "utf8");
  const page = await who.open("/hosts");
  const wrong = [];
  for (const path of ["/hosts", "/hosts/away", "/hosts/gpu02"]) {
    await page.goto(place.url + path, { waitUntil: "commit" });
    await page.waitForSelector('html[data-ready="1"]');
    await page.evaluate(`${axe}; 0`);
    for (const [width, colorScheme] of [[1280, "dark"], [1280, "light"], [390, "dark"], [390, "light"]]) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      const found = await page.evaluate(async () => (await window.axe.run()).violations.map((v) => `${v.id}: ${v.nodes[0].html}`));
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      wrong.push(...found.map((one) => `${path} ${width} ${colorScheme} ${one}`));
      if (wider > 0) wrong.push(`${path} is ${wider} px wider than ${width}`);
    }
  }
  assert.deepEqual(wrong, []);
  await done(page);
});
