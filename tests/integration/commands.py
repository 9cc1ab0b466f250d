#!/usr/bin/env python3
"""Every command with its flags, as a person at a terminal uses it: exit codes, what is printed, and where."""
import json
import os
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import ROTA, Skip, alive, bare, place, run, tasks_of, wait_until  # noqa: E402
from terminal import on_terminal  # noqa: E402

COMMANDS = ("new validate schema next run serve trigger rerun cancel retry-now mark pause resume status list runs show "
            "logs why compare note reload backup restore keep doctor completion version help").split()
INSTANT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")

RUN_KEYS = ("id name pipeline number state reason trigger actor params version scheduled_for interval_start date zone "
            "created_at started_at ended_at duration_ms round failed_before keep linked_from tasks_total tasks_done "
            "tasks_failed").split()
TASK_KEYS = ("task label index state wait reason round attempts started_at ended_at duration_ms not_before marked "
             "allow_failure outputs "
             "progress summary").split()
ATTEMPT_KEYS = ("id task attempt round state reason host exit_code signal pid started_at ended_at duration_ms max_rss_kb "
                "cpu_ms log_bytes slots dir git_commit git_dirty").split()
PIPELINE_KEYS = "name present paused error owner tags description version next usual_ms schedules last_runs".split()
STATUS_KEYS = ("version state_id pid started_at state_dir dags degraded paused running queued attention next slots "
               "pipelines").split()

MIX = """
    description: A bit of all
    owner: forecasting
    tags: [nightly]
    params:
      n: {type: int, default: 3}
    tasks:
      ok:
        run: 'echo fine; echo "k=v" >> "$ROTA_OUTPUT"; echo "**well**" >> "$ROTA_SUMMARY"'
        outputs: {k: string}
      bad: {needs: ok, run: 'for i in 1 2 3; do echo line $i; done; exit 3'}
      after: {needs: bad, run: "true"}
"""
SLEEPY = """
    tasks:
      zzz: {run: 'echo begin; sleep 300', grace: 1s}
      then: {needs: zzz, run: "true"}
"""


def has(thing, keys, name):
    missing = [key for key in keys if key not in thing]
    assert not missing, f"{name} lacks {missing}: {thing}"


def task(shown, label):
    return next(t for t in shown["tasks"] if t["label"] == label)


def states(shown):
    return {t["label"]: t["state"] for t in shown["tasks"]}


def running(p, run_id, label):
    return wait_until(f"{label} runs", lambda: states(p.json("show", run_id))[label] == "running")


def test_each_command_has_help_and_refuses_what_it_does_not_know():
    overview = bare("help").stdout
    for name in COMMANDS:
        for form in ([name, "--help"], [name, "-h"], ["help", name]):
            done = bare(*form)
            assert done.returncode == 0 and done.stdout.startswith(f"usage: rota {name}"), (form, done)
            assert done.stderr == "", (form, done)
        assert f"\n  {name} " in overview, name
        done = bare(name, "--no-such-option")
        assert done.returncode == 2 and "--no-such-option" in done.stderr and done.stdout == "", (name, done)
        assert "--help" in done.stderr, done
    for form in ([], ["--help"], ["-h"]):
        assert bare(*form).stdout == overview, form
    assert bare("--version").stdout == bare("version").stdout


def test_a_mistyped_command_or_option_is_answered_with_the_nearest():
    for given, suggestion in ((["stauts"], "'status'"), (["triger", "x"], "'trigger'"), (["runs", "--jsn"], "'--json'"),
                              (["trigger", "x", "--dryrun"], "'--dry-run'"), (["help", "shwo"], "'show'"),
                              (["rerun", "x", "--form", "y"], "'--from'")):
        done = bare(*given)
        assert done.returncode == 2 and suggestion in done.stderr, (given, done)


