"""The parts of `make bench` about hosts: sshds on loopback, which the daemon reaches as it reaches any other.

ROTA_BENCH_TRANSPORTS chooses transports (libssh2 openssh). The roots of the hosts and the state are in memory.
"""
import contextlib
import glob
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from rig import MEMORY, ROTA, ROUNDS, Daemon, cpu_ms, line, rss_kb, seconds

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration", "lib"))
import sshd  # noqa: E402

TRANSPORTS = os.environ.get("ROTA_BENCH_TRANSPORTS", "libssh2 openssh").split()
TASKS, TOGETHER = 500, 16
HOSTS, RUNNING = 50, 20
LOG_BYTES = 1 << 30


class Place:
    """A daemon with hosts, below a folder in memory."""

    def __init__(self, net, hosts, transport, ports=None):
        self.root = tempfile.mkdtemp(prefix="rota-bench-", dir=MEMORY)
        os.makedirs(os.path.join(self.root, "dags"))
        entries = "".join(self.entry(net, h, transport, (ports or {}).get(h.name, h.port)) for h in hosts)
        config = "log: {cap: 4GiB}\nslots: {cpu: 8}\n" + (f"hosts:\n{entries}" if entries else "")
        self.daemon = Daemon(self.root, "--listen", "none", config=config)
        self.names = [h.name for h in hosts]

    def entry(self, net, host, transport, port):
        return (f"  {host.name}: {{ssh: '{host.user}@{host.address}:{port}', identity: {net.key}, known_hosts: "
                f"{net.known_hosts}, transport: {transport}, root: {self.root}/{host.name}}}\n")

    def rota(self, *args, check=True):
        done = subprocess.run([ROTA, *args, "--state", self.daemon.state], capture_output=True, text=True)
        if check and done.returncode != 0:
            sys.exit(f"rota {' '.join(args)} ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def get(self, target):
        done = subprocess.run(["curl", "-sf", "--unix-socket", os.path.join(self.daemon.state, "rota.sock"),
                               f"http://localhost{target}"], capture_output=True, check=True)
        return json.loads(done.stdout)

    def up(self, limit=120):
        end = time.monotonic() + limit
        while True:
            contacts = [h["contact"]["state"] for h in json.loads(self.rota("hosts", "--json"))["items"]
                        if h["name"] in self.names]
            if len(contacts) == len(self.names) and all(c == "up" for c in contacts):
                return
            if time.monotonic() > end:
                sys.exit(f"the hosts aren't reached: {contacts}")
            time.sleep(0.05)

    def pipeline(self, name, text):
        with open(os.path.join(self.root, "dags", f"{name}.yaml"), "w") as f:
            f.write(text)
        self.rota("reload")

    def end(self):
        self.daemon.end()
        shutil.rmtree(self.root, ignore_errors=True)


@contextlib.contextmanager
def placed(net, hosts, transport, ports=None):
    place = Place(net, hosts, transport, ports)
    try:
        place.up()
        yield place
    finally:
        place.end()


@contextlib.contextmanager
def network():
    """None where there can be no hosts, having said so."""
    if not sshd.SSHD or not shutil.which("ssh-keygen") or not shutil.which("ssh"):
        line("hosts", "skipped", "no sshd here")
        yield None
        return
    with sshd.network() as net:
        yield net


def ssh_command(net, host, *more):
    return ["ssh", "-F", "none", "-T", "-o", "BatchMode=yes", "-i", net.key, "-o", f"UserKnownHostsFile={net.known_hosts}",
            "-p", str(host.port), *more, f"{host.user}@{host.address}"]


def in_series(command, count):
    """How many of these commands a second one after the other."""
    text = f"i=0; while [ $i -lt {count} ]; do {shlex.join(command)} </dev/null || exit 1; i=$((i + 1)); done"
    begun = time.monotonic()
    subprocess.run(["sh", "-c", text], check=True, stderr=subprocess.DEVNULL)
    return count / (time.monotonic() - begun)


@contextlib.contextmanager
def master(net, host):
    """The options that let ssh share one connection."""
    socket = os.path.join(net.root, "master")
    options = ["-o", f"ControlPath={socket}"]
    process = subprocess.Popen([*ssh_command(net, host, "-M", "-N", *options)], stdin=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    while not os.path.exists(socket):
        time.sleep(0.01)
    try:
        yield options
    finally:
        process.terminate()
        process.wait()


def many_true(place):
    shown = json.loads(place.rota("trigger", "many", "--wait", "--json"))
    return TASKS / (seconds(shown["ended_at"]) - seconds(shown["started_at"]))


def bench_host_rate():
    with network() as net:
        if not net:
            return
        host = net.host("gpu01")
        for transport in TRANSPORTS:
            with placed(net, [host], transport) as place, master(net, host) as shared:
                tasks = "".join(f'  t{i}: {{run: ["true"]}}\n' for i in range(TASKS))
                place.pipeline("many", f"defaults: {{on: gpu01}}\nmax_tasks: {TOGETHER}\ntasks:\n{tasks}")
                rates, series, plain = [], [], []
                for _ in range(ROUNDS):
                    series.append(in_series([*ssh_command(net, host, *shared), "true"], 200))
                    rates.append(many_true(place))
                    series.append(in_series([*ssh_command(net, host, *shared), "true"], 200))
                    plain.append(in_series([*ssh_command(net, host), "true"], 10))
                rate = statistics.median(rates)
                of_series = statistics.median(r / ((a + b) / 2) for r, a, b in zip(rates, series[::2], series[1::2]))
                of_plain = statistics.median(r / p for r, p in zip(rates, plain))
                line(f"{TASKS} true on a host, {TOGETHER} at a time, {transport}", f"{rate:.0f}/s")
                line("  of ssh true in series, one connection", f"{of_series:.0%} of {statistics.median(series):.0f}/s",
                     ">= 100%", of_series >= 1)
                line("  of plain ssh true in series", f"{of_plain:.1f} x {statistics.median(plain):.1f}/s", ">= 30 x",
                     of_plain >= 30)


def trip_ms(net, host, options, count=100):
    """The median of a byte's way there and back, in an open channel."""
    process = subprocess.Popen([*ssh_command(net, host, *options), "exec cat"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, bufsize=0)
    times = []
    for _ in range(count):
        begun = time.monotonic()
        process.stdin.write(b"x")
        process.stdout.read(1)
        times.append((time.monotonic() - begun) * 1e3)
    process.stdin.close()
    process.wait()
    process.stdout.close()
    return statistics.median(times[1:])


def end_lags(place, count):
    """From the clock that a task prints last to the step of the daemon that knows of its end, in ms."""
    lags = []
    for _ in range(count):
        run = json.loads(place.rota("trigger", "one", "--wait", "--json"))["id"]
        last = float(place.rota("logs", run).split()[-1])
        events = place.get(f"/api/v1/runs/{run}/events?limit=100")["items"]
        known = next(e["at"] for e in events if e["kind"] == "task" and e["state"] == "succeeded")
        lags.append((seconds(known) - last) * 1e3)
    return lags


def bench_host_end(count=40):
    with network() as net:
        if not net:
            return
        host = net.host("gpu01")
        for transport in TRANSPORTS:
            with placed(net, [host], transport) as place, master(net, host) as shared:
                place.pipeline("one", "tasks: {a: {on: gpu01, run: 'sleep 0.3; date +%s.%N'}}\n")
                before = trip_ms(net, host, shared)
                lags = end_lags(place, count)
                trip = (before + trip_ms(net, host, shared)) / 2
                half = statistics.median(lags)
                line(f"a task's end on a host is known, {transport}", f"{half:.1f} ms", f"<= {trip:.1f} + 20 ms",
                     half <= trip + 20)
                line("  all of them within; a round trip", f"{max(lags):.0f} ms; {trip:.2f} ms")


def share_of_core(pid, length):
    before, begun = cpu_ms(pid), time.monotonic()
    time.sleep(length)
    return (cpu_ms(pid) - before) / 1e3 / (time.monotonic() - begun)


def below_ms(pid):
    """Of the processes that the daemon started, which for openssh carry the connections."""
    return sum(cpu_ms(child) for child in sshd.descendants(pid))


def bench_many_hosts(rest=30):
    with network() as net:
        if not net:
            return
        hosts = [net.host(f"h{i}", address=f"127.0.1.{i + 1}") for i in range(HOSTS)]
        alone = Place(net, [], "auto")
        time.sleep(5)
        rss, share = rss_kb(alone.daemon.process.pid), share_of_core(alone.daemon.process.pid, rest)
        alone.end()
        line("a daemon without hosts", f"{rss / 1024:.1f} MB, {share:.2%}")
        for transport in TRANSPORTS:
            with placed(net, hosts, transport) as place:
                tasks = "".join(f"  t{i}_{j}: {{on: h{i}, run: [sleep, '900']}}\n"
                                for i in range(HOSTS) for j in range(RUNNING))
                place.pipeline("rest", f"tasks:\n{tasks}")
                run = place.rota("trigger", "rest").split()[0]
                wait_for_running(place, run, HOSTS * RUNNING)
                time.sleep(10)
                pid = place.daemon.process.pid
                below = below_ms(pid)
                share = share_of_core(pid, rest)
                below = (below_ms(pid) - below) / 1e3 / rest
                more = (rss_kb(pid) - rss) / 1024
                line(f"{HOSTS} hosts with {RUNNING} running tasks each, {transport}", f"{share:.2%} of a core", "< 2%",
                     share < 0.02)
                line("  more memory than without hosts", f"{more:.1f} MB", "< 20 MB", more < 20)
                if transport == "openssh":
                    line("  the ssh processes beside it", f"{below:.2%} of a core")
                place.rota("cancel", run)
                wait_for_end(place, run)


def wait_for_running(place, run, count, limit=300):
    end = time.monotonic() + limit
    while True:
        running = sum(h["running"] for h in json.loads(place.rota("hosts", "--json"))["items"] if h["name"] in place.names)
        if running >= count:
            return
        if time.monotonic() > end:
            sys.exit(f"of {run} only {running} tasks run")
        time.sleep(0.5)


def wait_for_end(place, run, limit=300):
    end = time.monotonic() + limit
    while place.get(f"/api/v1/runs/{run}")["state"] in ("running", "cancelling", "queued"):
        if time.monotonic() > end:
            sys.exit(f"{run} doesn't end")
        time.sleep(0.5)


def bench_host_log():
    with network() as net:
        if not net:
            return
        host = net.host("gpu01")
        folder = tempfile.mkdtemp(prefix="rota-bench-", dir=MEMORY)
        path, copy = os.path.join(folder, "text"), os.path.join(folder, "copy")
        text = "".join(f"2026-11-28 03:00:{i:06d} INFO worker step={i} loss=0.1234 some more text here\n"
                       for i in range(12000))
        with open(path, "w") as f:
            for _ in range(LOG_BYTES // len(text)):
                f.write(text)
        size = os.path.getsize(path)
        for transport in TRANSPORTS:
            with placed(net, [host], transport) as place:
                place.pipeline("loud", f"tasks: {{a: {{on: gpu01, run: [cat, {path}]}}}}\n")
                ratios = []
                for _ in range(max(1, ROUNDS // 2)):
                    bare = [cat_seconds(net, host, path, copy)]
                    shown = json.loads(place.rota("trigger", "loud", "--wait", "--json"))
                    took = seconds(shown["ended_at"]) - seconds(shown["started_at"])
                    here = sum(os.path.getsize(log) for log in glob.glob(f"{place.daemon.state}/runs/{shown['id']}/*/log"))
                    if shown["attempts"][0]["log_bytes"] != size or here != size:
                        sys.exit(f"the log has {shown['attempts'][0]['log_bytes']} bytes of {size}, {here} of them here")
                    bare.append(cat_seconds(net, host, path, copy))
                    ratios.append(statistics.mean(bare) / took)
                ratio = statistics.median(ratios)
                line(f"a log of 1 GB of a host, {transport}", f"{size / took / 1e6:.0f} MB/s, {ratio:.0%}",
                     ">= 60% of ssh cat", ratio >= 0.6)
                line("  ssh cat into a file", f"{size / statistics.mean(bare) / 1e6:.0f} MB/s")
        shutil.rmtree(folder)


def cat_seconds(net, host, path, copy):
    begun = time.monotonic()
    with open(copy, "wb") as f:
        subprocess.run([*ssh_command(net, host), f"cat {path}"], check=True, stdout=f, stdin=subprocess.DEVNULL)
    took = time.monotonic() - begun
    os.unlink(copy)
    return took


PARTS = {
    "host_rate": bench_host_rate,
    "host_end": bench_host_end,
    "many_hosts": bench_many_hosts,
    "host_log": bench_host_log,
}
