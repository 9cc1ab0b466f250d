#!/usr/bin/env python3
"""Torture: the daemon and the supervisors are killed -9 at random moments, the disk fills up, the daemon's clock is set,
and connections to hosts break while runs are asked for, a schedule fires and others read the API; then the books are
compared with what the tasks themselves wrote down.

    ROTA=build/rota tests/torture/torture.py [--rounds N] [--seconds N] [--seed N] [--hosts N] [--kills N [--pace S]]

Each round begins with an empty state directory, on a small disk of its own where mounting is permitted. With hosts (two
real sshds on loopback, one over libssh2, one over the ssh program) a part of each run is there. Who asks for
runs repeats each request with its key until it is acknowledged. After the round, when all has come to rest:

- each acknowledged request is one run, and each run was asked for;
- each attempt that wrote down that it began is in the books, and began once;
- each task that succeeded has one attempt that succeeded, which wrote down its end, and its log has each of its lines,
  or the attempt says that a part of its output could not be written;
- each instant of the schedule was decided once, and each of its runs ran once;
- every answer that a reader got was whole.

With `--kills` a round has so many kills of the daemon and no other blow: each comes at a random moment, `--pace` seconds
on average after the daemon was up; one in three falls into a start.

The seed chooses the blows and their moments, not what the machine makes of them.
"""
import argparse
import collections
import contextlib
import datetime
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration/lib"))
import sshd  # noqa: E402
from clocks import Clocks  # noqa: E402
from harness import Place, Skip, processes, read_proc, small_disk, supervisors, wait_until  # noqa: E402

DISK_MIB = 96
LINES = 200
SCRIPT = f"""
echo "begin $ROTA_ATTEMPT_ID" >> "$ROTA_PARAM_BOOK"
i=0
while [ $i -lt {LINES} ]; do i=$((i + 1)); echo "line $i"; done
sleep "$ROTA_PARAM_NAP"
[ "$ROTA_ATTEMPT" != 1 ] || [ "${{ROTA_MATRIX_N:-0}}" != 2 ] || exit 1
echo "end $ROTA_ATTEMPT_ID" >> "$ROTA_PARAM_BOOK"
"""


def pipeline_text(hosts):
    script = "".join(f"          {line}\n" for line in SCRIPT.strip().splitlines())
    return ("params:\n  key: {type: string}\n  book: {type: string}\n  nap: {type: string, default: '0'}\n"
            "max_tasks: 6\ndefaults: {retries: {max: 1, delay: 1s, lost: 50}}\ntasks:\n"
            f"  first:\n    run: |\n{script}"
            f"  each:\n    needs: first\n    matrix: {{n: [1, 2, 3]}}\n{'    on: far' if hosts else ''}\n    run: |\n{script}"
            f"  last:\n    needs: each\n    run: |\n{script}")


class Asker(threading.Thread):
    """Asks for runs one after the other; each request is repeated until the daemon says that it has it."""

    def __init__(self, name, place, book, token, rng):
        super().__init__(daemon=True)
        self.name, self.place, self.book, self.token, self.rng = name, place, book, token, rng
        self.over = threading.Event()
        self.acknowledged = []

    def run(self):
        number = 0
        while not self.over.is_set():
            key = f"{self.name}-{number}"
            body = {"params": {"key": key, "book": self.book, "nap": f"{self.rng.choice([0, 0, 0.05, 0.4]):g}"}, "now": True}
            if self.acknowledge(key, body):
                self.acknowledged.append(key)
                number += 1
            time.sleep(self.rng.uniform(0, 0.08))

    def acknowledge(self, key, body):
        """Whatever was asked once is asked to the end, in the quiet after the round too."""
        for _ in range(6000):
            with contextlib.suppress(Exception):  # whatever it is, the answer didn't come
                status, _, _ = self.place.http("POST", "/api/v1/pipelines/work/runs", body, self.token, {"Idempotency-Key": key})
                if status in (200, 201, 202):
                    return True
            time.sleep(0.01)
        return False


SCHEDULE = """
params:
  book: {{type: string, default: {book}}}
schedule: {{every: 2s, overlap: allow}}
defaults: {{retries: {{max: 0, lost: 50, delay: 0s}}}}
tasks:
  tick: {{run: 'echo "begin $ROTA_ATTEMPT_ID" >> "$ROTA_PARAM_BOOK"; echo "end $ROTA_ATTEMPT_ID" >> "$ROTA_PARAM_BOOK"'}}
"""
PAGES = ("status", "pipelines", "runs?limit=20", "runs?q=pipeline:work&limit=5", "schedule?n=5", "hosts", "attention")
NOT_WRITTEN = "a part of its output could not be written"


