#!/usr/bin/env python3
"""The daemon's own life: reloads, ends while it is busy, a full disk, folders that come and go."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import place, run, small_disk, wait_until  # noqa: E402

ONE = 'tasks: {a: {run: "true"}}\n'


def ask(p, method, target, body=None, timeout=30, key=None):
    """Status and JSON of a request over the daemon's socket."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout)
        s.connect(os.path.join(p.state, "rota.sock"))
        text = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        if method == "POST":
            head += f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
        if key:
            head += f"Idempotency-Key: {key}\r\n"
        s.sendall(head.encode() + b"\r\n" + text)
        answer = b""
        while chunk := s.recv(65536):
            answer += chunk
    head, _, rest = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(rest)


def fill(path):
    with open(path, "wb") as f, contextlib.suppress(OSError):
        while True:
            f.write(b"x" * 65536)
            f.flush()


def test_sighup_takes_the_new_configuration_and_keeps_the_old_one_if_the_new_is_wrong():
    with place() as p:
        def slots():
            return {s["name"]: s["total"] for s in p.json("status")["slots"] if s["host"] == "local"}
        assert slots() == {"cpu": 64}
        p.write_config("slots: {cpu: 8, gpu: 2}\n")
        p.daemon.send_signal(signal.SIGHUP)
        wait_until("the new slots are there", lambda: slots() == {"cpu": 8, "gpu": 2})
        p.pipeline("g", 'tasks: {a: {run: "true", slots: {gpu: 1}}}\n')
        p.rota("reload")
        p.wait_run(p.rota("trigger", "g").strip(), "succeeded")
        p.write_config("slotz: {cpu: 1}\n")
        p.rota("reload", code=2)
        assert slots() == {"cpu": 8, "gpu": 2}
        assert "did you mean 'slots'" in p.daemon_log()
        p.write_config("slots: {cpu: 8}\n")
        assert "gpu" in p.rota("reload", code=1)  # the file is read anew, and is wrong now
        assert [b["file"] for b in p.json("status")["broken"]] == ["g.yaml"]


def test_many_reloads_at_once_all_end_and_readers_see_whole_answers():
    with place() as p:
        for i in range(50):
            p.pipeline(f"p{i}", 'schedule: "0 5 * * *"\n' + ONE)
        p.pipeline("broken", 'tasks: {a: {rum: "true"}}\n')
        faults = []

        def work(n):
            try:
                for i in range(15):
                    with open(p.path(f"new{n}"), "w") as f:
                        f.write(f'schedule: "0 5 * * *"\n{ONE}# {n} {i}\n')
                    os.rename(p.path(f"new{n}"), os.path.join(p.dags, f"p{n}.yaml"))
                    status, answer = ask(p, "POST", "/api/v1/reload", {})
                    assert status == 200 and [b["file"] for b in answer["broken"]] == ["broken.yaml"], answer
                    status, answer = ask(p, "GET", "/api/v1/status")
                    assert status == 200 and len(answer["broken"]) == 1 and answer["pipelines"] == 51, answer
                    assert ask(p, "GET", "/api/v1/pipelines?limit=500")[0] == 200
            except Exception as e:  # noqa: BLE001 - shown below
                faults.append(e)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not faults, faults
        assert p.stop() == 0


