"""A real daemon in a private directory, the real command line, and results line by line.

Each test file defines functions test_*(); run(globals()) at its end calls them and prints "ok NAME", "not ok NAME" or
"skip NAME REASON". ROTA is the path of the built program. Everything that is started is ended by its process id.
"""
import contextlib
import http.client
import json
import os
import shutil
import signal
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import textwrap
import time
import traceback
import urllib.parse

ROTA = os.environ["ROTA"]
# How many times slower the program may be than one without a sanitizer: what is waited for comes that much later.
SLOW = int(os.environ.get("ROTA_TEST_SLOW", "1"))


class Skip(Exception):
    pass


def wait_until(what, condition, seconds=60.0, step=0.02):
    """Polls until the condition gives something true, which is returned; fails with `what` after the time. What isn't
    there soon is asked for less often, for each question may be a process of its own."""
    seconds *= SLOW
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain until {what}")
        time.sleep(step)
        step = max(step, min(step * 1.2, 0.1))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def bare(*args, env=None, cwd=None, stdin=None, timeout=30):
    """A command that needs no place."""
    return subprocess.run([ROTA, *args], capture_output=True, text=True, timeout=timeout, env=env, cwd=cwd, input=stdin)


def let_others_in(path):
    """Lets other users reach a directory: those of the tests are closed to them."""
    while os.path.basename(path).startswith("rota-test-"):
        os.chmod(path, 0o711)
        path = os.path.dirname(path)


class Place:
    """A directory with pipelines and a state directory, and the commands run against it."""

    def __init__(self, config="", state=None):
        self.root = tempfile.mkdtemp(prefix="rota-test-")
        self.dags = os.path.join(self.root, "dags")
        self.state = state or os.path.join(self.root, "state")
        os.mkdir(self.dags)
        self.config = os.path.join(self.root, "rota.yaml")
        self.write_config(config)
        self.daemon = None
        self.program = ROTA
        self.lives = 0
        self.log = os.path.join(self.root, "daemon.log")

    def write_config(self, text):
        with open(self.config, "w") as f:
            f.write(textwrap.dedent(text) if text else "slots: {cpu: 64}\n")

    def path(self, name):
        return os.path.join(self.root, name)

    def let_others_in(self):
        """Lets other users reach this place."""
        let_others_in(self.root)

    def pipeline(self, name, text):
        path = os.path.join(self.dags, name + ".yaml")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = os.path.join(self.root, "new.yaml")
        with open(temporary, "w") as f:
            f.write(textwrap.dedent(text))
        os.rename(temporary, path)
        return path

    def environment(self, **more):
        env = {k: v for k, v in os.environ.items() if not k.startswith("ROTA") and k != "NOTIFY_SOCKET"}
        env.update(NO_COLOR="1", **more)
        return env

    def rota(self, *args, code=0, timeout=60, stdin=None, env=None):
        """Runs a command against this place's daemon; its standard output. `code` None accepts any exit code."""
        done = self.rota_all(*args, timeout=timeout, stdin=stdin, env=env)
        if code is not None and done.returncode != code:
            raise AssertionError(f"rota {' '.join(args)}: exit {done.returncode}, expected {code}\n"
                                 f"{done.stdout}\n{done.stderr}")
        return done.stdout

    def rota_all(self, *args, timeout=60, stdin=None, env=None):
        command = [self.program, args[0], "--state", self.state, *args[1:]]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout * SLOW, input=stdin,
                              cwd=self.root, env=env or self.environment())

    def json(self, *args, **kwargs):
        return json.loads(self.rota(*args, "--json", **kwargs))

    def start(self, *flags, wait=True, env=None, listen="127.0.0.1:0"):
        """`listen` None leaves it to the configuration."""
        if listen and "--listen" not in flags:
            flags = ("--listen", listen, *flags)
        journals = os.environ.get("ROTA_TEST_JOURNALS")  # a folder: every daemon records one there
        if journals and "--journal" not in flags and self.program == ROTA:
            self.lives += 1
            flags = ("--journal", os.path.join(journals, f"{os.path.basename(self.root)}-{self.lives}"), *flags)
        out = open(self.log, "a")
        self.daemon = subprocess.Popen([self.program, "serve", "--config", self.config, "--dags", self.dags,
                                        "--state", self.state, *flags], stdout=out, stderr=out, cwd=self.root,
                                       env=env or self.environment(), start_new_session=True)
        out.close()
        if wait:
            wait_until("the daemon answers", self.answers)
        return self.daemon

    def answers(self):
        if self.daemon.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.daemon.returncode}:\n{self.daemon_log()}")
        return self.rota_all("status").returncode == 0

    @property
    def url(self):
        """Where the daemon serves the web pages and the API: http://127.0.0.1:PORT."""
        with open(os.path.join(self.state, "url")) as f:
            return f.read().strip()

    def http(self, method, path, body=None, token=None, headers=None):
        """A request over the port, as another program sends it: (status, headers, body). `body` that is no text or
        bytes is sent as JSON, and so comes back what is JSON; nothing is followed, and of the headers the last wins."""
        url = urllib.parse.urlsplit(self.url)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        more = {"context": ssl._create_unverified_context()} if url.scheme == "https" else {}
        connection = kind(url.hostname, url.port, timeout=30, **more)
        send = dict(headers or {})
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if body is not None:
            send.setdefault("Content-Type", "application/json")
        if token:
            send["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, body=body, headers=send)
            answer = connection.getresponse()
            got = answer.read()
            kind = answer.headers.get_content_type()
            if got and (kind == "application/json" or kind.endswith("+json")):
                got = json.loads(got)
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, got
        finally:
            connection.close()

    def daemon_log(self):
        with open(self.log) as f:
            return f.read()[-8000:]

    def kill(self):
        """kill -9."""
        self.daemon.kill()
        self.daemon.wait()

    def forget_starts(self):
        """While no daemon runs: of what runs nothing is known but that it was to be started."""
        for pid in supervisors(self.state) + tasks_of(self.state):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(os.path.join(self.state, "runs"))
        os.mkdir(os.path.join(self.state, "runs"), 0o700)
        db = sqlite3.connect(os.path.join(self.state, "rota.db"))
        with db:
            for table in ("task", "attempt"):
                db.execute(f"UPDATE {table} SET state = 'starting', started_at = NULL WHERE state = 'running'")
        db.close()

    def stop(self):
        self.daemon.terminate()
        code = self.daemon.wait(timeout=30)
        return code

    def wait_run(self, run, state, seconds=60):
        def reached():
            shown = self.json("show", run)
            return shown if shown["state"] == state else None
        try:
            return wait_until(f"{run} is {state}", reached, seconds, step=0.05)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.rota('show', run, code=None)}\n{self.daemon_log()}") from None

    def end(self):
        """Ends the daemon and every supervisor of this place, by process id. One with a sanitizer or with counters has
        something to say when it ends by itself: what it leaked, what was reached."""
        if SLOW > 1 and self.daemon and self.daemon.poll() is None:
            self.daemon.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.daemon.wait(timeout=20)
        if self.daemon and self.daemon.poll() is None:
            self.kill()
        for pid in supervisors(self.state) + tasks_of(self.state):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)


