#!/usr/bin/env python3
"""Clocks that are set, machines that sleep, rules of time zones that change: what a schedule makes of it, and what the
books say. The clocks are those of the daemon alone (lib/clocks.py)."""
# time-limit: 240
import contextlib
import datetime
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from clocks import shifted_place  # noqa: E402
import wire  # noqa: E402
from harness import Skip, place, run, wait_until  # noqa: E402

MINUTELY = """
    schedule: {cron: "* * * * *", overlap: allow}
    tasks: {a: {run: "true"}}
"""
EVERY = """
    schedule: {every: 1s, overlap: allow}
    tasks: {a: {run: "true"}}
"""
HOUR, DAY = 3600, 86400


def instant(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc).timestamp()


def firings(p, name):
    """Newest first."""
    return p.json("firings", name, "-n", "200")["items"]


def check_decided_once(items, step):
    """Rows that follow one another without a gap and without an overlap."""
    for newer, older in zip(items, items[1:]):
        gap = instant(newer["scheduled_for"]) - instant(older["until"])
        assert abs(gap - step) < 0.001, f"{older} and then {newer}"
    for item in items:
        span = instant(item["until"]) - instant(item["scheduled_for"])
        assert abs(span - (item["count"] - 1) * step) < 0.001, item


def newest_is(p, name, outcome, least):
    def reached():
        p.rota("status")  # the loop turns, as it does when the kernel says that the clock was set
        items = firings(p, name)
        return items if items and items[0]["outcome"] == outcome and len(items) >= least else None
    return wait_until(f"{name} has {least} rows, the newest {outcome}", reached)


def test_a_clock_set_forward_makes_one_run_and_one_row_of_misses():
    for shift in (HOUR, 20 * 365 * DAY):
        with shifted_place() as (p, clocks):
            p.pipeline("often", MINUTELY)
            p.rota("reload")
            clocks.set(shift)
            items = newest_is(p, "often", "run", 2)
            check_decided_once(items, 60)
            missed = sum(item["count"] for item in items if item["outcome"] == "missed")
            assert abs(missed - shift / 60) <= 2, items
            assert sum(item["outcome"] == "run" for item in items) <= 3, items
            assert "the wall clock was set forward" in p.daemon_log()


def test_a_clock_set_back_repeats_nothing_and_stops_nothing_else():
    for shift in (-HOUR, -50 * 365 * DAY):
        with shifted_place() as (p, clocks):
            p.pipeline("often", EVERY)
            p.pipeline("by_hand", 'tasks: {a: {run: sleep 1}}\n')
            p.rota("reload")
            newest_is(p, "often", "run", 2)
            run_id = p.rota("trigger", "by_hand").strip()
            clocks.set(shift)
            before = firings(p, "often")
            p.wait_run(run_id, "succeeded")
            p.rota("trigger", "by_hand", "--now", "--wait")
            after = firings(p, "often")
            assert len(after) <= len(before) + 1, (before, after)
            check_decided_once(after, 1)
            assert "the wall clock was set back" in p.daemon_log()
            clocks.set(0)
            wait_until("it goes on", lambda: len(firings(p, "often")) > len(after) + 1)
            check_decided_once(firings(p, "often"), 1)


def test_no_end_in_the_books_is_before_its_start():
    with shifted_place() as (p, clocks):
        gate = p.path("gate")
        p.pipeline("nap", f'tasks: {{a: {{run: "while [ ! -e {gate} ]; do sleep 0.05; done"}}, '
                          'b: {needs: a, run: "true"}}\n')
        p.rota("reload")
        clocks.set(HOUR)
        run_id = p.rota("trigger", "nap").strip()
        wait_until("it runs", lambda: p.json("show", run_id)["attempts"][:1] and
                   p.json("show", run_id)["attempts"][0]["state"] == "running")
        clocks.set(0)
        with open(gate, "w", encoding="ascii"):
            pass
        shown = p.wait_run(run_id, "succeeded")
        for what in [shown] + shown["attempts"] + shown["tasks"] + shown["rounds"]:
            begin, end = what.get("started_at") or what.get("opened_at"), what["ended_at"]
            assert begin is None or instant(end) >= instant(begin), what
            assert what.get("duration_ms") is None or 0 <= what["duration_ms"] < 60000, what


def test_a_daemon_that_was_halted_goes_by_its_catchup_and_ends_nothing_early():
    with place() as p:
        p.pipeline("often", EVERY)
        p.pipeline("limited", """
            tasks:
              short: {run: sleep 30, timeout: 2s, grace: 1s}
              long: {run: sleep 5, timeout: 20s}
        """)
        p.rota("reload")
        newest_is(p, "often", "run", 1)
        run_id = p.rota("trigger", "limited").strip()
        wait_until("both run", lambda: sum(a["state"] == "running" for a in p.json("show", run_id)["attempts"]) == 2)
        p.daemon.send_signal(signal.SIGSTOP)
        time.sleep(4)
        p.daemon.send_signal(signal.SIGCONT)
        wait_until("a miss is told", lambda: any(item["outcome"] == "missed" for item in firings(p, "often")))
        shown = p.wait_run(run_id, "failed")
        states = {t["label"]: t["state"] for t in shown["tasks"]}
        assert states == {"short": "timed_out", "long": "succeeded"}, states
        short = next(a for a in shown["attempts"] if a["task"] == "short")
        assert 1900 <= short["duration_ms"] < 3900, f"its time held while the daemon was halted: {short}"
        check_decided_once(firings(p, "often"), 1)


