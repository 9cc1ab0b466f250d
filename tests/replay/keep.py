#!/usr/bin/env python3
"""Makes the kept journals anew: `make replay-keep WHY="what is decided otherwise, and why"`.

Each scenario runs a real daemon, real tasks and, where it says so, real sshds on this machine; its journals are written
to tests/replay/NAME.b64, compressed. A line with the date, the digest of all of them and WHY goes to changes.txt.
"""
import datetime
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import zoneinfo

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../integration/lib")]
from harness import ROTA, place, wait_until  # noqa: E402
from kept import digest, pack  # noqa: E402
from remote import world  # noqa: E402

SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def write(p, name, text):
    with open(p.path(name), "w", encoding="utf-8") as f:
        f.write(text)


@scenario
def tasks(p):
    """Outputs, a matrix, retries by their budget, time-outs, skips, a task that may fail, `finally`; reruns of each kind,
    a linked one among them; pipelines in a work tree of git."""
    write(p, "dags/README", "pipelines")
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=anna", "-c", "user.email=anna@example.org", "commit", "-qm", "all"]):
        subprocess.run(["git", *command], cwd=p.dags, check=True)
    p.start("--journal", p.path("j"))
    p.pipeline("night", f"""
        params: {{day: {{type: date, default: 2026-03-29}}, n: {{type: int, default: 2}}}}
        tasks:
          get: {{run: 'echo rows=$((3 * ROTA_PARAM_N)) >> "$ROTA_OUTPUT"', outputs: {{rows: int}}}}
          split: {{needs: get, run: 'test "$ROTA_MATRIX_X" != 2 || test -e {p.path("go")}', matrix: {{x: [1, 2, 3]}},
                  retries: {{max: 2, delay: 200ms, jitter: full}}}}
          slow: {{run: sleep 60, timeout: 300ms, grace: 100ms, allow_failure: true}}
          no: {{run: 'true', when: '${{{{ params.n > 5 }}}}'}}
          skip: {{run: exit 99}}
          all: {{needs: [split, slow, no, skip], run: 'true'}}
          tell: {{run: 'echo $ROTA_RUN_STATE', finally: true}}
        """)
    p.rota("reload")
    run = p.rota("trigger", "night").strip()
    p.wait_run(run, "failed")
    write(p, "go", "")
    p.rota("rerun", run, "--wait")
    p.rota("rerun", run, "--all", "-p", "n=6", "--wait", code=None)
    p.rota("rerun", run, "--from", "split", "--wait")
    p.rota("rerun", run, "--from", "all", "-p", "day=2026-10-25", "--wait")
    p.pipeline("again", f"tasks: {{a: {{run: test -e {p.path('soon')}, retries: {{max: 1, delay: 1h}}}}}}")
    p.rota("reload")
    run = p.rota("trigger", "again").strip()
    wait_until("it waits for a retry", lambda: p.json("show", run)["tasks"][0]["wait"] == "retry")
    write(p, "soon", "")
    p.rota("retry-now", run, "a")
    p.wait_run(run, "succeeded")
    p.pipeline("limits", """
        max_tasks: 2
        timeout: 3s
        tasks:
          leave: {run: 'sleep 60 & exit 0'}
          first: {run: 'test $ROTA_MATRIX_N != 1', matrix: {n: [1, 2, 3, 4]}, fail_fast: true, allow_failure: true}
          long: {run: sleep 60, grace: 100ms, priority: 3}
          last: {needs: [leave, first, long], run: 'true'}
        """)
    p.rota("reload")
    p.rota("trigger", "limits", "--wait", code=1)
    p.stop()
    return {"tasks": p.path("j")}


@scenario
def people(p):
    """Requests of people: cancels, marks, notes, pauses, keeps, repeated and refused ones, tokens."""
    p.start("--journal", p.path("j"))
    p.pipeline("long", "tasks: {a: {run: 'trap \"\" TERM; sleep 60 & wait; sleep 60', grace: 300ms}, b: {needs: a, run: 'true'}}")
    p.pipeline("bad", "tasks: {a: {run: exit 3}, b: {needs: a, run: 'true'}}")
    p.rota("reload")
    one = p.rota("trigger", "long").strip()
    wait_until("it runs", lambda: p.json("show", one)["tasks"][0]["state"] == "running")
    two = p.rota("trigger", "long").strip()
    p.rota("why", two, code=None)
    p.rota("cancel", two)
    p.rota("cancel", one)
    p.wait_run(one, "cancelled")
    bad = p.rota("trigger", "bad").strip()
    p.wait_run(bad, "failed")
    p.rota("note", bad, "it is known")
    p.rota("keep", bad)
    p.rota("mark", bad, "a", "succeeded", "--reason", "done by hand")
    p.rota("pause", "bad", "--reason", "a holiday")
    waiting = p.rota("trigger", "bad").strip()
    p.rota("resume", "bad")
    p.wait_run(waiting, "failed")
    p.rota("trigger", "nothing", code=None)
    p.rota("pause", "--all", "--reason", "moving")
    p.rota("resume", "--all")
    for _ in range(2):
        p.http("POST", "/api/v1/pipelines/bad/runs", {}, headers={"Idempotency-Key": "one"})
    p.rota("token", "create", "ci", "--role", "viewer")
    p.rota("token", "revoke", "ci")
    p.stop()
    return {"people": p.path("j")}