def test_arguments_that_are_missing_or_too_many_are_usage_errors():
    for given, word in ((["show"], "RUN"), (["trigger"], "NAME"), (["why", "x"], "TASK"), (["mark", "a", "b"], "STATE"),
                        (["mark", "a", "b", "succeeded"], "--reason"), (["mark", "a", "b", "done", "--reason", "x"], "done"),
                        (["pause", "--reason", "x"], "NAME"), (["pause", "x"], "--reason"), (["resume"], "NAME"),
                        (["pause", "x", "--all", "--reason", "x"], "--all"), (["note", "x"], "TEXT"), (["run"], "FILE"),
                        (["validate"], "FILE"), (["new"], "NAME"), (["status", "extra"], "extra"), (["runs", "-n"], "-n"),
                        (["runs", "-n", "many"], "many"), (["next", "-n", "0", "--cron", "* * * * *"], "0"),
                        (["logs", "x", "--attempt", "none"], "none"), (["rerun", "x", "--all", "--from", "y"], "--from"),
                        (["rerun", "x", "--version", "old"], "old"), (["trigger", "x", "-p", "novalue"], "novalue"),
                        (["trigger", "x", "--for", "yesterday"], "yesterday"), (["completion", "fish"], "fish"),
                        (["next", "x", "--cron", "* * * * *"], "--cron"), (["next", "--zone", "UTC"], "--cron"),
                        (["backup"], "FILE"), (["restore"], "FILE"), (["status", "--state"], "--state"),
                        (["show", ""], "RUN"), (["status", "--json=yes"], "--json")):
        done = bare(*given)
        assert done.returncode == 2, (given, done)
        assert word in done.stderr and done.stdout == "", (given, done)


def test_without_a_daemon_the_exit_is_3_and_the_message_says_how_to_start_one():
    with place(serve=False) as p:
        for given in (["status"], ["list"], ["runs"], ["show", "x"], ["logs", "x"], ["trigger", "x"], ["rerun", "x"],
                      ["cancel", "x"], ["retry-now", "x", "y"], ["mark", "x", "y", "skipped", "--reason", "z"],
                      ["note", "x", "y"], ["pause", "x", "--reason", "z"], ["resume", "--all"], ["reload"], ["next"],
                      ["why", "x", "y"], ["backup", "/nowhere/b"], ["keep", "x"]):
            done = p.rota_all(*given)
            assert done.returncode == 3 and "rota serve" in done.stderr and p.state in done.stderr, (given, done)
            assert done.stdout == "", done
        done = p.rota_all("doctor")
        assert done.returncode == 2 and "daemon" in done.stdout, done


