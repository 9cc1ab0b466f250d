#!/usr/bin/env python3
"""Nothing is lost and nothing runs twice: the daemon or a supervisor is killed, tasks misbehave, the disk is full."""
import datetime
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import Skip, alive, place, run, small_disk, supervisors, wait_until  # noqa: E402

HUNDRED = """
    tasks:
      each:
        matrix: {n: %s}
        run: |
          echo "$ROTA_MATRIX_N" >> "%s"
          sleep 2
        slots: {cpu: 1}
"""


def test_a_hundred_tasks_survive_kill_9_of_the_daemon_and_run_once():
    with place("slots: {cpu: 128}\n") as p:
        book = p.path("book")
        p.pipeline("many", HUNDRED % (list(range(100)), book))
        p.rota("reload")
        run_id = p.rota("trigger", "many").strip()
        wait_until("some tasks run", lambda: os.path.exists(book) and len(open(book).readlines()) > 30)
        p.kill()
        time.sleep(0.3)
        p.start()
        shown = p.wait_run(run_id, "succeeded")
        wrote = sorted(int(line) for line in open(book))
        assert wrote == list(range(100)), f"each task writes once: {wrote}"
        assert len(shown["attempts"]) == 100, len(shown["attempts"])


def test_an_end_while_the_daemon_is_down_is_read_at_its_start():
    with place() as p:
        p.pipeline("short", """
            tasks:
              one: {run: "sleep 0.7; exit 3"}
              two: {needs: one, run: "true"}
        """)
        p.rota("reload")
        run_id = p.rota("trigger", "short").strip()
        wait_until("it runs", lambda: [a for a in p.json("show", run_id)["attempts"] if a["state"] == "running"])
        p.kill()
        wait_until("it has ended", lambda: not supervisors(p.state))
        ended = datetime.datetime.now(datetime.timezone.utc)
        time.sleep(0.5)
        p.start()
        shown = p.wait_run(run_id, "failed")
        attempt = shown["attempts"][0]
        assert attempt["exit_code"] == 3 and attempt["state"] == "failed", attempt
        states = {t["label"]: t["state"] for t in shown["tasks"]}
        assert states == {"one": "failed", "two": "upstream_failed"}, states
        task = next(t for t in shown["tasks"] if t["label"] == "one")
        assert task["ended_at"] == attempt["ended_at"], task
        said = datetime.datetime.fromisoformat(attempt["ended_at"].replace("Z", "+00:00"))
        assert said <= ended + datetime.timedelta(milliseconds=100), "it is the end's own time, not that of the start"


def test_a_firing_after_a_downtime_knows_that_the_run_before_it_has_ended():
    with place() as p:
        p.pipeline("often", """
            schedule: {every: 4s, overlap: skip}
            tasks:
              one: {run: sleep 2}
        """)
        p.rota("reload")
        def newest():
            items = p.json("firings", "often")["items"]
            return items[0] if items else None
        def running():
            items = p.json("runs", "state:running")["items"]
            return items and [a for a in p.json("show", items[0]["id"])["attempts"] if a["state"] == "running"]
        wait_until("a run is under way", running)
        p.kill()
        time.sleep(9)  # the run ends, and two more firings are due
        before = time.time()
        p.start()
        first = wait_until("a firing after the start", lambda: newest() if newest()["decided_at"] > time.strftime(
            "%Y-%m-%dT%H:%M:%S", time.gmtime(before - 1)) else None)
        assert first["outcome"] == "run", first


def test_a_task_whose_supervisor_is_killed_is_lost_and_tried_again():
    with place() as p:
        book = p.path("book")
        p.pipeline("orphan", f"""
            tasks:
              one:
                run: |
                  echo $$ >> {book}
                  if [ "$ROTA_ATTEMPT" = 1 ]; then sleep 60; fi
                retries: {{max: 0, delay: 0s, lost: 1}}
        """)
        p.rota("reload")
        run_id = p.rota("trigger", "orphan").strip()
        wait_until("the task runs", lambda: os.path.exists(book) and open(book).read().strip())
        first = int(open(book).read())
        for pid in supervisors(p.state):
            os.kill(pid, signal.SIGKILL)
        shown = p.wait_run(run_id, "succeeded")
        assert not alive(first), "what was left of the lost attempt is killed"
        assert [a["state"] for a in shown["attempts"]] == ["lost", "succeeded"], shown["attempts"]


