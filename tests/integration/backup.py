#!/usr/bin/env python3
# takes: 44
"""A backup while work goes on, and going back to it: nothing runs twice by itself, and each answer acts once."""
# time-limit: 240
import contextlib
import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import ROTA, place, run, small_disk, wait_until  # noqa: E402

TICK = """
    schedule: {every: 1s}
    tasks: {one: {run: "echo $ROTA_RUN_ID >> %s"}}
"""


@contextlib.contextmanager
def database(path):
    """A connection to a database that no daemon has open."""
    db = sqlite3.connect(path)
    try:
        yield db
        db.commit()
    finally:
        db.close()


def lines(path):
    if not os.path.exists(path):
        return []
    with open(path) as f:
        return f.read().split()


def digests(state):
    """What the database consists of, to tell whether anything was changed."""
    names = [n for n in sorted(os.listdir(state)) if n.startswith("rota.") and n not in ("rota.lock", "rota.sock")]
    return {n: hashlib.sha256(open(os.path.join(state, n), "rb").read()).hexdigest() for n in names}


def fatten(p, megabytes):
    """Makes the database so large that a backup takes a while; the daemon is stopped."""
    with database(os.path.join(p.state, "rota.db")) as db:
        db.executemany("INSERT INTO audit (at, actor_kind, action, object, detail) VALUES (1, 'user', 'note', 'x', ?)",
                       [("x" * 8000,)] * (megabytes * 128))


def questions(p):
    return p.json("restore", "--list")["items"]


def answer(p, key, word, code=0):
    return p.rota("restore", "--answer", key, word, code=code)


def runs_for(p, pipeline, instant):
    items = p.json("runs", f"pipeline:{pipeline}", "-n", "500")["items"]
    return [r for r in items if r["scheduled_for"] == instant]


def settle(p, name):
    """Nothing more fires, and what has fired is over, which on a busy machine comes late."""
    p.rota("pause", name, "--reason", "it is looked at")
    wait_until("all has ended", lambda: all(r["ended_at"] for r in p.json("runs", f"pipeline:{name}", "-n", "500")["items"]))


def ticked(p, name="tick"):
    """A daemon with a schedule of each second, a snapshot of it, three firings more; stopped."""
    book = p.path("book")
    p.pipeline(name, TICK % book)
    p.rota("reload")
    wait_until("it fired", lambda: len(lines(book)) >= 1)
    snapshot = p.path("snapshot.db")
    p.rota("backup", snapshot)
    before = len(lines(book))
    wait_until("it fired again", lambda: len(lines(book)) >= before + 3)
    settle(p, name)
    assert p.stop() == 0
    return snapshot, book


def test_a_backup_is_whole_while_twenty_runs_are_under_way():
    with place("slots: {cpu: 64}\n") as p:
        p.pipeline("busy", """
            tasks:
              each:
                matrix: {n: [1, 2, 3, 4, 5, 6]}
                run: sleep 0.2
                slots: {cpu: 1}
              last: {needs: each, run: "sleep 0.2"}
        """)
        p.rota("reload")
        ids = [p.rota("trigger", "busy", "--now").strip() for _ in range(20)]
        for i in range(4):
            file = p.path(f"copy{i}.db")
            p.rota("backup", file)
            with database(file) as db:
                assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert db.execute("SELECT count(*) FROM run").fetchone()[0] == 20
        assert [n for n in os.listdir(p.root) if ".tmp" in n] == []
        for run_id in ids:
            shown = p.wait_run(run_id, "succeeded")
            assert len(shown["attempts"]) == 7, shown["attempts"]


