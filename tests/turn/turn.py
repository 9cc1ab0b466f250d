#!/usr/bin/env python3
"""Each call of the real daemon fails in turn, and nothing is lost.

    ROTA=build/rota tests/turn/turn.py [--step N] [--scenario NAME] [--kind NAME] [--seconds N] [--jobs N]

For each scenario and each kind of call (turn.c) the nth call fails, n = 1, 1 + step, ..., once and for ever after, until
the scenario passes without a failure. With `--step 0` each place is tried once instead of each call: of calls that were
reached by the same way (the functions on the stack) the first fails, and the others are taken to be like it. That is a
tenth of the tellings, and reaches all allocations. After each the daemon is started on what it left, with nothing that
fails, and the books are compared:

- the daemon still ran, or it had ended by itself, with a code; only without memory, or a library without a descriptor,
  it may abort; OpenSSL reads through a null pointer where it finds no memory to begin with, and so does the C library
  when it looks for a user for the first time;
- each request that was acknowledged is one run, those that weren't are repeated with their keys and are one run, too;
- each task of it ran once, by what the task wrote itself;
- its log has each of its lines, or its attempt says that a part is missing;
- each run has ended as it should.

A kind that none of all scenarios ever reached is a failure of the test.
"""
import argparse
import atexit
import collections
import concurrent.futures
import contextlib
import errno
import http.client
import json
import mmap
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../integration/lib"))
import sshd  # noqa: E402
from harness import Place, Skip, wait_until  # noqa: E402

E = errno
# In the order of enum kind in turn.c; each with what a kernel may say, one after the other.
KINDS = {
    "memory": [E.ENOMEM],
    "open": [E.EMFILE, E.ENFILE, E.ENOMEM],
    "mkdir": [E.ENOSPC, E.EROFS, E.EIO],
    "rename": [E.EIO, E.ENOSPC, E.EROFS],
    "unlink": [E.EIO, E.EROFS],
    "write": [E.ENOSPC, E.EIO, E.EROFS, E.EDQUOT],
    "read": [E.EIO],
    "sync": [E.EIO],
    "truncate": [E.ENOSPC, E.EIO],
    "spawn": [E.EAGAIN, E.ENOMEM],
    "thread": [E.EAGAIN],
    "socket": [E.EMFILE, E.ENFILE, E.ENOBUFS],
    "accept": [E.EMFILE, E.ENFILE, E.ECONNABORTED],
    "send": [E.EPIPE, E.ECONNRESET, E.ENOBUFS],
    "receive": [E.ECONNRESET],
    "descriptor": [E.EMFILE, E.ENFILE],
    "watch": [E.ENOSPC, E.ENOMEM],
}
NAMES = list(KINDS)
MAY_ABORT = ("memory", "thread", "descriptor", "watch")  # libuv ends the process when it has no epoll, say
FALLS = ("libcrypto.so", "__nss_database_get")
LINES = 30
ENDED = ("succeeded", "failed", "cancelled")
UNREADABLE = "its outputs can't be read"
FORMAT = f"={7 + 2 * len(KINDS)}q"
SITES_SIZE = 8 << 16  # of struct sites
FAR = []
FAR_LOCK = threading.Lock()

PAIR = """
    params: {book: {type: string}, nap: {type: string, default: '0'}}
    defaults: {retries: {max: 0, delay: 0s, lost: 50}}
    tasks:
      first:
        outputs: {answer: int}
        run: |
          echo "$ROTA_RUN_ID first $ROTA_ATTEMPT_ID" >> "$ROTA_PARAM_BOOK"
          i=0; while [ $i -lt LINES ]; do i=$((i + 1)); echo "line $i"; done
          sleep "$ROTA_PARAM_NAP"
          echo "answer=42" >> "$ROTA_OUTPUT"
      second:
        needs: first
        env: {ANSWER: "${{ tasks.first.outputs.answer }}"}
        run: |
          echo "$ROTA_RUN_ID second $ROTA_ATTEMPT_ID $ANSWER" >> "$ROTA_PARAM_BOOK"
          i=0; while [ $i -lt LINES ]; do i=$((i + 1)); echo "line $i"; done
""".replace("LINES", str(LINES))