def test_a_task_that_ignores_term_is_killed_after_its_grace():
    with place() as p:
        book = p.path("book")
        p.pipeline("deaf", f"""
            tasks:
              one:
                run: |
                  trap '' TERM
                  echo $$ > {book}
                  while :; do sleep 0.1; done
                grace: 500ms
        """)
        p.rota("reload")
        run_id = p.rota("trigger", "deaf").strip()
        wait_until("the task runs", lambda: os.path.exists(book) and open(book).read().strip())
        p.rota("cancel", run_id)
        shown = p.wait_run(run_id, "cancelled")
        assert not alive(int(open(book).read()))
        assert shown["attempts"][0]["state"] == "cancelled", shown["attempts"]


def test_a_daemon_that_a_task_leaves_behind_holds_up_nothing():
    with place() as p:
        book = p.path("book")
        p.pipeline("leaves", f"""
            tasks:
              one: {{run: "setsid sh -c 'echo $$ > {book}; sleep 60' & sleep 0.3"}}
        """)
        p.rota("reload")
        begun = time.monotonic()
        run_id = p.rota("trigger", "leaves").strip()
        p.wait_run(run_id, "succeeded")
        assert time.monotonic() - begun < 45
        left = int(open(book).read())
        wait_until("what was left is killed", lambda: not alive(left))


def test_output_over_the_cap_keeps_head_and_tail_and_blocks_nobody():
    with place("log: {cap: 4MiB}\n") as p:
        p.pipeline("loud", """
            tasks:
              one:
                run: |
                  echo first line
                  yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -c 400000000
                  echo last line
        """)
        p.rota("reload")
        run_id = p.rota("trigger", "loud").strip()
        shown = p.wait_run(run_id, "succeeded", seconds=120)
        attempt = shown["attempts"][0]
        assert attempt["log_bytes"] > 400000000, attempt
        directory = os.path.join(p.state, "runs", run_id, attempt["id"])
        kept = sum(os.path.getsize(os.path.join(directory, f)) for f in os.listdir(directory) if f.startswith("log"))
        assert kept < 8 * 1024 * 1024, kept
        text = p.rota("logs", run_id)
        assert text.startswith("first line") and text.rstrip().endswith("last line"), text[-200:]
        assert "dropped" in text


def test_a_full_disk_stops_starts_loses_nothing_and_goes_on_when_there_is_room():
    with small_disk(64) as disk, place(serve=False, state=os.path.join(disk, "state")) as p:
        p.start()
        p.pipeline("steps", """
            tasks:
              one: {run: "sleep 1; echo done"}
              two: {needs: one, run: "echo done too"}
        """)
        p.rota("reload")
        run_id = p.rota("trigger", "steps").strip()
        wait_until("it runs", lambda: [a for a in p.json("show", run_id)["attempts"] if a["state"] == "running"])
        filler = os.path.join(disk, "filler")
        with open(filler, "wb") as f:
            try:
                while True:
                    f.write(b"x" * 65536)
                    f.flush()
            except OSError:
                pass
        time.sleep(3)
        refused = p.rota_all("trigger", "steps")
        os.unlink(filler)
        shown = p.wait_run(run_id, "succeeded")
        assert len(shown["attempts"]) == 2, shown["attempts"]
        if refused.returncode == 0:
            p.wait_run(refused.stdout.strip(), "succeeded")
        else:
            assert "repeat" in refused.stderr or "recorded" in refused.stderr, refused.stderr
            p.wait_run(p.rota("trigger", "steps").strip(), "succeeded")


def test_a_second_daemon_is_refused_and_told_who_holds_the_state():
    with place() as p:
        done = p.rota_all("serve", "--config", p.config, "--dags", p.dags)
        assert done.returncode != 0
        assert str(p.daemon.pid) in done.stderr and done.stderr.count("the state directory") == 1, done.stderr


def test_a_live_daemons_state_is_refused_by_rota_run():
    with place() as p:
        path = p.pipeline("one", 'tasks: {a: {run: "true"}}\n')
        done = p.rota_all("run", path)
        assert done.returncode != 0 and str(p.daemon.pid) in done.stderr, done.stderr


def test_sixty_kills_of_the_daemon_lose_no_acknowledged_run():
    with place() as p:
        p.pipeline("quick", 'tasks: {a: {run: "true"}, b: {needs: a, run: "true"}}\n')
        p.rota("reload")
        ids = []
        for i in range(15):
            for _ in range(3):
                ids.append(p.rota("trigger", "quick", "--now").strip())
            p.kill()
            p.start()
        for run_id in ids:
            shown = p.wait_run(run_id, "succeeded")
            assert len(shown["attempts"]) == 2, shown["attempts"]


run(globals())