def test_a_restored_daemon_is_paused_and_asks_about_all_that_happened_since():
    with place() as p:
        snapshot, book = ticked(p)
        ran = lines(book)
        with database(snapshot) as db:
            known = {row[0] for row in db.execute("SELECT id FROM run")}
        since = [r for r in ran if r not in known]
        assert len(since) >= 3, since
        told = p.json("restore", snapshot)
        assert told["paused"] and os.path.exists(told["kept"]), told
        with database(told["kept"]) as old:
            assert old.execute("SELECT count(*) FROM run").fetchone()[0] == len(ran)
        p.start()
        assert "restored from a backup" in p.json("status")["paused"]["reason"]
        items = questions(p)
        assert items == told["items"]
        firings = [i for i in items if i["kind"] == "firing" and i["found"] == "run"]
        attempts = [i for i in items if i["kind"] == "attempt"]
        assert [i["run"] for i in firings] == since, (firings, since)
        assert {i["run"] for i in attempts} >= set(since), (attempts, since)
        assert all(i["pipeline"] == "tick" and i["task"] == "one" for i in attempts), attempts
        time.sleep(2.5)
        assert lines(book) == ran, "nothing fires by itself"
        held = p.rota("trigger", "tick", "--now").strip()
        assert "restored from a backup" in p.rota("why", held, "one")
        p.rota("restore", "--all", "skip")
        assert {i["answer"] for i in questions(p)} == {"skip"}
        p.rota("restore", "--close")
        assert questions(p) == []
        p.rota("resume", "--all")
        p.wait_run(held, "succeeded")
        wait_until("it fires again", lambda: len(lines(book)) > len(ran) + 1)
        numbers = [r["number"] for r in p.json("runs", "-n", "500")["items"]]
        assert len(numbers) == len(set(numbers)), "numbers go on from where the old database was"
        # What the old database decided isn't made up for.
        instants = [i["scheduled_for"] for i in firings]
        assert [runs_for(p, "tick", at) for at in instants] == [[]] * len(instants)


def test_an_answer_to_a_firing_acts_once():
    with place() as p:
        p.pipeline("f/tick", TICK % p.path("other"))
        snapshot, _ = ticked(p)
        p.rota("restore", snapshot)
        p.start()
        first, second, third = [i for i in questions(p) if i["kind"] == "firing" and i["pipeline"] == "f/tick"][:3]
        for _ in range(3):
            answer(p, first["key"], "run")
        assert len(runs_for(p, "f/tick", first["scheduled_for"])) == 1
        refused = p.rota_all("restore", "--answer", first["key"], "skip")
        assert refused.returncode == 1 and "can't be taken back" in refused.stderr, refused.stderr
        # One that changed nothing may be changed.
        for word in ("skip", "mark", "run"):
            answer(p, second["key"], word)
        assert len(runs_for(p, "f/tick", second["scheduled_for"])) == 1
        # As if the daemon had died between the deed and the record of the answer.
        answer(p, third["key"], "run")
        assert p.stop() == 0
        with database(os.path.join(p.state, "rota.db")) as db:
            db.execute("UPDATE restore_item SET answer = NULL")
        p.start()
        wait_until("the start records what was done",
                   lambda: [i["answer"] for i in questions(p)].count("run") == 3)
        answer(p, third["key"], "run")
        assert len(runs_for(p, "f/tick", third["scheduled_for"])) == 1
        answer(p, "999999", "skip", code=2)
        answer(p, "nonsense", "skip", code=2)
        answer(p, third["key"], "again", code=2)


def kill_at_the_deed(p, asked):
    """kill -9 of the daemon as soon as another run is in its database, which is before the answer is recorded."""
    db = sqlite3.connect(f"file:{p.state}/rota.db?mode=ro", uri=True, isolation_level=None)
    count = db.execute("SELECT count(*) FROM run").fetchone()[0]
    child = asked()
    while child.poll() is None and db.execute("SELECT count(*) FROM run").fetchone()[0] == count:
        pass
    p.kill()
    db.close()
    return child


