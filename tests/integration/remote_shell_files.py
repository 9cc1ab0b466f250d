#!/usr/bin/env python3
# time-limit: 300
"""The shells on a host: what attempts write there and leave, on a full disk too."""
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import Skip, run, wait_until  # noqa: E402
from shell_host import REMOTE, each, marked, new_id, processes, put_program, supervisors  # noqa: E402


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
def test_a_root_may_have_any_name(h):
    h.close()
    h.connect(root=os.path.join(h.home, "it's a [x] \\nick *\t$HOME"))
    a = h.start("echo one; echo v=1 >$ROTA_OUTPUT")
    h.end(a)
    assert h.log(a) == b"one\n", h.log(a)
    assert f"log {a} 1 4" in h.ask(f"rota_read_sizes {a}", f"rota_log_choose 1; rota_section log {a} 1 $log_end")
    assert "output 4\nv=1\n" in h.ask(f"rota_results {a}")
    assert f"clean {a} cleaned" in h.ask(f"rota_clean {a}")


@each
def test_files_of_a_task_that_look_like_its_log_hold_nothing_up(h):
    a = h.start("echo one")
    h.end(a)
    for name in ("log.08", "log.99999999999999999999", "log.1e3", "log.-5", "logs", "log.$(x)"):
        with open(h.path(a, name), "w") as f:
            f.write("not of the log")
    assert h.log(a) == b"one\n", h.log(a)
    assert h.ended(a)


@each
def test_a_log_that_is_read_while_its_files_change_ends_where_one_is_gone(h):
    """Else the bytes of the file behind it would be taken for those of the one that is gone."""
    put_program(h, "dd", f'#!/bin/sh\n{shutil.which("dd")} "$@"\ncase $1 in bs=65536) rm -f {h.root}/a/*/log.1000 ;; esac\n')
    a = new_id()
    os.makedirs(h.path(a))
    for name, byte in (("log", b"a"), ("log.1000", b"b"), ("log.2000", b"c")):
        with open(h.path(a, name), "wb") as f:
            f.write(byte * 1000)
    nonce = secrets.token_hex(16)
    done = subprocess.run([*h.shell, "-s"], capture_output=True, timeout=20, env={"PATH": f"{h.home}/bin:/usr/bin:/bin"},
                          input=f"{REMOTE}\n{{\nrota_nonce={nonce}\nrota_use {h.root} gpu01\nrota_read {a} 0\n}}\n".encode())
    head, _, rest = done.stdout.partition(f"{nonce} 0\n".encode())
    assert f"log {a} 0 3000\n".encode() in head, head
    assert rest == b"a" * 1000, rest[900:]


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
def test_binary_output_and_an_early_close(h):
    a = h.start("printf '\\000\\001\\377\\n\\n'; exec >&- 2>&-; sleep 0.3; exit 4")
    assert h.end(a) == "ended exit.4.exited"
    assert h.log(a) == b"\0\1\xff\n\n", h.log(a)


def value_of(text, key):
    return next(line.split("=", 1)[1] for line in text.splitlines() if line.startswith(key + "="))


@contextlib.contextmanager
def small_disk_there(h, inodes):
    """The host's root is a disk of 1 MiB; its folder."""
    if os.geteuid() != 0:
        raise Skip("only root can mount a small disk")
    h.close()
    disk = os.path.join(h.home, ".rota")
    shutil.rmtree(disk)
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=1m,nr_inodes={inodes},mode=700", "none", disk]).returncode:
        raise Skip("a tmpfs can't be mounted here")
    try:
        h.connect()
        yield disk
    finally:
        for pid in supervisors(h.root):
            os.kill(pid, signal.SIGKILL)
        h.close()
        subprocess.run(["umount", "-l", disk])
    h.connect()


def fill_inodes(folder):
    with contextlib.suppress(OSError):
        for n in range(200):
            os.close(os.open(os.path.join(folder, f"none{n}"), os.O_CREAT | os.O_WRONLY))


@each
def test_what_runs_is_told_and_stopped_over_a_new_connection_while_there_is_no_room(h):
    with small_disk_there(h, inodes=100) as disk:
        a, b = h.start("sleep 60"), h.start(f"until [ -e {h.home}/go ]; do sleep 0.1; done; exit 3")
        for c in (a, b):
            h.running(c)
        fill_inodes(disk)
        h.close()
        h.connect()
        assert "told" in h.ask(f"rota_stop {a} 0")
        assert h.end(a).endswith(".stopped")
        with open(os.path.join(h.home, "go"), "w"):
            pass
        assert h.end(b) == "ended exit.3.exited"
        assert "error no_room" in h.ask(*h.start_ops(new_id(), argv=["true"]))


@each
def test_a_full_disk_drops_and_counts(h):
    with small_disk_there(h, inodes=200) as disk:
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
def test_the_state_of_the_nearest_run_that_has_one_is_copied_once(h):
    def folder(run):
        return os.path.join(h.root, "s", run, "key")

    for run, text in (("first", "older"), ("second", "kept")):
        os.makedirs(os.path.join(folder(run), "a b"))
        with open(os.path.join(folder(run), "a b", "file"), "w") as f:
            f.write(text)

    def state(script, run, runs="third second first", between="true", made=None):
        attempt = new_id()
        ops = h.start_ops(attempt, argv=["/bin/sh"], script=script, env=[("ROTA_STATE", folder(run)), ("IFS", "d")])
        assert f"start {attempt} launched" in h.ask(
            ops[0].replace(" run key 0", f" {made or run} key '{runs}'"), between,
            ops[1].replace("rota_leftovers=", "rota_state_from=" + runs.replace(" ", "\\ ") + "\nrota_leftovers="))
        return attempt

    a = state('cat "$ROTA_STATE/a b/file"; echo more >"$ROTA_STATE/a b/file"', "run")
    assert h.end(a) == "ended exit.0.exited"
    assert h.log(a) == b"kept"
    b = state('cat "$ROTA_STATE/a b/file"', "run")
    assert h.end(b) == "ended exit.0.exited"
    assert h.log(b) == b"more\n"
    assert os.listdir(os.path.dirname(folder("run"))) == ["key"]
    c = state("true", "none", made="other")
    assert h.end(c) == "ended exit.126.launch_failed"
    assert "stage=state" in h.ask(f"rota_look {c}")
    # One that is swept away meanwhile is done without.
    gone = f"mv '{os.path.dirname(folder('second'))}' '{os.path.join(h.root, 'trash', 'x')}'"
    d = state('cat "$ROTA_STATE/a b/file"', "fourth", between=gone)
    assert h.end(d) == "ended exit.0.exited"
    assert h.log(d) == b"older"
    gone = f"mv '{os.path.dirname(folder('first'))}' '{os.path.join(h.root, 'trash', 'y')}'"
    e = state('ls -A "$ROTA_STATE"', "fifth", between=gone)
    assert h.end(e) == "ended exit.0.exited"
    assert h.log(e) == b""


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


if __name__ == "__main__":
    run(globals())
