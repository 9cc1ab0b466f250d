#!/usr/bin/env python3
"""make bench: what rota reaches, each line a ratio against what the same machine does bare in the same run.

Environment: ROTA, BARE (tests/bench/bare.c), HISTORY (the generator of a large history), ROTA_SHARED. Lines are
"name  measured  target  verdict". A missed target doesn't fail: these machines are shared, and a figure is no test.
"""
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime

ROTA = os.environ["ROTA"]
BARE = os.environ["BARE"]
SHARED = os.environ.get("ROTA_SHARED", "../shared")
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()


def line(name, measured, target="", good=None):
    verdict = "" if good is None else "reached" if good else "MISSED"
    print(f"{name:<58} {measured:>24}  {target:<28} {verdict}", flush=True)


def bare(*args):
    out = subprocess.run([BARE, *args], capture_output=True, text=True, check=True).stdout
    return float(out.split()[1])


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def run_pipeline(text, base, config="slots: {cpu: 8}\n"):
    """Runs a pipeline by `rota run` with its state below `base`: the run as JSON, and the seconds it took."""
    root = tempfile.mkdtemp(prefix="rota-bench-", dir=base)
    try:
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
    finally:
        shutil.rmtree(root)


def throughput(base, count=2000):
    tasks = "".join(f'  t{i}: {{run: ["/bin/true"]}}\n' for i in range(count))
    _, took = run_pipeline(f"max_tasks: 8\ntasks:\n{tasks}", base)
    return count / took


def bench_throughput():
    first = bare("spawn", "4000", "8")
    rates = [throughput(MEMORY) for _ in range(3)]
    spawns = (first + bare("spawn", "4000", "8")) / 2
    rate = statistics.median(rates)
    line("2,000 independent tasks, state in memory", f"{rate:.0f}/s", "", None)
    line("  of the bare spawn rate (8 in flight)", f"{rate / spawns:.0%} of {spawns:.0f}/s", ">= 40%", rate / spawns >= 0.4)
    disk = throughput(os.environ.get("ROTA_BENCH_DISK", "build"))
    line("  the same with state on the disk", f"{disk:.0f}/s")
    return rate


def gaps_of_chain(shown):
    attempts = {a["task"]: a for a in shown["attempts"]}
    ordered = [attempts[f"t{i}"] for i in range(len(attempts))]
    return [(seconds(b["started_at"]) - seconds(a["ended_at"])) * 1e6 for a, b in zip(ordered, ordered[1:])]


def bench_chain(count=500):
    tasks = "".join(f'  t{i}: {{run: ["/bin/true"]{f", needs: t{i - 1}" if i else ""}}}\n' for i in range(count))
    for name, base in (("memory", MEMORY), ("disk", os.environ.get("ROTA_BENCH_DISK", "build"))):
        sync = bare("sync", base, "300")
        spawn = 1e6 / bare("spawn", "1000", "1")
        shown, _ = run_pipeline("tasks:\n" + tasks, base)
        gap = statistics.median(gaps_of_chain(shown))
        allowed = sync + 2 * spawn + 1000
        line(f"chain of {count}: end to next start, state in {name}", f"{gap:.0f} us",
             f"<= {allowed:.0f} us (sync {sync:.0f})", gap <= allowed)


def read_workload(path):
    tasks = {}
    for text in open(path):
        if text.startswith("#") or not text.strip():
            continue
        name, _, parents = text.rstrip("\n").split("\t")
        tasks[name.replace(".", "_")] = [p.replace(".", "_") for p in parents.split(",") if p]
    return tasks


def bench_workloads(rate):
    files = sorted(glob.glob(os.path.join(SHARED, "workloads", "*.tsv")))
    if not files:
        line("workloads", "skipped", "no shared data here")
    for path in files:
        tasks = read_workload(path)
        text = "max_tasks: 8\ntasks:\n" + "".join(
            f'  {t}: {{run: ["/bin/true"]{", needs: [" + ", ".join(n) + "]" if n else ""}}}\n' for t, n in tasks.items())
        shown, took = run_pipeline(text, MEMORY)
        attempts = {a["task"]: a for a in shown["attempts"]}
        early = sum(attempts[t]["started_at"] < attempts[n]["ended_at"] for t, needs in tasks.items() for n in needs)
        allowed = len(tasks) / rate + 1
        line(f"{os.path.basename(path)[:-4]}: {len(tasks)} tasks, {early} early", f"{took:.2f} s",
             f"<= {allowed:.2f} s, 0 early", early == 0 and took <= allowed)


