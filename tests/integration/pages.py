#!/usr/bin/env python3
"""What the pages of the UI read, route by route: each success and each error, from a real daemon."""
import http.client
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import place, run, wait_until  # noqa: E402

BAD = """
    tasks:
      load: {run: "true", doc: Loads it}
      train: {needs: load, run: 'exit 3', matrix: {k: [1, 2]}}
      report: {needs: train, run: "true"}
      tidy: {run: "true", finally: true}
"""


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def ask(p, path, method="GET", body=None):
    """Status and JSON of a request over the socket."""
    connection = Unix(os.path.join(p.state, "rota.sock"))
    headers = {"Content-Type": "application/json"} if method == "POST" else {}
    connection.request(method, "/api/v1" + path, json.dumps(body if body is not None else {}) if method == "POST" else None,
                       headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text)


def get(p, path):
    status, body = ask(p, path)
    assert status == 200, (path, status, body)
    return body


def post(p, path, body=None, status=200):
    got, answer = ask(p, path, "POST", body)
    assert got == status, (path, got, answer)
    return answer


def refused(p, path, status, word):
    got, body = ask(p, path)
    assert got == status and word in body["detail"], (path, got, body)


def ran(p, name, *flags, code=0):
    """The id of a run of the pipeline that has ended."""
    return p.json("trigger", name, "--wait", *flags, code=code)["id"]


def test_a_grid_has_a_letter_for_each_task_of_each_run():
    with place() as p:
        p.pipeline("bad", BAD)
        p.pipeline("idle", "tasks: {a: {run: 'true'}, b: {needs: a, run: 'true'}}\n")
        p.rota("reload")
        first = ran(p, "bad", code=1)
        ran(p, "bad", code=1)
        grid = get(p, "/pipelines/bad/grid")
        assert [t["label"] for t in grid["tasks"]] == ["load", "train[1]", "train[2]", "report", "tidy"], grid
        assert [t["depth"] for t in grid["tasks"]] == [0, 1, 1, 2, 0], grid
        assert [r["number"] for r in grid["runs"]] == [2, 1] and grid["runs"][1]["id"] == first
        assert all(r["cells"] == "sffbs" and r["state"] == "failed" for r in grid["runs"]), grid
        assert grid["next"] is None
        one = get(p, "/pipelines/bad/grid?runs=1")
        assert [r["number"] for r in one["runs"]] == [2] and one["next"] == 2
        assert [r["number"] for r in get(p, "/pipelines/bad/grid?runs=1&before=2")["runs"]] == [1]
        p.rota("rerun", first, "--failed", "--wait", code=1)
        assert get(p, "/pipelines/bad/grid?runs=5")["runs"][1]["cells"] == "sFFbS"
        empty = get(p, "/pipelines/idle/grid")
        assert [(t["label"], t["depth"]) for t in empty["tasks"]] == [("a", 0), ("b", 1)] and empty["runs"] == []
        refused(p, "/pipelines/none/grid", 404, "none")
        refused(p, "/pipelines/bad/grid?runs=101", 422, "runs")
        refused(p, "/pipelines/bad/grid?before=x", 422, "before")