@scenario
def clocks(p):
    """Schedules whose firings since before the last change of the clocks are decided at a start, by each policy for what
    was missed; then some at their time."""
    catchups = {"all": "Europe/Berlin", "last": "Australia/Sydney", "none": "America/New_York"}
    for catchup, zone in catchups.items():
        p.pipeline(catchup, f"""
            schedule:
              - {{cron: '30 2 * * *', timezone: {zone}, catchup: {catchup}, catchup_window: 300d, overlap: allow}}
              - {{cron: '15 0-3 * * 0', timezone: {zone}, catchup: {catchup}, catchup_window: 300d, overlap: skip, name: hourly}}
            tasks: {{a: {{run: 'true'}}}}
            """)
    p.pipeline("often", "schedule: {every: 1s, jitter: 500ms, overlap: skip}\ntasks: {a: {run: sleep 1.5}}")
    p.start("--no-schedules")
    p.stop()
    berlin, day = zoneinfo.ZoneInfo("Europe/Berlin"), datetime.datetime.now(datetime.timezone.utc)
    winter = berlin.utcoffset(day)
    while berlin.utcoffset(day) == winter:
        day -= datetime.timedelta(days=1)
    since = int((day - datetime.timedelta(days=3)).timestamp() * 1000000)
    with sqlite3.connect(os.path.join(p.state, "rota.db")) as db:
        db.execute("UPDATE schedule SET since = ?, decided = ? WHERE identity NOT LIKE 'every%'", (since, since))
    db.close()
    p.start("--journal", p.path("j"))
    time.sleep(4)
    wait_until("what was missed has run",
               lambda: not any(p.json("runs", f"p:{name} state:{state}")["items"]
                               for name in catchups for state in ("queued", "running")), 60)
    p.stop()
    return {"clocks": p.path("j")}


@scenario
def lives(p):
    """kill -9 while tasks run, wait for a retry and for a slot, and the start after it; a stop and one more."""
    p.start("--journal", p.path("j"))
    p.pipeline("over", f"""
        tasks:
          run: {{run: 'until test -e {p.path("go")}; do sleep 0.1; done'}}
          again: {{run: 'test -e {p.path("go")}', retries: {{max: 3, delay: 1s, jitter: none}}}}
          wide: {{run: sleep 0.2, matrix: {{n: [1, 2, 3, 4]}}, slots: {{cpu: 40}}}}
          end: {{needs: [run, again, wide], run: 'true'}}
        """)
    p.rota("reload")
    run = p.rota("trigger", "over").strip()
    wait_until("it waits for a retry", lambda: p.json("show", run)["tasks"][1]["attempts"] == 1)
    p.kill()
    os.rename(p.path("j"), p.path("killed"))
    p.start("--journal", p.path("j"))
    write(p, "go", "")
    p.wait_run(run, "succeeded")
    p.rota("trigger", "over", "--wait")
    p.stop()
    return {"killed": p.path("killed"), "after_kill": p.path("j")}


@scenario
def doubts(p):
    """A start on a host that was drained since, of which the next life of the daemon finds nothing."""
    p.start()
    p.pipeline("long", "tasks: {a: {run: sleep 60}}")
    p.rota("reload")
    run = p.rota("trigger", "long").strip()
    wait_until("it runs", lambda: p.json("show", run)["tasks"][0]["state"] == "running")
    p.rota("hosts", "drain", "local", "--reason", "updates", code=None)
    p.kill()
    p.forget_starts()
    p.start("--journal", p.path("j"))
    wait_until("it is fenced", lambda: p.json("show", run)["tasks"][0]["state"] == "waiting")
    p.rota("hosts", "up", "local")
    wait_until("it runs", lambda: p.json("show", run)["tasks"][0]["state"] == "running")
    p.rota("cancel", run)
    p.wait_run(run, "cancelled")
    p.stop()
    return {"doubts": p.path("j")}


