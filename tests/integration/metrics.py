#!/usr/bin/env python3
"""/metrics: the text format to the letter, and figures that say what happened."""
import os
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from exposition import Exposition  # noqa: E402
from harness import place, run, wait_until  # noqa: E402


def token_of(p):
    return p.rota("token", "create", "prometheus", "--role", "viewer").split()[-1]


def scrape(p, token):
    status, headers, body = p.http("GET", "/metrics", token=token)
    assert status == 200, (status, body)
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8", headers
    return Exposition(body.decode())


def test_a_stranger_gets_no_figures():
    with place() as p:
        p.pipeline("secret", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        status, _, body = p.http("GET", "/metrics")
        assert status == 401 and "secret" not in str(body), (status, body)
        status, _, _ = p.http("GET", "/metrics", token="rota_wrong")
        assert status == 401, status


def test_figures_of_pipelines_say_what_happened():
    with place() as p:
        begun = time.time()
        p.pipeline("good", 'schedule: "0 5 * * *"\ntasks: {a: {run: "true"}}\n')
        p.pipeline("bad", 'tasks: {a: {run: "exit 3"}}\n')
        p.pipeline("rests", 'schedule: "0 5 * * *"\ntasks: {a: {run: "true"}}\n')
        p.pipeline("weekly", 'schedule: "0 5 * * 1"\ntasks: {a: {run: "true"}}\n')
        p.rota("reload")
        p.rota("pause", "rests", "--reason", "tests")
        token = token_of(p)
        before = scrape(p, token)
        assert before.get("rota_pipeline_last_success_timestamp_seconds", pipeline="good") is None
        assert before.get("rota_pipeline_last_state", pipeline="good", state="succeeded") is None
        p.wait_run(p.rota("trigger", "good").strip(), "succeeded")
        p.wait_run(p.rota("trigger", "bad").strip(), "failed")
        p.pipeline("weekly", "tasks: {a: {rum: 1}}\n")
        p.rota("reload", code=None)

        def check(x):
            get = lambda what, name, **more: x.get("rota_pipeline_" + what, pipeline=name, **more)  # noqa: E731
            assert begun < get("last_success_timestamp_seconds", "good") < time.time()
            assert get("last_success_timestamp_seconds", "good") == get("last_end_timestamp_seconds", "good")
            assert get("last_success_timestamp_seconds", "bad") is None
            assert begun < get("last_end_timestamp_seconds", "bad") < time.time()
            assert get("last_state", "good", state="succeeded") == 1
            assert get("last_state", "bad", state="failed") == 1
            assert get("last_state", "bad", state="succeeded") is None
            assert 0 < get("next_due_timestamp_seconds", "good") - time.time() <= 90000
            assert 82800 <= get("firing_gap_seconds", "good") <= 90000
            assert get("firing_gap_seconds", "weekly") > 6 * 86400
            assert get("next_due_timestamp_seconds", "rests") is None, "it is paused"
            assert get("next_due_timestamp_seconds", "bad") is None, "it has no schedule"
            assert (get("paused", "rests"), get("paused", "good")) == (1, 0)
            assert (get("broken", "weekly"), get("broken", "good")) == (1, 0)
            assert get("missed_firings_total", "good") == 0
            assert begun <= get("added_timestamp_seconds", "good") < time.time()
        check(scrape(p, token))
        p.stop()
        p.start()  # what was known is read from the rows
        check(scrape(p, token))
        os.unlink(os.path.join(p.dags, "bad.yaml"))
        p.rota("reload", code=None)
        assert scrape(p, token).get("rota_pipeline_paused", pipeline="bad") is None, "it has gone"


def test_missed_firings_are_counted_once():
    with place() as p:
        p.pipeline("hourly", 'schedule: {cron: "0 * * * *", catchup: none, timezone: UTC}\ntasks: {a: {run: "true"}}\n')
        p.rota("reload")
        token = token_of(p)
        get = lambda what: scrape(p, token).get(f"rota_pipeline_{what}", pipeline="hourly")  # noqa: E731
        p.stop()
        db = sqlite3.connect(os.path.join(p.state, "rota.db"))  # as if it had been down for a while
        db.execute("UPDATE schedule SET decided = decided - 5 * 3600 * 1000000")
        db.commit()
        db.close()
        begun = time.time()
        p.start()
        wait_until("what was missed is told", lambda: get("missed_firings_total"))
        told = get("missed_firings_total")
        listed = sum(f["count"] for f in p.json("firings", "hourly")["items"] if f["outcome"] == "missed")
        assert 4 <= told == listed <= 6, (told, listed)
        last = get("last_missed_timestamp_seconds")
        assert last % 3600 == 0 and 0 <= time.time() - last < 2 * 3600, last
        found = get("missed_known_timestamp_seconds")
        assert begun <= found <= time.time(), "not when it was due: an alarm on that would be silent after a downtime"
        p.stop()
        p.start()
        assert get("missed_firings_total") == 0, "it counts since the start"
        assert get("last_missed_timestamp_seconds") == last, "it is remembered"
        assert get("missed_known_timestamp_seconds") == found, "and when that was found"


def test_figures_of_slots_and_queues_say_what_runs():
    with place("slots: {cpu: 2, gpu: [a, b, c]}\nlimits: {warehouse: 3}\n") as p:
        p.pipeline("busy", """
            tasks:
              each:
                matrix: {n: [1, 2, 3, 4, 5]}
                run: sleep 30
                slots: {gpu: 1, warehouse: 1}
        """)
        p.rota("reload")
        token = token_of(p)
        run_id = p.rota("trigger", "busy").strip()
        wait_until("three run", lambda: scrape(p, token).get("rota_host_running_tasks", host="local") == 3)
        x = scrape(p, token)
        assert x.get("rota_host_slots_used", host="local", slot="gpu") == 3
        assert x.get("rota_host_slots_total", host="local", slot="gpu") == 3
        assert x.get("rota_host_slots_total", host="local", slot="cpu") == 2
        assert x.get("rota_limit_used", limit="warehouse") == x.get("rota_limit_total", limit="warehouse") == 3
        assert x.get("rota_host_up", host="local") == 1
        assert x.get("rota_host_contact", host="local", contact="up") == 1
        assert (x.get("rota_runs_live"), x.get("rota_attempts_live"), x.get("rota_tasks_waiting")) == (1, 3, 2)
        p.rota("cancel", run_id, "--now", code=None)
        p.rota("cancel", run_id, code=None)
        wait_until("all has ended", lambda: scrape(p, token).get("rota_attempts_live") == 0)
        x = scrape(p, token)
        assert x.get("rota_host_slots_used", host="local", slot="gpu") == 0 == x.get("rota_tasks_waiting")


def test_figures_of_the_daemon_are_of_this_one():
    with place() as p:
        p.pipeline("one", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        token = token_of(p)
        before = scrape(p, token)
        p.wait_run(p.rota("trigger", "one").strip(), "succeeded")
        assert before.get("rota_last_backup_timestamp_seconds") is None
        p.rota("backup", p.path("copy.db"))
        beats = before.get("rota_loop_lag_seconds_count") + 2
        wait_until("two more beats", lambda: scrape(p, token).get("rota_loop_lag_seconds_count") >= beats)
        x = scrape(p, token)
        status = p.json("status")
        assert x.get("rota_build_info", version=status["version"]) == 1
        assert abs(x.get("process_start_time_seconds") + x.get("rota_uptime_seconds") - time.time()) < 5
        assert x.get("rota_commit_seconds_count") > before.get("rota_commit_seconds_count")
        assert abs(time.time() - x.get("rota_last_commit_timestamp_seconds")) < 30
        assert x.get("rota_loop_lag_seconds_count") >= 2 and x.get("rota_loop_turn_seconds_count") > 10
        with open(f"/proc/{p.daemon.pid}/statm") as f:
            resident = int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        assert 0.5 < x.get("process_resident_memory_bytes") / resident < 2
        assert abs(x.get("process_open_fds") - len(os.listdir(f"/proc/{p.daemon.pid}/fd"))) < 10
        fs = os.statvfs(p.state)
        assert 0.8 < x.get("rota_disk_free_bytes") / (fs.f_bavail * fs.f_frsize) < 1.2
        assert x.get("rota_database_bytes") == os.path.getsize(os.path.join(p.state, "rota.db"))
        assert abs(time.time() - x.get("rota_last_backup_timestamp_seconds")) < 30
        assert x.get("rota_last_backup_age_seconds") < 30
        assert {labels["reason"] for labels, value in x.of("rota_degraded") if value == 0} == {
            "full", "read_only", "busy", "stalled", "damaged", "other"}
        health = status["health"]
        assert health["ok"] and health["degraded"] is None and not health["behind"], health
        assert health["last_backup"]["file"] == p.path("copy.db") and health["lag_ms"] >= 0, health
        p.stop()
        p.start()
        assert p.json("status")["health"]["last_backup"] == health["last_backup"], "it is remembered"


def test_series_are_by_pipelines_and_hosts_only():
    with place() as p:
        p.pipeline("one", 'tasks: {a: {matrix: {n: [1, 2, 3]}, run: "true"}}\n')
        p.rota("reload")
        token = token_of(p)
        first = p.wait_run(p.rota("trigger", "one").strip(), "succeeded")
        known = set(scrape(p, token).samples)
        for _ in range(3):
            p.wait_run(p.rota("trigger", "one").strip(), "succeeded")
        after = scrape(p, token)
        assert set(after.samples) == known, set(after.samples) ^ known
        assert first["id"] not in str(after.samples)
        labels = {name for _, pairs in after.samples for name, _ in pairs}
        assert labels <= {"pipeline", "host", "slot", "limit", "state", "contact", "order", "reason", "le", "version"}


run(globals())
