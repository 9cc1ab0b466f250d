#!/usr/bin/env python3
"""make bench: what rota reaches, each line a ratio against what the same machine does bare in the same run.

Arguments choose parts: throughput chain workloads idle many supervisor history pages logs stream host_rate host_end
many_hosts host_log. Environment: ROTA, BARE (bare.c),
ENGINE (engine_bench.c), HISTORY (history_main.c), ROTA_BENCH_DISK (a folder on a disk), ROTA_BENCH_ROUNDS, ROTA_SHARED.
Lines are "name  measured  target  verdict". Where something is measured more than once, the line says the median. A
missed target doesn't fail: these machines are shared, and a figure is no test.
"""
import contextlib
import functools
import glob
import http.client
import json
import os
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import hosts
from rig import MEMORY, ROTA, ROUNDS, Daemon, cpu_ms, line, rss_kb, seconds

BARE = os.environ["BARE"]
ENGINE = os.environ["ENGINE"]
STORE = os.environ["STORE"]
DISK = os.environ.get("ROTA_BENCH_DISK", "build")
SHARED = os.environ.get("ROTA_SHARED", "../shared")


def bare(*args):
    out = subprocess.run([BARE, *args], capture_output=True, text=True, check=True).stdout
    return float(out.split()[1])


LEFT = []  # folders on the disk


@contextlib.contextmanager
def scratch(base):
    """A folder. On the disk it is removed at the very end: an ext4 without a journal makes files ten times slower for
    minutes after thousands were deleted, as it passes over each inode that was freed lately."""
    root = tempfile.mkdtemp(prefix="rota-bench-", dir=base)
    try:
        yield root
    finally:
        if base == DISK:
            LEFT.append(root)
        else:
            shutil.rmtree(root)


