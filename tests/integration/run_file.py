#!/usr/bin/env python3
"""rota run: one file, without a daemon; what it leaves behind, and how it is interrupted."""
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import ROTA, bare, place, run, tasks_of, wait_until  # noqa: E402
from terminal import on_terminal, read_all, terminal  # noqa: E402


def kept_state(text):
    return re.search(r"state is kept in (\S+?);", text).group(1)


def test_run_removes_its_state_after_success_and_keeps_it_after_failure():
    with place(serve=False) as p:
        env = p.environment(TMPDIR=p.root)
        good = p.pipeline("good", "params: {who: {type: string}}\ntasks: {a: {run: 'echo hi $ROTA_PARAM_WHO; test \"$ROTA_PARAM_WHO\" = you'}}\n")
        done = bare("run", good, "-p", "who=you", env=env)
        assert done.returncode == 0 and not [n for n in os.listdir(p.root) if n.startswith("rota-run")], (done, os.listdir(p.root))
        done = bare("run", good, "-p", "who=me", env=env)
        assert done.returncode == 1, done
        state = kept_state(done.stderr)
        assert os.path.isdir(os.path.join(state, "runs")) and "hi me" in done.stdout + done.stderr, done
        shown = subprocess.run([ROTA, "run", good, "-p", "who=you", "--json"], capture_output=True, text=True, env=env)
        assert json.loads(shown.stdout)["state"] == "succeeded", shown
        for given in ([], ["-p", "whom=x"], ["-p", "who"], ["-p", "who=1", "-p", "who=2"]):
            done = bare("run", good, *given, env=env)
            assert done.returncode == 2, (given, done)
        own = p.path("own")
        p2 = bare("run", good, "-p", "who=you", "--state", own, env=env)
        assert p2.returncode == 0 and os.path.isdir(own), p2
        assert bare("run", good, "-p", "who=you", "--dry-run", env=env).returncode == 0
        assert bare("run", p.path("nothere.yaml"), env=env).returncode == 2
        elsewhere = p.pipeline("elsewhere", "tasks: {a: {on: gpus, run: 'true'}}\n")
        assert bare("run", elsewhere, env=env, cwd=p.path("dags")).returncode != 0


def test_a_run_with_its_standard_streams_closed_or_full():
    with place(serve=False) as p:
        path = p.pipeline("quiet", 'tasks: {a: {run: "echo hi"}}\n')
        for redirection, code in (("<&- >&- 2>&-", 0), ("<&-", 0), (">/dev/full 2>/dev/full", 0), ("--json >/dev/full", 1), ("--json >&-", 1)):
            done = subprocess.run(f"exec {ROTA} run {path} {redirection}", shell=True, capture_output=True, env=p.environment(TMPDIR=p.root), timeout=60)
            assert done.returncode == code, (redirection, done)


def test_the_first_interrupt_cancels_a_run_and_waits_for_its_end():
    with place(serve=False) as p:
        path = p.pipeline("slow", f"""
            tasks:
              work: {{run: "trap 'sleep 0.3; touch {p.path('soft')}; exit 1' TERM; touch {p.path('up')}; while :; do sleep 0.05; done", grace: 20s}}
              tidy: {{finally: true, run: 'touch {p.path('tidied')}'}}
        """)
        env = p.environment(TMPDIR=p.root)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for name in ("up", "soft", "tidied"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(p.path(name))
            started = subprocess.Popen([ROTA, "run", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True)
            try:
                wait_until("the task is up", lambda: os.path.exists(p.path("up")))
                started.send_signal(number)
                _, err = started.communicate(timeout=30)
            finally:
                if started.poll() is None:
                    started.kill()
            assert os.path.exists(p.path("soft")) and os.path.exists(p.path("tidied")), number
            assert started.returncode == 130, (number, started.returncode, err)
            assert "cancelled by 0" not in err, err


def test_the_second_interrupt_kills():
    with place(serve=False) as p:
        path = p.pipeline("stubborn", f"""
            tasks:
              work: {{run: "trap '' TERM; touch {p.path('up')}; while :; do sleep 0.05; done", grace: 10m}}
        """)
        started = subprocess.Popen([ROTA, "run", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=p.environment(TMPDIR=p.root), start_new_session=True)
        try:
            wait_until("the task is up", lambda: os.path.exists(p.path("up")))
            started.send_signal(signal.SIGINT)
            time.sleep(0.5)
            assert started.poll() is None
            started.send_signal(signal.SIGINT)
            _, err = started.communicate(timeout=20)
        finally:
            if started.poll() is None:
                started.kill()
        assert started.returncode == 130, (started.returncode, err)
        wait_until("nothing of it runs", lambda: not tasks_of(p.root))


def test_on_a_terminal_a_run_has_a_live_view_and_ctrl_c_and_its_end_cancel():
    with place(serve=False) as p:
        env = {k: v for k, v in p.environment(TMPDIR=p.root).items() if k != "NO_COLOR"} | {"TERM": "xterm"}
        quick = p.pipeline("quick", 'tasks: {a: {run: sleep 0.3}, b: {needs: a, run: "true"}}\n')
        seen, code = on_terminal(["run", quick], env)
        assert code == 0 and b"\x1b[" in seen and b"quick succeeded" in re.sub(rb"\x1b\[[0-9;]*m", b"", seen), (code, seen)
        path = p.pipeline("long", f"tasks: {{work: {{run: 'touch {p.path('up')}; sleep 300', grace: 1s}}}}\n")
        with terminal(["run", path], env) as (pid, master):
            read_all(master, b"work")
            wait_until("the task is up", lambda: os.path.exists(p.path("up")))
            os.write(master, b"\x03")
            seen = read_all(master)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130, seen
        assert not tasks_of(p.root)
        os.unlink(p.path("up"))
        with terminal(["run", path], env) as (pid, master):
            wait_until("the task is up", lambda: os.path.exists(p.path("up")))
            os.close(master)
            _, status = os.waitpid(pid, 0)
            assert os.waitstatus_to_exitcode(status) == 130, status
        wait_until("nothing of it runs", lambda: not tasks_of(p.root))


def test_a_task_that_no_host_can_take_says_so_and_local_takes_it():
    with place("hosts: {gpu01: {ssh: ml@gpu01.example, slots: {gpu: 1}}}\n", serve=False) as p:
        path = p.pipeline("far", "tasks: {a: {on: gpu01, run: 'echo here'}}\n")
        command = [ROTA, "run", path, "--config", p.config]
        waiting = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=p.environment())
        line = waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        waiting.communicate(timeout=20)
        assert "gpu01" in line and "SSH" in line, line
        done = subprocess.run([*command, "--local"], capture_output=True, text=True, env=p.environment(), timeout=20)
        assert done.returncode == 0 and "here" in done.stderr, done


run(globals())