def compiled():
    """turn.c as a library; skips where there is no compiler, or the program is built with a sanitizer."""
    folder = tempfile.mkdtemp(prefix="rota-turn-")
    library = os.path.join(folder, "turn.so")
    try:
        subprocess.run([os.environ.get("CC", "cc"), "-std=c17", "-D_GNU_SOURCE", "-O2", "-shared", "-fPIC", "-o", library,
                        os.path.join(HERE, "turn.c"), "-ldl"], check=True, capture_output=True)
    except FileNotFoundError:
        raise Skip("there is no C compiler") from None
    with open(os.environ["ROTA"], "rb") as program:
        text = program.read()
        if b"__asan_init" in text or b"__tsan_init" in text:
            raise Skip("a program with a sanitizer has its own memory")
    return library


def blank_file(size):
    handle, path = tempfile.mkstemp(prefix="rota-turn-")
    os.truncate(handle, size)
    os.close(handle)
    return path


class Control:
    """What the library reads and counts, in a file that both have mapped."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as f:
            f.write(b"\0" * struct.calcsize(FORMAT))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)

    def arm(self, kind, nth, ever, error, by_site=False):
        self.map[:56] = struct.pack("=7q", 0, NAMES.index(kind) if kind else -1, nth, ever, error, by_site, 0)
        self.map[56:] = b"\0" * (len(self.map) - 56)
        self.map[:8] = struct.pack("=q", 1)

    def disarm(self):
        self.map[:8] = struct.pack("=q", 0)

    def read(self):
        values = struct.unpack(FORMAT, self.map[:])[7:]
        return dict(zip(NAMES, values[:len(NAMES)])), dict(zip(NAMES, values[len(NAMES):]))


class Telling:
    """A place, the requests that were made there, and what was acknowledged of them."""

    def __init__(self, library, fault, sites=None):
        self.fault = fault  # (kind, nth, ever, error), or None: nothing fails
        self.sites = sites
        self.place = Place("slots: {cpu: 8}\n")
        self.book = self.place.path("book")
        self.control = Control(self.place.path("control"))
        self.env = self.place.environment(LD_PRELOAD=library, TURN_CONTROL=self.control.path,
                                          TURN_PROGRAM=os.path.basename(os.environ["ROTA"]), TURN_SITES=sites or "")
        self.keys = {}  # of each request: what was asked for, and the run's id once it was acknowledged
        self.cancelled = set()
        self.backups = []
        self.notes = []
        self.place.pipeline("pair", PAIR)

    def serve(self, faults=True):
        self.place.start(wait=False, env=self.env if faults else None)

    def arm(self):
        self.control.arm(*(self.fault or (None, 0, 0, 0)), by_site=self.sites is not None)

    def up(self, seconds=10):
        """Whether the daemon answers within the time; False as soon as it has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.place.daemon.poll() is None:
            if self.ask("GET", "/api/v1/status", timeout=1)[0] == 200:
                return True
            time.sleep(0.02)
        return False

    def ask(self, method, path, body=None, headers=None, timeout=3):
        """Over the socket, as the command line does: (status, body), (0, None) if there is no answer."""
        connection = http.client.HTTPConnection("rota", timeout=timeout)
        connection.connect = lambda: connect_unix(connection, os.path.join(self.place.state, "rota.sock"), timeout)
        send = dict(headers or {})
        if body is not None:
            send["Content-Type"] = "application/json"
        try:
            connection.request(method, path, body=json.dumps(body) if body is not None else None, headers=send)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text and "json" in answer.headers.get_content_type() else text
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()

    def trigger(self, key, nap="0"):
        asked = self.keys.setdefault(key, {"nap": nap, "run": None, "refused": 0})
        body = {"params": {"book": self.book, "nap": asked["nap"]}, "now": True}
        header = {"Idempotency-Key": f"{key}-{asked['refused']}"}
        status, answer = self.ask("POST", "/api/v1/pipelines/pair/runs", body, header)
        if status in (200, 201, 202):
            asked["run"] = answer["run"]["id"]
        elif 400 <= status < 500:
            asked["refused"] += 1  # a refusal is an answer as well, and its key has it for good
        return status

    def attempts(self, key):
        run = self.keys[key]["run"]
        status, shown = self.ask("GET", f"/api/v1/runs/{run}")
        return shown["attempts"] if status == 200 else []

    def until_running(self, key, seconds=8):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.place.daemon.poll() is None:
            if any(a["state"] == "running" for a in self.attempts(key)):
                return True
            time.sleep(0.03)
        return False

    def ended(self, run):
        def over():
            shown = self.ask("GET", f"/api/v1/runs/{run}")[1]
            return shown if isinstance(shown, dict) and shown["state"] in ENDED else None
        shown = wait_until(f"{run} has ended", over, 45, step=0.05)
        shown["reason_in_full"] = "; ".join(str(a["reason"]) for a in shown["attempts"])
        return shown

    def rest(self, seconds=4):
        """Gives what was asked for the time to end, as long as it gets on."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.place.daemon.poll() is None:
            states = [self.ask("GET", f"/api/v1/runs/{k['run']}")[1] for k in self.keys.values() if k["run"]]
            if all(isinstance(s, dict) and s.get("state") in ENDED for s in states):
                return
            time.sleep(0.05)


def connect_unix(connection, path, timeout):
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(timeout)
    connection.sock.connect(path)


# ---- the scenarios: each begins with the daemon started without faults, unless it starts it itself ----

def scenario_start(t):
    t.arm()
    t.serve()
    if t.up():
        t.trigger("one")
        t.rest()


def scenario_start_with_live_attempts(t):
    t.serve(faults=False)
    assert t.up(20)
    t.trigger("live-1", nap="1")
    t.trigger("live-2", nap="1.5")
    assert t.until_running("live-1") and t.until_running("live-2")
    t.place.kill()
    t.arm()
    t.serve()
    if t.up():
        t.rest(5)


def begun(t):
    t.serve()
    assert t.up(20)
    t.arm()


def scenario_runs(t):
    begun(t)
    for i in range(3):
        t.trigger(f"run-{i}")
    t.rest()


def scenario_cancel(t):
    t.serve()
    assert t.up(20)
    t.trigger("cancelled", nap="30")
    assert t.until_running("cancelled")
    t.arm()
    status, _ = t.ask("POST", f"/api/v1/runs/{t.keys['cancelled']['run']}/cancel", {}, {"Idempotency-Key": "c"})
    t.cancelled.add("cancelled")
    t.notes.append(f"cancel: {status}")
    t.rest()


def scenario_reload(t):
    begun(t)
    t.place.pipeline("other", "tasks: {a: {run: 'true'}}\n")
    t.ask("POST", "/api/v1/reload", {})
    t.trigger("after-reload")
    t.rest()


def scenario_backup(t):
    begun(t)
    t.trigger("before-backup")
    file = t.place.path("copy.db")
    status, _ = t.ask("POST", "/api/v1/backup", {"file": file}, {"Idempotency-Key": "b"}, timeout=6)
    t.backups.append((file, status == 200))
    t.rest()


def scenario_pages(t):
    t.serve()
    assert t.up(20)
    t.trigger("shown")
    t.rest()
    t.arm()
    run = t.keys["shown"]["run"]
    for page in ("/", "/api/v1/status", "/api/v1/runs", f"/api/v1/runs/{run}", "/api/v1/pipelines", "/api/v1/schedule?n=5",
                 f"/api/v1/runs/{run}/log?task=first", f"/api/v1/runs/{run}/events", "/api/v1/attention", "/api/v1/hosts", "/healthz"):
        t.ask("GET", page, timeout=2)
    t.trigger("meanwhile")
    t.rest()


def scenario_stop(t):
    t.serve()
    assert t.up(20)
    t.trigger("going-on", nap="1")
    t.until_running("going-on")
    t.arm()
    t.place.daemon.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        t.place.daemon.wait(10)


def far_host():
    """A host that all tellings share: each has a folder of its own there."""
    with FAR_LOCK:
        if FAR:
            return FAR[0]
        net = sshd.network()
        FAR.append(net.__enter__().host("far"))
        atexit.register(net.__exit__, None, None, None)
        return FAR[0]


def on_a_host(t, transport):
    host = far_host()
    t.serve()
    assert t.up(20)
    t.arm()
    t.place.write_config(json.dumps({"slots": {"cpu": 8}, "hosts": {"far": {
        "transport": transport, "slots": {"cpu": 64}, **host.entry()}}}))
    t.place.pipeline("pair", PAIR.replace("first:\n", "first:\n        on: far\n"))
    t.ask("POST", "/api/v1/reload", {})
    t.trigger("far", nap="0.2")
    t.rest(8)


def scenario_host_by_libssh2(t):
    on_a_host(t, "libssh2")


def scenario_host_by_openssh(t):
    on_a_host(t, "openssh")


SCENARIOS = {name[len("scenario_"):]: tell for name, tell in list(globals().items()) if name.startswith("scenario_")}


# ---- afterwards ----

def ended_well(t, kind):
    """The daemon is ended: by itself with a code, or now. Raises if it crashed or can't be ended."""
    daemon = t.place.daemon
    t.control.disarm()
    if daemon.poll() is None:
        daemon.terminate()
        try:
            daemon.wait(30)
        except subprocess.TimeoutExpired:
            raise AssertionError("it doesn't end after SIGTERM") from None
    code = daemon.returncode
    # SIGTERM: it was at its end already, where it doesn't listen any more.
    fell = code == -signal.SIGSEGV and kind == "memory" and any(at in t.place.daemon_log() for at in FALLS)
    if code < 0 and code != -signal.SIGTERM and not (code == -signal.SIGABRT and kind in MAY_ABORT) and not fell:
        raise AssertionError(f"it was ended by {signal.Signals(-code).name}")


