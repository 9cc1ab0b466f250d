#!/usr/bin/env python3
# time-limit: 300
"""The shells on a host, without a connection: the control shell over pipes and its supervisors, under dash, bash and
busybox. Requests are written here as worker/ssh/remote/ops.c writes them."""
import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import Skip, alive, run, wait_until  # noqa: E402

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

    def connect(self, path=None, user=None):
        env = {"HOME": self.home, "USER": "u", "LOGNAME": "u", "SHELL": "/bin/sh",
               "PATH": path or f"{self.home}/bin:/usr/local/bin:/usr/bin:/bin"}
        self.process = subprocess.Popen([shutil.which(self.shell[0]), *self.shell[1:], "-s"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, cwd=self.home,
                                        start_new_session=True, user=user)
        self.send(f"rota_sh={quote(self.wrapper)}\nrota_hash=0123456789abcdef\n{REMOTE}")
        answer = self.ask("rota_hello '~/.rota' state gpu01")
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
                  leftovers="kill", where=""):
        exports = [f"export {k}={quote(v)}" for k, v in (("HOME", self.home), ("PATH", "/usr/bin:/bin"), *env)]
        exports += ["rota_env_file " + quote(f) for f in files]
        exports += [f"export ROTA_WORK={quote(self.root + '/w/run')}", f"export ROTA_ATTEMPT_ID={attempt}",
                    f"export ROTA_OUTPUT={quote(self.path(attempt, 'output'))}"]
        words = list(argv or []) + ([self.path(attempt, "script")] if script is not None else [])
        launch = "\n".join([f"rota_timeout_us={int(timeout * 1e6)}", f"rota_grace_us={int(grace * 1e6)}",
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


@each
def test_a_task_runs_and_its_end_and_log_are_told(h):
    a = h.start("echo out; echo err >&2; echo v=1 >$ROTA_OUTPUT; exit 3")
    assert h.end(a) == "ended exit.3.exited"
    assert h.log(a) == b"out\nerr\n", h.log(a)
    assert h.log(a, 4) == b"err\n"
    answer = h.ask(f"rota_results {a}")
    assert f"file {a} output 4\nv=1\n" in answer, answer
    wait_until("nothing is left", lambda: not supervisors(h.root))
    assert f"clean {a} cleaned" in h.ask(f"rota_clean {a}")
    assert h.look(a) == "gone"
    assert f"start {a} gone" in h.ask(*h.start_ops(a, argv=["true"]))


@each
def test_eight_starts_at_once_run_it_once(h):
    a = new_id()
    h.ids.append(a)
    book = os.path.join(h.home, "book")
    ops = h.start_ops(a, argv=["/bin/sh"], script=f"echo x >>{book}; sleep 0.3")
    others = [Host(h.shell, h.home) for _ in range(8)]
    for other in others:
        other.wrapper = h.wrapper
        other.send(other.request(*ops)[1])
    h.end(a)
    for other in others:
        other.close()
    wait_until("all have left", lambda: not supervisors(h.root))
    with open(book) as f:
        assert f.read() == "x\n"


@each
def test_a_request_that_is_cut_does_nothing(h):
    a = new_id()
    _, text = h.request(*h.start_ops(a, argv=["/bin/sh"], script="it's $(true)\n}\n"))
    data = text.encode()
    places = sorted(set(range(1, len(data) - 2, 61)) | set(range(len(data) - 60, len(data) - 2, 3)))
    for cut in places:
        head = f"rota_hash=0123456789abcdef\n{REMOTE}\nrota_use {h.root} gpu01\n".encode()
        subprocess.run([*h.shell, "-s"], input=head + data[:cut], capture_output=True, timeout=20,
                       env={"PATH": "/usr/bin:/bin", "HOME": h.home})
        assert not os.path.exists(h.path(a)), f"cut at {cut} of {len(data)}: {data[:cut][-40:]}"


@each
def test_a_supervisor_that_is_killed_is_dead_and_what_it_left_is_cleared(h):
    a = h.start("setsid sleep 60 & sleep 60")
    os.kill(h.running(a), signal.SIGKILL)
    wait_until("it is dead", lambda: h.look(a) == "dead its supervisor was killed")
    wait_until("it is clear", lambda: h.look(a, "clear") == "clear", step=0.2)
    assert not marked(a)
    assert f"start {a} dead" in h.ask(*h.start_ops(a, argv=["true"]))


@each
def test_clear_ends_what_runs(h):
    a = h.start("trap '' TERM; while :; do sleep 0.1; done")
    h.running(a)
    wait_until("it is clear", lambda: h.look(a, "clear") == "clear", step=0.2)
    assert not marked(a)


@each
def test_a_stop_ends_the_whole_tree(h):
    a = h.start("trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 61 & sleep 61' & sleep 62 & while :; do wait; done")
    h.running(a)
    wait_until("all are there", lambda: len(marked(a)) >= 5)
    assert "told" in h.ask(f"rota_stop {a} 300000")
    word = h.end(a)
    assert word == "ended exit.137.stopped", word
    assert not marked(a), marked(a)
    wait_until("no timer is left", lambda: not supervisors(h.root))


@each
def test_the_status_is_told_while_the_reader_of_the_output_ends(h):
    attempts = [h.start("echo x; exit 3") for _ in range(40)]
    assert {h.end(a) for a in attempts} == {"ended exit.3.exited"}


@each
def test_a_time_out_holds_with_nobody_connected(h):
    a = h.start("sleep 60", timeout=0.5)
    b = h.start("true", timeout=100)
    h.close()
    time.sleep(1.5)
    h.connect()
    assert h.end(a) == "ended exit.143.timed_out"
    assert h.end(b) == "ended exit.0.exited"
    timers = (b"sleep\x00100\x00", b"sleep\x00100.", b"sleep\x0099.")
    assert not [line for _, line in processes() if line.startswith(timers)]


@each
def test_term_from_outside_is_no_result(h):
    a = h.start("sleep 60")
    pid = h.running(a)
    os.kill(pid, signal.SIGHUP)
    time.sleep(0.2)
    assert h.look(a).startswith("running")
    os.kill(pid, signal.SIGTERM)
    wait_until("it is dead", lambda: h.look(a) == "dead its supervisor was told to end by somebody else")
    assert not marked(a)


@each
def test_the_log_keeps_its_cap_and_its_ends(h):
    a = h.start("i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i+1)); done", cap=65536)
    h.end(a)
    names = [n for n in os.listdir(h.path(a)) if n.startswith("log")]
    size = sum(os.path.getsize(h.path(a, n)) for n in names)
    assert size <= 65536 and len(names) == 3, (names, size)
    with open(h.path(a, "log")) as f:
        assert f.read().startswith("line 0\nline 1\n")
    # The output may end where a file is full, and then the next one is empty.
    last = max((n for n in names if os.path.getsize(h.path(a, n))), key=lambda n: int(n[4:] or 0))
    with open(h.path(a, last)) as f:
        assert f.read().endswith("line 39999\n")
    whole = sum(len(f"line {i}\n") for i in range(40000))
    assert int(last[4:]) + os.path.getsize(h.path(a, last)) == whole
    assert f"log_bytes={whole}" in h.ask(f"rota_look {a}")
    got = h.ask(f"rota_logs 400000 {a}:40000").splitlines()[1]
    assert int(got.split()[3]) > 40000 and got.split()[4] == str(whole), got


@each
def test_a_reader_that_is_killed_is_replaced(h):
    a = h.start("echo one; sleep 1; echo two; sleep 0.5; echo three")
    h.running(a)
    def reader():
        return [pid for pid, line in processes() if line.startswith(b"dd\x00bs=") and
                os.path.realpath(f"/proc/{pid}/cwd") == os.path.realpath(h.path(a))]
    wait_until("the first line was read", lambda: h.log(a) == b"one\n")
    os.kill(wait_until("it reads", reader)[0], signal.SIGKILL)
    assert h.end(a) == "ended exit.0.exited"
    assert h.log(a) == b"one\ntwo\nthree\n", h.log(a)


def put_program(h, name, text):
    """A program of the host that comes before the system's."""
    os.makedirs(os.path.join(h.home, "bin"), exist_ok=True)
    with open(os.path.join(h.home, "bin", name), "w") as f:
        f.write(text)
        os.fchmod(f.fileno(), 0o755)


@each
def test_a_stop_between_the_claim_and_the_task_is_a_stop(h):
    put_program(h, "ln", f'#!/bin/sh\n{shutil.which("ln")} "$@"\ns=$?\nsleep 1\nexit $s\n')
    a = h.start("sleep 60")
    wait_until("it is claimed", lambda: os.path.exists(h.path(a, "owner")))
    assert "told" in h.ask(f"rota_stop {a} 0")
    word = h.end(a)
    assert word.endswith(".stopped"), word
    assert not marked(a)


@each
def test_many_processes_are_found_through_a_pipe_of_one_page(h):
    """So small are the pipes of an account that has more than a thousand of them."""
    a = h.start("trap '' TERM; i=0; while [ $i -lt 300 ]; do setsid sleep 60 & i=$((i+1)); done; wait")
    pid = h.running(a)
    wait_until("all are there", lambda: len(marked(a)) >= 301)
    with open(f"/proc/{pid}/fd/7", "wb", buffering=0) as pipe:
        assert fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096) == 4096
    assert "told" in h.ask(f"rota_stop {a} 100000")
    word = h.end(a)
    assert word == "ended exit.137.stopped", word
    assert not marked(a)


TELLS_IN_PIECES = """#!/bin/sh
exec 3>&1
said=$({dd} "$@" 2>&1 >&3 3>&-)
printf '%s' "${{said%%, *}}" >&2
sleep 0.05
printf ', %s\\n' "${{said#*, }}" >&2
"""


@each
def test_a_reader_that_tells_its_count_in_pieces_holds_nothing_up(h):
    """As dd does: what has come of a line when the supervisor looks must not swallow its mark of where it stopped."""
    put_program(h, "dd", TELLS_IN_PIECES.format(dd=shutil.which("dd")))
    a = h.start("head -c 40000 /dev/zero; sleep 0.02; head -c 60000 /dev/zero", cap=65536)
    h.end(a)
    assert "log_bytes=100000" in h.ask(f"rota_look {a}")


@each
def test_no_end_of_a_reader_is_missed_in_a_flood(h):
    """Some hundred readers, one after the other: an end that came just before a wait stopped the task for ever."""
    a = h.start("yes 0123456789 | head -c 10000000; exit 3", cap=65536)
    assert h.end(a, 60) == "ended exit.3.exited"
    assert "log_bytes=10000000" in h.ask(f"rota_look {a}")


@each
def test_values_come_through_as_they_are(h):
    value = "it's \"$HOME\" $(id) `id` \\n\nline two\t\u00e4\u20ac \\"
    a = h.start(f'printf "%s|%s|%s" "$V" "$1" {quote(value)} >$ROTA_OUTPUT', env=[("V", value)],
                argv=["/bin/sh", "-c", '. "$1"; :', value])
    b = new_id()
    h.end(a)
    h.ids.append(b)
    h.ask(*h.start_ops(b, argv=["/bin/sh", "-c", 'printf "%s" "$1|$V" >$ROTA_OUTPUT', "x", value], env=[("V", value)]))
    h.end(b)
    with open(h.path(b, "output"), encoding="utf-8") as f:
        assert f.read() == value + "|" + value
    with open(h.path(a, "script"), encoding="utf-8") as f:
        assert quote(value) in f.read()


@each
def test_a_secret_is_neither_in_a_list_nor_on_the_disk(h):
    a = h.start("sleep 5", env=[("SECRET", "hunter2hunter2")])
    h.running(a)
    assert not [line for _, line in processes() if b"hunter2hunter2" in line]
    found = subprocess.run(["grep", "-rl", "hunter2hunter2", h.home], capture_output=True, text=True)
    assert found.stdout == "", found.stdout
    h.ask(f"rota_stop {a} 0")
    h.end(a)


@each
def test_an_env_file_is_read_on_the_host_and_refused_if_it_is_open(h):
    path = os.path.join(h.home, "env it's")
    with open(path, "w") as f:
        f.write("# c\n\nONE=a b 'c'\r\nTWO=x=y")
    os.chmod(path, 0o600)
    a = h.start('echo "$ONE|$TWO"', files=[path])
    assert h.end(a) == "ended exit.0.exited"
    assert h.log(a) == b"a b 'c'|x=y\n", h.log(a)
    os.chmod(path, 0o640)
    b = h.start("echo no", files=[path])
    assert h.end(b) == "ended exit.126.launch_failed"
    answer = h.ask(f"rota_look {b}")
    assert "stage=env_file\nerrno=13\n" in answer and "why=is open to others" in answer, answer
    os.chmod(path, 0o600)
    with open(path, "w") as f:
        f.write("ONE=1\nnot a pair\n")
    c = h.start("echo no", files=[path])
    h.end(c)
    assert "line=2" in h.ask(f"rota_look {c}")
    d = h.start("echo no", files=[path + ".gone"])
    assert h.end(d) == "ended exit.127.launch_failed"


@each
def test_a_launch_that_fails_says_where(h):
    for argv, where, status, stage, errno in (
            (["no-such-program"], "", 127, "exec", 2), (["/etc/passwd"], "", 126, "exec", 13),
            (["true"], "/no/such/dir", 127, "dir", 2), (["true"], "/etc/passwd", 126, "dir", 20)):
        a = new_id()
        h.ids.append(a)
        h.ask(*h.start_ops(a, argv=argv, where=where))
        assert h.end(a) == f"ended exit.{status}.launch_failed", (argv, h.look(a))
        assert f"stage={stage}\nerrno={errno}\n" in h.ask(f"rota_look {a}")
    a = h.start("exit 127")
    assert h.end(a) == "ended exit.127.exited"


@each
def test_binary_output_and_an_early_close(h):
    a = h.start("printf '\\000\\001\\377\\n\\n'; exec >&- 2>&-; sleep 0.3; exit 4")
    assert h.end(a) == "ended exit.4.exited"
    assert h.log(a) == b"\0\1\xff\n\n", h.log(a)


@each
def test_leftovers_are_killed_or_kept(h):
    a = h.start("setsid sleep 63 >/dev/null 2>&1 & exit 0")
    assert h.end(a) == "ended exit.0.exited"
    assert "note=leftovers_killed" in h.ask(f"rota_look {a}")
    assert not marked(a)
    b = h.start("sleep 64 & exit 0")  # holds its output
    assert h.end(b) == "ended exit.0.exited"
    assert not marked(b)
    c = h.start("setsid sleep 65 & exit 0", leftovers="keep")
    assert h.end(c) == "ended exit.0.exited"
    assert "note=leftovers_kept" in h.ask(f"rota_look {c}")
    assert len(marked(c)) == 1
    d = h.start("exit 0")
    h.end(d)
    assert "note=" not in h.ask(f"rota_look {d}")


@each
def test_another_boot_and_another_start_time_are_dead(h):
    for old, new, why in (("boot=", "boot=x", "the host was restarted"), ("start=", "start=1", "its supervisor was killed"),
                          ("machine=", "machine=x", None)):
        a = h.start("sleep 2")
        pid = h.running(a)
        with open(h.path(a, "owner")) as f:
            line = f.read()
        os.unlink(h.path(a, "owner"))
        with open(h.path(a, "owner"), "w") as f:
            f.write(line.replace(old, new, 1))
        word = h.look(a)
        assert word == f"dead {why}" if why else word.startswith("elsewhere x"), word
        os.kill(pid, signal.SIGKILL)
        if not why:
            assert h.look(a, "clear").startswith("elsewhere")
            assert "elsewhere" in h.ask(f"rota_clean {a}")


@each
def test_a_fence_and_a_start_exclude_each_other(h):
    a = new_id()
    assert h.look(a) == "missing"
    assert h.look(a, "fence") == "fenced"
    assert f"start {a} fenced" in h.ask(*h.start_ops(a, argv=["true"]))
    b = h.start("sleep 5")
    h.running(b)
    assert h.look(b, "fence").startswith("running")
    h.ask(f"rota_stop {b} 0")
    h.end(b)


TOOLS = "sh bash cat dd ls ln mv rm mkdir mkfifo grep head tail sort find stat date df chmod cp sleep env".split()


@each
def test_perl_or_python_serves_where_there_is_no_setsid(h):
    for name in ("perl", "python3"):
        program = shutil.which(name) if name == "perl" else os.path.realpath(sys.executable)
        if not program:
            continue
        folder = os.path.join(h.home, "with-" + name)
        os.mkdir(folder)
        for tool, target in [(tool, shutil.which(tool)) for tool in TOOLS] + [(name, program)]:
            os.symlink(target, os.path.join(folder, tool))
        h.close()
        h.connect(path=folder)
        assert name in h.facts["tools"] and "setsid" not in h.facts["tools"], h.facts
        a = h.start('read -r pid name state parent group session rest </proc/$$/stat; echo "$*"\n'
                    '[ $session = $$ ] && [ $group = $$ ] && exit 3', argv=["/bin/sh"])
        assert h.end(a) == "ended exit.3.exited"
        b = h.start("trap '' TERM; sleep 60 & sleep 61 & wait")
        pid = h.running(b)
        with open(f"/proc/{pid}/stat") as f:
            assert int(f.read().rsplit(") ", 1)[1].split()[3]) == pid, "the supervisor has a session of its own"
        h.ask(f"rota_stop {b} 100000")
        assert h.end(b).endswith(".stopped")
        assert not marked(b)


def lines_of(path):
    try:
        with open(path) as f:
            return f.read().splitlines()
    except FileNotFoundError:
        return []


STRANGER = 54321  # an account that nobody has, so that its processes can be counted


@each
def test_a_host_out_of_processes_runs_it_once_when_there_is_room(h):
    if os.geteuid() != 0:
        raise Skip("only root can be somebody who has no other processes")
    book = os.path.join(h.home, "book")
    h.close()
    subprocess.run(["chown", "-R", str(STRANGER), h.home], check=True)
    os.chmod(h.home, 0o711)
    for processes in (2, 3, 4):  # the shell, and so many but one of an attempt's
        h.connect(user=STRANGER)
        a = new_id()
        h.ids.append(a)
        ops = h.start_ops(a, argv=["/bin/sh"], script=f"echo {a} >>{book}; sleep 0.1", grace=0.1)
        h.ask(ops[0])
        h.send(f"ulimit -S {'-u' if h.shell[0] == 'bash' else '-p'} {processes}\n")
        with contextlib.suppress(AssertionError):  # a shell that can't make a process may end, as it would for good
            h.ask(*ops[1:])
        wait_until("the supervisor has ended", lambda: not supervisors(h.root), 60)
        h.process.kill()
        h.process.wait()
        assert processes == 4 or a not in lines_of(book), "the limit isn't in force"
        h.connect(user=STRANGER)
        h.ask(*ops)
        assert h.end(a) == "ended exit.0.exited"
    assert lines_of(book) == h.ids, h.ids


def value_of(text, key):
    return next(line.split("=", 1)[1] for line in text.splitlines() if line.startswith(key + "="))


def fill_inodes(folder):
    with contextlib.suppress(OSError):
        for n in range(200):
            os.close(os.open(os.path.join(folder, f"none{n}"), os.O_CREAT | os.O_WRONLY))


@each
def test_a_full_disk_drops_and_counts(h):
    if os.geteuid() != 0:
        raise Skip("only root can mount a small disk")
    h.close()
    disk = os.path.join(h.home, ".rota")
    shutil.rmtree(disk)
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=200,mode=700", "none", disk]).returncode:
        raise Skip("a tmpfs can't be mounted here")
    try:
        h.connect()
        stubborn = "trap '' TERM; echo up; while :; do sleep 0.1; done"
        patient, never = h.start(stubborn), h.start(stubborn)
        for c in (patient, never):
            wait_until("it is up", lambda c=c: h.log(c))
        h.ask(f"rota_stop {patient} 60000000")
        a = h.start("i=0; while [ $i -lt 60 ]; do head -c 65536 /dev/zero; i=$((i+1)); done; exit 5", cap=1 << 30)
        assert h.end(a) == "ended exit.5.exited"
        result = h.ask(f"rota_look {a}")
        assert "note=output_dropped" in result and "dropped_bytes=0" not in result or "pid=" not in result, result
        # How large the one block was that a full disk took in part, if it wasn't a whole one, dd doesn't tell.
        assert abs(int(value_of(result, "log_bytes")) - 60 * 65536) < 65536, result
        with open(os.path.join(disk, "fill"), "wb") as f, contextlib.suppress(OSError):
            f.write(b"x" * (2 << 20))
        fill_inodes(disk)
        for c in (patient, never):
            assert "told" in h.ask(f"rota_stop {c} 0")
            assert h.end(c) == "ended exit.137.stopped"
        for n in range(200):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(disk, f"none{n}"))
        b = new_id()
        answer = h.ask(*h.start_ops(b, argv=["/bin/sh"], script="x" * 20000))
        assert "error no_room" in answer, answer
    finally:
        for pid in supervisors(h.root):
            os.kill(pid, signal.SIGKILL)
        h.close()
        subprocess.run(["umount", "-l", disk])
    h.connect()