def test_it_ends_at_once_while_it_is_busy():
    with place(serve=False) as p:
        # A git that never answers holds the look-up of the work tree.
        os.mkdir(p.path("bin"))
        with open(p.path("bin/git"), "w") as f:
            f.write("#!/bin/sh\nexec sleep 30\n")
        os.chmod(p.path("bin/git"), 0o755)
        git = p.environment(PATH=p.path("bin") + ":" + os.environ["PATH"])
        for i in range(300):
            p.pipeline(f"many/p{i}", ONE)
        p.pipeline("slow", 'tasks: {a: {run: "sleep 30"}}\n')
        for _ in range(3):
            p.start(env=git)
            run_id = p.rota("trigger", "slow", "--now").strip()
            wait_until("it runs", lambda: p.json("show", run_id)["attempts"][0]["state"] == "running")
            sockets = []
            for target in [f"/api/v1/runs/{run_id}?wait=ended", f"/api/v1/runs/{run_id}/log?wait_ms=30000",
                           f"/api/v1/runs/{run_id}/events?after=99999999&wait_ms=30000"] * 3:
                s = socket.socket(socket.AF_UNIX)
                s.connect(os.path.join(p.state, "rota.sock"))
                s.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                sockets.append(s)
            for _ in range(5):
                s = socket.socket(socket.AF_UNIX)
                s.connect(os.path.join(p.state, "rota.sock"))
                s.sendall(b"POST /api/v1/reload HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                          b"Content-Length: 2\r\n\r\n{}")
                sockets.append(s)
            began = time.monotonic()
            assert p.stop() == 0, p.daemon_log()
            assert time.monotonic() - began < 15, time.monotonic() - began
            for s in sockets:
                s.close()


def test_a_service_manager_is_told_when_it_is_ready():
    with place() as p, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        p.stop()
        manager.bind(p.path("notify"))
        manager.settimeout(20)
        p.start(env=p.environment(NOTIFY_SOCKET=p.path("notify")), wait=False)
        assert b"READY=1" in manager.recv(1000).split(b"\n")
        p.rota("status")  # whoever is told so may ask at once


def test_of_two_files_of_one_pipeline_one_is_in_force_and_the_other_listed():
    with place() as p:
        p.pipeline("twice", ONE)
        with open(os.path.join(p.dags, "twice.yml"), "w") as f:
            f.write('tasks: {b: {run: "true"}}\n')
        assert "twice.yml" in p.rota("reload", code=1)
        assert [t["label"] for t in p.wait_run(p.rota("trigger", "twice").strip(), "succeeded")["tasks"]] == ["a"]
        os.unlink(os.path.join(p.dags, "twice.yaml"))
        p.rota("reload")
        assert [t["label"] for t in p.wait_run(p.rota("trigger", "twice").strip(), "succeeded")["tasks"]] == ["b"]


def test_a_folder_that_vanishes_takes_no_pipeline_with_it():
    with place() as p:
        p.pipeline("one", 'schedule: "0 5 * * *"\n' + ONE)
        p.rota("reload")
        os.rename(p.dags, p.path("away"))
        assert "not found" in p.rota("reload", code=1)
        assert p.json("list")["items"][0]["present"] and p.json("status")["next"], p.rota("list")
        p.stop()
        p.start()  # nor over a restart
        assert p.json("list")["items"][0]["present"], p.rota("list")
        os.rename(p.path("away"), p.dags)
        p.rota("reload")
        os.unlink(os.path.join(p.dags, "one.yaml"))
        p.rota("reload")
        assert not [i for i in p.json("list")["items"] if i["present"]], p.rota("list")


def test_on_a_full_disk_the_status_says_so_and_nothing_starts():
    with small_disk(64) as disk, place(serve=False, state=os.path.join(disk, "state")) as p:
        p.start()
        p.pipeline("one", 'tasks: {a: {run: "sleep 2; echo done"}, b: {needs: a, run: "true"}}\n')
        p.rota("reload")
        run_id = p.rota("trigger", "one").strip()
        wait_until("it runs", lambda: p.json("show", run_id)["attempts"][0]["state"] == "running")
        assert ask(p, "GET", "/healthz") == (200, {"ok": True})
        fill(os.path.join(disk, "filler"))

        def degraded():
            with contextlib.suppress(OSError):
                ask(p, "POST", "/api/v1/pipelines/one/runs", {"now": True}, timeout=1)
            return p.json("status")["degraded"]
        state = wait_until("it is degraded", degraded, seconds=30)
        assert "full" in state["reason"] and state["since"], state
        assert "DEGRADED" in p.rota("status")
        assert ask(p, "GET", "/healthz")[0] == 503
        refused, answer = ask(p, "POST", "/api/v1/pipelines/one/runs", {}, key="again")
        assert refused == 503 and "same key" in answer["detail"], answer
        time.sleep(3)  # the first task has ended by now
        attempts = p.json("show", run_id)["attempts"]
        assert len(attempts) == 1 and attempts[0]["state"] == "running", "no commit, so no successor"
        os.unlink(os.path.join(disk, "filler"))
        wait_until("it is well again", lambda: ask(p, "GET", "/healthz")[0] == 200, seconds=30)
        shown = p.wait_run(run_id, "succeeded")
        assert [a["state"] for a in shown["attempts"]] == ["succeeded", "succeeded"]
        assert ask(p, "POST", "/api/v1/pipelines/one/runs", {}, key="again")[0] == 201
        assert p.json("status")["degraded"] is None


def test_check_says_what_a_start_would_do():
    with place(serve=False) as p:
        flags = ["--check", "--config", p.config, "--dags", p.dags]
        p.pipeline("good", ONE)
        done = p.rota_all("serve", *flags)
        assert done.returncode == 0 and "1 of 1 files load" in done.stdout, done
        assert "would be made" in done.stdout and not os.path.exists(p.state), done
        p.pipeline("bad", 'tasks: {a: {rum: "true"}}\n')
        done = p.rota_all("serve", *flags)
        assert done.returncode == 1 and "bad.yaml:1:" in done.stdout and "1 of 2 files load" in done.stdout, done
        p.start()
        p.stop()
        done = p.rota_all("serve", *flags)
        assert "newest schema" in done.stdout, done


def test_a_run_in_a_state_that_holds_an_unfinished_one_is_told_apart_from_it():
    with place(serve=False) as p:
        slow = p.pipeline("slow", 'tasks: {a: {run: "sleep 2; exit 3"}}\n')
        quick = p.pipeline("quick", 'tasks: {a: {run: "sleep 3"}}\n')
        command = [os.environ["ROTA"], "run", slow, "--state", p.state]
        first = subprocess.Popen(command, cwd=p.root, env=p.environment(), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        wait_until("its task runs", lambda: os.path.isdir(os.path.join(p.state, "runs"))
                   and [n for d, _, files in os.walk(os.path.join(p.state, "runs")) for n in files if n == "owner"])
        first.kill()
        first.communicate()
        shown = json.loads(p.rota("run", quick, "--json"))
        assert shown["pipeline"] == "quick" and shown["state"] == "succeeded", shown


run(globals())