class Reader(threading.Thread):
    """Reads one page after the other. Whatever comes with 200 must be whole."""

    def __init__(self, place, token, rng):
        super().__init__(daemon=True)
        self.place, self.token, self.rng = place, token, rng
        self.over = threading.Event()
        self.answers, self.wrong = 0, []

    def run(self):
        while not self.over.is_set():
            page = self.rng.choice(PAGES)
            try:
                status, _, body = self.place.http("GET", f"/api/v1/{page}", token=self.token)
            except json.JSONDecodeError as reason:
                self.wrong.append(f"GET {page}: an answer that is no JSON: {reason}")
            except Exception:  # the daemon is gone, or its port is another by now
                time.sleep(0.02)
            else:
                self.answers += 1
                if status not in (200, 404, 503) or (status == 200 and not isinstance(body, (dict, list))):
                    self.wrong.append(f"GET {page}: {status} {str(body)[:200]}")


class Round:
    def __init__(self, rng, options, hosts):
        self.rng, self.seconds, self.kills, self.pace = rng, options.seconds, options.kills, options.pace
        self.hosts, self.known_state = hosts, None
        self.done = collections.Counter()

    def start_daemon(self):
        """On a full disk a start is refused until there is room."""
        def up():
            self.place.start(wait=False, env=self.clocks and self.clocks.environment(self.place))
            end = time.monotonic() + 10
            while self.place.daemon.poll() is None and time.monotonic() < end:
                if self.place.rota_all("status").returncode == 0:
                    return True
                time.sleep(0.02)
            return False
        wait_until("the daemon starts", up, 120, 0.1)

    def kill_daemon(self):
        self.place.kill()
        self.done["daemon"] += 1
        time.sleep(self.rng.choice([0, 0, 0.1, 0.6]))
        self.start_daemon()

    def listens(self):
        assert self.place.daemon.poll() is None, f"it ended with {self.place.daemon.returncode}"
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(os.path.join(self.place.state, "rota.sock")) == 0

    def kill_often(self):
        """Never three starts in a row that are cut short: what is said to crash the daemon three times is left aside."""
        for number in range(self.kills):
            self.place.start(wait=False, env=self.clocks and self.clocks.environment(self.place))
            if number % 3:
                wait_until("it listens", self.listens, 60, 0.005)
            time.sleep(self.rng.expovariate(1 / self.pace))
            self.place.kill()
            self.done["daemon"] += 1
        self.start_daemon()

    def blow(self):
        end = time.monotonic() + self.seconds
        blows = [self.kill_daemon] * 5 + [self.kill_supervisor] * 6 + [self.fill_disk]
        if self.clocks:
            blows += [self.set_clock] * 2 + [self.sleep_of_the_machine]
        if self.hosts:
            blows += [self.kill_far_supervisor] * 5 + [self.drop_connection] * 5 + [self.silence, self.restart_sshd]
        while time.monotonic() < end:
            time.sleep(self.rng.expovariate(4))
            self.rng.choice(blows)()

    def kill_supervisor(self):
        found = supervisors(self.place.state)
        if found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.rng.choice(found), signal.SIGKILL)
                self.done["supervisor"] += 1

    def kill_far_supervisor(self):
        # Its own alone, on a machine where others may run: the state's id is part of each path there.
        if not self.known_state:
            with contextlib.suppress(AssertionError):
                self.known_state = self.place.json("status")["state_id"]
        if not self.known_state:
            return
        mine = f"/{self.known_state}/".encode()
        found = [pid for pid in processes()
                 if mine in read_proc(pid, "cmdline") and b"/lib/supervise-" in read_proc(pid, "cmdline")]
        if found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.rng.choice(found), signal.SIGKILL)
                self.done["far supervisor"] += 1

    def drop_connection(self):
        self.rng.choice(self.hosts).drop()
        self.done["connection"] += 1

    def silence(self):
        host = self.rng.choice(self.hosts)
        host.freeze()
        time.sleep(self.rng.uniform(0.1, 2))
        host.thaw()
        self.done["silence"] += 1

    def restart_sshd(self):
        self.rng.choice(self.hosts).restart()
        self.done["sshd"] += 1

    def fill_disk(self):
        if not self.disk:
            return
        path = os.path.join(self.disk, "fill")
        with contextlib.suppress(OSError), open(path, "wb", buffering=0) as f:
            while True:
                f.write(b"\0" * 65536)
        self.done["full disk"] += 1
        time.sleep(self.rng.uniform(0.2, 1.5))
        if self.rng.random() < 0.5:
            self.place.kill()
            self.done["daemon"] += 1
            os.unlink(path)
            self.start_daemon()
        else:
            os.unlink(path)

    def set_clock(self):
        """Back and forth; the true time again by the end."""
        self.clocks.set(self.clocks.wall + self.rng.choice([-3600, -61, -5, 5, 61, 3600]) if self.rng.random() < 0.7 else 0)
        self.done["clock"] += 1

    def sleep_of_the_machine(self):
        self.clocks.sleep(self.rng.choice([10, 61, 600]))
        self.done["sleep"] += 1

    def configuration(self, net):
        lines = ["slots: {cpu: 12}"]
        if self.hosts:
            lines.append("hosts:")
        for host, transport in zip(self.hosts, ("libssh2", "openssh")):
            lines.append(f"  {host.name}: {{ssh: '{host.ssh}', identity: {net.key}, known_hosts: {net.known_hosts}, "
                         f"transport: {transport}, max_tasks: 8}}")
        if self.hosts:
            lines.append(f"groups: {{far: [{', '.join(host.name for host in self.hosts)}]}}")
        return "\n".join(lines) + "\n"

    def run(self, disk, root, net):
        self.disk = disk
        self.place = Place(self.configuration(net), state=os.path.join(disk or root, "state"))
        book = os.path.join(root, "book")
        try:
            self.clocks = Clocks(root)
        except Skip as why:
            print(f"# {why}: the clock isn't set")
            self.clocks = None
        try:
            self.place.pipeline("work", pipeline_text(self.hosts))
            self.place.pipeline("ticks", SCHEDULE.format(book=book))
            self.start_daemon()
            self.token = self.place.rota("token", "create", "torture", "--role", "operator").strip().splitlines()[-1].split()[-1]
            # In a life of a tenth of a second one alone gets little done.
            askers = [Asker(f"key-{i}", self.place, book, self.token, random.Random(self.rng.random()))
                      for i in range(5 if self.kills else 1)]
            readers = [Reader(self.place, self.token, random.Random(self.rng.random())) for _ in range(1 if self.kills else 3)]
            for thread in askers + readers:
                thread.start()
            if self.kills:
                self.place.kill()
                self.kill_often()
            else:
                self.blow()
            for thread in askers + readers:
                thread.over.set()
            for asker in askers:
                asker.join(120)
                assert not asker.is_alive(), "the last request was never acknowledged"
            for reader in readers:
                reader.join(60)
            wait_until("the schedule rests", lambda: self.place.rota_all("pause", "ticks", "--reason", "it is over").returncode == 0)
            self.rest()
            self.done["answers"] += sum(reader.answers for reader in readers)
            return self.compare([key for asker in askers for key in asker.acknowledged], book) + [wrong for reader in readers for wrong in reader.wrong]
        except Exception:
            print(f"# the last words of the daemon:\n{self.place.daemon_log()}", file=sys.stderr)
            self.tell_what_hangs()
            raise
        finally:
            self.place.end()

    def left(self):
        """The tasks that haven't ended yet, of runs that haven't."""
        said = self.place.rota("runs", "state:running,queued,cancelling", "-n", "500", "--json", code=None)
        return [(run["id"], run.get("tasks_done")) for run in json.loads(said or "{}").get("items", [{"id": "?"}])]

    def rest(self):
        """However long it takes on a machine that has much else to do, it goes on."""
        left, end = self.left(), time.monotonic() + 120
        while left:
            assert time.monotonic() < end, f"for 120 s nothing ended: {left[:5]}"
            time.sleep(0.5)
            now = self.left()
            if now != left:
                left, end = now, time.monotonic() + 120

    def tell_what_hangs(self):
        print(self.place.rota("hosts", code=None), file=sys.stderr)
        hanging = self.place.rota("runs", "state:running,queued,cancelling", "-n", "500", "--json", code=None)
        for run in json.loads(hanging or "{}").get("items", [])[:3]:
            print(self.place.rota("show", run["id"], code=None), self.place.rota("why", run["id"], code=None), file=sys.stderr)

    def runs(self):
        after, found = "", []
        while after is not None:
            _, _, page = self.place.http("GET", f"/api/v1/runs?limit=500{after and '&after=' + after}", token=self.token)
            found += page["items"]
            after = page["next"]
        return found

    def compare(self, acknowledged, book):
        begun, ended = collections.Counter(), collections.Counter()
        with open(book, encoding="ascii") as lines:
            for line in lines:
                word, attempt = line.split()
                (begun if word == "begin" else ended)[attempt] += 1
        runs = self.runs()
        keys = collections.Counter(run["params"]["key"] for run in runs if "key" in run["params"])
        faults = [f"{key} was acknowledged and has {keys[key]} runs" for key in acknowledged if keys[key] != 1]
        faults += [f"{key} has {n} runs" for key, n in keys.items() if n > 1]
        faults += [f"attempt {a} began {n} times" for a, n in begun.items() if n != 1]
        known = set()
        for run in runs:
            faults += self.compare_run(run, begun, ended, known)
        faults += [f"attempt {a} began and isn't in the books" for a in begun if a not in known]
        faults += self.compare_firings(runs)
        self.done.update(runs=len(runs), attempts=len(known), acknowledged=len(acknowledged))
        return faults

    def compare_run(self, run, begun, ended, known):
        _, _, shown = self.place.http("GET", f"/api/v1/runs/{run['id']}", token=self.token)
        good = collections.Counter()
        for attempt in shown["attempts"]:
            known.add(attempt["id"])
            if attempt["state"] != "succeeded":
                continue
            good[attempt["task"]] += 1
            if begun[attempt["id"]] != 1 or ended[attempt["id"]] != 1:
                yield f"{run['name']} {attempt['task']}: succeeded, began {begun[attempt['id']]} times, ended {ended[attempt['id']]}"
            if attempt["task"] != "tick":
                yield from self.compare_log(run, attempt)
                self.done["logs"] += 1
        if shown["state"] not in ("succeeded", "failed"):
            yield f"{run['name']} is {shown['state']}"
        for task in shown["tasks"]:
            if task["state"] == "succeeded" and good[task["label"]] != 1:
                yield f"{run['name']} {task['label']}: {good[task['label']]} attempts succeeded"

    def compare_log(self, run, attempt):
        """The lines that are there come in their order, none twice; none is missing unless it is said."""
        where = urllib.parse.urlencode({"task": attempt["task"], "attempt": attempt["attempt"]})
        _, _, text = self.place.http("GET", f"/api/v1/runs/{run['id']}/log?{where}", token=self.token)
        wanted = [f"line {i}" for i in range(1, LINES + 1)]
        if text.decode().splitlines() == wanted:
            return
        text = self.place.rota("logs", run["id"], attempt["task"], "--attempt", str(attempt["attempt"]))
        lines = [line for line in text.splitlines() if line.startswith("line ")]
        if lines == wanted:
            return
        told = NOT_WRITTEN in (attempt["reason"] or "") or "dropped" in text
        known = set(wanted)
        whole = [int(line.split()[1]) for line in lines if line in known]
        if told and self.done["full disk"] and whole == sorted(set(whole)):
            self.done["logs that say what is missing"] += 1
            return
        yield f"{run['name']} {attempt['task']}: {len(lines)} lines of its log are there, {attempt['reason']}"

    def compare_firings(self, runs):
        """Each instant in one row and each row that says `run` with a run of its own."""
        items = self.place.json("firings", "ticks", "-n", "500")["items"]
        def at(text):
            return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc).timestamp()
        for newer, older in zip(items, items[1:]):
            if abs(at(newer["scheduled_for"]) - at(older["until"]) - 2) > 0.001:
                yield f"ticks: after {older['until']} comes {newer['scheduled_for']}"
        for item in items:
            if abs(at(item["until"]) - at(item["scheduled_for"]) - 2 * (item["count"] - 1)) > 0.001:
                yield f"ticks: a row of {item['count']} from {item['scheduled_for']} to {item['until']}"
        fired = collections.Counter(item["run"] for item in items if item["outcome"] == "run")
        made = {run["id"] for run in runs if run["pipeline"] == "ticks"}
        yield from (f"ticks: {run} stands in {n} firings" for run, n in fired.items() if n != 1 or run not in made)
        if len(items) < 500:
            yield from (f"ticks: {run} is of no firing" for run in made if run not in fired)
        self.done["firings"] += sum(item["count"] for item in items)


