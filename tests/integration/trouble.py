#!/usr/bin/env python3
# takes: 56
"""What the daemon does about a database that is damaged or held by somebody else, and how it says so."""
import json
import os
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from exposition import Exposition  # noqa: E402
from harness import place, run, wait_until  # noqa: E402

SLOW = """
    tasks:
      one: {run: "until [ -e %s ]; do sleep 0.1; done; echo one >> %s"}
      two: {needs: one, run: "echo two >> %s"}
"""


def let_go(p):
    with open(p.path("go"), "w"):
        pass


def bytes_of(path):
    with open(path, "rb") as f:
        return f.read()


def spoil(p, table):
    """Fills the table's first page with nonsense behind its header."""
    path = os.path.join(p.state, "rota.db")
    db = sqlite3.connect(path)
    page, = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
    size, = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with open(path, "r+b") as f:
        f.seek((page - 1) * size + 8)
        f.write(b"\xa5" * (size - 8))


def figures(p, token):
    status, _, body = p.http("GET", "/metrics", token=token)
    assert status == 200, status
    return Exposition(body.decode())


def check_damaged(p, token, backup):
    told = p.json("status")["degraded"]
    assert told["kind"] == "damaged" and backup in told["reason"] and told["since"], told
    assert told["reason"].startswith("the database is damaged: stop the daemon"), "what to do comes first"
    assert told["reason"].count("damaged") == 1 and "***" not in told["reason"], told
    assert p.http("GET", "/healthz")[::2] == (503, {"ok": False, "status": "degraded"})
    status, _, health = p.http("GET", "/api/v1/health", token=token)
    assert status == 200 and not health["ok"] and health["degraded"] == told, health
    assert figures(p, token).get("rota_degraded", reason="damaged") == 1
    doctor = p.rota_all("doctor", "--json")
    checks = {c["name"]: c for c in json.loads(doctor.stdout)["checks"]}
    assert doctor.returncode == 2 and backup in checks["daemon"]["text"], checks
    assert backup in checks["backup"]["text"], "one by hand counts, too"
    assert "DEGRADED" in p.rota("status") and backup in p.rota("status")
    assert p.rota_all("trigger", "slow").returncode != 0, "nothing is taken on"
    assert p.rota_all("reload").returncode != 0, "nor read anew"


def check_refused_until_a_restore(p, backup):
    assert p.stop() == 0
    before = bytes_of(os.path.join(p.state, "rota.db"))
    refused = p.rota_all("serve", "--config", p.config, "--dags", p.dags, "--listen", "127.0.0.1:0")
    assert refused.returncode != 0 and "damaged" in refused.stderr and "rota.damaged" in refused.stderr, refused
    doctor = p.rota_all("doctor")
    assert doctor.returncode == 2 and "found damaged" in doctor.stdout, doctor.stdout
    looked = p.rota_all("serve", "--check", "--config", p.config, "--dags", p.dags)
    assert looked.returncode != 0 and "damaged" in looked.stdout, looked
    assert bytes_of(os.path.join(p.state, "rota.db")) == before, "it is left as it is"
    p.rota("restore", backup)
    p.start()
    assert p.json("status")["degraded"] is None


def prepared(p):
    """A token, a backup that knows it, and a run whose first task is under way when the daemon ends."""
    book, backup = p.path("book"), p.path("copy.db")
    p.pipeline("slow", SLOW % (p.path("go"), book, book))
    p.rota("reload")
    token = p.rota("token", "create", "looker", "--role", "viewer").split()[-1]
    p.rota("backup", backup)
    run_id = p.rota("trigger", "slow").strip()
    wait_until("it runs", lambda: [a for a in p.json("show", run_id)["attempts"] if a["state"] == "running"])
    return token, backup, book


def test_damage_that_the_check_finds_ends_all_writing_and_names_the_backup():
    with place() as p:
        token, backup, book = prepared(p)
        p.stop()
        spoil(p, "request")  # nothing that a start looks at
        p.start()
        wait_until("it is told", lambda: p.json("status")["degraded"])
        check_damaged(p, token, backup)
        database = bytes_of(os.path.join(p.state, "rota.db"))
        let_go(p)
        wait_until("the task that runs goes on to its end", lambda: os.path.exists(book) and open(book).read())
        time.sleep(2)
        assert open(book).read() == "one\n", "no other task is started"
        assert bytes_of(os.path.join(p.state, "rota.db")) == database, "nothing is written any more"
        check_refused_until_a_restore(p, backup)