def rss_kb(pid):
    for text in open(f"/proc/{pid}/status"):
        if text.startswith("VmRSS"):
            return int(text.split()[1])
    return 0


def cpu_ticks(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


class Daemon:
    def __init__(self, root, *flags):
        self.root, self.state = root, os.path.join(root, "state")
        with open(os.path.join(root, "rota.yaml"), "w") as f:
            f.write("slots: {cpu: 8}\n")
        os.makedirs(os.path.join(root, "dags"), exist_ok=True)
        begun = time.monotonic()
        self.process = subprocess.Popen([ROTA, "serve", "--config", os.path.join(root, "rota.yaml"), "--dags",
                                         os.path.join(root, "dags"), "--state", self.state, *flags],
                                        stderr=subprocess.DEVNULL)
        while subprocess.run([ROTA, "status", "--state", self.state], capture_output=True).returncode != 0:
            if self.process.poll() is not None:
                sys.exit("the daemon ended")
            time.sleep(0.005)
        self.took = time.monotonic() - begun

    def end(self):
        self.process.terminate()
        self.process.wait()


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


def bench_idle(count, flags=()):
    root = tempfile.mkdtemp(prefix="rota-bench-", dir=MEMORY)
    write_pipelines(root, count)
    daemon = Daemon(root, *flags)
    first = daemon.took
    daemon.end()
    daemon = Daemon(root, *flags)
    time.sleep(2)
    ticks, begun = cpu_ticks(daemon.process.pid), time.monotonic()
    time.sleep(10)
    share = (cpu_ticks(daemon.process.pid) - ticks) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - begun)
    rss = rss_kb(daemon.process.pid)
    if count == 1000:
        line("idle with 1,000 scheduled pipelines: resident", f"{rss / 1024:.1f} MB", "< 20 MB", rss < 20 * 1024)
        line("  share of a core", f"{share:.2%}", "< 0.1%", share < 0.001)
    else:
        line(f"{count:,} pipelines: first start, all parsed", f"{first:.2f} s", "< 2 s", first < 2)
        line("  start again, nothing changed", f"{daemon.took:.2f} s", "< 2 s", daemon.took < 2)
    daemon.end()
    shutil.rmtree(root)


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


def bench_history(count=1_000_000):
    generator = os.environ.get("HISTORY")
    if not generator or not os.path.exists(generator):
        line("history of a million runs", "skipped", "no generator")
        return
    root = tempfile.mkdtemp(prefix="rota-bench-", dir=os.environ.get("ROTA_BENCH_DISK", "build"))
    subprocess.run([generator, os.path.join(root, "state"), str(count)], check=True, capture_output=True)
    Daemon(root).end()
    daemon = Daemon(root)
    line(f"start with {count:,} runs, warm", f"{daemon.took:.2f} s", "< 1 s", daemon.took < 1)
    url = "http://localhost/api/v1/runs?limit=50"
    def page():
        out = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{time_total}", "--unix-socket",
                              os.path.join(daemon.state, "rota.sock"), url], capture_output=True, text=True).stdout.split()
        if out[0] != "200":
            sys.exit(f"a page of runs answered {out[0]}")
        return float(out[1]) * 1e3
    took = statistics.median(page() for _ in range(30))
    line("  a page of 50 runs out of it", f"{took:.2f} ms", "< 5 ms", took < 5)
    daemon.end()
    shutil.rmtree(root)


def main():
    print(f"{'what':<58} {'measured':>24}  {'target':<28} verdict")
    rate = bench_throughput()
    bench_chain()
    bench_workloads(rate)
    bench_idle(1000)
    bench_idle(10000)
    bench_supervisor()
    bench_history()


main()
