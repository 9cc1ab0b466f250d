#!/usr/bin/env python3
# takes: 40
"""From the version before the newest migration to this one and back to it, with live tasks: each is adopted, its end
is recorded, and none is started twice. UPGRADE_TASKS is how many live there are, 20 unless said (`make upgrade`: 1,000).
"""
# time-limit: 600
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import ROTA, place, run, supervisors, wait_until  # noqa: E402
from older import newest_migration, older_rota  # noqa: E402

TASKS = int(os.environ.get("UPGRADE_TASKS", "20"))
PATIENCE = 60 + TASKS / 5
NUMBER = newest_migration()[:4]

# Half of them wait at one gate and half at the other, each without using the processor: a FIFO, of which each takes a
# line.
WAITING = """
    tasks:
      each:
        matrix: {{n: [{numbers}]}}
        run: |
          echo begin >> {book}/$ROTA_RUN_ID.$ROTA_MATRIX_N
          read line < {root}/gate$((ROTA_MATRIX_N % 2)) || true
          echo end >> {book}/$ROTA_RUN_ID.$ROTA_MATRIX_N
      last:
        needs: each
        run: 'echo begin >> {book}/$ROTA_RUN_ID.last; echo end >> {book}/$ROTA_RUN_ID.last'
"""


def book(p, run_id):
    lines = {}
    for name in os.listdir(p.path("book")):
        if name.startswith(run_id + "."):
            with open(p.path("book/" + name)) as f:
                lines[name.split(".")[1]] = f.read().split()
    return lines


def begun(p, run_id):
    return len(book(p, run_id))


def ended(p, run_id):
    return sum(lines.count("end") for lines in book(p, run_id).values())


def version(path):
    db = sqlite3.connect(path)
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return db.execute("PRAGMA user_version").fetchone()[0]
    finally:
        db.close()


def begin(p):
    """A run of which all tasks are alive and wait."""
    run_id = p.rota("trigger", "waiting").strip()
    wait_until("all tasks have begun", lambda: begun(p, run_id) == TASKS, PATIENCE, 0.1)
    wait_until("the daemon knows it", lambda: live(p, run_id) == TASKS, PATIENCE, 0.2)
    return run_id


def live(p, run_id):
    return sum(t["state"] == "running" for t in p.json("show", run_id)["tasks"])


def gate_open(p, n):
    """Lets all pass; to be closed when they have."""
    gate = os.open(p.path(f"gate{n}"), os.O_RDWR)
    os.write(gate, b"\n" * TASKS)
    return gate


def end_half_of_it(p, run_id):
    """While no daemon is there."""
    gate = gate_open(p, 0)
    wait_until("half have ended", lambda: ended(p, run_id) == TASKS // 2, PATIENCE, 0.1)
    os.close(gate)


def end_the_rest(p, run_id):
    """The daemon has found which of them live; it takes the run to its end."""
    wait_until("those that live are adopted", lambda: live(p, run_id) == TASKS - TASKS // 2, PATIENCE, 0.2)
    assert begun(p, run_id) == TASKS, "nothing else has begun"
    gate = gate_open(p, 1)
    shown = p.wait_run(run_id, "succeeded", PATIENCE)
    os.close(gate)
    attempts = [(a["task"], a["attempt"]) for a in shown["attempts"]]
    assert len(attempts) == TASKS + 1 and {number for _, number in attempts} == {1}, attempts
    assert all(a["exit_code"] == 0 for a in shown["attempts"])
    wrote = book(p, run_id)
    wrong = {name: lines for name, lines in wrote.items() if lines != ["begin", "end"]}
    assert len(wrote) == TASKS + 1 and not wrong, wrong


def test_an_upgrade_and_the_way_back_leave_live_tasks_alone():
    older = older_rota()
    with place("slots: {cpu: 2000}\n", serve=False) as p:
        os.mkdir(p.path("book"))
        for n in (0, 1):
            os.mkfifo(p.path(f"gate{n}"))
        p.pipeline("waiting", WAITING.format(numbers=", ".join(map(str, range(TASKS))), book=p.path("book"),
                                             root=p.root))
        database = os.path.join(p.state, "rota.db")

        p.program = older
        p.start()
        first = begin(p)
        p.kill()
        end_half_of_it(p, first)
        p.program = ROTA
        p.start()
        assert version(f"{database}.before-{NUMBER}") == int(NUMBER) - 1
        end_the_rest(p, first)

        second = begin(p)
        p.rota("note", second, "written by the newer version")
        assert p.stop() == 0
        assert version(database) == int(NUMBER)
        p.program = older
        p.start(wait=False)
        assert p.daemon.wait(20) != 0 and f"has schema {int(NUMBER)}" in p.daemon_log(), p.daemon_log()
        p.program = ROTA
        assert f"schema {int(NUMBER) - 1} now" in p.rota("downgrade")
        assert version(f"{database}.schema-{NUMBER}") == int(NUMBER)
        end_half_of_it(p, second)
        p.program = older
        p.start()
        assert p.json("show", first)["state"] == "succeeded"
        assert any("by the newer version" in e["reason"] for e in p.json("show", second)["notes"])
        end_the_rest(p, second)

        third = begin(p)
        assert p.stop() == 0
        end_half_of_it(p, third)
        p.program = ROTA
        p.start()
        assert {p.json("show", r)["state"] for r in (first, second)} == {"succeeded"}
        end_the_rest(p, third)
        assert supervisors(p.state) == []


def test_a_way_back_is_refused_while_the_daemon_runs_and_where_there_is_none():
    with place() as p:
        refused = p.rota_all("downgrade")
        assert refused.returncode == 1 and "stop the daemon" in refused.stderr, refused
        assert p.stop() == 0
        refused = p.rota_all("downgrade", "--to", "1")
        assert refused.returncode == 2 and "no way back" in refused.stderr, refused
        assert "already" in p.rota("downgrade", "--to", str(int(NUMBER)))
        assert version(os.path.join(p.state, "rota.db")) == int(NUMBER)
        p.start()


run(globals())