def test_a_machine_that_slept_for_eight_hours_fires_once_and_its_time_counts():
    with shifted_place() as (p, clocks):
        p.pipeline("often", MINUTELY)
        p.pipeline("limited", "timeout: 2h\ntasks: {a: {run: sleep 60, grace: 100ms}}\n")
        p.pipeline("patient", "timeout: 9h\ntasks: {a: {run: sleep 4}}\n")
        p.rota("reload")
        over, goes_on = p.rota("trigger", "limited").strip(), p.rota("trigger", "patient").strip()
        wait_until("both run", lambda: all(a["state"] == "running" for r in (over, goes_on)
                                           for a in p.json("show", r)["attempts"] or [{"state": ""}]))
        clocks.sleep(8 * HOUR)
        items = newest_is(p, "often", "run", 2)
        check_decided_once(items, 60)
        assert 478 <= sum(item["count"] for item in items if item["outcome"] == "missed") <= 481, items
        p.wait_run(over, "failed")
        p.wait_run(goes_on, "succeeded")
        assert "the wall clock was set" not in p.daemon_log(), "a machine that slept has the right time"


def test_three_days_away_are_one_row_and_a_start_takes_seconds():
    with shifted_place() as (p, clocks):
        for number in range(5):
            p.pipeline(f"often_{number}", MINUTELY)
        p.rota("reload")
        p.kill()
        clocks.sleep(3 * DAY)
        begin = time.monotonic()
        p.start_shifted()
        took = time.monotonic() - begin
        for number in range(5):
            items = newest_is(p, f"often_{number}", "run", 2)
            check_decided_once(items, 60)
            missed = [item for item in items if item["outcome"] == "missed"]
            assert len(missed) == 1 and 4317 <= missed[0]["count"] <= 4321, missed
        assert took < 15, f"the start took {took} s"
        print(f"# the start after three days took {took:.2f} s")


# ---- zones ----

@contextlib.contextmanager
def own_zones():
    """A place whose daemon sees a folder of zones of its own: {name: file}."""
    with place(serve=False) as p:
        zones = p.path("zoneinfo")
        shutil.copytree("/usr/share/zoneinfo", zones, symlinks=True, dirs_exist_ok=True)
        script = f'mount --bind "{zones}" /usr/share/zoneinfo && exec "$@"'
        probe = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", "true"], capture_output=True, check=False)
        if probe.returncode != 0:
            raise Skip("no mount namespace of its own is permitted here")

        def start():
            with open(p.log, "a", encoding="utf-8") as out:
                p.daemon = subprocess.Popen(
                    ["unshare", "-m", "sh", "-c", script, "sh", os.environ["ROTA"], "serve", "--config", p.config, "--dags",
                     p.dags, "--state", p.state, "--listen", "127.0.0.1:0"], stdout=out, stderr=out, env=p.environment(),
                    cwd=p.root, start_new_session=True)
            wait_until("the daemon answers", p.answers)
        p.start = start
        yield p, zones


def put_zone(zones, name, like):
    os.makedirs(os.path.dirname(os.path.join(zones, name)), exist_ok=True)
    shutil.copy(os.path.join(zones, like), os.path.join(zones, "new"))
    os.rename(os.path.join(zones, "new"), os.path.join(zones, name))


def local_times(p, name):
    """Of the next firings, as the daemon sees them: hours and minutes in UTC."""
    items = wire.ask(p, "GET", f"/api/v1/schedule?pipeline={name}&n=4").json()["items"]
    return {item["scheduled_for"][11:16] for item in items}


def planned(p, name):
    """When the engine means to fire next; None if it doesn't."""
    return next((item["scheduled_for"][11:16] for item in p.json("status")["next"] if item["pipeline"] == name), None)


def test_new_rules_of_a_zone_move_what_is_to_come_and_nothing_that_was_decided():
    with own_zones() as (p, zones):
        put_zone(zones, "Test/Town", "UTC")
        p.start()
        p.pipeline("noon", 'schedule: {cron: "0 12 * * *", timezone: Test/Town}\ntasks: {a: {run: "true"}}\n')
        p.pipeline("ticks", EVERY)
        p.rota("reload")
        newest_is(p, "ticks", "run", 2)
        before = firings(p, "ticks")
        assert local_times(p, "noon") == {"12:00"} and planned(p, "noon") == "12:00", local_times(p, "noon")
        put_zone(zones, "Test/Town", "Asia/Kolkata")
        p.rota("reload")
        assert local_times(p, "noon") == {"06:30"}, local_times(p, "noon")
        assert planned(p, "noon") == "06:30", planned(p, "noon")
        assert p.daemon_log().count("time zone data changed") == 1
        assert firings(p, "ticks")[-len(before):] == before, "what was decided stands"


def test_a_zone_that_is_gone_parks_its_schedule_alone():
    with own_zones() as (p, zones):
        put_zone(zones, "Test/Town", "UTC")
        p.start()
        p.pipeline("lost", 'schedule: {cron: "* * * * *", timezone: Test/Town}\ntasks: {a: {run: "true"}}\n')
        p.pipeline("well", EVERY)
        p.rota("reload")
        p.kill()
        os.unlink(os.path.join(zones, "Test/Town"))
        p.start()
        newest_is(p, "well", "run", 2)
        status = p.json("status")
        assert [entry["pipeline"] for entry in status["broken"]] == ["lost"], status["broken"]
        assert "unknown time zone 'Test/Town'" in str(status["broken"]), status["broken"]
        assert local_times(p, "lost") == set() and not planned(p, "lost"), "no other zone takes its place"
        put_zone(zones, "Test/Town", "UTC")
        p.rota("reload")
        assert p.json("status")["broken"] == [] and local_times(p, "lost"), "it goes on when its zone is back"


run(globals())
