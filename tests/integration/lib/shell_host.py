"""The shells on a host, without a connection: a control shell over pipes and its supervisors, under dash, bash and busybox.
Requests are written here as worker/ssh/remote/ops.c writes them.

    @each
    def test_a_task_runs(h):
        assert h.end(h.start("exit 3")) == "ended exit.3.exited"
"""
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile

from harness import alive, wait_until

SCRIPTS = os.path.join(os.environ["ROTA_SOURCE"], "worker", "ssh", "remote")
SHELLS = [s for s in (["dash"], ["bash", "--posix"], ["busybox", "sh"]) if shutil.which(s[0]) and
          os.environ.get("ROTA_TEST_SHELL", s[0]) == s[0]]
NUMBER = [0]


def source(*names):
    """The text that is sent: without comments and indentation, as the build makes it."""
    lines = []
    for name in names:
        with open(os.path.join(SCRIPTS, name)) as f:
            lines += [line.lstrip(" ") for line in f]
    return "".join(line for line in lines if line.strip() and not line.startswith("#"))


REMOTE = source("remote.sh", "remote_files.sh")
SUPERVISE = source("supervise_log.sh", "supervise_end.sh", "supervise.sh")


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def new_id():
    NUMBER[0] += 1
    return f"t{os.getpid():09d}x{NUMBER[0]:015d}"


class Host:
    def __init__(self, shell, home=None):
        self.home = home or tempfile.mkdtemp(prefix="rota-test-")
        self.wrapper = os.path.join(self.home, "sh")
        self.own = home is None
        if self.own:
            with open(self.wrapper, "w") as f:
                f.write(f'#!/bin/sh\nexec {shutil.which(shell[0])} {" ".join(shell[1:])} "$@" 2>>{self.home}/said\n')
            os.chmod(self.wrapper, 0o755)
        self.shell = shell
        self.ids = []
        self.connect()

    def connect(self, path=None, user=None, root="~/.rota"):
        env = {"HOME": self.home, "USER": "u", "LOGNAME": "u", "SHELL": "/bin/sh",
               "PATH": path or f"{self.home}/bin:/usr/local/bin:/usr/bin:/bin"}
        self.process = subprocess.Popen([shutil.which(self.shell[0]), *self.shell[1:], "-s"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, cwd=self.home,
                                        start_new_session=True, user=user)
        self.send(f"rota_sh={quote(self.wrapper)}\nrota_hash=0123456789abcdef\n{REMOTE}")
        answer = self.ask(f"rota_hello {quote(root)} state gpu01")
        self.facts = dict(line.split(" ", 1) for line in answer.splitlines() if " " in line)
        self.root = self.facts["root"]
        if self.facts["supervise"] == "no":
            self.ask("rota_install " + quote(SUPERVISE))

    def send(self, text):
        self.process.stdin.write(text if isinstance(text, bytes) else text.encode())
        self.process.stdin.flush()

    @staticmethod
    def request(*ops, nonce=None):
        nonce = nonce or secrets.token_hex(16)
        lines = "".join(op + " </dev/null\n" for op in ops)
        return nonce, f"{{\nrota_nonce={nonce}\n{lines}rota_end {nonce} $?\n}}\n"

    def ask_bytes(self, *ops):
        nonce, text = self.request(*ops)
        self.send(text)
        end = b"\n" + nonce.encode() + b" "
        answer = b""
        while end not in answer or not answer.endswith(b"\n"):
            more = os.read(self.process.stdout.fileno(), 65536)
            assert more, f"the shell ended: {ops[0][:80]} {answer[-300:]}"
            answer += more
        return answer.replace(nonce.encode(), b"N")

    def ask(self, *ops):
        return self.ask_bytes(*ops).decode(errors="replace")

    def path(self, attempt, *names):
        return os.path.join(self.root, "a", attempt, *names)

    def start_ops(self, attempt, argv=None, script=None, env=(), files=(), timeout=0, grace=2.0, cap=1 << 20,
                  leftovers="kill", where="", instead=""):
        """`instead` are functions that take the place of the supervisor's."""
        exports = [f"export {k}={quote(v)}" for k, v in (("HOME", self.home), ("PATH", "/usr/bin:/bin"), *env)]
        exports += ["rota_env_file " + quote(f) for f in files]
        exports += [f"export ROTA_WORK={quote(self.root + '/w/run')}", f"export ROTA_ATTEMPT_ID={attempt}",
                    f"export ROTA_OUTPUT={quote(self.path(attempt, 'output'))}"]
        words = list(argv or []) + ([self.path(attempt, "script")] if script is not None else [])
        launch = "\n".join([instead, f"rota_timeout_us={int(timeout * 1e6)}", f"rota_grace_us={int(grace * 1e6)}",
                            f"rota_log_cap={cap}", f"rota_leftovers={leftovers}", f"rota_dir={quote(where)}",
                            "rota_environment() {", *exports, "}", "rota_command() {",
                            '"$rota_do" ' + " ".join(quote(w) for w in words), "}"])
        text = quote("+" + script) if script is not None else "''"
        return [f"rota_make {attempt} run key 0", f"rota_start {attempt} 'n#1/t' {text} '+{{}}' {quote(launch)}"]

    def start(self, script="true", **more):
        attempt = new_id()
        self.ids.append(attempt)
        answer = self.ask(*self.start_ops(attempt, argv=more.pop("argv", ["/bin/sh"]), script=script, **more))
        assert f"start {attempt} launched" in answer, answer
        return attempt

    def look(self, attempt, op="look"):
        return self.ask(f"rota_{op} {attempt}").strip().splitlines()[0].split(" ", 3)[3]

    def end(self, attempt, seconds=20):
        return wait_until(f"{attempt} has ended", lambda: self.ended(attempt), seconds)

    def ended(self, attempt):
        word = self.look(attempt)
        return word if word.startswith("ended") else None

    def running(self, attempt):
        word = wait_until("it runs", lambda: self.look(attempt) if self.look(attempt).startswith("running") and
                          not self.look(attempt).endswith("-") else None)
        return int(word.split()[1])

    def log(self, attempt, offset=0):
        answer = self.ask_bytes(f"rota_logs 400000 {attempt}:{offset}")
        head, _, rest = answer.lstrip(b"\n").partition(b"\n")
        return rest.rsplit(b"\nN ", 1)[0] if b": log " in head else b""

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)

    def over(self):
        mine = [pid for attempt in self.ids for pid in marked(attempt)]
        for pid in mine + supervisors(self.root):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.close()
        shutil.rmtree(self.home, ignore_errors=True)


def processes():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                yield int(pid), f.read()
        except OSError:
            pass


def supervisors(root):
    return [pid for pid, line in processes() if b"supervise-" in line and root.encode() in line]


def marked(attempt):
    found = []
    for pid, _ in processes():
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if f"ROTA_ATTEMPT_ID={attempt}".encode() in f.read() and alive(pid):
                    found.append(pid)
        except OSError:
            pass
    return found


@contextlib.contextmanager
def host(shell):
    h = Host(shell)
    try:
        yield h
    finally:
        h.over()


def each(test):
    """Runs it under each shell that is here."""
    def all_shells():
        for shell in SHELLS:
            with host(shell) as h:
                try:
                    test(h)
                except AssertionError as e:
                    raise AssertionError(f"under {shell[0]}: {e}") from e
    return all_shells


def put_program(h, name, text):
    """A program of the host that comes before the system's."""
    os.makedirs(os.path.join(h.home, "bin"), exist_ok=True)
    with open(os.path.join(h.home, "bin", name), "w") as f:
        f.write(text)
        os.fchmod(f.fileno(), 0o755)