def test_next_prints_one_instant_a_line():
    done = bare("next", "--cron", "30 2 * * *", "--zone", "Europe/Oslo", "--after", "2026-03-27T12:00:00Z", "-n", "3")
    assert done.stdout == "2026-03-28T02:30:00+01:00\n2026-03-29T03:00:00+02:00\n2026-03-30T02:30:00+02:00\n", done
    shown = json.loads(bare("next", "--cron", "@daily", "--zone", "UTC", "-n", "2", "--after", "2026-01-01T00:00:00Z", "--json").stdout)
    assert [i["scheduled_for"] for i in shown["items"]] == ["2026-01-02T00:00:00.000000Z", "2026-01-03T00:00:00.000000Z"], shown
    for expression in ("61 * * * *", "* * * *", "@reboot", "0 0 30 2 *", "", "a b c d e"):
        done = bare("next", "--cron", expression, "--zone", "UTC")
        assert done.returncode == 2 and done.stderr and not done.stdout, (expression, done)
    assert "Mars/Base" in bare("next", "--cron", "* * * * *", "--zone", "Mars/Base").stderr
    with place() as p:
        p.pipeline("daily", 'schedule: {cron: "0 3 * * *", timezone: Europe/Oslo}\ntasks: {a: {run: "true"}}\n')
        p.pipeline("hourly", 'schedule: {every: 1h}\ntasks: {a: {run: "true"}}\n')
        p.pipeline("by_hand", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        assert p.rota("next", "daily", "-n", "2", "--after", "2026-06-01T00:00:00Z") == "2026-06-01T03:00:00+02:00\n2026-06-02T03:00:00+02:00\n"
        lines = p.rota("next", "-n", "30").splitlines()
        assert any(line.endswith("daily") for line in lines) and any(line.endswith("hourly") for line in lines), lines
        items = p.json("next", "hourly", "-n", "4")["items"]
        assert len(items) == 4 and all(INSTANT.match(i["scheduled_for"]) for i in items), items
        assert p.rota_all("next", "nope").returncode == 2
        nothing = p.rota_all("next", "by_hand")
        assert nothing.returncode == 0 and nothing.stdout == "" and "no schedule" in nothing.stderr, nothing


def test_validate_tells_good_from_bad_and_warns():
    with place(serve=False) as p:
        good = p.pipeline("good", 'schedule: {cron: "30 2 * * *", timezone: Europe/Oslo}\ntasks: {a: {run: "true"}}\n')
        done = p.rota_all("validate", good)
        assert done.returncode == 0 and len(re.findall(r"\d\d\d\d-\d\d-\d\dT02:30:00\+0[12]:00", done.stdout)) == 3, done
        bad = p.pipeline("bad", 'tasks:\n  a: {rum: "true"}\n  b: {needs: c, run: "true"}\n  x: {needs: y, run: t}\n  y: {needs: x, run: t}\n')
        done = p.rota_all("validate", bad)
        assert done.returncode == 1, done
        for word in ("bad.yaml:2:7", "did you mean 'run'", "bad.yaml:3:", "x -> y -> x", "^"):
            assert word in done.stderr + done.stdout, (word, done)
        assert p.rota_all("validate", p.dags).returncode == 1
        shown = json.loads(p.rota_all("validate", bad, "--json").stdout)
        assert any(d["line"] == 2 and d["column"] == 7 for d in shown["files"][0]["diagnostics"]), shown
        for name, text, word in (
                ("jinja", 'tasks: {a: {run: "echo {{ ds }}"}}', "{{"),
                ("bashism", 'tasks: {a: {run: "if [[ -e x ]]; then echo; fi"}}', "bash"),
                ("tee", 'tasks: {a: {run: "make | tee log"}}', "tee"),
                ("secret", 'tasks: {a: {env: {DB_PASSWORD: abc}, run: "true"}}', "env_file"),
                ("dollar", 'tasks: {a: {env: {A: "$HOME/x"}, run: "true"}}', "$")):
            done = p.rota_all("validate", p.pipeline(name, text + "\n"))
            assert done.returncode == 0 and "warning" in done.stderr + done.stdout and word in done.stderr + done.stdout, (name, done)
        for name, text, word in (
                ("reboot", 'schedule: "@reboot"\ntasks: {a: {run: t}}', "@reboot"),
                ("cronzone", 'env: {CRON_TZ: UTC}\nschedule: "0 0 * * *"\ntasks: {a: {run: t}}', "timezone"),
                ("mailto", 'env: {MAILTO: me}\ntasks: {a: {run: t}}', "MAILTO")):
            done = p.rota_all("validate", p.pipeline(name, text + "\n"))
            assert word in done.stderr + done.stdout, (name, done)
        yml = os.path.join(p.dags, "short.yml")
        shutil.copy(good, yml)
        assert "warning" in p.rota_all("validate", yml).stderr
        done = p.rota_all("validate", p.path("nothere.yaml"))
        assert done.returncode != 0 and "nothere.yaml" in done.stderr, done


def test_a_new_pipeline_validates_and_runs_and_is_never_overwritten():
    with place(serve=False) as p:
        written = p.rota("new", "forecast/nightly", "--dir", p.dags)
        path = os.path.join(p.dags, "forecast/nightly.yaml")
        assert path in written and os.path.exists(path), written
        p.rota("validate", path)
        done = bare("run", path, env=p.environment(TMPDIR=p.root))
        assert done.returncode == 0, done
        before = open(path).read()
        assert p.rota_all("new", "forecast/nightly", "--dir", p.dags).returncode == 1
        assert open(path).read() == before
        for name in ("../escape", "/abs", "Upper", "_hidden", "a//b", "", "a b", "x" * 129):
            done = p.rota_all("new", name, "--dir", p.dags)
            assert done.returncode == 2, (name, done)
        assert not os.path.exists(p.path("escape.yaml"))


def test_the_schema_is_json_and_accepts_the_examples():
    schema = json.loads(bare("schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/") and "tasks" in schema["properties"]
    assert "slots" in json.loads(bare("schema", "--config").stdout)["properties"]
    try:
        import jsonschema
        import yaml
    except ImportError:
        raise Skip("python's jsonschema and yaml aren't installed") from None

    class Loader(yaml.SafeLoader):
        """YAML 1.2's core: dates, yes and no are text."""
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:null")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))
    folder = os.path.join(os.environ["ROTA_SOURCE"], "dags")
    for root, _, files in os.walk(folder):
        for name in files:
            if name.endswith(".yaml") and not name.startswith("_"):
                with open(os.path.join(root, name)) as f:
                    jsonschema.validate(yaml.load(f, Loader), schema)


def test_json_answers_hold_what_the_api_documents():
    with place() as p:
        p.pipeline("mix", MIX)
        p.pipeline("broken", 'tasks: {a: {rum: "true"}}\n')
        p.rota("reload", code=1)
        run_id = p.rota("trigger", "mix", "-p", "n=4").strip()
        assert re.fullmatch(r"[0-9a-z]{26}", run_id), run_id
        shown = p.wait_run(run_id, "failed")
        has(shown, RUN_KEYS + ["tasks", "attempts", "rounds", "notes"], "run")
        for t in shown["tasks"]:
            has(t, TASK_KEYS, "task")
        for a in shown["attempts"]:
            has(a, ATTEMPT_KEYS, "attempt")
            assert INSTANT.match(a["started_at"]) and INSTANT.match(a["ended_at"]), a
            assert a["git_commit"] is None and a["git_dirty"] is None, a
        assert [t["summary"] for t in shown["tasks"]] == ["**well**\n", None, None]
        assert shown["params"] == {"n": 4} and shown["name"] == "mix#1" and shown["number"] == 1
        has(shown["actor"], ["kind", "id", "name", "address"], "actor")
        listed = p.json("list")
        has(listed, ["items", "next"], "list")
        for item in listed["items"]:
            has(item, PIPELINE_KEYS, "pipeline")
        assert next(i for i in listed["items"] if i["name"] == "broken")["error"][0]["line"] == 1
        mix = next(i for i in listed["items"] if i["name"] == "mix")
        assert mix["owner"] == "forecasting" and mix["tags"] == ["nightly"] and mix["last_runs"][0]["id"] == run_id, mix
        status = p.json("status")
        has(status, STATUS_KEYS, "status")
        assert [r["id"] for r in status["attention"]] == [run_id] and status["attention"][0]["why"], status["attention"]
        assert status["degraded"] is None and status["paused"] is None
        has(status["slots"][0], ["host", "name", "used", "total"], "slot")
        runs = p.json("runs")
        has(runs["items"][0], RUN_KEYS, "run of the list")
        assert p.json("why", run_id, "after")["state"] == "upstream_failed"
        assert p.json("version")["version"] in p.rota("version")
        has(p.json("trigger", "mix")["run"], ["id", "name", "state", "queued_behind"], "trigger")
        checks = p.json("doctor", code=None)["checks"]
        assert all(c["result"] in ("ok", "warning", "critical") for c in checks), checks
        assert p.json("note", run_id, "seen") and p.json("show", run_id)["notes"][0]["reason"] == "seen"


def test_each_way_to_name_a_run():
    with place() as p:
        p.pipeline("mix", MIX)
        p.pipeline("forecast/mix", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        first = p.rota("trigger", "mix").strip()
        p.wait_run(first, "failed")
        p.rota("mark", first, "bad", "succeeded", "--reason", "mended")
        p.wait_run(first, "succeeded")
        second = p.rota("trigger", "mix").strip()
        p.wait_run(second, "failed")
        third = p.rota("trigger", "forecast/mix").strip()
        p.wait_run(third, "succeeded")
        for name, expected in ((first, first), ("mix#1", first), ("mix#2", second), ("mix", second), ("mix@failed", second),
                               (second[:25] if first[:25] != second[:25] else second, second), ("forecast/mix", third), ("forecast/mix#1", third)):
            assert p.json("show", name)["id"] == expected, name
        for name in ("mix#3", "mix#0", "nope", "nope#1", "nope@failed", "forecast/mix@failed", "zzzz", "mix@nonsense", "#1", "mix#", "../x"):
            done = p.rota_all("show", name)
            assert done.returncode == 2 and name.split("@")[-1] in done.stderr, (name, done)
        ambiguous = os.path.commonprefix([first, second, third])
        done = p.rota_all("show", ambiguous)
        assert done.returncode in (1, 2) and f"{ambiguous} could be any of {first}" in done.stderr, done


def test_show_puts_the_first_failure_and_its_last_lines_on_top():
    with place() as p:
        p.pipeline("mix", MIX)
        p.rota("reload")
        run_id = p.rota("trigger", "mix").strip()
        p.wait_run(run_id, "failed")
        lines = p.rota("show", run_id).splitlines()
        assert lines[0].startswith("mix#1  failed"), lines[0]
        failed = next(i for i, line in enumerate(lines) if line.startswith("bad failed"))
        table = next(i for i, line in enumerate(lines) if line.startswith("TASK"))
        log = next(i for i, line in enumerate(lines) if line.strip().endswith("line 3"))
        assert failed < log < table and "exit code 3" in lines[failed], lines
        assert p.rota("logs", run_id) == "line 1\nline 2\nline 3\n"
        assert p.rota("logs", run_id, "-n", "1") == "line 3\n"
        assert p.rota("logs", run_id, "ok") == "fine\n"
        assert p.rota("logs", run_id, "bad", "--attempt", "1") == "line 1\nline 2\nline 3\n"
        for given in (["nope"], ["bad", "--attempt", "2"], ["after"]):
            done = p.rota_all("logs", run_id, *given)
            assert done.returncode in (1, 2) and given[0] in done.stderr and done.stdout == "", (given, done)
        assert "never started" in p.rota_all("logs", run_id, "after").stderr


def test_a_log_is_followed_while_the_task_writes_it():
    with place() as p:
        gate = p.path("gate")
        p.pipeline("talk", f"""
            tasks:
              say: {{run: 'echo one; while ! test -e {gate}; do sleep 0.05; done; echo two'}}
        """)
        p.rota("reload")
        run_id = p.rota("trigger", "talk").strip()
        running(p, run_id, "say")
        follow = subprocess.Popen([ROTA, "logs", "--state", p.state, run_id, "say", "-f"], stdout=subprocess.PIPE, env=p.environment())
        try:
            ready, _, _ = select.select([follow.stdout], [], [], 20)
            assert ready and os.read(follow.stdout.fileno(), 100) == b"one\n"
            assert follow.poll() is None
            open(gate, "w").close()
            rest, _ = follow.communicate(timeout=20)
            assert rest == b"two\n" and follow.returncode == 0, (rest, follow.returncode)
        finally:
            if follow.poll() is None:
                follow.kill()
        broken = subprocess.run(f"{ROTA} logs --state {p.state} {run_id} say | true", shell=True, capture_output=True, text=True, env=p.environment())
        assert broken.returncode == 0 and broken.stderr == "", broken


def test_an_interrupted_follower_exits_with_130_and_leaves_the_run_alone():
    with place() as p:
        p.pipeline("sleepy", SLEEPY)
        p.rota("reload")
        run_id = p.rota("trigger", "sleepy").strip()
        running(p, run_id, "zzz")
        for command in (["logs", "--state", p.state, run_id, "zzz", "-f"], ["trigger", "--state", p.state, "sleepy", "--now", "--wait"]):
            waiting = subprocess.Popen([ROTA, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=p.environment())
            first = os.read(waiting.stdout.fileno(), 100)
            assert first, command
            time.sleep(0.3)
            waiting.send_signal(signal.SIGINT)
            waiting.communicate(timeout=20)
            assert waiting.returncode == 130, (command, waiting.returncode)
        assert {r["state"] for r in p.json("runs")["items"]} == {"running"}


def test_trigger_waits_and_exits_as_the_run_did():
    with place() as p:
        p.pipeline("mix", MIX)
        p.pipeline("well", 'tasks: {a: {run: "true"}}\n')
        p.pipeline("sleepy", SLEEPY)
        p.rota("reload")
        done = p.rota_all("trigger", "well", "--wait")
        assert done.returncode == 0 and re.fullmatch(r"[0-9a-z]{26}\n", done.stdout), done
        assert p.rota_all("trigger", "mix", "--wait").returncode == 1
        waiting = subprocess.Popen([ROTA, "trigger", "--state", p.state, "sleepy", "--wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=p.environment())
        run_id = waiting.stdout.readline().strip()
        running(p, run_id, "zzz")
        p.rota("cancel", run_id)
        waiting.communicate(timeout=30)
        assert waiting.returncode == 5
        before = len(p.json("runs")["items"])
        assert "a" in p.rota("trigger", "well", "--dry-run")
        assert p.json("trigger", "mix", "-p", "n=9", "--dry-run")["params"] == {"n": 9}
        assert len(p.json("runs")["items"]) == before
        run_id = p.rota("trigger", "well", "--for", "2026-03-29T02:30:00+01:00").strip()
        assert p.json("show", run_id)["scheduled_for"] == "2026-03-29T01:30:00.000000Z"


def test_why_knows_every_kind_of_wait():
    with place("slots: {cpu: 8, gpu: 1}\n") as p:
        p.pipeline("sleepy", SLEEPY)
        p.pipeline("retry", "tasks: {r: {run: 'exit 1', retries: {max: 3, delay: 1h, jitter: none}}}\n")
        p.pipeline("holder", "tasks: {h: {run: sleep 300, slots: {gpu: 1}, grace: 1s}}\n")
        p.pipeline("wants", "tasks: {w: {run: sleep 300, slots: {gpu: 1}, grace: 1s}}\n")
        p.pipeline("narrow", "max_tasks: 1\ntasks: {a: {run: sleep 300, grace: 1s}, b: {run: sleep 300, grace: 1s}}\n")
        p.rota("reload")
        first = p.rota("trigger", "sleepy").strip()
        queued = p.rota_all("trigger", "sleepy")
        assert "queued behind sleepy#1" in queued.stderr, queued
        running(p, first, "zzz")
        assert "zzz" in p.rota("why", first, "then")
        assert "sleepy#1" in p.rota("why", queued.stdout.strip(), "zzz")
        retry = p.rota("trigger", "retry").strip()
        wait_until("it waits for its retry", lambda: "retry 1 of 3" in p.rota("why", retry, "r"))
        not_before = task(p.json("show", retry), "r")["not_before"]
        assert INSTANT.match(not_before), not_before
        holder = p.rota("trigger", "holder").strip()
        running(p, holder, "h")
        wants = p.rota("trigger", "wants").strip()
        wait_until("the slot is what is waited for", lambda: "gpu" in p.rota("why", wants, "w"))
        assert "holder#1" in p.rota("why", wants, "w"), p.rota("why", wants, "w")
        shown = {line.split()[0]: line for line in p.rota("show", wants).splitlines() if line.strip()}
        assert "waits for slot" in shown["w"], shown
        shown = {line.split()[0]: line for line in p.rota("show", retry).splitlines() if line.strip()}
        assert re.search(r"retry 1 of \d+ at .*; the last attempt: exit status 1$", shown["r"]), shown
        narrow = p.rota("trigger", "narrow").strip()
        running(p, narrow, "a")
        assert "max_tasks" in p.rota("why", narrow, "b"), p.rota("why", narrow, "b")
        p.rota("pause", "--all", "--reason", "the disk is swapped")
        paused = p.rota("trigger", "retry", "--now").strip()
        assert "the disk is swapped" in p.rota("why", paused, "r")
        assert p.rota_all("why", first, "nope").returncode == 2
        p.rota("retry-now", retry, "r")
        assert "the disk is swapped" in p.rota("why", retry, "r")
        p.rota("resume", "--all")
        wait_until("the second try failed", lambda: task(p.json("show", retry), "r")["attempts"] == 2)
        assert p.rota_all("retry-now", first, "zzz").returncode == 1


def test_mark_takes_the_outputs_and_says_which_are_missing():
    with place() as p:
        p.pipeline("marked", """
            tasks:
              make: {run: "exit 1", outputs: {rows: int, name: string}}
              use: {needs: make, run: 'test "$ROTA_IN_MAKE_ROWS" = 5 && test "$ROTA_IN_MAKE_NAME" = "a b"'}
        """)
        p.rota("reload")
        run_id = p.rota("trigger", "marked").strip()
        p.wait_run(run_id, "failed")
        for given, word in ((["-o", "rows=5"], "name"), (["-o", "rows=x", "-o", "name=y"], "rows"), (["-o", "rows=5", "-o", "name=y", "-o", "more=1"], "more")):
            done = p.rota_all("mark", run_id, "make", "succeeded", "--reason", "by hand", *given)
            assert done.returncode in (1, 2) and word in done.stderr, (given, done)
        assert p.json("show", run_id)["state"] == "failed"
        p.rota("mark", run_id, "make", "succeeded", "--reason", "by hand", "-o", "rows=5", "-o", "name=a b")
        shown = p.wait_run(run_id, "succeeded")
        assert task(shown, "make")["marked"] is True and task(shown, "make")["outputs"] == {"rows": 5, "name": "a b"}, shown


def test_keep_note_pause_and_resume_leave_their_traces():
    with place() as p:
        p.pipeline("mix", MIX)
        p.rota("reload")
        run_id = p.rota("trigger", "mix").strip()
        p.wait_run(run_id, "failed")
        p.rota("keep", run_id)
        assert p.json("show", run_id)["keep"] is True
        p.rota("keep", run_id, "--off")
        assert p.json("show", run_id)["keep"] is False
        p.rota("note", run_id, "seen", "by", "me")
        assert p.json("show", run_id)["notes"][0]["reason"] == "seen by me"
        assert "seen by me" in p.rota("show", run_id)
        assert p.json("status")["attention"] == []
        p.rota("pause", "mix", "--reason", "because")
        paused = next(i for i in p.json("list")["items"] if i["name"] == "mix")["paused"]
        assert paused["reason"] == "because" and INSTANT.match(paused["at"]), paused
        p.rota("resume", "mix")
        assert next(i for i in p.json("list")["items"] if i["name"] == "mix")["paused"] is None
        for given in (["pause", "nope", "--reason", "x"], ["resume", "nope"], ["keep", "nope"], ["note", "nope", "x"], ["cancel", "nope"], ["rerun", "nope"], ["trigger", "nope"]):
            done = p.rota_all(*given)
            assert done.returncode in (1, 2) and "nope" in done.stderr, (given, done)
        audit = subprocess.run(["curl", "-s", "--unix-socket", os.path.join(p.state, "rota.sock"), "http://x/api/v1/audit"], capture_output=True, text=True)
        items = json.loads(audit.stdout)["items"]
        assert len(items) >= 6 and all(i["actor"]["kind"] for i in items), items


def test_the_filter_of_runs():
    with place() as p:
        p.pipeline("mix", MIX)
        p.pipeline("well", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        mix = p.rota("trigger", "mix", "-p", "n=7").strip()
        well = p.rota("trigger", "well").strip()
        p.wait_run(mix, "failed")
        p.wait_run(well, "succeeded")
        p.rota("note", mix, "the meteor struck")
        for given, expected in (([], [well, mix]), (["state:failed"], [mix]), (["state:failed,succeeded"], [well, mix]), (["p:wel*"], [well]),
                                (["owner:forecasting"], [mix]), (["tag:nightly"], [mix]), (["task:bad"], [mix]), (["trigger:manual"], [well, mix]),
                                (["trigger:schedule"], []), (["started:>-1h"], [well, mix]), (["started:<-1h"], []), (["dur:>1h"], []),
                                (["param.n:7"], [mix]), (['"meteor"'], [mix]), (["state:failed", "p:well"], []), (["-n", "1"], [well])):
            items = [r["id"] for r in p.json("runs", *given)["items"]]
            assert items == expected, (given, items)
        for given in ("stat:failed", "state:fine", "started:>x", "dur:>fast", '"open'):
            done = p.rota_all("runs", given)
            assert done.returncode == 2 and "^" in done.stderr, (given, done.stderr)
            assert "?   " not in done.stderr and len(done.stderr.splitlines()) > 2, done.stderr


def test_colours_only_on_a_terminal_and_never_with_no_color():
    with place() as p:
        p.pipeline("mix", MIX)
        p.rota("reload")
        p.wait_run(p.rota("trigger", "mix").strip(), "failed")
        plain = {k: v for k, v in p.environment().items() if k != "NO_COLOR"} | {"TERM": "xterm"}
        assert "\x1b[" not in p.rota("show", "mix", env=plain)
        assert b"\x1b[" in on_terminal(["show", "--state", p.state, "mix"], plain)[0]
        assert b"\x1b[" not in on_terminal(["show", "--state", p.state, "mix"], plain | {"NO_COLOR": "1"})[0]
        assert b"\x1b[" not in on_terminal(["show", "--state", p.state, "mix"], plain | {"TERM": "dumb"})[0]


def test_serve_check_changes_nothing_and_says_what_a_start_would_do():
    with place(serve=False) as p:
        p.pipeline("mix", MIX)
        done = p.rota_all("serve", "--check", "--config", p.config, "--dags", p.dags)
        assert done.returncode == 0 and not os.path.exists(p.state), (done, os.listdir(p.root))
        p.pipeline("broken", "tasks: {a: {rum: x}}\n")
        done = p.rota_all("serve", "--check", "--config", p.config, "--dags", p.dags)
        assert "broken" in done.stdout + done.stderr, done
        p.write_config("slotz: {cpu: 1}\n")
        done = p.rota_all("serve", "--check", "--config", p.config, "--dags", p.dags)
        assert done.returncode != 0 and "did you mean 'slots'" in done.stderr + done.stdout, done
        done = p.rota_all("serve", "--config", p.config, "--dags", p.dags)
        assert done.returncode != 0 and "rota.yaml:1:1" in done.stderr, done


def test_the_state_is_found_by_flag_variable_and_configuration():
    with place() as p:
        env = p.environment()
        assert bare("status", "--state", p.state, env=env).returncode == 0
        assert bare("status", env=env | {"ROTA_HOME": p.state}).returncode == 0
        assert bare("status", "--state", p.state, env=env | {"ROTA_HOME": "/nowhere"}).returncode == 0
        p.write_config(f"state: {p.state}\n")
        assert bare("status", env=env, cwd=p.root).returncode == 0
        assert bare("status", "--state=" + p.state, env=env).returncode == 0
        assert bare("status", env=env, cwd="/").returncode == 3
    deep = None
    with place(serve=False) as p:
        deep = os.path.join(p.root, "a" * 100, "b" * 100, "state")
        os.makedirs(deep)
        p.state = deep
        p.start()
        assert p.rota_all("status").returncode == 0
        assert oct(os.stat(os.path.join(deep, "rota.sock")).st_mode & 0o777) == "0o600"


def test_another_user_gets_no_answer():
    if os.geteuid() != 0:
        raise Skip("only root can become another user")
    with place() as p:
        above = os.path.dirname(p.root)
        os.chmod(above, stat.S_IMODE(os.stat(above).st_mode) | 0o011)
        os.chmod(p.root, 0o755)
        os.chmod(p.state, 0o755)
        os.chmod(os.path.join(p.state, "rota.sock"), 0o666)

        def become():
            os.setgid(65534)
            os.setuid(65534)
        # The program itself may lie where another user can't reach, so that its open descriptor is what is executed.
        with open(ROTA, "rb") as program:
            done = subprocess.run([f"/proc/self/fd/{program.fileno()}", "status", "--state", p.state], capture_output=True, text=True, pass_fds=[program.fileno()],
                                  preexec_fn=become, env=p.environment(), cwd="/", timeout=30)
        assert done.returncode == 4 and "another user" in done.stderr, done
        assert p.rota_all("status").returncode == 0


def test_completion_knows_the_commands():
    for shell in ("bash", "zsh"):
        script = bare("completion", shell).stdout
        assert all(name in script for name in COMMANDS), shell
        if shutil.which(shell):
            done = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True)
            assert done.returncode == 0, done


run(globals())
