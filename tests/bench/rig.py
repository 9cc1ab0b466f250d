"""What the parts of `make bench` share: a line of the table, a daemon of its own, what a process uses."""
import glob
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime

ROTA = os.environ["ROTA"]
ROUNDS = int(os.environ.get("ROTA_BENCH_ROUNDS", "5"))
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()


def line(name, measured, target="", good=None):
    verdict = "" if good is None else "reached" if good else "MISSED"
    print(f"{name:<58} {measured:>24}  {target:<28} {verdict}", flush=True)


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def rss_kb(pid):
    for text in open(f"/proc/{pid}/status"):
        if text.startswith("VmRSS"):
            return int(text.split()[1])
    return 0


def cpu_ms(pid):
    return sum(int(open(f).read().split()[0]) for f in glob.glob(f"/proc/{pid}/task/*/schedstat")) / 1e6


class Daemon:
    def __init__(self, root, *flags, config="slots: {cpu: 8}\n"):
        self.root, self.state = root, os.path.join(root, "state")
        with open(os.path.join(root, "rota.yaml"), "w") as f:
            f.write(config)
        os.makedirs(os.path.join(root, "dags"), exist_ok=True)
        self.begun = time.monotonic()
        self.process = subprocess.Popen([ROTA, "serve", "--config", os.path.join(root, "rota.yaml"), "--dags",
                                         os.path.join(root, "dags"), "--state", self.state, *flags],
                                        stderr=subprocess.DEVNULL)
        while subprocess.run([ROTA, "status", "--state", self.state], capture_output=True).returncode != 0:
            if self.process.poll() is not None:
                sys.exit("the daemon ended")
            time.sleep(0.005)
        self.took = time.monotonic() - self.begun

    def answer(self, command):
        out = subprocess.run([ROTA, command, "--state", self.state, "--json"], capture_output=True, text=True)
        return json.loads(out.stdout)

    def wait_for_firings(self):
        """Until the pipelines are in force, which is when their schedules are known."""
        while not self.answer("status")["next"]:
            time.sleep(0.005)
        self.took = time.monotonic() - self.begun

    def end(self):
        self.process.terminate()
        self.process.wait()