@contextlib.contextmanager
def disk_or_none():
    with contextlib.ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(DISK_MIB))
        except Skip as why:
            print(f"# {why}: the disk isn't filled")
            disk = None
        yield disk


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=30, help="of a round's blows")
    options.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options.add_argument("--kills", type=int, default=0, help="of the daemon in a round, instead of all blows")
    options.add_argument("--pace", type=float, default=0.1, help="seconds between them, on average")
    options.add_argument("--hosts", type=int, default=2, choices=(0, 1, 2), help="over SSH, beside this machine")
    options = options.parse_args()
    total, failed = collections.Counter(), 0
    for number in range(options.rounds):
        seed = options.seed + number
        root = tempfile.mkdtemp(prefix="rota-torture-")
        with disk_or_none() as disk, sshd.network() as net:
            hosts = [net.host(f"far{i}") for i in range(options.hosts)]
            this = Round(random.Random(seed), options, hosts)
            faults = this.run(disk, root, net)
        total.update(this.done)
        counts = ", ".join(f"{n} {what}" for what, n in sorted(this.done.items()))
        print(f"{'not ok' if faults else 'ok'} round {number + 1}, seed {seed}: {counts}", flush=True)
        for fault in faults[:50]:
            print(f"    {fault}")
        failed += bool(faults)
        shutil.rmtree(root)
    print("in all: " + ", ".join(f"{n} {what}" for what, n in sorted(total.items())))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
