#!/usr/bin/env python3
"""The restore drill: backups on schedule under load, the daemon killed, its state directory lost, the newest backup
restored. What the backup knows is there, what it can't know is a question, and nothing runs twice by itself."""
# time-limit: 300
import collections
import os
import shutil
import signal
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import remote  # noqa: E402
from harness import place, run, supervisors, tasks_of, wait_until  # noqa: E402

CONFIG = 'slots: {{cpu: 64}}\nbackup: {{dir: {dir}, at: "* * * * *", keep: 3}}\n'


class Load:
    """Some 100 tasks a second: runs of ten short tasks, triggered over the API until it is told to stop."""

    def __init__(self, p):
        self.p, self.over, self.acknowledged = p, False, []
        self.thread = threading.Thread(target=self.go)
        self.thread.start()

    def go(self):
        while not self.over:
            try:
                status, _, answer = self.p.http("POST", "/api/v1/pipelines/short/runs", {"now": True},
                                                token=self.p.token)
            except OSError:
                return
            if status == 201:
                self.acknowledged.append(answer["run"]["id"])
            time.sleep(0.06)

    def stop(self):
        self.over = True
        self.thread.join()


def book(p):
    with open(p.path("book")) as f:
        return [line.split() for line in f]


def newest(folder):
    return os.path.join(folder, sorted(n for n in os.listdir(folder) if n.endswith(".db"))[-1])


def rows(path, sql):
    db = sqlite3.connect(path)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def pipelines(p):
    p.pipeline("short", f"""
        tasks:
          part:
            matrix: {{n: [0, 1, 2, 3, 4, 5, 6, 7, 8]}}
            run: 'echo "$ROTA_RUN_ID part$ROTA_MATRIX_N" >>{p.path("book")}'
          whole: {{needs: part, run: 'echo "$ROTA_RUN_ID whole" >>{p.path("book")}'}}
    """)
    p.pipeline("long", f"""
        tasks:
          first: {{run: 'echo "$ROTA_RUN_ID first" >>{p.path("book")}; sleep 600'}}
          last: {{needs: first, run: 'echo "$ROTA_RUN_ID last" >>{p.path("book")}'}}
          always: {{finally: true, run: 'echo "$ROTA_RUN_ID always" >>{p.path("book")}'}}
    """)
    p.pipeline("tick", f"""
        schedule: {{every: 1s, catchup: all, catchup_window: 1h}}
        tasks: {{one: {{run: 'echo "$ROTA_RUN_ID one $ROTA_SCHEDULED_FOR" >>{p.path("book")}'}}}}
    """)


def kill_all(p):
    """The machine is gone: the daemon and whatever ran on it."""
    p.kill()
    for _ in range(50):
        left = supervisors(p.state) + tasks_of(p.state)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if not left:
            return
        time.sleep(0.1)


def test_the_newest_backup_brings_all_back_and_nothing_runs_twice():
    with place(serve=False) as p:
        folder = p.path("backups")
        os.mkdir(folder)
        pipelines(p)
        p.start()
        p.token = p.rota("token", "create", "load", "--role", "operator").strip().split()[-1]
        long = p.rota("trigger", "long").strip()
        wait_until("it runs", lambda: p.json("show", long)["tasks"][0]["state"] == "running")
        load = Load(p)
        wait_until("there is load", lambda: len(load.acknowledged) > 20, 60)
        p.write_config(CONFIG.format(dir=folder))
        p.rota("reload")  # the first one of a schedule is due at once
        wait_until("a backup is made", lambda: [n for n in os.listdir(folder) if n.endswith(".db")], 60)
        snapshot = newest(folder)
        taken = len(load.acknowledged)
        wait_until("work went on", lambda: len(load.acknowledged) > taken + 40, 30)
        kill_all(p)
        load.stop()
        ran = book(p)
        shutil.rmtree(p.state)

        known = {row[0]: row[1] for row in rows(snapshot, "SELECT id, state FROM run")}
        assert known[long] == "running" and len(known) > 5, len(known)
        unfinished = {r for r, state in known.items() if state in ("queued", "running", "cancelling")}
        told = p.json("restore", snapshot)
        assert told["kept"] is None and told["paused"], told
        asked = collections.Counter(i["run"] for i in told["items"])
        assert set(asked) == unfinished, (asked, unfinished)
        assert {i["found"] for i in told["items"]} == {"not known"}
        state_id = rows(snapshot, "SELECT state_id FROM meta")[0][0]

        p.start()
        assert p.json("status")["state_id"] == state_id, "hosts know it by this"
        assert "restored from a backup" in p.json("status")["paused"]["reason"]
        # What ended before the backup is there as it was, what was under way is ended and not repeated.
        shown = p.wait_run(long, "cancelled")
        assert {t["label"]: t["state"] for t in shown["tasks"]} == {"first": "cancelled", "last": "cancelled",
                                                                    "always": "cancelled"}, shown["tasks"]
        for run_id in unfinished:
            p.wait_run(run_id, "cancelled")
        questions = p.json("restore", "--list")["items"]
        assert {i["found"] for i in questions} == {"ended"}
        assert p.stop() == 0
        p.start()
        p.rota("resume", "--all")
        wait_until("it fires again", lambda: len([b for b in book(p) if b[1] == "one"]) >
                   len([b for b in ran if b[1] == "one"]) + 2)
        twice = {k: n for k, n in collections.Counter((b[0], b[1]) for b in book(p)).items() if n > 1}
        assert not twice, twice
        instants = collections.Counter(b[2] for b in book(p) if b[1] == "one")
        assert max(instants.values()) == 1, "no instant of the schedule ran twice"

        answer_each_way(p, long, questions)