def test_a_graph_is_of_a_version_or_of_a_run():
    with place() as p:
        p.pipeline("bad", BAD)
        p.pipeline("none", """
            params: {shards: {type: list, items: int, default: []}}
            tasks:
              each: {run: "true", matrix: {shard: "${{ params.shards }}"}}
              all: {needs: each, run: "true"}
        """)
        p.rota("reload")
        graph = get(p, "/pipelines/bad/graph")
        assert [n["task"] for n in graph["nodes"]] == ["load", "train", "report", "tidy"]
        nodes = {n["task"]: n for n in graph["nodes"]}
        assert nodes["train"]["needs"] == ["load"] and nodes["train"]["instances"] == 2 and nodes["train"]["matrix"]
        assert nodes["tidy"]["finally"] and nodes["load"]["doc"] == "Loads it" and nodes["load"]["usual_ms"] is None
        assert "states" not in nodes["load"]
        done = ran(p, "bad", code=1)
        of_run = {n["task"]: n for n in get(p, f"/runs/{done}/graph")["nodes"]}
        assert of_run["train"]["states"] == {"failed": 2} and of_run["report"]["states"] == {"upstream_failed": 1}
        assert of_run["load"]["ended_at"] and of_run["load"]["usual_ms"] is not None
        old = graph["version"]
        p.pipeline("bad", "tasks: {only: {run: 'true'}}\n")
        p.rota("reload")
        assert [n["task"] for n in get(p, "/pipelines/bad/graph")["nodes"]] == ["only"]
        assert len(get(p, f"/pipelines/bad/graph?version={old[:8]}")["nodes"]) == 4
        assert len(get(p, f"/runs/{done}/graph")["nodes"]) == 4
        empty = {n["task"]: n for n in get(p, f"/runs/{ran(p, 'none')}/graph")["nodes"]}
        assert empty["each"]["states"] == {"skipped": 1} and "matrix was empty" in empty["each"]["reason"], empty
        assert get(p, "/pipelines/none/graph")["nodes"][0]["instances"] is None
        refused(p, "/pipelines/bad/graph?version=zz", 404, "zz")
        refused(p, "/pipelines/gone/graph", 404, "gone")
        refused(p, "/runs/gone/graph", 404, "gone")


def attention(p, kind=None):
    return [row for row in get(p, "/overview")["attention"] if kind in (None, row["kind"])]


def test_the_overview_shows_what_runs_and_what_ended_in_the_last_day():
    with place() as p:
        p.pipeline("quick", "schedule: [{cron: '0 3 * * *'}]\ntasks: {a: {run: 'true'}}\n")
        p.pipeline("slow", "tasks: {zzz: {run: 'sleep 60', grace: 1s}, next: {needs: zzz, run: 'true'}}\n")
        p.rota("reload")
        ran(p, "quick")
        first = p.json("trigger", "slow")["run"]["id"]
        second = p.json("trigger", "slow")["run"]["id"]
        wait_until("zzz runs", lambda: get(p, f"/runs/{first}")["tasks"][0]["state"] == "running")
        seen = get(p, "/overview")
        assert seen["attention"] == [] and seen["broken"] == [] and seen["degraded"] is None and seen["paused"] is None
        assert [r["id"] for r in seen["running"]] == [first] and seen["running"][0]["usual_ms"] is None
        assert seen["running"][0]["live"] == [{"label": "zzz", "state": "running"}], seen["running"]
        assert [r["id"] for r in seen["queued"]] == [second]
        assert seen["next"][0]["pipeline"] == "quick" and seen["pipelines"] == 2 and seen["version"]
        assert len(seen["strip"]) == 24 and seen["strip"][0]["hour"] < seen["strip"][23]["hour"] <= seen["now"]
        assert sum(h["succeeded"] for h in seen["strip"]) == 1 and sum(h["failed"] for h in seen["strip"]) == 0
        assert [s for s in seen["slots"] if s["name"] == "cpu"][0]["used"] == 1
        p.rota("cancel", second)
        p.rota("cancel", first)
        wait_until("it is over", lambda: get(p, "/overview")["running"] == [])
        assert sum(h["cancelled"] for h in get(p, "/overview")["strip"]) == 2


def test_a_failure_needs_attention_until_it_is_mended_or_noted():
    with place() as p:
        p.pipeline("bad", "params: {ok: {type: bool, default: false}}\n"
                          "tasks: {eval: {run: 'test $ROTA_PARAM_OK = true || exit 7'}}\n")
        p.pipeline("killed", "tasks: {a: {run: 'kill -9 $$'}}\n")
        p.pipeline("also", "tasks: {b: {run: 'kill -9 $$'}}\n")
        p.rota("reload")
        runs = [ran(p, "bad", code=1) for _ in range(3)]
        row = attention(p)[0]
        assert row["kind"] == "failed" and row["count"] == 3 and row["runs"][::-1] == runs, row
        assert row["title"] == "bad failed 3 times in eval" and row["why"] == "exit status 7 on local", row
        assert row["pipeline"] == "bad" and row["run"] == runs[2] and row["name"] == "bad#3" and row["task"] == "eval"
        p.rota("note", runs[2], "seen")
        assert attention(p)[0]["count"] == 2
        ran(p, "bad", "-p", "ok=true")
        assert attention(p) == []
        ran(p, "killed", code=1)
        assert attention(p)[0]["title"] == "killed#1 failed in a"
        ran(p, "also", code=1)
        rows = attention(p)
        assert len(rows) == 1 and rows[0]["title"] == "2 runs failed alike" and rows[0]["pipeline"] is None, rows