def test_damage_that_a_commit_meets_ends_all_writing_too():
    with place() as p:
        p.pipeline("quick", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        p.wait_run(p.rota("trigger", "quick").strip(), "succeeded")
        token, backup, _ = prepared(p)
        log = os.path.join(p.state, "rota.db-wal")
        p.stop()
        p.start()
        time.sleep(2)  # the check has found nothing, the log is moved, no page is kept in memory
        wait_until("the log is moved", lambda: os.path.getsize(log) == 0)
        spoil(p, "hourly")  # the end of a run is counted there
        let_go(p)
        p.rota_all("trigger", "quick")
        wait_until("it is told", lambda: p.json("status")["degraded"], seconds=30)
        check_damaged(p, token, backup)
        size = os.path.getsize(log)
        time.sleep(2)
        assert os.path.getsize(log) == size, "nothing is written any more"
        check_refused_until_a_restore(p, backup)


def test_a_foreigner_who_holds_the_database_is_named_and_nothing_is_lost():
    with place() as p:
        p.pipeline("one", 'tasks: {a: {run: "sleep 1"}, b: {needs: a, run: "true"}}\n')
        p.rota("reload")
        token = p.rota("token", "create", "looker", "--role", "viewer").split()[-1]
        run_id = p.rota("trigger", "one").strip()
        wait_until("it runs", lambda: [a for a in p.json("show", run_id)["attempts"] if a["state"] == "running"])
        foreigner = sqlite3.connect(os.path.join(p.state, "rota.db"), isolation_level=None)
        foreigner.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        told = wait_until("it is told", lambda: p.json("status")["degraded"], seconds=30)
        assert told["kind"] == "busy", told
        named = f"(pid {os.getpid()})"
        wait_until("he is named", lambda: named in p.json("status")["degraded"]["reason"], seconds=10)
        assert figures(p, token).get("rota_degraded", reason="busy") == 1
        assert p.http("GET", "/healthz")[0] == 503
        wait_until("the log has the alarm", lambda: "held for half a minute" in p.daemon_log(), seconds=60, step=0.5)
        assert time.monotonic() - begun > 29 and named in p.daemon_log()
        foreigner.execute("ROLLBACK")
        foreigner.close()
        wait_until("it is well again", lambda: p.http("GET", "/healthz")[0] == 200)
        shown = p.wait_run(run_id, "succeeded")
        assert len(shown["attempts"]) == 2, shown["attempts"]


def doctor_says(p, words):
    """Without a daemon: its look at the database alone."""
    shown = p.rota_all("doctor", "--json")
    found = {c["name"]: c for c in json.loads(shown.stdout)["checks"]}["database"]
    assert shown.returncode == 2 and words in found["text"], found
    return found["result"]


def test_the_doctor_says_why_a_start_would_be_refused():
    with place() as p:
        p.pipeline("one", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        assert {c["name"]: c for c in json.loads(p.rota_all("doctor", "--json").stdout)["checks"]}["database"]["result"] == "ok"
        p.stop()
        database, old = os.path.join(p.state, "rota.db"), p.path("old.db")
        with open(old, "wb") as f:
            f.write(bytes_of(database))
        p.start()
        p.wait_run(p.rota("trigger", "one").strip(), "succeeded")
        p.stop()
        new = bytes_of(database)
        with open(database, "wb") as f:
            f.write(bytes_of(old))
        assert doctor_says(p, "lost commits") == "critical"
        refused = p.rota_all("serve", "--config", p.config, "--dags", p.dags, "--listen", "127.0.0.1:0")
        assert refused.returncode != 0 and "lost commits" in refused.stderr, refused
        with open(database, "wb") as f:
            f.write(new)
        db = sqlite3.connect(database)
        version, = db.execute("PRAGMA user_version").fetchone()
        db.execute(f"PRAGMA user_version = {version + 1}")
        db.close()
        assert doctor_says(p, f"has schema {version + 1}") == "critical"
        os.unlink(database)
        assert doctor_says(p, "is empty, but") == "critical", "one that is gone isn't taken for a first start"
        looked = p.rota_all("serve", "--check", "--config", p.config, "--dags", p.dags)
        assert looked.returncode != 0 and "is empty, but" in looked.stdout, looked
        refused = p.rota_all("serve", "--config", p.config, "--dags", p.dags, "--listen", "127.0.0.1:0")
        assert refused.returncode != 0 and "is empty, but" in refused.stderr, refused


def test_who_knows_better_takes_the_note_away():
    with place() as p:
        p.stop()
        with open(os.path.join(p.state, "rota.damaged"), "w") as f:
            f.write("2026-01-01T00:00:00Z a test\n")
        refused = p.rota_all("serve", "--config", p.config, "--dags", p.dags, "--listen", "127.0.0.1:0")
        assert refused.returncode != 0 and "a test" in refused.stderr, refused
        os.unlink(os.path.join(p.state, "rota.damaged"))
        p.start()
        assert p.json("status")["degraded"] is None


run(globals())