def run_pipeline(text, base, config="slots: {cpu: 8}\n"):
    """Runs a pipeline by `rota run` with its state below `base`: the run as JSON, and the seconds it took."""
    with scratch(base) as root:
        path, conf = os.path.join(root, "bench.yaml"), os.path.join(root, "rota.yaml")
        with open(path, "w") as f:
            f.write(text)
        with open(conf, "w") as f:
            f.write(config)
        done = subprocess.run([ROTA, "run", path, "--config", conf, "--state", os.path.join(root, "state"), "--json"],
                              capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            sys.exit(f"rota run failed: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        shown = json.loads(done.stdout)
        return shown, seconds(shown["ended_at"]) - seconds(shown["started_at"])


def independent(count):
    return "max_tasks: 8\ntasks:\n" + "".join(f'  t{i}: {{run: ["/bin/true"]}}\n' for i in range(count))


def throughput(base, count=2000):
    return count / run_pipeline(independent(count), base)[1]


def spread(values, form):
    return f"{form.format(min(values))} to {form.format(max(values))}"


@functools.cache
def measured_rates():
    """Rates of the bare loop and of rota by turns: whoever else uses the machine then slows both."""
    spawns, rates = [bare("spawn", "4000", "8")], []
    for _ in range(ROUNDS):
        rates.append(throughput(MEMORY))
        spawns.append(bare("spawn", "4000", "8"))
    around = [(a + b) / 2 for a, b in zip(spawns, spawns[1:])]
    return statistics.median(rates), statistics.median(spawns), [r / s for r, s in zip(rates, around)]


def engine_share(text, took):
    """Microseconds within the engine for each task of a pipeline, and their share of a measured run of it."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write(text)
        f.flush()
        runs = [subprocess.run([ENGINE, f.name], capture_output=True, text=True, check=True).stdout.split()
                for _ in range(ROUNDS)]
    spent, tasks = statistics.median(float(r[1]) for r in runs), int(runs[0][2])
    return spent / tasks, spent / 1e6 / took


def bench_journal():
    """What `--journal` costs the loop's thread, and how large it grows; a step for each report, as above."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        source, journal = os.path.join(folder, "bench.yaml"), os.path.join(folder, "journal")
        with open(source, "w") as f:
            f.write(independent(2000))
        plain, engine, recording = [], [], []
        for _ in range(ROUNDS):
            said = subprocess.run([ENGINE, source], capture_output=True, text=True, check=True).stdout.split()
            plain.append(float(said[1]) / int(said[2]))
            said = subprocess.run([ENGINE, source, journal], capture_output=True, text=True, check=True).stdout.split()
            engine.append(float(said[1]) / int(said[2]))
            recording.append(float(said[5]) / int(said[2]))
        size = os.path.getsize(journal) / 2000
    line("the engine's part, without a journal", f"{statistics.median(plain):.1f} us a task")
    line("  with one", f"{statistics.median(engine):.1f} us a task")
    line("  what recording takes of the loop's thread", f"{statistics.median(recording):.1f} us a task")
    line("  what it writes", f"{size:.0f} bytes a task")


def bench_throughput():
    rate, spawns, ratios = measured_rates()
    ratio = statistics.median(ratios)
    line("2,000 independent tasks, 8 at a time, state in memory", f"{rate:.0f}/s")
    line("  of the bare spawn rate, 8 at a time", f"{ratio:.0%} of {spawns:.0f}/s", ">= 40%", ratio >= 0.4)
    line("  the least and the greatest such share", spread(ratios, "{:.0%}"))
    each, share = engine_share(independent(2000), 2000 / rate)
    line("  the engine's own part", f"{each:.1f} us a task, {share:.1%}")
    disk = statistics.median(throughput(DISK) for _ in range(max(1, ROUNDS // 2)))
    line("  the same with the state on the disk", f"{disk:.0f}/s")


def gaps_of_chain(shown):
    attempts = {a["task"]: a for a in shown["attempts"]}
    ordered = [attempts[f"t{i}"] for i in range(len(attempts))]
    return [(seconds(b["started_at"]) - seconds(a["ended_at"])) * 1e6 for a, b in zip(ordered, ordered[1:])]


def bare_step(base):
    return bare("sync", base, "300"), 1e6 / bare("spawn", "500", "1")


def bench_chain(count=500):
    text = "tasks:\n" + "".join(
        f'  t{i}: {{run: ["/bin/true"]{f", needs: t{i - 1}" if i else ""}}}\n' for i in range(count))
    for name, base in (("memory", MEMORY), ("the disk", DISK)):
        gaps, syncs, spawns = [], [], []
        for _ in range(ROUNDS):
            before = bare_step(base)
            gaps.append(statistics.median(gaps_of_chain(run_pipeline(text, base)[0])))
            after = bare_step(base)
            syncs.append((before[0] + after[0]) / 2)
            spawns.append((before[1] + after[1]) / 2)
        share = statistics.median(g / (s + 2 * p + 1000) for g, s, p in zip(gaps, syncs, spawns))
        line(f"chain of {count}, end to next start, state in {name}", f"{statistics.median(gaps):.0f} us, {share:.0%}",
             "<= 100% of what is allowed", share <= 1)
        line("  allowed: a fdatasync + 2 bare spawns + 1 ms",
             f"{statistics.median(syncs):.0f} + 2 * {statistics.median(spawns):.0f} + 1000 us")


def read_workload(path):
    tasks = {}
    for text in open(path):
        if text.startswith("#") or not text.strip():
            continue
        name, _, parents = text.rstrip("\n").split("\t")
        tasks[name.replace(".", "_")] = [p.replace(".", "_") for p in parents.split(",") if p]
    return tasks


def bench_workloads():
    files = sorted(glob.glob(os.path.join(SHARED, "workloads", "*.tsv")))
    if not files:
        line("workloads", "skipped", "no shared data here")
    for path in files:
        name, tasks = os.path.basename(path)[:-4], read_workload(path)
        text = "max_tasks: 8\ntasks:\n" + "".join(
            f'  {t}: {{run: ["/bin/true"]{", needs: [" + ", ".join(n) + "]" if n else ""}}}\n' for t, n in tasks.items())
        runs = [run_pipeline(text, MEMORY) for _ in range(ROUNDS if name.startswith("bwa") else 1)]
        took = statistics.median(t for _, t in runs)
        early = 0
        for shown, _ in runs:
            attempts = {a["task"]: a for a in shown["attempts"]}
            early += sum(attempts[t]["started_at"] < attempts[n]["ended_at"] for t, needs in tasks.items() for n in needs)
        allowed = len(tasks) / measured_rates()[0] + 1
        line(f"{name}: {len(tasks)} tasks", f"{took:.2f} s, {early} early", f"<= {allowed:.2f} s, 0 early",
             early == 0 and took <= allowed)
        if name.startswith("bwa"):
            each, share = engine_share(text, took)
            line("  the engine's own part", f"{each:.1f} us a task, {share:.1%}", "< 5%", share < 0.05)


PIPELINE = """schedule: "{minute} {hour} * * *"
tasks:
  extract: {{run: ["/bin/true"]}}
  transform: {{needs: extract, run: ["/bin/true"]}}
  load: {{needs: transform, run: ["/bin/true"], retries: 2}}
"""


def write_pipelines(root, count):
    os.makedirs(os.path.join(root, "dags"))
    for i in range(count):
        with open(os.path.join(root, "dags", f"p{i}.yaml"), "w") as f:
            f.write(PIPELINE.format(minute=i % 60, hour=i // 60 % 24))


def started_twice(count):
    """A folder of pipelines, and daemons on it: the first, which reads them all, and the second, left running."""
    root = tempfile.mkdtemp(prefix="rota-bench-", dir=MEMORY)
    write_pipelines(root, count)
    first = Daemon(root)
    first.wait_for_firings()
    first.end()
    second = Daemon(root)
    second.wait_for_firings()
    return root, first, second


def bench_idle(rest=60):
    """Within the minute lie a walk of retention, which comes every five, and the firings of one pipeline."""
    root, _, daemon = started_twice(1000)
    time.sleep(3)
    before, begun = cpu_ms(daemon.process.pid), time.monotonic()
    time.sleep(rest)
    share = (cpu_ms(daemon.process.pid) - before) / 1e3 / (time.monotonic() - begun)
    rss = rss_kb(daemon.process.pid)
    line("idle with 1,000 scheduled pipelines: resident", f"{rss / 1024:.1f} MB", "< 20 MB", rss < 20 * 1024)
    line("  share of a core", f"{share:.3%}", "< 0.1%", share < 0.001)
    daemon.end()
    shutil.rmtree(root)


def bench_many():
    firsts, seconds_ = [], []
    for _ in range(max(1, ROUNDS // 2)):
        root, first, second = started_twice(10000)
        second.end()
        shutil.rmtree(root)
        firsts.append(first.took)
        seconds_.append(second.took)
    for name, took in (("10,000 pipelines: first start, all read", statistics.median(firsts)),
                       ("  start again, nothing changed", statistics.median(seconds_))):
        line(name, f"{took:.2f} s", "< 2 s", took < 2)


def bench_scrape(scrapes=100):
    """What a scrape takes, and takes of a core, beside /healthz, which the loop answers from memory: 1,000 pipelines."""
    root, _, daemon = started_twice(1000)
    wait_until_quiet(daemon.process.pid)
    took, cpu = {}, {}
    for target in ("healthz", "metrics"):
        before, each = cpu_ms(daemon.process.pid), []
        for _ in range(scrapes):
            out = subprocess.run(["curl", "-s", "-o", os.path.join(root, "answer"), "-w", "%{http_code} %{time_total}",
                                  "--unix-socket", os.path.join(daemon.state, "rota.sock"), "http://localhost/" + target],
                                 capture_output=True, text=True).stdout.split()
            if out[0] != "200":
                sys.exit(f"{target} answered {out[0]}")
            each.append(float(out[1]) * 1e3)
        took[target], cpu[target] = statistics.median(each), (cpu_ms(daemon.process.pid) - before) / scrapes
    size = os.path.getsize(os.path.join(root, "answer"))
    daemon.end()
    shutil.rmtree(root)
    line(f"a scrape of 1,000 pipelines ({size / 1024:.0f} KB)", f"{took['metrics']:.2f} ms",
         f"/healthz {took['healthz']:.2f} ms")
    line("  of a core", f"{cpu['metrics']:.2f} ms", f"/healthz {cpu['healthz']:.2f} ms")


def bench_commits():
    """The store alone: batches of 1, 8 and 50 whole tasks (11 rows each), beside a fdatasync of 4 KiB there."""
    for where, base in (("in memory", MEMORY), ("on a disk", DISK)):
        with scratch(base) as root:
            sync = bare("sync", root, "300")
            said = subprocess.run([STORE, os.path.join(root, "state"), "1000"], capture_output=True, text=True,
                                  check=True).stdout
        for batch, tasks, rate, half in re.findall(r"commit: (\d+) tasks a batch: (\d+) tasks/s, .* (\d+) commits/s, "
                                                   r"p50 ([0-9.]+) ms", said):
            line(f"commits {where}, {batch} task{'s' * (batch != '1')} each", f"{rate}/s, half {half} ms",
                 f"{float(half) * 1e3 / sync:.1f} x a fdatasync" if base == DISK else f"{tasks} tasks/s")


def bench_supervisor():
    root = tempfile.mkdtemp(prefix="rota-bench-", dir=MEMORY)
    daemon = Daemon(root)
    with open(os.path.join(root, "dags", "sleepy.yaml"), "w") as f:
        f.write('tasks: {a: {run: ["sleep", "5"]}}\n')
    subprocess.run([ROTA, "reload", "--state", daemon.state], check=True, capture_output=True)
    subprocess.run([ROTA, "trigger", "sleepy", "--state", daemon.state], check=True, capture_output=True)
    time.sleep(1)
    sizes = [rss_kb(int(p)) for p in os.listdir("/proc")
             if p.isdigit() and daemon.state.encode() in open(f"/proc/{p}/cmdline", "rb").read()
             and "rota-sup" in open(f"/proc/{p}/comm").read()]
    daemon.end()
    line("supervisor: resident", f"{max(sizes)} KB", "< 100 KB", max(sizes) < 100)
    time.sleep(5)
    shutil.rmtree(root)


def page_ms(daemon):
    url = "http://localhost/api/v1/runs?limit=50"
    out = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{time_total}", "--unix-socket",
                          os.path.join(daemon.state, "rota.sock"), url], capture_output=True, text=True).stdout.split()
    if out[0] != "200":
        sys.exit(f"a page of runs answered {out[0]}")
    return float(out[1]) * 1e3


def wait_until_quiet(pid):
    """After its start a daemon checks the whole database in the background."""
    before = -1000
    while cpu_ms(pid) - before > 50:
        before = cpu_ms(pid)
        time.sleep(3)


def bench_history(count=1_000_000):
    generator = os.environ.get("HISTORY")
    if not generator or not os.path.exists(generator):
        line("history of a million runs", "skipped", "no generator")
        return
    root = tempfile.mkdtemp(prefix="rota-bench-", dir=DISK)
    subprocess.run([generator, os.path.join(root, "state"), str(count)], check=True, capture_output=True)
    Daemon(root).end()
    starts = []
    for _ in range(ROUNDS):
        daemon = Daemon(root)
        starts.append(daemon.took)
        daemon.end()
    took = statistics.median(starts)
    line(f"start with {count:,} runs, warm", f"{took:.2f} s", "< 1 s", took < 1)
    daemon = Daemon(root)
    busy = statistics.median(page_ms(daemon) for _ in range(30))
    wait_until_quiet(daemon.process.pid)
    took = statistics.median(page_ms(daemon) for _ in range(100))
    line("  a page of 50 runs out of it", f"{took:.2f} ms", "< 5 ms", took < 5)
    line("  while the database is checked after a start", f"{busy:.2f} ms")
    daemon.end()
    shutil.rmtree(root)


LOG_SCRIPT = """tasks:
  a:
    run: |
      awk 'BEGIN { for (i = 0; i < 600000; i++)
        printf "2026-11-28 03:00:%06d INFO worker step=%d loss=0.1234 some more text to fill the line here ok\\n", i, i }'
"""
LOG_PAGES = (  # what, of the log, at most so many milliseconds
    ("its last 500 lines", "log/lines?tail=500", 5),
    ("500 lines out of the middle", "log/lines?from=312345&count=500", 5),
    ("a search by text", "log/search?q=step%3D599999", 150),
    ("  where the case matters", "log/search?q=step%3D599999&case=1", 150),
    ("a search by an expression with a literal", "log/search?q=step%3D5999.9%20loss&regex=1&case=1", 150),
    ("  in any case", "log/search?q=step%3D5999.9%20loss&regex=1", 150),
    ("  without a literal", "log/search?q=(foo%7Cbar)%5Cd&regex=1&case=1", None),
    ("a search for errors", "log/search?errors=1", None),
    ("the download of all of it", "log/file", None),
)


def answer_ms(daemon, target):
    out = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{time_total}", "--unix-socket",
                          os.path.join(daemon.state, "rota.sock"), "http://localhost/api/v1/" + target],
                         capture_output=True, text=True).stdout.split()
    if out[0] != "200":
        sys.exit(f"{target} answered {out[0]}")
    return float(out[1]) * 1e3


def bench_logs():
    root = tempfile.mkdtemp(prefix="rota-bench-", dir=MEMORY)
    os.makedirs(os.path.join(root, "dags"))
    with open(os.path.join(root, "dags", "job.yaml"), "w") as f:
        f.write(LOG_SCRIPT)
    daemon = Daemon(root)
    subprocess.run([ROTA, "reload", "--state", daemon.state], check=True, capture_output=True)
    subprocess.run([ROTA, "trigger", "job", "--wait", "--state", daemon.state], check=True, capture_output=True)
    line("a log of 60 MB, 600,000 lines", "", "")
    for name, target, most in LOG_PAGES:
        took = statistics.median(answer_ms(daemon, "runs/job/" + target) for _ in range(4 * ROUNDS))
        line(f"  {name}", f"{took:.1f} ms", f"< {most} ms" if most else "", took < most if most else None)
    line("  resident afterwards", f"{rss_kb(daemon.process.pid) / 1024:.1f} MB")
    daemon.end()
    shutil.rmtree(root)


WAVE = 'tasks: {t: {matrix: {n: [%s]}, run: ["/bin/true"]}}\n' % ", ".join(map(str, range(20)))
STREAMS = 1000


class Wire:
    """A connection to a daemon's socket that is used again and again."""

    def __init__(self, daemon):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(daemon.state, "rota.sock"))

    def ask(self, head, body=""):
        """Milliseconds until the whole answer, which is small, is there."""
        begun = time.monotonic()
        self.socket.sendall(f"{head} HTTP/1.1\r\nHost: localhost\r\n{body or chr(13) + chr(10)}".encode())
        answer = self.socket.recv(65536)
        if not answer.startswith(b"HTTP/1.1 20"):
            sys.exit(f"{head} answered {answer[:200]}")
        return (time.monotonic() - begun) * 1e3


def waves(daemon, length):
    """100 tasks a second, begun by hand; the times of /healthz meanwhile, and the daemon's share of a core."""
    ask, trigger, times = Wire(daemon), Wire(daemon), []
    body = 'Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{"now":true}'
    before, begun, sent = cpu_ms(daemon.process.pid), time.monotonic(), 0
    while time.monotonic() < begun + length:
        if time.monotonic() > begun + sent / 5:
            trigger.ask("POST /api/v1/pipelines/wave/runs", body)
            sent += 1
        times.append(ask.ask("GET /healthz"))
        time.sleep(0.005)
    share = (cpu_ms(daemon.process.pid) - before) / 1e3 / (time.monotonic() - begun)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100], times[-1], share


def bench_stream(length=20):
    root = tempfile.mkdtemp(prefix="rota-bench-", dir=MEMORY)
    os.makedirs(os.path.join(root, "dags"))
    with open(os.path.join(root, "dags", "wave.yaml"), "w") as f:
        f.write(WAVE)
    daemon = Daemon(root, "--listen", "none")
    subprocess.run([ROTA, "reload", "--state", daemon.state], check=True, capture_output=True)
    line("an answer of the loop, 100 tasks a second", "{:.1f}, {:.1f}, {:.1f} ms".format(*waves(daemon, length)[:3]),
         "half, 99 %, all within")
    before = rss_kb(daemon.process.pid)
    listen = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "listen.py"),
                               os.path.join(daemon.state, "rota.sock"), str(STREAMS)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    listen.stdout.readline()
    seen = waves(daemon, length)
    line(f"  the same with {STREAMS:,} streams", "{:.1f}, {:.1f}, {:.1f} ms".format(*seen[:3]), "99 % < 50 ms",
         seen[1] < 50)
    line("  the daemon's share of a core", f"{seen[3] * 100:.0f} %")
    each = (rss_kb(daemon.process.pid) - before) / STREAMS
    line("  memory of a stream", f"{each:.1f} KB", "< 25 KB", each < 25)
    size, events = listen.communicate("")[0].split()
    line("  events a second to each", f"{int(events) / STREAMS / length:.1f} of {int(size) / int(events):.0f} bytes")
    daemon.end()
    shutil.rmtree(root)


class Asker(http.client.HTTPConnection):
    """A connection to a daemon's socket for answers of any size."""

    def __init__(self, daemon):
        super().__init__("localhost", timeout=60)
        self.path = os.path.join(daemon.state, "rota.sock")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def ms(self, target):
        begun = time.monotonic()
        self.request("GET", "/api/v1/" + target)
        answer = self.getresponse()
        answer.read()
        if answer.status != 200:
            sys.exit(f"{target} answered {answer.status}")
        return (time.monotonic() - begun) * 1e3


WIDE_TASKS, WIDE_RUNS = 1000, 25


def put_wide(state):
    """Rows of 25 runs of a pipeline with 1,000 tasks, as if they had run; the daemon is down."""
    now = int(time.time() * 1e6)
    with sqlite3.connect(os.path.join(state, "rota.db")) as db:
        pipeline, version = db.execute("SELECT key, version FROM pipeline WHERE name = 'wide'").fetchone()
        (key,) = db.execute("SELECT last_key FROM meta").fetchone()
        for number in range(1, WIDE_RUNS + 1):
            key += 1
            db.execute("INSERT INTO run (key, id, pipeline, number, version, state, trigger, date, created_at, started_at,"
                       " ended_at, round, failed_before, keep, fresh, tasks, tasks_done, tasks_failed) VALUES"
                       " (?, ?, ?, ?, ?, 'succeeded', 'manual', 20000, ?, ?, ?, 1, 0, 0, 0, ?, ?, 0)",
                       (key, f"01wide{number:020}", pipeline, number, version, now, now, now, WIDE_TASKS, WIDE_TASKS))
            db.executemany("INSERT INTO task VALUES (?, ?, ?, ?, 'succeeded', '', NULL, 1, 1, 0, 0, NULL, NULL, NULL, NULL,"
                           " 0, 0, ?, ?, ?)", [(key, i, f"t{i}", f"t{i}", now, now, now) for i in range(WIDE_TASKS)])
        db.execute("UPDATE pipeline SET last_number = ? WHERE key = ?", (WIDE_RUNS, pipeline))
        db.execute("UPDATE meta SET last_key = ?", (key,))
    db.close()


PAGES = (  # what, its address, 99 % within so many milliseconds
    ("the overview", "overview", 10),
    ("a grid of 25 runs", "pipelines/team1.pipeline1/grid", 10),
    ("a page of 50 runs", "runs?limit=50", 10),
    ("a page of failed runs of one team", "runs?q=state%3Afailed%20owner%3Ateam1", None),
    ("50 pipelines with their last runs", "pipelines?limit=50", None),
    (f"a grid of 25 runs, {WIDE_TASKS:,} tasks", "pipelines/wide/grid", 50),
    (f"a graph of {WIDE_TASKS:,} tasks", "pipelines/wide/graph", None),
)


def share_of(times, part):
    return sorted(times)[min(len(times) - 1, int(len(times) * part))]


def ask_while_busy(daemon, target, length):
    """The times of a page, while 100 tasks a second run."""
    times, stop = [], threading.Event()

    def ask():
        asker = Asker(daemon)
        while not stop.is_set():
            times.append(asker.ms(target))
            time.sleep(0.02)

    thread = threading.Thread(target=ask)
    thread.start()
    waves(daemon, length)
    stop.set()
    thread.join()
    return times


def lag_with_pages(daemon, length):
    """The times of /healthz with 100 tasks a second and 10 pages a second."""
    stop = threading.Event()

    def ask():
        asker, n = Asker(daemon), 0
        while not stop.wait(0.1):
            asker.ms(PAGES[n % 3][1])
            n += 1

    thread = threading.Thread(target=ask)
    thread.start()
    seen = waves(daemon, length)
    stop.set()
    thread.join()
    return seen


def bench_pages(count=1_000_000, length=8):
    generator = os.environ.get("HISTORY")
    if not generator or not os.path.exists(generator):
        line("pages of a million runs", "skipped", "no generator")
        return
    root = tempfile.mkdtemp(prefix="rota-bench-", dir=DISK)
    subprocess.run([generator, os.path.join(root, "state"), str(count)], check=True, capture_output=True)
    os.makedirs(os.path.join(root, "dags"))
    with open(os.path.join(root, "dags", "wave.yaml"), "w") as f:
        f.write(WAVE)
    with open(os.path.join(root, "dags", "wide.yaml"), "w") as f:
        f.write("tasks:\n" + "".join(f'  t{i}: {{run: ["/bin/true"]{f", needs: t{i - 10}" if i > 9 else ""}}}\n'
                                     for i in range(WIDE_TASKS)))
    keeps_all = "slots: {cpu: 8}\nretention: {days: 3650, runs: 10000000}\n"
    first = Daemon(root, "--listen", "none", config=keeps_all)
    subprocess.run([ROTA, "reload", "--state", first.state], check=True, capture_output=True)
    first.end()
    put_wide(first.state)
    daemon = Daemon(root, "--listen", "none", config=keeps_all)
    wait_until_quiet(daemon.process.pid)
    sys.setswitchinterval(2e-4)  # the threads that ask don't wait for those that begin runs
    line(f"pages out of {count:,} runs: half, 99 %", "", "")
    for name, target, most in PAGES:
        asker = Asker(daemon)
        quiet = [asker.ms(target) for _ in range(200)]
        line(f"  {name}", f"{share_of(quiet, 0.5):.1f}, {share_of(quiet, 0.99):.1f} ms")
        times = ask_while_busy(daemon, target, length)
        half, most_of = share_of(times, 0.5), share_of(times, 0.99)
        line("    while 100 tasks a second run", f"{half:.1f}, {most_of:.1f} ms", f"99 % < {most} ms" if most else "",
             most_of < most if most else None)
    alone, along = waves(daemon, length), lag_with_pages(daemon, length)
    line("an answer of the loop meanwhile: half, 99 %", f"{alone[0]:.2f}, {alone[1]:.1f} ms")
    line("  with 10 pages a second", f"{along[0]:.2f}, {along[1]:.1f} ms", "half < 1 ms more", along[0] < alone[0] + 1)
    daemon.end()
    shutil.rmtree(root)


PARTS = {
    "journal": bench_journal,
    "throughput": bench_throughput,
    "chain": bench_chain,
    "workloads": bench_workloads,
    "idle": bench_idle,
    "many": bench_many,
    "scrape": bench_scrape,
    "commits": bench_commits,
    "supervisor": bench_supervisor,
    "history": bench_history,
    "pages": bench_pages,
    "logs": bench_logs,
    "stream": bench_stream,
    **hosts.PARTS,
}


def main(chosen):
    unknown = [c for c in chosen if c not in PARTS]
    if unknown:
        sys.exit(f"no such part: {' '.join(unknown)}; known: {' '.join(PARTS)}")
    print(f"{'what':<58} {'measured':>24}  {'target':<28} verdict")
    try:
        for name, part in PARTS.items():
            if not chosen or name in chosen:
                part()
    finally:
        for root in LEFT:
            shutil.rmtree(root)


if __name__ == "__main__":
    main(sys.argv[1:])