def compare(t):
    for key in t.keys:
        known = t.keys[key]["run"]
        wait_until(f"{key} is acknowledged", lambda k=key: t.trigger(k) in (200, 201, 202), 15)
        assert known in (None, t.keys[key]["run"]), f"{key} was {known} and is {t.keys[key]['run']}"
    runs = {t.keys[key]["run"]: key for key in t.keys}
    assert len(runs) == len(t.keys), "two requests are one run"
    listed = t.ask("GET", "/api/v1/runs?limit=100")[1]["items"]
    assert sorted(r["id"] for r in listed) == sorted(runs), f"{len(listed)} runs, {len(runs)} were asked for"
    for run, key in runs.items():
        if key in t.cancelled:
            # Whether it was taken or not: asked for again it is.
            t.ask("POST", f"/api/v1/runs/{run}/cancel", {}, {"Idempotency-Key": f"again-{key}"})
        shown = t.ended(run)
        expected = "cancelled" if key in t.cancelled else "succeeded"
        if shown["state"] == "failed" and t.fault and t.fault[3] == E.EIO and UNREADABLE in shown["reason_in_full"]:
            continue  # the disk didn't give it what the task had handed on, and the run says so
        assert shown["state"] == expected, f"{key} is {shown['state']}: {shown['reason_in_full']}"
        compare_run(t, run, key, shown)
    for file, said in t.backups:
        assert os.path.exists(file) or not said, "the backup was said to be there"