@scenario
def reloads(p):
    """Slots, zones and limits change, files break, go and come back, while tasks run and wait."""
    p.write_config("slots: {cpu: 1, gpu: 1}\ntimezone: Asia/Tokyo\nenv: {MODE: fast}\n")
    p.start("--journal", p.path("j"))
    p.pipeline("gpu", f"""
        schedule: '0 4 * * *'
        tasks:
          a: {{run: 'until test -e {p.path("go")}; do sleep 0.1; done', slots: {{gpu: 1}}}}
          b: {{run: [echo, '${{{{ env.MODE }}}}'], slots: {{gpu: 1}}, priority: 5}}
          c: {{run: 'true', slots: {{gpu: 1}}, priority: 9}}
        """)
    p.rota("reload")
    run = p.rota("trigger", "gpu").strip()
    p.write_config("slots: {cpu: 8, gpu: [x, y]}\ntimezone: Europe/Berlin\nmax_tasks: 6\nenv: {MODE: slow}\n")
    p.rota("reload")
    write(p, "go", "")
    p.wait_run(run, "succeeded")
    p.pipeline("gpu", "tasks: {a: {run: 3, needs: nothing}}")
    p.rota("reload", code=1)
    p.rota("trigger", "gpu", "--wait")
    os.remove(os.path.join(p.dags, "gpu.yaml"))
    p.rota("reload")
    p.rota("trigger", "gpu", code=None)
    p.pipeline("gpu", "schedule: '0 5 * * *'\ntasks: {a: {run: 'true'}}")
    p.rota("reload")
    p.rota("trigger", "gpu", "--wait")
    p.stop()
    return {"reloads": p.path("j")}


def hosts():
    """Three hosts: one goes silent, for too long for one of its tasks, and comes back; one is declared down with tasks on
    it, one has a task abandoned."""
    with world({name: {"proxy": {}} for name in ("h1", "h2", "h3")}, start=False) as w:
        journal = w.p.path("j")
        w.p.start("--journal", journal, env=w.p.environment(**w.env))
        for name in w.hosts:
            w.wait_contact(name, "up")
        go = w.p.path("go")
        script = f"until test -e {go}; do sleep 0.1; done"
        run = w.trigger("far", {"tasks": {
            "wait": {"on": "h1", "run": script},
            "lost": {"on": "h2", "run": script, "retries": {"lost": 1}},
            "gone": {"on": "h3", "run": script},
            "quick": {"on": "h1", "run": "true"},
            "moved": {"on": "h1", "run": script, "unreachable": {"after": "1s", "then": "retry"},
                      "retries": {"lost": 1}},
        }})
        for label in ("wait", "lost", "gone"):
            w.wait_task(run, label, "running")
        for proxy in w.proxies.values():
            proxy.stall()
        for label in ("wait", "lost", "gone"):
            w.wait_task(run, label, "unreachable", 90)
        w.p.rota("hosts", "down", "h2", "--reason", "the power supply", "--yes")
        w.p.rota("cancel", run, "gone", "--abandon")
        for proxy in w.proxies.values():
            proxy.resume()
        with open(go, "w", encoding="utf-8"):
            pass
        for name in ("h1", "h3"):
            w.wait_contact(name, "up", hasten=True)
        w.p.rota("hosts", "up", "h2", code=None)
        w.wait_contact("h2", "up", hasten=True)
        w.p.rota("hosts", "drain", "h1", "--reason", "updates", code=None)
        w.p.rota("hosts", "up", "h1", code=None)
        wait_until("it has ended", lambda: w.show(run)["state"] in ("succeeded", "failed", "cancelled"), 60)
        w.p.rota("rerun", run, "--all", "--wait", code=None)
        w.p.stop()
        yield {"hosts": journal}


def keep(journals):
    for name, path in journals.items():
        subprocess.run([ROTA, "replay", path], check=True, stdout=subprocess.DEVNULL)
        with open(path, "rb") as f:
            text = pack(f.read())
        with open(os.path.join(HERE, f"{name}.b64"), "w", encoding="ascii") as f:
            f.write(text)
        print(f"{name}: {len(text)} bytes", flush=True)


def main():
    why = sys.argv[1] if len(sys.argv) > 1 else ""
    if not why.strip():
        sys.exit('say what is decided otherwise: make replay-keep WHY="..."')
    tempfile.tempdir = "/tmp"
    for function in SCENARIOS.values():
        with place(serve=False) as p:
            keep(function(p))
    for journals in hosts():
        keep(journals)
    day = datetime.date.today().isoformat()
    with open(os.path.join(HERE, "changes.txt"), "a", encoding="utf-8") as f:
        f.write(f"{day} {digest(HERE)} {why.strip()}\n")


main()