def test_an_answer_acts_once_whenever_the_daemon_is_killed():
    with place() as p:
        snapshot, _ = ticked(p)
        p.rota("restore", snapshot)
        p.start()
        firings = [i for i in questions(p) if i["kind"] == "firing"]
        for i, item in enumerate(firings * 6):
            def asked(key=item["key"]):
                return subprocess.Popen([ROTA, "restore", "--state", p.state, "--answer", key, "run"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=p.environment())
            if i < len(firings):
                child = kill_at_the_deed(p, asked)
            else:
                child = asked()
                time.sleep(0.002 * i)
                p.kill()
            child.kill()
            child.wait()
            p.start()
            assert len(runs_for(p, "tick", item["scheduled_for"])) <= 1
        for item in firings:
            answer(p, item["key"], "run")
            assert len(runs_for(p, "tick", item["scheduled_for"])) == 1


def test_answers_to_attempts_mark_or_run_them_once():
    with place() as p:
        book = p.path("book")
        p.pipeline("steps", f"""
            tasks:
              one: {{run: "sleep 1.5; echo one >> {book}"}}
              two: {{needs: one, run: "echo two >> {book}"}}
              three: {{needs: two, run: "echo three >> {book}"}}
        """)
        p.pipeline("breaks", f"""
            tasks:
              bad:
                matrix: {{n: [1, 2]}}
                run: 'sleep 1.5; echo "bad$ROTA_MATRIX_N" >> {book}; exit "$((ROTA_MATRIX_N - 1))"'
        """)
        p.rota("reload")
        steps, breaks = p.rota("trigger", "steps").strip(), p.rota("trigger", "breaks").strip()
        wait_until("they run", lambda: len([a for r in (steps, breaks) for a in p.json("show", r)["attempts"]
                                            if a["state"] == "running"]) == 3)
        snapshot = p.path("snapshot.db")
        p.rota("backup", snapshot)
        p.wait_run(steps, "succeeded")
        p.wait_run(breaks, "failed")
        assert p.stop() == 0
        p.rota("restore", snapshot)
        p.start()
        p.wait_run(breaks, "failed")
        keys = {i["task"]: i["key"] for i in questions(p)}
        assert sorted(keys) == ["bad[1]", "bad[2]", "one", "three", "two"], keys
        assert "already" in answer(p, keys["one"], "mark")
        for _ in range(2):
            answer(p, keys["two"], "mark")
        assert "by itself" in answer(p, keys["three"], "run")
        for _ in range(3):
            answer(p, keys["bad[2]"], "run")
        p.rota("resume", "--all")
        shown = p.wait_run(steps, "succeeded")
        assert {t["label"]: t["state"] for t in shown["tasks"]} == dict.fromkeys(("one", "two", "three"), "succeeded")
        shown = p.wait_run(breaks, "failed")
        assert [r["round"] for r in shown["rounds"]] == [1, 2], shown["rounds"]
        answer(p, keys["bad[2]"], "run")
        assert len(p.json("show", breaks)["rounds"]) == 2
        wrote = lines(book)
        assert {w: wrote.count(w) for w in set(wrote)} == {"one": 1, "two": 1, "three": 2, "bad1": 1, "bad2": 2}, wrote


def test_a_refused_try_doesnt_use_the_question_up():
    with place() as p:
        snapshot, _ = ticked(p)
        p.rota("restore", snapshot)
        os.unlink(os.path.join(p.dags, "tick.yaml"))
        p.start()
        item = [i for i in questions(p) if i["kind"] == "firing"][0]
        refused = p.rota_all("restore", "--answer", item["key"], "run")
        assert refused.returncode != 0 and "no pipeline 'tick'" in refused.stderr, refused.stderr
        assert questions(p)[0]["answer"] is None
        p.pipeline("tick", TICK % p.path("book"))
        p.rota("reload")
        answer(p, item["key"], "run")
        assert len(runs_for(p, "tick", item["scheduled_for"])) == 1


def test_a_snapshot_that_cant_be_used_is_refused_and_nothing_changes():
    with place() as p:
        snapshot, _ = ticked(p)
        with open(snapshot, "rb") as f:
            good = bytearray(f.read())
        damaged, newer, other = p.path("damaged.db"), p.path("newer.db"), p.path("other.db")
        flipped = bytearray(good)
        for at in range(4096, len(flipped), 4096):
            flipped[at] ^= 0xFF
        for path, content in ((damaged, flipped), (newer, good), (other, b"no database at all" * 500)):
            with open(path, "wb") as f:
                f.write(content)
        with database(newer) as db:
            db.execute("PRAGMA user_version = 999")
        cut = p.path("cut.db")
        with open(cut, "wb") as f:
            f.write(good[:len(good) // 2])
        before = digests(p.state)
        for path, said in ((damaged, ""), (cut, ""), (other, ""), (newer, "999"), (p.path("nowhere.db"), "nowhere.db")):
            refused = p.rota_all("restore", path)
            assert refused.returncode == 2, (path, refused)
            assert "nothing was restored" in refused.stderr and said in refused.stderr, refused.stderr
            assert digests(p.state) == before, path
        p.start()
        assert p.json("status")["paused"] is None


def test_a_second_restore_still_knows_what_fired():
    with place() as p:
        book = p.path("book")
        p.pipeline("tick", TICK.replace("1s}", "1s, catchup: all, catchup_window: 1h}") % book)
        p.rota("reload")
        wait_until("it fired", lambda: lines(book))
        first, second = p.path("first.db"), p.path("second.db")
        for file in (first, second):
            p.rota("backup", file)
            before = len(lines(book))
            wait_until("it fired again", lambda: len(lines(book)) >= before + 2)
        settle(p, "tick")
        assert p.stop() == 0
        ran = lines(book)
        p.rota("restore", second)
        told = p.json("restore", first)["items"]
        firings = [i for i in told if i["kind"] == "firing" and i["found"] == "run"]
        assert {i["run"] for i in firings} <= set(ran) and len(firings) >= 4, (firings, ran)
        p.start()
        p.rota("resume", "--all")
        wait_until("it fires again", lambda: len(lines(book)) > len(ran))
        assert [runs_for(p, "tick", i["scheduled_for"]) for i in firings] == [[]] * len(firings)


def test_each_restore_keeps_what_it_replaces():
    with place() as p:
        snapshot, book = ticked(p)
        kept = [p.json("restore", snapshot)["kept"] for _ in range(4)]
        assert len(set(kept)) == 4, kept
        with database(kept[0]) as old:
            assert old.execute("SELECT count(*) FROM run").fetchone()[0] == len(lines(book))


def test_a_restore_is_refused_while_a_daemon_runs_and_told_which():
    with place() as p:
        snapshot = p.path("snapshot.db")
        p.rota("backup", snapshot)
        refused = p.rota_all("restore", snapshot)
        assert refused.returncode == 1 and str(p.daemon.pid) in refused.stderr, refused
        assert p.json("status")["paused"] is None


def test_a_backup_never_replaces_a_file_and_runs_alone():
    with place() as p:
        there = p.path("there")
        with open(there, "w") as f:
            f.write("mine")
        refused = p.rota_all("backup", there)
        assert refused.returncode == 1 and "already" in refused.stderr, refused.stderr
        assert open(there).read() == "mine"
        assert p.rota_all("backup", p.path("no/such/folder/file")).returncode == 2
        assert p.stop() == 0
        fatten(p, 100)
        p.start()
        asked = [subprocess.Popen([ROTA, "backup", "--state", p.state, p.path(f"copy{i}")], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=p.environment()) for i in range(2)]
        said = [a.communicate(timeout=60)[1] for a in asked]
        assert sorted(a.returncode for a in asked) == [0, 1], said
        assert "is under way" in "".join(said), said
        whole = [i for i in range(2) if asked[i].returncode == 0][0]
        assert os.path.exists(p.path(f"copy{whole}")) and not os.path.exists(p.path(f"copy{1 - whole}"))


def test_a_daemon_that_stops_during_a_backup_leaves_a_whole_one_or_none():
    with place() as p:
        assert p.stop() == 0
        fatten(p, 100)
        made = 0
        for i in range(8):
            p.start()
            file = p.path(f"copy{i}")
            asked = subprocess.Popen([ROTA, "backup", "--state", p.state, file], stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL, env=p.environment())
            time.sleep(0.05 * i)
            assert p.stop() == 0, p.daemon_log()
            asked.kill()
            asked.wait()
            assert not os.path.exists(file + ".tmp")
            if not os.path.exists(file):
                continue
            made += 1
            with database(file) as db:
                assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            os.unlink(file)
        assert made < 8, "some were given up"


def test_no_room_for_a_backup_harms_nothing():
    with small_disk(8) as disk, place() as p:
        p.pipeline("one", 'tasks: {a: {run: "true"}}\n')
        assert p.stop() == 0
        fatten(p, 20)
        p.start()
        refused = p.rota_all("backup", os.path.join(disk, "copy.db"))
        assert refused.returncode == 1 and ("full" in refused.stderr or "space" in refused.stderr), refused.stderr
        assert os.listdir(disk) == []
        assert p.json("status")["degraded"] is None
        p.wait_run(p.rota("trigger", "one").strip(), "succeeded")
        p.rota("backup", p.path("copy.db"))


run(globals())
