// Hosts to reach over SSH: real sshds on loopback, started and ordered about through tests/integration/lib/sshd.py.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

const SERVER = join(fileURLToPath(new URL("../../integration/lib", import.meta.url)), "sshd.py");

export class Network {
  // Starts these hosts, each {name, arguments of Network.host in sshd.py}. Where there can't be any, `missing` says why
  // in a sentence, and nothing else is there.
  static async start(hosts) {
    const network = new Network();
    const env = { ...process.env, ROTA: undefined }; // with it the server takes itself for one of the tests in Python
    const child = spawn("python3", [SERVER, "serve", JSON.stringify({ hosts })], { env, stdio: ["pipe", "pipe", "pipe"] });
    network.child = child;
    network.ended = new Promise((resolve) => child.once("exit", resolve));
    let said = "";
    child.stderr.on("data", (part) => (said += part));
    network.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { value, done } = await network.lines.next();
    if (!done) return Object.assign(network, JSON.parse(value), { missing: false });
    if ((await network.ended) !== 77) throw new Error(`the hosts didn't start:\n${said}`);
    return Object.assign(network, { missing: said.trim() || "there are no hosts here" });
  }

  // Asks the server: a method of its Served, with arguments; its answer.
  async ask(...request) {
    const turn = (this.last ?? Promise.resolve()).then(async () => {
      this.child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await this.lines.next();
      const answer = done ? { error: "the hosts have ended" } : JSON.parse(value);
      if (answer.error) throw new Error(`${request.join(" ")}: ${answer.error}`);
      return answer.value;
    });
    this.last = turn.catch(() => {});
    return turn;
  }

  // stop, start, drop, reboot, make_known, ... of a host.
  act(host, ...method) {
    return this.ask("act", host, ...method);
  }

  // What rota.yaml says of a host, as YAML.
  entry(host, more = {}) {
    return JSON.stringify({ ssh: this.hosts[host].ssh, identity: this.key, known_hosts: this.known_hosts, transport: "libssh2", ...more });
  }

  async end() {
    this.child.stdin.end();
    await this.ended;
  }
}

// Hosts that are ended after the file's tests. Ask for them before the scene: its daemon has to end first.
export async function network(hosts) {
  const started = await Network.start(hosts);
  after(() => started.end());
  return started;
}