def test_a_file_that_does_not_load_needs_attention():
    with place() as p:
        p.pipeline("torn", "tasks:\n  a: {runs: 'true'}\n")
        p.rota("reload", code=None)
        row = attention(p)[0]
        assert row["kind"] == "broken" and row["pipeline"] == "torn" and row["at"] is None, row
        assert row["title"].endswith("torn.yaml doesn't load") and row["why"].startswith("line 2: "), row


def put_missed(p, pipeline, minutes):
    """As if the daemon had not been there `minutes` ago; the daemon must be down."""
    with sqlite3.connect(os.path.join(p.state, "rota.db")) as db:
        at = int((time.time() - minutes * 60) // 60 * 60) * 1000000
        (key,) = db.execute("SELECT max(key) FROM firing").fetchone()
        schedule, owner = db.execute("SELECT s.key, s.pipeline FROM schedule s JOIN pipeline p ON p.key = s.pipeline"
                                     " WHERE p.name = ?", (pipeline,)).fetchone()
        db.execute("INSERT INTO firing VALUES (?, ?, ?, ?, ?, 1, 0, 'missed', 'the daemon wasn''t there', NULL, ?)",
                   ((key or 900000) + 1, schedule, owner, at, at, at + 1000000))
    db.close()
    return at


def test_a_missed_firing_needs_attention_until_its_pipeline_succeeds():
    with place() as p:
        for name in ("one", "two"):
            p.pipeline(name, "schedule: [{cron: '0 3 1 1 *', timezone: UTC}]\ntasks: {a: {run: 'true'}}\n")
        p.rota("reload")
        p.stop()
        put_missed(p, "one", 50)
        put_missed(p, "one", 40)
        put_missed(p, "two", 30)
        p.start()
        rows = attention(p, "missed")
        assert [(r["pipeline"], r["count"], r["title"]) for r in rows] == \
            [("two", 1, "two missed a firing"), ("one", 2, "one missed 2 firings")], rows
        assert rows[0]["scheduled_for"] == rows[0]["at"] and rows[0]["run"] is None
        ran(p, "one")
        assert [r["pipeline"] for r in attention(p, "missed")] == ["two"]


def test_a_trend_has_the_usual_durations():
    with place() as p:
        p.pipeline("quick", "tasks: {a: {run: 'true'}}\n")
        p.rota("reload")
        assert get(p, "/pipelines/quick/trend") == {"runs": [], "median_ms": None, "tasks": []}
        for _ in range(3):
            ran(p, "quick")
        trend = get(p, "/pipelines/quick/trend?runs=2")
        assert [r["number"] for r in trend["runs"]] == [3, 2] and trend["median_ms"] is not None
        assert [t["task"] for t in trend["tasks"]] == ["a"]
        assert get(p, "/pipelines")["items"][0]["usual_ms"] == trend["median_ms"]
        refused(p, "/pipelines/gone/trend", 404, "gone")
        refused(p, "/pipelines/quick/trend?runs=0", 422, "runs")


def test_pipelines_say_when_they_fire():
    with place() as p:
        p.pipeline("both", "schedule: [{cron: '0 3 * * *', timezone: Europe/Oslo}, {every: 90m}]\ntasks: {a: {run: 'true'}}\n")
        p.rota("reload")
        want = [{"text": "0 3 * * *", "zone": "Europe/Oslo"}, {"text": "every 1h30m", "zone": None}]
        got = get(p, "/pipelines/both")["schedules"]
        assert got == want or got[1]["text"].startswith("every 1h 30m"), got


def test_the_number_of_runs_is_counted():
    with place() as p:
        p.pipeline("quick", "tasks: {a: {run: 'true'}}\n")
        p.rota("reload")
        for _ in range(3):
            ran(p, "quick")
        assert get(p, "/run-count") == {"count": 3, "at_least": False}
        assert get(p, "/run-count?q=state%3Afailed") == {"count": 0, "at_least": False}
        refused(p, "/run-count?q=state%3Anone", 422, "none")


def test_events_of_a_pipeline_are_those_of_no_run():
    with place() as p:
        p.pipeline("quick", "tasks: {a: {run: 'true'}}\n")
        p.rota("reload")
        p.rota("pause", "quick", "--reason", "holiday")
        ran(p, "quick")
        events = get(p, "/pipelines/quick/events")
        assert events["items"][0]["kind"] == "pipeline" and events["items"][0]["state"] == "paused", events
        one = get(p, "/pipelines/quick/events?limit=1")
        assert one["next"] and get(p, f"/pipelines/quick/events?limit=1&after={one['next']}")["items"] == events["items"][1:2]
        refused(p, "/pipelines/gone/events", 404, "gone")


def test_the_audit_is_filtered():
    with place() as p:
        p.pipeline("quick", "tasks: {a: {run: 'true'}}\n")
        p.rota("reload")
        ran(p, "quick")
        p.rota("pause", "quick", "--reason", "holiday")
        p.rota("resume", "quick")
        assert [a["action"] for a in get(p, "/audit?action=pause")["items"]] == ["pause"]
        me = get(p, "/audit")["items"][0]["actor"]
        assert len(get(p, f"/audit?actor={me['name']}&action=trigger")["items"]) == 1
        assert len(get(p, f"/audit?actor={me['id']}")["items"]) >= 3
        assert get(p, "/audit?actor=nobody-else") == {"items": [], "next": None}
        first = get(p, "/audit?limit=1")
        assert get(p, f"/audit?limit=1&after={first['next']}")["items"][0] != first["items"][0]


def test_firings_that_came_to_nothing_are_listed_over_all_pipelines():
    with place() as p:
        for name in ("one", "two"):
            p.pipeline(name, "schedule: [{cron: '0 3 1 1 *', timezone: UTC}]\ntasks: {a: {run: 'true'}}\n")
        p.rota("reload")
        p.stop()
        put_missed(p, "one", 50)
        put_missed(p, "two", 30)
        p.start()
        items = get(p, "/firings")["items"]
        assert [(i["pipeline"], i["outcome"], i["run_now"]) for i in items] == \
            [("two", "missed", True), ("one", "missed", True)], items
        p.rota("trigger", "two", "--for", items[0]["scheduled_for"], "--wait")
        assert [i["run_now"] for i in get(p, "/firings?outcome=missed,skipped")["items"]] == [False, True]
        assert get(p, "/firings?outcome=skipped")["items"] == []
        page = get(p, "/firings?limit=1")
        assert get(p, f"/firings?limit=1&after={page['next']}")["items"][0]["pipeline"] == "one"
        refused(p, "/firings?outcome=run", 422, "outcome")
        refused(p, "/firings?after=x", 422, "after")


def test_the_schedule_is_merged_and_marks_where_the_clocks_change():
    with place() as p:
        p.pipeline("berlin", "schedule: [{cron: '30 2 * * *', timezone: Europe/Berlin}]\ntasks: {a: {run: 'true'}}\n")
        p.pipeline("hours", "schedule: [{every: 6h}]\ntasks: {a: {run: 'true'}}\n")
        p.pipeline("rests", "paused: true\nschedule: [{cron: '0 1 * * *', timezone: UTC}]\ntasks: {a: {run: 'true'}}\n")
        p.rota("reload")
        items = get(p, "/schedule?n=9&after=2026-03-28T12:30:00Z")["items"]
        assert [(i["pipeline"], i["scheduled_for"][5:16]) for i in items] == [
            ("hours", "03-28T18:00"), ("hours", "03-29T00:00"), ("berlin", "03-29T01:00"), ("rests", "03-29T01:00"),
            ("hours", "03-29T06:00"), ("hours", "03-29T12:00"), ("hours", "03-29T18:00"), ("hours", "03-30T00:00"), ("berlin", "03-30T00:30")], items
        marks = {(i["pipeline"], i["scheduled_for"][5:10]): i for i in items}
        assert marks["berlin", "03-29"]["dst"] == "gap" and marks["berlin", "03-30"]["dst"] is None
        assert marks["rests", "03-29"]["paused"] and not marks["berlin", "03-29"]["paused"]
        assert marks["berlin", "03-30"]["interval_start"].startswith("2026-03-29T01:00")
        autumn = get(p, "/schedule?pipeline=berlin&n=1&after=2026-10-24T12:00:00Z")["items"][0]
        assert autumn["dst"] == "repeat" and autumn["local"] == "2026-10-25T02:30:00+02:00", autumn
        refused(p, "/schedule?pipeline=gone", 404, "gone")
        refused(p, "/schedule?n=1001", 422, "'n'")


def test_a_note_on_a_pipeline_acknowledges_what_it_missed():
    with place() as p:
        p.pipeline("one", "schedule: [{cron: '0 3 1 1 *', timezone: UTC}]\ntasks: {a: {run: 'true'}}\n")
        p.rota("reload")
        p.stop()
        put_missed(p, "one", 50)
        p.start()
        assert len(attention(p, "missed")) == 1
        assert post(p, "/pipelines/one/note", {"text": "the host was moved"})["ok"]
        assert attention(p) == []
        event = get(p, "/pipelines/one/events")["items"][0]
        assert event["kind"] == "note" and event["reason"] == "the host was moved" and event["actor"], event
        assert get(p, "/audit?action=note")["items"][0]["object"] == "one"
        assert ask(p, "/pipelines/gone/note", "POST", {"text": "x"})[0] == 404
        assert ask(p, "/pipelines/one/note", "POST", {})[0] == 422


def test_an_instant_has_one_run_unless_it_is_forced():
    with place() as p:
        p.pipeline("quick", "tasks: {a: {run: 'true'}}\n")
        p.rota("reload")
        at = {"for": "2026-03-01T03:00:00Z"}
        answers = []
        clicks = [threading.Thread(target=lambda: answers.append(ask(p, "/pipelines/quick/runs", "POST", at))) for _ in range(8)]
        for click in clicks:
            click.start()
        for click in clicks:
            click.join()
        assert sorted(status for status, _ in answers) == [201] + [409] * 7, answers
        p.wait_run("quick#1", "succeeded")
        status, body = ask(p, "/pipelines/quick/runs", "POST", at)
        assert status == 409 and "quick#1 (succeeded) is for this instant already" in body["detail"], body
        assert ask(p, "/pipelines/quick/runs", "POST", {**at, "dry_run": True})[0] == 409
        done = p.rota_all("trigger", "quick", "--for", at["for"])
        assert done.returncode != 0 and "quick#1" in done.stderr, done
        p.rota("trigger", "quick", "--for", at["for"], "--force")
        p.wait_run("quick#2", "succeeded")


def test_a_preview_of_a_rerun_says_why():
    with place() as p:
        p.pipeline("bad", BAD)
        p.rota("reload")
        done = ran(p, "bad", code=1)
        preview = post(p, f"/runs/{done}/rerun", {"mode": "failed", "dry_run": True})
        assert preview["will_run"] == [{"task": "train[1]", "why": "failed"}, {"task": "train[2]", "why": "failed"},
                                       {"task": "report", "why": "follows train"},
                                       {"task": "tidy", "why": "always runs (finally)"}], preview
        assert preview["will_keep"][0]["why"] == "succeeded" and preview["version_differs"] is False
        shown = p.rota("rerun", done, "--failed", "--dry-run")
        assert re.search(r"report +run +follows train", shown) and re.search(r"load +keep +succeeded", shown), shown
        p.pipeline("bad", BAD + "      more: {run: 'true'}\n")
        p.rota("reload")
        preview = post(p, f"/runs/{done}/rerun", {"mode": "failed", "version": "newest", "dry_run": True})
        assert {"task": "more", "why": "new"} in preview["will_run"] and preview["version_differs"], preview


def test_a_run_knows_its_neighbours_and_what_its_tasks_do():
    with place("slots: {cpu: 4, gpu: 1}\n") as p:
        p.pipeline("nightly", """
            params: {ok: {type: bool, default: true}}
            tasks:
              train: {run: ["sh", "-c", "test $ROTA_PARAM_OK = true"]}
              eval:
                needs: train
                run: |
                  #!/bin/sh
                  # says it

                  echo evaluates
        """)
        p.pipeline("slow", """
            tasks:
              zzz: {run: 'echo begun; sleep 60', grace: 1s, slots: {gpu: 1}}
              other: {run: 'true', slots: {gpu: 1}}
              each: {run: 'true', matrix: {k: []}}
        """)
        p.rota("reload")
        runs = [ran(p, "nightly"), ran(p, "nightly", "-p", "ok=false", code=1), ran(p, "nightly")]
        seen = [get(p, f"/runs/{r}") for r in runs]
        assert seen[0]["siblings"] == {"previous": None, "next": runs[1]}
        assert seen[1]["siblings"] == {"previous": runs[0], "next": runs[2]} and seen[1]["last_success"] == runs[0]
        assert seen[0]["last_success"] == runs[2] and seen[1]["usual_ms"] is not None
        commands = {a["task"]: a["command"] for a in seen[0]["attempts"]}
        assert commands == {"train": "sh -c test $ROTA_PARAM_OK = true", "eval": "echo evaluates"}, commands
        linked = p.rota("rerun", runs[1], "--failed", "-p", "ok=true", "--wait").split()[0]
        assert get(p, f"/runs/{runs[1]}")["continued_by"] == [linked] and seen[1]["continued_by"] == []
        slow = p.json("trigger", "slow")["run"]["id"]
        def tasks():
            return {t["label"]: t for t in get(p, f"/runs/{slow}")["tasks"]}
        wait_until("it has written", lambda: tasks()["zzz"]["last_output_at"])
        shown = tasks()
        assert shown["zzz"]["why"] is None and shown["zzz"]["expected_end"] is None
        assert shown["other"]["why"] == "waits for slot gpu on local: held by slow#1 zzz", shown["other"]
        assert get(p, f"/runs/{slow}")["empty"] == ["each"] and "each" in p.rota("show", slow)
        p.rota("cancel", slow)


def commit_all(path, message):
    env = {**os.environ, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
           "GIT_COMMITTER_EMAIL": "a@b"}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", message]):
        subprocess.run(["git", "-C", path, *command], check=True, env=env, capture_output=True)


def test_two_runs_are_compared():
    with place() as p:
        code = p.path("code")
        os.mkdir(code)
        with open(os.path.join(code, "model.py"), "w") as f:
            f.write("one\n")
        commit_all(code, "first")
        text = f"""
            params: {{lr: {{type: float, default: 0.1}}, seed: {{type: int, default: 7}}}}
            tasks:
              train: {{dir: {code}, run: 'echo "loss=$ROTA_PARAM_LR" >> $ROTA_OUTPUT', outputs: {{loss: float}}}}
              check: {{needs: train, run: 'test $ROTA_PARAM_LR = 0.1'}}
        """
        p.pipeline("nightly", text)
        p.rota("reload")
        refused(p, "/compare", 422, "'a'")
        refused(p, "/compare?a=nightly", 404, "nightly")
        good = ran(p, "nightly")
        refused(p, f"/compare?a={good}", 404, "no other run")
        wait_until("the commit is known", lambda: get(p, f"/runs/{good}")["attempts"][0]["git_commit"])
        with open(os.path.join(code, "new file.py"), "w") as f:
            f.write("two\n")
        with open(os.path.join(code, "model.py"), "w") as f:
            f.write("changed\n")
        commit_all(code, "second")
        p.pipeline("nightly", text.rstrip() + "\n              more: {run: 'true'}\n")
        p.rota("reload")
        bad = ran(p, "nightly", "-p", "lr=0.5", code=1)
        wait_until("the commit is known", lambda: get(p, f"/runs/{bad}")["attempts"][0]["git_commit"])
        seen = get(p, f"/compare?a={bad}")
        assert seen["a"]["id"] == bad and seen["b"]["id"] == good
        assert seen["params"] == [{"name": "lr", "a": 0.5, "b": 0.1}], seen["params"]
        assert not seen["version"]["same"] and "more:" in seen["version"]["a_text"] and "more:" not in seen["version"]["b_text"]
        (tree,) = [c for c in seen["code"] if c["dir"] == code]
        assert tree["a"] != tree["b"] and tree["a_dirty"] is False
        assert tree["files"] == [{"status": "M", "path": "model.py"}, {"status": "D", "path": "new file.py"}], tree
        tasks = {t["label"]: t for t in seen["tasks"]}
        assert list(tasks) == ["train", "check", "more"] and not tasks["train"]["different"]
        assert tasks["check"]["different"] and tasks["check"]["a"]["exit_code"] == 1 and tasks["check"]["b"]["exit_code"] == 0
        assert tasks["more"]["b"] is None and tasks["more"]["different"] and seen["hosts"] == []
        assert seen["outputs"] == [{"task": "train", "name": "loss", "a": 0.5, "b": 0.1}], seen["outputs"]
        same = get(p, f"/compare?a={good}&b={good}")
        assert same["params"] == [] and same["version"] == {"same": True, "a_text": None, "b_text": None}
        assert [c["files"] for c in same["code"] if c["dir"] == code] == [[]]
        os.rename(code, code + ".gone")
        (tree,) = [c for c in get(p, f"/compare?a={bad}&b={good}")["code"] if c["dir"] == code]
        assert tree["files"] is None
        refused(p, f"/compare?a={good}&b=gone", 404, "gone")


def test_every_action_has_its_command():
    with place() as p:
        p.pipeline("bad", "params: {ok: {type: bool, default: false}}\n"
                          "tasks: {eval: {run: 'test $ROTA_PARAM_OK = true || exit 7', outputs: {}}}\n")
        p.pipeline("slow", "tasks: {zzz: {run: 'sleep 60', grace: 1s}}\n")
        p.pipeline("one", "schedule: [{cron: '0 3 1 1 *', timezone: UTC}]\ntasks: {a: {run: 'true'}}\n")
        p.rota("reload")
        p.stop()
        put_missed(p, "one", 50)
        p.start()
        bad = [ran(p, "bad", code=1) for _ in range(2)]
        shown = p.rota("status")
        assert "bad failed 2 times in eval" in shown and "exit status 7 on local" in shown, shown
        assert "one missed a firing" in shown, shown
        p.rota("note", "--pipeline", "one", "seen", "it")
        assert "one missed" not in p.rota("status") and get(p, "/pipelines/one/events")["items"][0]["reason"] == "seen it"
        assert p.rota_all("note", "--pipeline", "one").returncode == 2 and p.rota_all("note", bad[0]).returncode == 2
        assert p.rota_all("note", "--pipeline", "gone", "x").returncode != 0
        # bulk
        done = p.rota_all("rerun", "--filter", "p:bad state:failed")
        assert done.returncode == 2 and "rerun 2 runs: bad#2 bad#1" in done.stderr and "--yes" in done.stderr, done
        assert get(p, f"/runs/{bad[0]}")["round"] == 1
        done = p.rota("rerun", "--filter", "p:bad state:failed", "--yes")
        assert "bad#1" in done and "bad#2" in done, done
        for run_id in bad:
            wait_until("both ran again", lambda: (lambda r: r["round"] == 2 and r["state"] == "failed")(get(p, f"/runs/{run_id}")))
        slow = [p.json("trigger", "slow", "--now")["run"]["id"] for _ in range(2)]
        assert len(p.json("cancel", "--filter", "p:slow", "--yes")) == 2
        for run_id in slow:
            p.wait_run(run_id, "cancelled")
        none = p.rota_all("cancel", "--filter", "p:slow", "--yes")
        assert none.returncode == 0 and "no run that hasn't ended matches" in none.stderr, none
        for wrong in (("cancel",), ("cancel", "x", "--filter", "y"), ("rerun",), ("rerun", "--filter", "x", "--wait")):
            assert p.rota_all(*wrong).returncode == 2, wrong
        assert p.rota_all("cancel", "--filter", "state:none", "--yes").returncode == 2
        # compare
        good = ran(p, "bad", "-p", "ok=true")
        shown = p.rota("compare", bad[1])
        assert re.search(r"ok +false +true", shown) and "1 of 1 tasks ended otherwise" in shown, shown
        assert re.search(r"eval +failed .*exit 7, 2 attempts +succeeded", shown), shown
        assert p.json("compare", bad[0], good)["b"]["id"] == good
        assert p.rota_all("compare", slow[0]).returncode != 0


if __name__ == "__main__":
    run(globals())