def answer_each_way(p, long, questions):
    keys = {i["task"]: i["key"] for i in questions if i["run"] == long}
    assert sorted(keys) == ["always", "first", "last"], keys
    before = book(p)
    p.rota("restore", "--answer", keys["always"], "skip")
    for _ in range(2):
        p.rota("restore", "--answer", keys["first"], "mark")
    for _ in range(2):
        p.rota("restore", "--answer", keys["last"], "run")
    shown = p.wait_run(long, "succeeded")
    assert {t["label"]: t["state"] for t in shown["tasks"]}["first"] == "succeeded"
    since = [b[1] for b in book(p)[len(before):] if b[0] == long]
    assert since.count("last") == 1 and "first" not in since, since
    p.rota("restore", "--all", "skip")
    p.rota("restore", "--close")
    assert p.stop() == 0
    p.start()
    p.wait_run(p.rota("trigger", "short", "--now").strip(), "succeeded")


def test_what_runs_on_a_host_is_found_again_after_the_state_is_lost():
    """The daemon's machine is lost, the host isn't: what lives there goes on and ends once, what ended and was cleaned
    away after the backup isn't run again."""
    with remote.world({"gpu01": {}}) as w:
        script = f"""echo "$ROTA_RUN_ID begin" >> {w.book()}
            until [ -e {w.book()}.$ROTA_PIPELINE ]; do sleep 0.2; done
            echo "$ROTA_RUN_ID end" >> {w.book()}"""
        task = {"on": "gpu01", "run": script, "retries": {"lost": 3, "delay": "1s"}}
        follows = {"needs": ["a"], "run": f'echo "$ROTA_RUN_ID after" >> {w.book()}'}
        lives, ends = (w.trigger(name, {"tasks": {"a": task, "b": follows}}) for name in ("lives", "ends"))
        w.wait_task(lives, "a", "running")
        w.wait_task(ends, "a", "running")
        w.p.rota("backup", w.p.path("snapshot.db"))
        open(f"{w.book()}.ends", "w").close()
        shown = w.wait_run(ends, "succeeded")
        ended = next(a["id"] for a in shown["attempts"] if a["task"] == "a")
        w.p.kill()
        shutil.rmtree(w.p.state)
        shutil.rmtree(os.path.join(w.root("gpu01"), "a", ended))  # as it is done a minute after
        before = w.read()
        told = w.p.json("restore", w.p.path("snapshot.db"))["items"]
        assert {(i["run"], i["task"], i["found"]) for i in told} == {
            (run_id, name, "unfinished") for run_id in (lives, ends) for name in ("a", "b")}, told
        w.start()
        w.wait_task(lives, "a", "running")
        shown = w.wait_run(ends, "failed")
        assert {t["label"]: t["state"] for t in shown["tasks"]} == {"a": "lost", "b": "upstream_failed"}, shown["tasks"]
        assert "the backup doesn't know" in shown["tasks"][0]["reason"], shown["tasks"]
        w.p.rota("resume", "--all")
        open(f"{w.book()}.lives", "w").close()
        w.wait_run(lives, "succeeded")
        since = w.read()[len(before):]
        assert since == [f"{lives} end", f"{lives} after"], since


run(globals())