def compare_run(t, run, key, shown):
    wrote = collections.Counter()
    if os.path.exists(t.book):
        with open(t.book) as book:
            for line in book:
                words = line.split()
                if words[0] == run:
                    wrote[words[1]] += 1
    for task in ("first", "second"):
        most = 1
        least = 0 if key in t.cancelled else 1
        assert least <= wrote[task] <= most, f"{key}: {task} ran {wrote[task]} times: {shown['attempts']}"
        if key in t.cancelled:
            continue
        done = [a for a in shown["attempts"] if a["task"] == task and a["state"] == "succeeded"]
        assert len(done) == 1, f"{key}: {task}: {shown['attempts']}"
        text = t.place.rota("logs", run, task)
        missing = [i for i in range(1, LINES + 1) if f"line {i}" not in text.splitlines()]
        assert not missing or done[0].get("log_lost"), f"{key}: {task}: without lines {missing}: {done[0]}"


def tell(library, name, fault, sites=None):
    """One telling: (counts, failures) of each kind. With `sites` it isn't the nth call that fails, but the first from a
    place that doesn't stand in that file."""
    t = Telling(library, fault, sites)
    try:
        SCENARIOS[name](t)
        counts, failed = t.control.read()
        ended_well(t, fault[0] if fault else None)
        t.serve(faults=False)
        assert t.up(30), "it doesn't start again"
        compare(t)
        ended_well(t, None)
        return counts, failed
    except Exception as reason:
        raise AssertionError(f"{name}, {fault}: {reason}\n{''.join(t.notes)}\n{t.place.daemon_log()}") from reason
    finally:
        t.place.end()