@each
def test_ends_are_pushed_to_a_watcher_and_an_old_one_is_ended(h):
    watchers = []
    try:
        for _ in range(2):
            p = subprocess.Popen([*h.shell, "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 env={"PATH": "/usr/bin:/bin", "HOME": h.home})
            watchers.append(p)
            p.stdin.write(f"rota_hash=x\n{REMOTE}\n{{\nrota_nonce=N\nrota_use {h.root} gpu01\nrota_watch\n}}\n".encode())
            p.stdin.flush()
            assert p.stdout.readline() == b"\n"
            assert p.stdout.readline() == b"N 0\n"
        watchers[0].wait(10)
        a = h.start("exit 2")
        started, ended = watchers[1].stdout.readline().split(), watchers[1].stdout.readline().split()
        assert started[:2] == [b"started", a.encode()] and ended[:3] == [b"ended", a.encode(), b"exit.2.exited"]
        assert h.look(a) == "ended exit.2.exited"
    finally:
        for p in watchers:
            p.kill()
            p.wait()


@each
def test_files_are_put_listed_and_fetched(h):
    def alone(line, data=b""):
        text = f"rota_hash=x\n{REMOTE}\n{{\nrota_nonce=N\nrota_use {h.root} gpu01\n{line} || rota_end N $?\n}}\n"
        p = subprocess.Popen([*h.shell, "-s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env={"PATH": "/usr/bin:/bin", "HOME": h.home})
        p.stdin.write(text.encode())
        p.stdin.flush()
        answer = b""
        while b"\nN " not in answer:
            answer += os.read(p.stdout.fileno(), 4096)
        return answer + p.communicate(data)[0]
    data = secrets.token_bytes(100000)
    import hashlib
    digest = hashlib.sha256(data).hexdigest()
    assert alone("rota_put run 'out/a b' t.0", data) == b"\nN 0\n"
    assert "ERR sum" in h.ask(f"rota_put_done run 'out/a b' t.0 100000 {'0' * 64} 640")
    assert "N 0" in h.ask(f"rota_put_done run 'out/a b' t.0 100000 {digest} 640")
    answer = h.ask("rota_paths run 1 out nothing")
    assert f"file 100000 640 {digest} out/a b\n" in answer and "missing 0 0 - nothing\n" in answer, answer
    assert "dir " in answer
    assert alone("rota_get w/run 'out/a b' </dev/null").endswith(b": get 100000 640\n\nN 0\n" + data)
    h.ask("rota_sweep run")
    wait_until("it is gone", lambda: not os.path.exists(os.path.join(h.root, "w", "run")))
    wait_until("the trash is empty", lambda: not os.listdir(os.path.join(h.root, "trash")))


@each
def test_the_state_of_another_run_is_copied_once(h):
    source = os.path.join(h.root, "s", "from", "key")
    os.makedirs(os.path.join(source, "a b"))
    with open(os.path.join(source, "a b", "file"), "w") as f:
        f.write("kept")
    target = os.path.join(h.root, "s", "run", "key")

    def state(script, where=target):
        attempt = new_id()
        ops = h.start_ops(attempt, argv=["/bin/sh"], script=script, env=[("ROTA_STATE", where)])
        ops = [ops[0].replace(" run key 0", " run key from"),
               ops[1].replace("rota_leftovers=", f"rota_state_from={source}\nrota_leftovers=")]
        assert f"start {attempt} launched" in h.ask(*ops)
        return attempt

    a = state('cat "$ROTA_STATE/a b/file"; echo more >"$ROTA_STATE/a b/file"')
    assert h.end(a) == "ended exit.0.exited"
    assert h.log(a) == b"kept"
    b = state('cat "$ROTA_STATE/a b/file"')
    assert h.end(b) == "ended exit.0.exited"
    assert h.log(b) == b"more\n"
    assert sorted(os.listdir(os.path.dirname(target))) == ["key"]
    c = state("true", os.path.join(h.root, "none", "key"))
    assert h.end(c) == "ended exit.126.launch_failed"
    assert "stage=state" in h.ask(f"rota_look {c}")


@each
def test_what_is_kept_is_listed_and_a_run_that_lives_is_not_swept(h):
    a, b = h.start("exit 3"), h.start("sleep 30")
    h.end(a)
    h.running(b)
    os.makedirs(h.path("zz lost and found"))
    os.utime(h.path(a), (time.time() - 3 * 86400 - 60,) * 2)
    lines = h.ask("rota_kept_attempts 100").splitlines()
    assert f"{a} 3 run ended exit.3.exited" in lines, lines
    assert [w for w in lines if w.startswith(f"{b} 0 run running ")], lines
    first = h.ask("rota_kept_attempts 1").splitlines()
    assert [w for w in first if w.startswith(a)] and not [w for w in first if w.startswith(b)], first
    assert h.ask("rota_kept_runs 100").splitlines().count("run 0") == 2
    h.ask("rota_sweep run")
    assert os.path.isdir(os.path.join(h.root, "w", "run"))
    assert f"clear {b} elsewhere other" in h.ask(f"rota_clear {b} {os.path.dirname(h.root)}/other")
    assert h.look(b).startswith("running")
    h.ask(f"rota_stop {b} 0")
    h.end(b)
    h.ask("rota_sweep run")
    wait_until("it is gone", lambda: not os.path.exists(os.path.join(h.root, "w", "run")))


@each
def test_where_nothing_can_be_made_the_shell_says_so_and_lives(h):
    a, b = h.start("true"), h.start("sleep 60")
    h.end(a)
    h.running(b)
    gone = os.path.join(h.root, "gone")
    os.rmdir(gone)
    with open(gone, "w"):
        pass
    answer = h.ask(f"rota_clean {a}")
    assert f"clean {a} error no_room" in answer and "\nN 1" in answer, answer
    assert h.look(a) == "ended exit.0.exited", "it went without its tombstone"
    os.unlink(gone)
    os.mkdir(gone)
    os.mkdir(h.path(b, "stop." + str(h.process.pid)))
    os.mkdir(h.path(b, "stop." + str(h.process.pid), "x"))
    h.ask(f"rota_stop {b} 0")
    wait_until("it ends all the same", lambda: not h.look(b).startswith("running"))
    assert not marked(b)


@each
def test_a_fresh_state_is_fresh_after_pieces(h):
    a = new_id()
    h.ids.append(a)
    os.makedirs(os.path.join(h.root, "s", "run", "key", "old"))
    h.ask(f"rota_piece {a} script 0 'true'")
    make, start = h.start_ops(a, argv=["/bin/sh"], script="true")
    h.ask(make[:-1] + "1", start)
    h.end(a)
    assert os.listdir(os.path.join(h.root, "s", "run", "key")) == []


run(globals())
