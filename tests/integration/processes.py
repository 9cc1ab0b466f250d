#!/usr/bin/env python3
"""Processes in trouble: one that can't be killed, one that memory is taken from, a disk of logs that is full, a run
directory that somebody removes or closes. What holds a slot goes on holding it, what has gone is told, others go on."""
# time-limit: 240
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import wire  # noqa: E402
from harness import Skip, alive, place, read_proc, run, small_disk, supervisors, tasks_of, wait_until  # noqa: E402


def states(p, run_id):
    return {t["label"]: t["state"] for t in p.json("show", run_id)["tasks"]}


def state_of_process(pid):
    stat = read_proc(pid, "stat").decode("ascii", "replace")
    return stat.rsplit(")", 1)[1].split()[0] if stat else ""


@contextlib.contextmanager
def frozen_disk():
    """(path, freeze, thaw) of a small ext4 of its own; who writes to it while it is frozen can't be killed."""
    root = tempfile.mkdtemp(prefix="rota-disk-")
    image, path = os.path.join(root, "image"), os.path.join(root, "disk")
    os.mkdir(path)
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    mounted = False
    try:
        for command in (["mkfs.ext4", "-q", image], ["mount", "-o", "loop", image, path]):
            try:
                done = subprocess.run(command, capture_output=True, check=False)
            except FileNotFoundError:
                raise Skip(f"there is no {command[0]} here") from None
            if done.returncode != 0:
                raise Skip("mounting a disk that can be frozen isn't permitted here")
        mounted = True
        os.chmod(path, 0o777)
        yield (path, lambda: subprocess.run(["fsfreeze", "-f", path], check=True),
               lambda: subprocess.run(["fsfreeze", "-u", path], check=False, capture_output=True))
    finally:
        if mounted:
            subprocess.run(["fsfreeze", "-u", path], check=False, capture_output=True)
            wait_until("the disk is free", lambda: subprocess.run(["umount", path], capture_output=True).returncode == 0)
        subprocess.run(["rm", "-rf", root], check=False)