def fault_of(kind, nth, ever):
    errors = KINDS[kind]
    return kind, nth, int(ever), errors[nth % len(errors)]


class Stream:
    """The tellings of one scenario in which calls of one kind fail, once or for ever after, as long as one does."""

    def __init__(self, figures, name, kind, ever, step):
        self.figures, self.name, self.kind, self.ever, self.step = figures, name, kind, ever, step
        self.nth, self.told, self.over = 1, 0, False
        # Without a step the calls are told apart by their places; here those stand that were tried.
        self.sites = None if step else blank_file(SITES_SIZE)

    def tell(self):
        """The next of them; several may be told at the same time."""
        with self.figures.lock:
            nth, self.nth = self.nth, self.nth + (self.step or 1)
        failed = self.figures.tell(self.name, fault_of(self.kind, nth, self.ever), self.sites)
        with self.figures.lock:
            self.told += failed
            self.over |= not failed


class Figures:
    def __init__(self, library, end):
        self.library, self.end = library, end
        self.lock = threading.Lock()
        self.failed = collections.Counter()  # of each kind, tellings in which one failed
        self.tellings = 0
        self.cut = False
        self.findings = []

    def tell(self, name, fault, sites):
        """Whether a call failed."""
        try:
            _, failed = tell(self.library, name, fault, sites)
            failed = failed[fault[0]] > 0
        except AssertionError as reason:
            self.findings.append(str(reason))
            print(f"FOUND {reason}", flush=True)
            failed = True
        with self.lock:
            self.tellings += 1
            self.failed[fault[0]] += failed
        return failed

    def tell_all(self, streams, jobs):
        """As many at a time as there are jobs, those of one stream together: then each is over as soon as one is clean."""
        left = collections.deque(streams)

        def work():
            while True:
                with self.lock:
                    while left and left[0].over:
                        left.popleft()
                    stream = left[0] if left else None
                    self.cut |= bool(stream) and time.monotonic() > self.end
                    if not stream or self.cut:
                        return
                stream.tell()

        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for done in [pool.submit(work) for _ in range(jobs)]:
                done.result()
        for ever in (False, True):
            print(f"  {'for ever after' if ever else 'once'}: " +
                  ", ".join(f"{s.told} {s.kind}" for s in streams if s.ever == ever and s.told), flush=True)


def main():
    parser = argparse.ArgumentParser(description="Each call of the daemon fails in turn.")
    parser.add_argument("--step", type=int, default=1, help="0 tells calls apart by the way to them instead of their number")
    parser.add_argument("--scenario", choices=list(SCENARIOS), action="append")
    parser.add_argument("--kind", choices=NAMES, action="append")
    parser.add_argument("--seconds", type=int, default=10**9, help="begins nothing new after that")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="tellings at the same time, which mostly wait")
    options = parser.parse_args()
    figures = Figures(compiled(), time.monotonic() + options.seconds)
    kinds = options.kind or NAMES
    for name in options.scenario or SCENARIOS:
        counts, _ = tell(figures.library, name, None)
        print(f"{name}: " + ", ".join(f"{n} {k}" for k, n in counts.items() if n), flush=True)
        # There are thousands of allocations, and the store's are in tests/unit/store/turn_test.c, each of them.
        figures.tell_all([Stream(figures, name, kind, ever, options.step * (101 if kind == "memory" else 1))
                          for kind in kinds for ever in (False, True)], options.jobs)
    print(f"{figures.tellings} tellings; failed: " + ", ".join(f"{k} {n}" for k, n in figures.failed.items()) +
          (", cut short" if figures.cut else ""))
    unreached = [k for k in kinds if not figures.failed[k]]
    whole = not options.scenario and not figures.cut
    if unreached:
        print(f"never reached: {', '.join(unreached)}")
    print(f"{len(figures.findings)} findings")
    return 1 if figures.findings or (unreached and whole) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Skip as reason:
        print(f"skip turn {reason}")
