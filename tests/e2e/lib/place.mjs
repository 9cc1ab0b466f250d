// A real daemon in a private directory, with the pipelines that a test writes, and the commands run against it.
//
// ROTA is the path of the built program. A place is made for a test file and ended by its `after`; whatever runs then
// is ended by its process id. The daemon listens on a port of loopback that the system chose, and a daemon that is
// started again in the same place listens on the same one, as the browser's tabs expect it to.
import { execFile, spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export const ROTA = process.env.ROTA;

// Polls until the condition gives something true, which is returned; fails with `what` after the time.
export async function until(what, condition, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain until ${what}`);
    await sleep(20);
  }
}

function environment() {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("ROTA") && name !== "NOTIFY_SOCKET");
  return { ...Object.fromEntries(kept), NO_COLOR: "1" };
}

export class Place {
  constructor({ config = "slots: {cpu: 64}\n", pipelines = {} } = {}) {
    this.root = mkdtempSync(join(tmpdir(), "rota-e2e-"));
    this.dags = join(this.root, "dags");
    this.state = join(this.root, "state");
    this.config = join(this.root, "rota.yaml");
    this.log = join(this.root, "daemon.log");
    this.daemon = null;
    this.url = null;
    mkdirSync(this.dags);
    writeFileSync(this.config, config);
    for (const [name, text] of Object.entries(pipelines)) this.pipeline(name, text);
  }

  path(name) {
    return join(this.root, name);
  }

  // Writes a pipeline's file as an editor would: at once, by its name.
  pipeline(name, text) {
    const file = join(this.dags, `${name}.yaml`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(this.path("new.yaml"), text);
    renameSync(this.path("new.yaml"), file);
    return file;
  }

  async start() {
    const listen = this.url ? new URL(this.url).host : "127.0.0.1:0";
    const out = openSync(this.log, "a");
    const args = ["serve", "--config", this.config, "--dags", this.dags, "--state", this.state, "--listen", listen];
    rmSync(join(this.state, "url"), { force: true });
    this.daemon = spawn(ROTA, args, { stdio: ["ignore", out, out], cwd: this.root, env: environment(), detached: true });
    closeSync(out);
    this.ended = new Promise((resolve) => this.daemon.once("exit", resolve));
    this.url = await until("the daemon says where it listens", () => this.#said());
    await until("the daemon answers", async () => (await this.api("/api/v1/status").catch(() => null))?.status === 200);
    return this;
  }

  #said() {
    if (this.daemon.exitCode !== null) throw new Error(`the daemon ended:\n${this.daemonLog()}`);
    try {
      return readFileSync(join(this.state, "url"), "utf8").trim().replace(/\/$/, "") || null;
    } catch {
      return null;
    }
  }

  daemonLog() {
    return readFileSync(this.log, "utf8").slice(-8000);
  }

  // Runs a command against this place's daemon: {code, out, err}.
  rota(...args) {
    const [command, ...rest] = args;
    return new Promise((resolve) => {
      const options = { cwd: this.root, env: environment(), timeout: 60000, maxBuffer: 1 << 26 };
      execFile(ROTA, [command, "--state", this.state, ...rest], options, (error, out, err) =>
        resolve({ code: error ? (error.code ?? 1) : 0, out, err }),
      );
    });
  }

  // Asks over the Unix socket, as the daemon's own user: {status, body}; the body as JSON where it is.
  api(path, body) {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? "" : JSON.stringify(body);
      const headers = text ? { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) } : {};
      const request = http.request(
        { socketPath: join(this.state, "rota.sock"), path, method: text ? "POST" : "GET", headers },
        (answer) => {
          const parts = [];
          answer.on("data", (part) => parts.push(part));
          answer.on("end", () => {
            const said = Buffer.concat(parts).toString();
            const json = /json/.test(answer.headers["content-type"] ?? "");
            resolve({ status: answer.statusCode, body: json ? JSON.parse(said) : said });
          });
        },
      );
      request.on("error", reject);
      request.end(text);
    });
  }

  async get(path) {
    const { status, body } = await this.api(`/api/v1${path}`);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}\n${this.daemonLog()}`);
    return body;
  }

  async post(path, body = {}) {
    const answer = await this.api(`/api/v1${path}`, body);
    if (answer.status >= 300) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  // Starts a run; its id.
  async trigger(pipeline, params = {}) {
    return (await this.post(`/pipelines/${encodeURIComponent(pipeline)}/runs`, { params })).run.id;
  }

  // Waits until a run has ended; the run.
  async ended_run(run) {
    const query = "wait=ended&timeout_ms=30000";
    const shown = await this.get(`/runs/${encodeURIComponent(run)}?${query}`);
    if (!shown.ended_at) throw new Error(`${shown.name} is still ${shown.state}\n${this.daemonLog()}`);
    return shown;
  }

  // Starts a run and waits for its end.
  async run(pipeline, params = {}) {
    return this.ended_run(await this.trigger(pipeline, params));
  }

  // Waits until a task of a run is in one of these states; the task.
  async task_is(run, label, ...states) {
    return until(`${label} of ${run} is ${states.join(" or ")}`, async () => {
      const task = (await this.get(`/runs/${run}`)).tasks.find((one) => one.label === label);
      return task && states.includes(task.state) ? task : null;
    });
  }

  // A link that logs a browser in, once, as admin.
  async link() {
    const { code, out, err } = await this.rota("open", "--print");
    if (code !== 0) throw new Error(`rota open: ${err}${out}`);
    return out.trim().split("\n").at(-1);
  }

  // kill -9: the tabs see what they see when a machine loses its power.
  async kill() {
    this.daemon.kill("SIGKILL");
    await this.ended;
  }

  // Ends what is live, then the daemon, then the supervisors that are left, and takes the directory away.
  async end() {
    if (this.daemon && this.daemon.exitCode === null && this.daemon.signalCode === null) {
      await this.#cancel_all().catch(() => {});
      await this.kill();
    }
    rmSync(this.root, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  async #cancel_all() {
    for (const run of (await this.get("/runs?limit=500")).items.filter((one) => !one.ended_at)) {
      await this.api(`/api/v1/runs/${run.id}/cancel`, {});
      await this.api(`/api/v1/runs/${run.id}/cancel`, {});
    }
    await until(
      "no run is live",
      async () => (await this.get("/runs?limit=500")).items.every((run) => run.ended_at),
      10,
    );
  }
}