def test_what_can_not_be_killed_keeps_its_slot_and_holds_up_nobody_else():
    with frozen_disk() as (disk, freeze, thaw), place("slots: {cpu: 4, gpu: 1}\n") as p:
        book = p.path("book")
        p.pipeline("stuck", f"""
            tasks:
              a: {{run: "echo $$ > {book}; exec touch {disk}/file", slots: {{gpu: 1}}, grace: 200ms}}
        """)
        p.pipeline("same", 'tasks: {a: {run: "true", slots: {gpu: 1}}}\n')
        p.pipeline("other", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        freeze()
        try:
            run_id = p.rota("trigger", "stuck").strip()
            wait_until("it is stuck", lambda: os.path.exists(book) and open(book).read().strip() and
                       state_of_process(int(open(book).read())) == "D")
            pid = int(open(book).read())
            p.rota("cancel", run_id)
            waiting = p.rota("trigger", "same").strip()
            time.sleep(1)
            assert alive(pid) and states(p, run_id) == {"a": "stopping"}, states(p, run_id)
            p.kill()  # and a restart changes nothing of it
            p.start()
            assert p.rota_all("trigger", "other", "--wait").returncode == 0, "others go on"
            assert states(p, run_id) == {"a": "stopping"} and states(p, waiting) == {"a": "waiting"}
            assert "stuck#1" in p.rota("why", waiting, "a"), "its slot is still its own"
        finally:
            thaw()
        p.wait_run(run_id, "cancelled")
        p.wait_run(waiting, "succeeded")
        assert not alive(pid)


# ---- memory ----

@contextlib.contextmanager
def memory_group(limit):
    """A control group of memory with a limit; its file of processes."""
    for root, name in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        path = os.path.join(root, f"rota-test-{os.getpid()}")
        try:
            os.mkdir(path)
        except OSError:
            continue
        try:
            with open(os.path.join(path, name), "w", encoding="ascii") as file:
                file.write(str(limit))
            for swap in ("memory.memsw.limit_in_bytes", "memory.swap.max"):
                with contextlib.suppress(OSError), open(os.path.join(path, swap), "w", encoding="ascii") as file:
                    file.write(str(limit) if "memsw" in swap else "0")
            yield os.path.join(path, "cgroup.procs")
            return
        except OSError:
            continue
        finally:
            wait_until("the group is empty", lambda path=path: not os.path.isdir(path) or remove_group(path))
    raise Skip("no group of memory can be made here")


def remove_group(path):
    with contextlib.suppress(OSError):
        os.rmdir(path)
    return not os.path.isdir(path)


def test_memory_that_runs_out_costs_the_task_and_neither_its_supervisor_nor_the_daemon():
    with memory_group(256 << 20) as group, place() as p:
        with open(group, "w", encoding="ascii") as file:
            file.write(str(p.daemon.pid))
        p.pipeline("greedy", """
            tasks:
              a:
                run: |
                  exec python3 -c '
                  x = []
                  while True: x.append(bytearray(1 << 22))'
              calm: {run: sleep 3}
        """)
        p.rota("reload")
        run_id = p.rota("trigger", "greedy").strip()
        shown = p.wait_run(run_id, "failed")
        attempt = next(a for a in shown["attempts"] if a["task"] == "a")
        assert attempt["state"] == "failed" and attempt["exit_code"] == 137 and "signal 9" in attempt["reason"], attempt
        assert states(p, run_id) == {"a": "failed", "calm": "succeeded"}, states(p, run_id)
        assert p.daemon.poll() is None


def test_a_task_is_the_first_to_go_when_memory_is_short():
    with place() as p:
        p.pipeline("adj", 'tasks: {a: {run: "cat /proc/self/oom_score_adj; sleep 5"}}\n')
        p.rota("reload")
        run_id = p.rota("trigger", "adj").strip()
        said = wait_until("it says its score", lambda: p.rota("logs", run_id, code=None).strip())
        supervisor, = supervisors(p.state)
        own = int(read_proc(supervisor, "oom_score_adj"))
        assert int(said) == 500 and own < 500 and int(read_proc(p.daemon.pid, "oom_score_adj")) < 500, (said, own)
        p.rota("cancel", run_id)


# ---- disks and directories ----

def test_a_full_disk_of_logs_blocks_no_task_and_harms_no_other_disk():
    with small_disk(8) as disk, place(serve=False) as p:
        os.makedirs(p.state, mode=0o700)
        os.mkdir(os.path.join(disk, "runs"))
        os.symlink(os.path.join(disk, "runs"), os.path.join(p.state, "runs"))
        p.start()
        p.pipeline("loud", """
            tasks:
              loud: {run: "yes 0123456789 | head -c 30000000; echo the end"}
              after: {needs: loud, run: "echo after"}
        """)
        p.rota("reload")
        run_id = p.rota("trigger", "loud").strip()
        loud = wait_until("it ends", lambda: next((a for a in p.json("show", run_id)["attempts"]
                                                   if a["task"] == "loud" and a["ended_at"]), None))
        assert loud["state"] == "succeeded" and loud["log_bytes"] > 29000000, loud
        assert p.json("status")["degraded"] is None, "the database's disk has room"
        assert loud["reason"] == "a part of its output could not be written", loud
        log = os.path.join(disk, "runs", run_id, loud["id"])
        for name in os.listdir(log):
            if name.startswith("log"):
                os.truncate(os.path.join(log, name), 0)
        p.wait_run(run_id, "succeeded")


def begin_nap(p, retries=""):
    book = p.path("book")
    p.pipeline("nap", f"""
        tasks:
          one:
            run: |
              echo $$ >> {book}
              [ "$ROTA_ATTEMPT" != 1 ] || sleep 60
            retries: {{max: 0, delay: 0s, lost: 1}}
          two: {{run: sleep 3}}
    """)
    p.rota("reload")
    run_id = p.rota("trigger", "nap").strip()
    wait_until("both run", lambda: os.path.exists(book) and open(book).read().strip() and
               list(states(p, run_id).values()) == ["running", "running"])
    one = next(a for a in p.json("show", run_id)["attempts"] if a["task"] == "one")
    return run_id, os.path.join(p.state, "runs", run_id, one["id"]), int(open(book).read().split()[0])


def test_an_attempt_whose_directory_is_removed_is_lost_and_nothing_else_is():
    for restarted in (False, True):
        with place() as p:
            run_id, directory, pid = begin_nap(p)
            if restarted:
                p.kill()
            subprocess.run(["rm", "-rf", directory], check=True)
            if restarted:
                p.start()
            else:
                for supervisor in supervisors(p.state):
                    if read_proc(supervisor, "cmdline").find(directory.encode()) >= 0:
                        os.kill(supervisor, signal.SIGKILL)
            shown = p.wait_run(run_id, "succeeded")
            by_task = [(a["task"], a["state"]) for a in shown["attempts"]]
            assert sorted(by_task) == [("one", "lost"), ("one", "succeeded"), ("two", "succeeded")], by_task
            assert not alive(pid), "what was left of it is killed before the next begins"


def test_a_root_of_directories_that_is_removed_is_made_anew():
    with place() as p:
        run_id, _, _ = begin_nap(p)
        subprocess.run(["rm", "-rf", os.path.join(p.state, "runs"), os.path.join(p.state, "work")], check=True)
        p.pipeline("next", 'tasks: {a: {run: "echo well"}}\n')
        p.rota("reload")
        assert p.rota_all("trigger", "next", "--wait").returncode == 0, p.daemon_log()
        assert p.rota("logs", "next").strip() == "well"
        p.rota("cancel", run_id)


def test_a_directory_that_is_closed_to_all_holds_up_its_own_attempt_alone():
    if os.getuid() == 0:
        raise Skip("nothing is closed to root")
    with place() as p:
        run_id, directory, _ = begin_nap(p)
        p.kill()
        os.chmod(directory, 0)
        p.start()
        try:
            wait_until("it is known that nothing is known", lambda: states(p, run_id).get("one") == "unreachable")
            wait_until("the other goes on", lambda: states(p, run_id)["two"] == "succeeded")
        finally:
            os.chmod(directory, 0o700)
        wait_until("it is found again", lambda: states(p, run_id)["one"] == "running")
        p.rota("cancel", run_id)
        p.wait_run(run_id, "cancelled")


# ---- the daemon's own death ----

def test_a_restart_within_the_grace_still_ends_what_was_told_to_end():
    with place() as p:
        book = p.path("book")
        p.pipeline("deaf", f"""
            tasks:
              a: {{run: "trap '' TERM; echo $$ > {book}; while :; do sleep 0.1; done", grace: 2s}}
        """)
        p.rota("reload")
        run_id = p.rota("trigger", "deaf").strip()
        wait_until("it runs", lambda: os.path.exists(book) and open(book).read().strip())
        pid = int(open(book).read())
        begun = time.monotonic()
        p.rota("cancel", run_id)
        p.kill()
        p.start()
        assert alive(pid) or time.monotonic() - begun > 2, "it has its grace"
        shown = p.wait_run(run_id, "cancelled")
        assert not alive(pid) and [a["state"] for a in shown["attempts"]] == ["cancelled"], shown["attempts"]


def test_a_stop_that_was_recorded_and_not_sent_is_sent_by_the_next_daemon():
    with place() as p:
        run_id, _, pid = begin_nap(p)
        for supervisor in supervisors(p.state):
            os.kill(supervisor, signal.SIGSTOP)  # so that the signal isn't acted on before the daemon is gone
        p.rota("cancel", run_id)
        p.kill()
        directory = os.path.join(p.state, "runs", run_id)
        for folder, _, names in os.walk(directory):
            if "stop" in names:
                os.unlink(os.path.join(folder, "stop"))
        p.start()
        wait_until("both are told again", lambda: sum("stop" in names for _, _, names in os.walk(directory)) == 2)
        for supervisor in supervisors(p.state):
            os.kill(supervisor, signal.SIGCONT)
        p.wait_run(run_id, "cancelled")
        assert not alive(pid) and not tasks_of(p.state)


def test_what_a_former_life_may_have_started_is_fenced_before_it_is_started_elsewhere():
    """Its host was drained since. A supervisor of the former life may claim it yet, so that comes first."""
    with place() as p:
        p.pipeline("p", f"tasks: {{a: {{run: 'echo x >>{p.path('ran')}; sleep 60'}}}}")
        p.rota("reload")
        run_id = p.rota("trigger", "p").strip()
        wait_until("it runs", lambda: states(p, run_id)["a"] == "running")
        p.rota("hosts", "drain", "local", "--reason", "updates", code=None)
        p.kill()
        p.forget_starts()
        p.start()
        wait_until("it is fenced", lambda: states(p, run_id)["a"] == "waiting")
        first = p.json("show", run_id)["attempts"][0]
        with open(os.path.join(p.state, "runs", run_id, first["id"], "owner"), encoding="ascii") as f:
            assert f.read() == "FENCED\n"
        assert first["state"] == "lost" and "fenced" in first["reason"], first
        p.rota("hosts", "up", "local")
        wait_until("another attempt runs", lambda: states(p, run_id)["a"] == "running")
        assert [a["attempt"] for a in p.json("show", run_id)["attempts"]] == [1, 2]
        p.rota("cancel", run_id)
        p.wait_run(run_id, "cancelled")


# ---- changes that nobody told of ----

def test_more_changes_of_files_than_the_kernel_keeps_are_seen_all_the_same():
    with place() as p:
        begun = time.monotonic()
        p.pipeline("first", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
            most = int(file.read())
        if most > 100000:
            raise Skip("the kernel's queue of changes is too long to be filled here")
        time.sleep(1.5)  # whatever the first file set going is over
        p.daemon.send_signal(signal.SIGSTOP)
        a, b = p.path("dags/.a"), p.path("dags/.b")
        with open(a, "w", encoding="ascii"):
            pass
        for _ in range(most // 4 + 10):  # a rename is two events
            os.rename(a, b)
            os.rename(b, a)
        p.pipeline("late", 'tasks: {a: {run: "true"}}\n')
        p.daemon.send_signal(signal.SIGCONT)
        # A list looks at no file; what is asked to start would, and so does the look once a minute: it must not need that.
        wait_until("what came last is there", lambda: any(
            item["name"] == "late" for item in wire.ask(p, "GET", "/api/v1/pipelines").json()["items"]))
        assert time.monotonic() - begun < 55, "it was there when a minute was over"


run(globals())
