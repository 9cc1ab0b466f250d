#!/usr/bin/env python3
# takes: 83
# time-limit: 300
"""The shells on a host: starts, ends, stops and what is told of them."""
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import Skip, let_others_in, run, wait_until  # noqa: E402
from shell_host import REMOTE, Host, each, marked, new_id, processes, put_program, quote, supervisors  # noqa: E402


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
def test_clear_ends_what_runs_without_a_directory(h):
    """As what cleans a scratch disk leaves it."""
    a = h.start("setsid sleep 60 & sleep 60")
    h.running(a)
    wait_until("all are there", lambda: len(marked(a)) >= 3)
    shutil.rmtree(h.path(a))
    for op in ("look", "fence"):
        assert h.look(a, op) == "dead its directory on the host was removed while it ran", h.look(a, op)
    assert h.look(new_id()) == "missing"
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


CLOCK = """rs_now() {
  read -r rs_up rs_rest </proc/uptime
  rs_at=${rs_up%%.*}${rs_up#*.}
  rs_at=$((${rs_at#0} * %d))
}"""


@each
def test_a_leftover_is_found_when_process_numbers_have_gone_round(h):
    round_it_goes = "rs_last_pid() {\nrs_pid=99\n}\n"
    a = h.start("setsid sleep 66 >/dev/null 2>&1 & sleep 0.5", instead=round_it_goes + CLOCK % 2000)
    assert h.end(a) == "ended exit.0.exited"
    assert "note=leftovers_killed" in h.ask(f"rota_look {a}")
    assert not marked(a)


@each
def test_a_task_that_kill_does_not_end_runs_until_it_is_gone(h):
    """As one of another user: sudo in the task's place."""
    kill = 'kill() {\ncase " $* " in *" $rs_task "* | *" -$rs_group "*) [ -e let.go ] || [ -z "$rs_task" ] || return 1 ;; esac\n' \
           'command kill "$@"\n}\n'
    a = h.start("sleep 67 & wait", grace=0.2, instead=kill + CLOCK % 50)
    h.running(a)
    h.ask(f"rota_stop {a} 1000")
    time.sleep(0.5)  # 25 s by its clock
    assert h.look(a).startswith("running"), h.look(a)
    with open(h.path(a, "let.go"), "w"):
        pass
    assert h.end(a) == "ended exit.137.stopped"
    assert not marked(a)


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
    let_others_in(h.home)
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


if __name__ == "__main__":
    run(globals())