def processes():
    for name in os.listdir("/proc"):
        if name.isdigit():
            yield int(name)


def read_proc(pid, what):
    try:
        with open(f"/proc/{pid}/{what}", "rb") as f:
            return f.read()
    except OSError:
        return b""


def supervisors(state):
    """The supervisors whose attempt directory is below this state directory."""
    needle = os.path.realpath(state).encode() + b"/runs/"
    return [pid for pid in processes() if needle in read_proc(pid, "cmdline") and b"rota-sup" in read_proc(pid, "comm")]


def tasks_of(state):
    """The processes that a task of this state directory started, told by their environment."""
    needle = b"ROTA_DIR=" + os.path.realpath(state).encode()
    return [pid for pid in processes() if needle in read_proc(pid, "environ")]


@contextlib.contextmanager
def place(config="", serve=True, flags=(), state=None):
    p = Place(config, state)
    try:
        if serve:
            p.start(*flags)
        yield p
    finally:
        p.end()


@contextlib.contextmanager
def small_disk(megabytes):
    """A tmpfs of a given size; skips the test where mounting isn't permitted."""
    path = tempfile.mkdtemp(prefix="rota-disk-")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", path], capture_output=True)
    if done.returncode != 0:
        os.rmdir(path)
        raise Skip("mounting a small disk isn't permitted here")
    try:
        yield path
    finally:
        wait_until("the small disk is free", lambda: subprocess.run(["umount", path], capture_output=True).returncode == 0)
        os.rmdir(path)


def run(names):
    """Runs every test_* of a module; exit code 1 if one failed. With arguments only those that are named."""
    failed = 0
    for name, function in list(names.items()):
        if not name.startswith("test_") or (len(sys.argv) > 1 and name not in sys.argv[1:]):
            continue
        title = name[len("test_"):]
        try:
            function()
            print(f"ok {title}", flush=True)
        except Skip as reason:
            print(f"skip {title} {reason}", flush=True)
        except Exception:
            failed += 1
            traceback.print_exc()
            print(f"not ok {title}", flush=True)
    sys.exit(1 if failed else 0)
