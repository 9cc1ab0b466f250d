#!/usr/bin/env python3
# takes: 36
"""The finer rules of the language and the engine, each through the real daemon."""
import calendar
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import place, run, tasks_of, wait_until  # noqa: E402


def states(shown):
    return {t["label"]: t["state"] for t in shown["tasks"]}


def start(p, name, *args):
    p.rota("reload")
    return p.rota("trigger", name, *args).strip()


def outputs(shown, task):
    return [t["outputs"] for t in shown["tasks"] if t["task"] == task]


def started(shown):
    return [a["task"] for a in sorted(shown["attempts"], key=lambda a: a["started_at"])]


def running(p, run_id, label):
    wait_until(f"{label} runs", lambda: states(p.json("show", run_id))[label] == "running")


def runs(p, text):
    return p.json("runs", text, "-n", "200")["items"]


# ---- the graph ----

def test_fail_fast_stops_the_siblings_and_without_it_they_go_on():
    with place() as p:
        p.pipeline("fast", """
            tasks:
              t: {matrix: {x: [1, 2, 3]}, fail_fast: true, grace: 1s, run: [/bin/sh, -c, 'test $0 = 2 && { sleep 0.3; exit 1; }; sleep 300', "${{ matrix.x }}"]}
        """)
        p.pipeline("slow", """
            tasks:
              t: {matrix: {x: [1, 2, 3]}, run: [/bin/sh, -c, 'test $0 != 2', "${{ matrix.x }}"]}
        """)
        p.rota("reload")
        fast, slow = p.rota("trigger", "fast").strip(), p.rota("trigger", "slow").strip()
        assert states(p.wait_run(slow, "failed")) == {"t[1]": "succeeded", "t[2]": "failed", "t[3]": "succeeded"}
        got = states(p.wait_run(fast, "failed"))
        assert got == {"t[1]": "cancelled", "t[2]": "failed", "t[3]": "cancelled"}, got


def test_needs_same_pairs_instances_and_is_no_barrier():
    with place() as p:
        gate = p.path("gate")
        p.pipeline("pairs", f"""
            tasks:
              first:
                matrix: {{x: [a, b]}}
                run: 'echo "v=$ROTA_MATRIX_X" >> "$ROTA_OUTPUT"; test $ROTA_MATRIX_X = a || while ! test -e {gate}; do sleep 0.05; done'
                outputs: {{v: string}}
              second: {{matrix: {{x: [a, b]}}, needs: {{first: same}}, run: 'test "$ROTA_IN_FIRST_V" = "$ROTA_MATRIX_X"'}}
        """)
        run_id = start(p, "pairs")
        wait_until("the second of a is through", lambda: states(p.json("show", run_id))["second[a]"] == "succeeded")
        assert states(p.json("show", run_id))["first[b]"] == "running"
        open(gate, "w").close()
        p.wait_run(run_id, "succeeded")


def test_an_empty_matrix_is_skipped_and_a_join_goes_on():
    with place() as p:
        p.pipeline("empty", """
            params: {xs: {type: list, items: int, default: []}}
            tasks:
              other: {run: "true"}
              each: {matrix: {x: "${{ params.xs }}"}, run: "true", outputs: {v: int}}
              after: {needs: each, run: "true"}
              join: {needs: [each, other], run: 'test "$ROTA_IN_EACH_V" = "[]"'}
        """)
        shown = p.wait_run(start(p, "empty"), "succeeded")
        got = states(shown)
        assert got["after"] == "skipped" and got["join"] == "succeeded", got


def test_one_slot_is_given_by_priority_then_by_the_longest_path():
    with place("slots: {cpu: 1}\n") as p:
        p.pipeline("order", """
            tasks:
              gate: {run: "sleep 0.3", priority: 100}
              low: {run: "true", priority: -1}
              short: {run: "true"}
              long1: {run: "true"}
              long2: {needs: long1, run: "true", priority: -2}
              long3: {needs: long2, run: "true", priority: -2}
              high: {run: "true", priority: 5}
        """)
        order = started(p.wait_run(start(p, "order"), "succeeded"))
        assert order == ["gate", "high", "long1", "short", "low", "long2", "long3"], order


def test_named_slots_limits_and_max_tasks_are_never_exceeded():
    with place("slots: {cpu: 16, gpu: [a0, b7]}\nlimits: {warehouse: 1}\n") as p:
        p.pipeline("named", """
            tasks:
              g: {matrix: {i: [1, 2, 3, 4]}, slots: {gpu: 1}, run: 'echo "v=$CUDA_VISIBLE_DEVICES" >> "$ROTA_OUTPUT"; sleep 0.2', outputs: {v: string}}
              both: {slots: {gpu: 2}, run: 'echo "v=$CUDA_VISIBLE_DEVICES" >> "$ROTA_OUTPUT"', outputs: {v: string}}
        """)
        p.pipeline("limited", 'tasks: {w: {matrix: {i: [1, 2, 3]}, slots: {warehouse: 1}, run: sleep 0.1}}\n')
        p.pipeline("narrow", 'max_tasks: 2\ntasks: {n: {matrix: {i: [1, 2, 3, 4, 5]}, run: sleep 0.1}}\n')
        p.rota("reload")
        ids = [p.rota("trigger", name).strip() for name in ("named", "limited", "narrow")]
        shown = [p.wait_run(i, "succeeded") for i in ids]
        assert {o["v"] for o in outputs(shown[0], "g")} <= {"a0", "b7"}, outputs(shown[0], "g")
        assert outputs(shown[0], "both") == [{"v": "a0,b7"}], outputs(shown[0], "both")

        def most(one):
            ends = sorted([(a["started_at"], 1) for a in one["attempts"]] + [(a["ended_at"], -1) for a in one["attempts"]])
            level = peak = 0
            for _, step in ends:
                level += step
                peak = max(peak, level)
            return peak
        assert most(shown[1]) == 1 and most(shown[2]) <= 2, (most(shown[1]), most(shown[2]))


def test_the_time_of_a_run_ends_it_and_finally_still_runs():
    with place() as p:
        p.pipeline("timed", f"""
            timeout: 500ms
            tasks:
              work: {{run: sleep 300, grace: 1s}}
              next: {{needs: work, run: "true"}}
              tidy: {{finally: true, run: 'echo "$ROTA_RUN_STATE" > {p.path("said")}; sleep 0.6'}}
        """)
        shown = p.wait_run(start(p, "timed"), "failed")
        assert states(shown)["tidy"] == "succeeded" and "time" in shown["reason"], (states(shown), shown["reason"])
        assert open(p.path("said")).read() == "failed\n"


def test_a_second_cancel_ends_finally_too():
    with place() as p:
        p.pipeline("twice", """
            tasks:
              work: {run: sleep 300, grace: 1s}
              tidy: {finally: true, run: sleep 300, grace: 5m}
        """)
        run_id = start(p, "twice")
        running(p, run_id, "work")
        p.rota("cancel", run_id)
        running(p, run_id, "tidy")
        p.rota("cancel", run_id)
        assert states(p.wait_run(run_id, "cancelled", seconds=20))["tidy"] == "cancelled"
        wait_until("nothing of it runs", lambda: not tasks_of(p.state))


# ---- schedules ----

def test_each_policy_of_overlap():
    with place() as p:
        for policy in ("queue", "skip", "cancel_running", "allow"):
            p.pipeline(policy, f"""
                schedule: {{every: 1s, overlap: {policy}, name: s}}
                tasks: {{t: {{run: sleep 300, grace: 1s}}}}
            """)
        p.rota("reload")
        wait_until("allow has three live runs", lambda: len([r for r in runs(p, "p:allow") if r["state"] == "running"]) >= 3, seconds=30)
        wait_until("cancel_running has cancelled one", lambda: any(r["state"] == "cancelled" for r in runs(p, "p:cancel_running")), seconds=30)
        wait_until("queue has one that waits", lambda: [r["state"] for r in runs(p, "p:queue")] == ["queued", "running"])
        assert [r["state"] for r in runs(p, "p:skip")] == ["running"]
        live = [r for r in runs(p, "p:cancel_running") if r["state"] in ("running", "queued", "cancelling")]
        assert len(live) <= 3, live
        by_hand = p.json("trigger", "skip")["run"]
        assert by_hand["state"] == "queued" and by_hand["queued_behind"] == "skip#1", by_hand
        assert p.json("trigger", "skip", "--now")["run"]["state"] == "running"


def test_catch_up_after_a_downtime():
    # Nothing fires by itself while the test runs; the downtime is made by setting back how far the schedules are decided.
    every = next(m for m in (60, 50, 40) if 120 < time.time() % (m * 60) < m * 60 - 120)
    with place() as p:
        for policy in ("none", "last", "all", "narrow"):
            p.pipeline(policy, f"""
                schedule: {{every: {every}m, catchup: {policy if policy != "narrow" else "all"}, catchup_window: {every * 6 if policy != "narrow" else every * 2}m,
                            overlap: allow, params: {{from: plan}}}}
                params: {{from: {{type: string, default: hand}}}}
                tasks: {{t: {{run: "true"}}}}
            """)
        p.rota("reload")
        p.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(p.state, "rota.db"))) as db:
            db.execute("UPDATE schedule SET since = since - ?1, decided = coalesce(decided, since) - ?1", (every * 60_000_000 * 5,))
            db.commit()
        p.start()
        wait_until("all of them are caught up", lambda: len(runs(p, "p:all state:succeeded")) == 5 and len(runs(p, "p:narrow state:succeeded")) == 2)
        assert len(runs(p, "p:last")) == 1 and runs(p, "p:none") == []
        assert runs(p, "p:last")[0]["scheduled_for"] == runs(p, "p:all")[0]["scheduled_for"]
        assert all(r["params"] == {"from": "plan"} and r["trigger"] == "schedule" for r in runs(p, "p:all"))
        p.stop()
        with contextlib.closing(sqlite3.connect(os.path.join(p.state, "rota.db"))) as db:
            missed = dict(db.execute("SELECT p.name, sum(f.count) FROM firing f JOIN pipeline p ON p.key = f.pipeline WHERE f.outcome = 'missed' AND f.reason != '' GROUP BY 1"))
        assert missed == {"none": 5, "last": 4, "narrow": 3}, missed
        p.start()
        assert len(runs(p, "p:all")) == 5 and len(runs(p, "p:last")) == 1


def fired(p, name, after, before):
    def seconds(text):
        return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    return [r["scheduled_for"] for r in runs(p, f"p:{name}") if after < seconds(r["scheduled_for"]) <= before]


def test_a_paused_pipeline_skips_its_firings_and_resume_starts_nothing_old():
    with place() as p:
        p.pipeline("often", 'schedule: {every: 1s, overlap: allow, catchup: all}\ntasks: {t: {run: "true"}}\n')
        p.pipeline("held", 'schedule: {every: 1s, paused: true}\ntasks: {t: {run: "true"}}\n')
        p.rota("reload")
        wait_until("it fires", lambda: runs(p, "p:often"))
        p.rota("pause", "often", "--reason", "quiet")
        before = len(runs(p, "p:often"))
        paused_at = time.time()
        time.sleep(2.5)
        assert len(runs(p, "p:often")) <= before + 1
        by_hand = p.rota("trigger", "often").strip()
        p.wait_run(by_hand, "succeeded")
        p.rota("resume", "often")
        resumed = time.time()
        wait_until("it fires again", lambda: fired(p, "often", resumed, resumed + 1000))
        old = [r for r in runs(p, "p:often trigger:schedule") if r["scheduled_for"] in fired(p, "often", paused_at + 1, resumed - 1)]
        assert old == [], old
        assert runs(p, "p:held") == []


def test_with_no_schedules_nothing_fires():
    with place(flags=("--no-schedules",)) as p:
        p.pipeline("often", 'schedule: {every: 1s}\ntasks: {t: {run: "true"}}\n')
        p.rota("reload")
        time.sleep(2.2)
        assert p.json("runs")["items"] == []
        p.wait_run(p.rota("trigger", "often").strip(), "succeeded")


# ---- reruns ----

def test_each_mode_of_a_rerun():
    with place() as p:
        p.pipeline("chain", f"""
            tasks:
              a: {{run: 'echo a >> {p.path("ran")}'}}
              b: {{needs: a, run: 'echo b >> {p.path("ran")}'}}
              c: {{needs: b, run: 'echo c >> {p.path("ran")}'}}
              d: {{run: 'echo d >> {p.path("ran")}'}}
        """)
        run_id = start(p, "chain")
        p.wait_run(run_id, "succeeded")
        number = 1
        for given, expected in ((["--from", "b"], "bc"), (["--only", "b"], "b"), (["--all"], "abcd")):
            os.unlink(p.path("ran"))
            preview = p.json("rerun", run_id, *given, "--dry-run")
            assert [r["task"] for r in preview["will_run"]] == list(expected), (given, preview)
            p.rota("rerun", run_id, *given)
            number += 1
            wait_until("its round has ended", lambda: (lambda s: s["round"] == number and s["state"] == "succeeded")(p.json("show", run_id)))
            assert "".join(sorted(open(p.path("ran")).read().split())) == expected, given


def test_a_changed_file_asks_for_the_version_and_the_newest_is_a_linked_run():
    with place() as p:
        p.pipeline("moving", 'tasks: {a: {run: "echo k=1 >> $ROTA_OUTPUT", outputs: {k: int}}, b: {needs: a, run: exit 1}}\n')
        first = start(p, "moving")
        p.wait_run(first, "failed")
        p.pipeline("moving", 'tasks: {a: {run: "echo k=2 >> $ROTA_OUTPUT", outputs: {k: int}}, b: {needs: a, run: "test $ROTA_IN_A_K = 1"}}\n')
        p.rota("reload")
        done = p.rota_all("rerun", first, "--failed")
        assert done.returncode in (1, 2) and "--version" in done.stderr, done
        preview = p.json("rerun", first, "--failed", "--version", "newest", "--dry-run")
        assert preview["linked"] is True and [r["task"] for r in preview["will_run"]] == ["b"], preview
        assert [(k["task"], k["changed"]) for k in preview["will_keep"]] == [("a", True)], preview
        p.rota("rerun", first, "--failed", "--version", "same")
        wait_until("the same fails again", lambda: (lambda s: s["round"] == 2 and s["state"] == "failed")(p.json("show", first)))
        second = p.rota("rerun", first, "--failed", "--version", "newest").strip()
        assert second != first and p.wait_run(second, "succeeded")["linked_from"] == first


# ---- what a task is started with ----

def test_environments_come_in_their_order_and_files_with_secrets_must_be_private():
    with place("slots: {cpu: 4}\nenv: {A: config, B: config, C: config}\n") as p:
        secret = p.path("secret.env")
        with open(secret, "w") as f:
            f.write("# a comment\nB=file\nS=s3cr3t-value\n\nQ=a b=c\n")
        os.chmod(secret, 0o600)
        p.pipeline("env", f"""
            env: {{B: pipeline, C: pipeline}}
            defaults: {{path: /opt/special}}
            tasks:
              t:
                env: {{C: task, D: "${{{{ run.id }}}}"}}
                run: |
                  test "$A $B $C" = "config pipeline task"
                  test "$D" = "$ROTA_RUN_ID"
                  test "$PATH" = /opt/special:/usr/local/bin:/usr/bin:/bin
                  test "$LANG $PYTHONUNBUFFERED" = "C.UTF-8 1"
                  test -z "$ROTA_HOME$LEAK"
                  test "$(cat)" = ""
              secret:
                env_file: {secret}
                env: {{X: x}}
                run: test "$(printf %s "$S" | tr 3 e) $B $Q" = "secret-value file a b=c"
        """)
        p.kill()
        p.start(env=p.environment(LEAK="leaked", ROTA_HOME="/nowhere"))
        run_id = start(p, "env")
        shown = p.wait_run(run_id, "succeeded")
        for folder, _, files in os.walk(p.state):
            for name in files:
                content = b"" if name == "rota.sock" else open(os.path.join(folder, name), "rb").read() if os.path.isfile(os.path.join(folder, name)) else b""
                assert b"s3cr3t-value" not in content, os.path.join(folder, name)
        assert "s3cr3t" not in json.dumps(shown)
        os.chmod(secret, 0o644)
        shown = p.wait_run(p.rota("trigger", "env").strip(), "failed")
        reason = next(t["reason"] for t in shown["tasks"] if t["label"] == "secret")
        assert "secret.env" in reason, reason


def test_variables_and_the_context_carry_every_value_typed():
    with place() as p:
        p.pipeline("forecast/typed", """
            schedule: {cron: "0 3 * * *", timezone: Europe/Oslo}
            params:
              i: {type: int, default: 5}
              f: {type: float, default: 0.5}
              b: {type: bool, default: true}
              s: {type: string, default: "010"}
              d: {type: date, default: "${{ date_add(run.date, -1) }}"}
              l: {type: list, items: int, default: [1, 2]}
              j: {type: json, default: '{"x": [1, null]}'}
              e: {type: enum, values: [auto, never], default: auto}
              long: {type: duration, default: 1h30m}
            tasks:
              t:
                shell: python3
                outputs: {seen: json}
                run: |
                  import json, os
                  seen = {k: v for k, v in os.environ.items() if k.startswith("ROTA_") or k == "TZ"}
                  with open(os.environ["ROTA_OUTPUT"], "a") as f:
                      f.write("seen<<END\\n" + json.dumps({"env": seen, "context": json.load(open(os.environ["ROTA_CONTEXT"])), "cwd": os.getcwd()}) + "\\nEND\\n")
        """)
        run_id = start(p, "forecast/typed", "--for", "2026-03-29T03:00:00+02:00")
        shown = p.wait_run(run_id, "succeeded")
        seen = outputs(shown, "t")[0]["seen"]
        env = seen["env"]
        expected = {"I": "5", "F": "0.5", "B": "true", "S": "010", "D": "2026-03-28", "L": "[1,2]", "E": "auto"}
        assert {k: env["ROTA_PARAM_" + k] for k in expected} == expected, env
        assert json.loads(env["ROTA_PARAM_J"]) == {"x": [1, None]}
        assert env["ROTA_RUN_ID"] == run_id and env["ROTA_PIPELINE"] == "forecast/typed" and env["ROTA_TASK"] == "t" and env["ROTA_ATTEMPT"] == "1", env
        assert env["ROTA_DATE"] == "2026-03-29" and env["TZ"] == "Europe/Oslo", env
        assert env["ROTA_SCHEDULED_FOR"].startswith("2026-03-29T03:00:00") and env["ROTA_SCHEDULED_FOR"].endswith("+02:00"), env
        assert env["ROTA_INTERVAL_START"].startswith("2026-03-28T03:00:00") and env["ROTA_INTERVAL_START"].endswith("+01:00"), env
        assert os.path.isabs(env["ROTA_WORK"]) and os.path.isabs(env["ROTA_DIR"]) and env["ROTA_INTERVAL_END"], env
        assert seen["cwd"] == os.path.join(os.path.realpath(p.dags), "forecast"), seen["cwd"]
        params = seen["context"]["params"]
        assert params["i"] == 5 and params["b"] is True and params["s"] == "010" and params["l"] == [1, 2] and params["j"] == {"x": [1, None]}, params
        assert shown["params"] == params and not os.path.exists(env["ROTA_WORK"] + "/nothing")


def test_dir_shells_and_first_lines():
    with place() as p:
        os.mkdir(os.path.join(p.dags, "sub"))
        p.pipeline("shells", f"""
            tasks:
              default: {{run: 'false; true'}}
              bash: {{shell: bash, run: 'false | true; echo never'}}
              bash_ok: {{shell: bash, run: 'a=(1 2); test "${{#a[@]}}" = 2'}}
              python: {{shell: python3, run: 'import sys; sys.exit(0 if sys.version_info[0] == 3 else 1)'}}
              shebang: {{run: "#!/usr/bin/env python3\\nimport sys\\nsys.exit(5)\\n"}}
              own: {{shell: [/bin/sh, -eu], run: 'echo "$UNSET"'}}
              plain: {{run: [/bin/sh, -c, 'test "$0 $1" = "$(printf "a\\\\nb") *"', "a\\nb", "*"]}}
              dir: {{dir: sub, run: 'test "$(basename "$PWD")" = sub'}}
              work: {{dir: /, run: 'test "$PWD" = /'}}
              gone: {{dir: missing, run: "true"}}
        """)
        shown = p.wait_run(start(p, "shells"), "failed")
        codes = {a["task"]: a["exit_code"] for a in shown["attempts"]}
        assert {k: codes[k] for k in ("bash_ok", "python", "plain", "dir", "work")} == {"bash_ok": 0, "python": 0, "plain": 0, "dir": 0, "work": 0}, (codes, shown["tasks"])
        assert codes["default"] == 1 and codes["bash"] == 1 and codes["shebang"] == 5 and codes["own"] not in (0, None), codes
        assert "working directory" in next(t["reason"] for t in shown["tasks"] if t["label"] == "gone")


def test_exit_statuses_mean_what_they_say():
    with place() as p:
        p.pipeline("codes", """
            defaults: {retries: {max: 1, delay: 10ms}, allow_failure: true}
            tasks:
              config: {run: exit 78}
              again: {run: exit 3}
              skip: {run: exit 99}
              killed: {run: 'kill -9 $$', retries: {max: 1, delay: 10ms, exit_codes: [137]}}
              segv: {run: 'kill -SEGV $$', retries: 0}
              after_skip: {needs: skip, run: "true"}
        """)
        shown = p.wait_run(start(p, "codes"), "succeeded")
        tries = {t["label"]: t["attempts"] for t in shown["tasks"]}
        assert tries == {"config": 1, "again": 2, "skip": 1, "killed": 2, "segv": 1, "after_skip": 0}, tries
        by_task = {a["task"]: a for a in shown["attempts"]}
        assert by_task["killed"]["signal"] == 9 and by_task["killed"]["exit_code"] == 137, by_task["killed"]
        assert by_task["segv"]["signal"] == 11 and by_task["segv"]["exit_code"] == 139, by_task["segv"]
        assert states(shown)["skip"] == "skipped" and states(shown)["after_skip"] == "skipped"


def test_outputs_of_several_lines_and_over_the_limit():
    with place() as p:
        p.pipeline("outputs", r"""
            tasks:
              lines:
                run: |
                  printf 'text<<END\none\ntwo = 2\n\nEND\nnumber= 5\nnumber=6\nfloat=1e3\nflag=true\nlist=[1,2]\nday=2026-02-28\n' >> "$ROTA_OUTPUT"
                outputs: {text: string, number: int, float: float, flag: bool, list: {type: list, items: int}, day: date}
              large: {run: 'head -c 60000 /dev/zero | tr "\\0" x | sed "s/^/v=/" >> "$ROTA_OUTPUT"', outputs: {v: string}}
              reads: {needs: large, run: 'test -z "$ROTA_IN_LARGE_V" && test "$(wc -c < "$ROTA_CONTEXT")" -gt 60000'}
              over: {run: 'head -c 70000 /dev/zero | tr "\\0" x | sed "s/^/v=/" >> "$ROTA_OUTPUT"', outputs: {v: string}, allow_failure: true}
              mistyped: {run: 'echo n=many >> "$ROTA_OUTPUT"', outputs: {n: int}, allow_failure: true}
              undeclared: {run: 'echo other=1 >> "$ROTA_OUTPUT"'}
        """)
        shown = p.wait_run(start(p, "outputs"), "succeeded")
        got = outputs(shown, "lines")[0]
        assert got["text"] == "one\ntwo = 2\n" and got["number"] == 6 and got["float"] == 1000 and got["flag"] is True, got
        assert states(shown)["over"] == "failed" and states(shown)["mistyped"] == "failed", states(shown)
        assert all(t["reason"] for t in shown["tasks"] if t["state"] == "failed"), shown["tasks"]


def test_a_retry_goes_on_from_its_state_and_progress_is_shown():
    with place() as p:
        gate = p.path("gate")
        p.pipeline("progress", f"""
            tasks:
              t: {{run: 'echo "0.42 epoch 21/50" >> "$ROTA_PROGRESS"; while ! test -e {gate}; do sleep 0.05; done'}}
        """)
        run_id = start(p, "progress")
        wait_until("its progress is there", lambda: "42%" in (p.json("show", run_id)["tasks"][0]["progress"] or ""))
        assert "epoch 21/50" in p.rota("show", run_id)
        open(gate, "w").close()
        p.wait_run(run_id, "succeeded")


def test_the_commit_of_the_work_tree_is_recorded():
    with place() as p:
        def git(*args):
            subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *args], cwd=p.dags, check=True, capture_output=True,
                           env=p.environment(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null"))
        p.pipeline("tracked", "tasks: {a: {run: sleep 0.2}}\n")
        git("init", "-q")
        git("add", ".")
        git("commit", "-q", "-m", "x")
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=p.dags, capture_output=True, text=True, check=True).stdout.strip()
        first = start(p, "tracked")
        p.wait_run(first, "succeeded")
        attempt = wait_until("the commit is there", lambda: (lambda a: a if a["git_commit"] else None)(p.json("show", first)["attempts"][0]))
        assert attempt["git_commit"] == head and attempt["git_dirty"] is False, attempt
        p.pipeline("tracked", "tasks: {a: {run: sleep 0.3}}\n")
        second = start(p, "tracked")
        p.wait_run(second, "succeeded")
        attempt = wait_until("the commit is there", lambda: (lambda a: a if a["git_commit"] else None)(p.json("show", second)["attempts"][0]))
        assert attempt["git_commit"] == head and attempt["git_dirty"] is True, attempt


def test_the_work_directory_is_shared_and_goes_with_the_run():
    with place() as p:
        p.pipeline("work", """
            tasks:
              a: {run: 'echo x > "$ROTA_WORK/f"; pwd'}
              b: {needs: a, run: 'test -e "$ROTA_WORK/f"; echo "w=$ROTA_WORK" >> "$ROTA_OUTPUT"', outputs: {w: string}}
        """)
        shown = p.wait_run(start(p, "work"), "succeeded")
        work = outputs(shown, "b")[0]["w"]
        assert work.startswith(os.path.realpath(p.state)), work


def test_retention_removes_old_runs_and_their_directories_but_what_is_kept():
    with place("retention: {runs: 3}\n") as p:
        p.pipeline("many", 'params: {fail: {type: bool, default: false}}\ntasks: {t: {run: "test $ROTA_PARAM_FAIL = false"}}\n')
        p.rota("reload")
        ids = []
        for i in range(12):  # what didn't succeed stays for twice as many
            ids.append(p.rota("trigger", "many", "-p", "fail=" + ("false" if i < 2 else "true")).strip())
            p.wait_run(ids[-1], "succeeded" if i < 2 else "failed")
        p.rota("keep", ids[0])
        p.kill()
        p.start()
        wait_until("the oldest are removed", lambda: len(p.json("runs")["items"]) <= 8, seconds=60, step=0.5)
        left = [r["id"] for r in p.json("runs")["items"]]
        assert sorted(ids.index(i) for i in left) == [0, 1, 6, 7, 8, 9, 10, 11], [ids.index(i) for i in left]
        on_disk = "".join(folder for folder, _, _ in os.walk(os.path.join(p.state, "runs")))
        wait_until("their directories are gone", lambda: ids[3] not in "".join(f for f, _, _ in os.walk(os.path.join(p.state, "runs"))))
        assert ids[0] in on_disk, on_disk
        assert p.rota_all("show", ids[3]).returncode == 2


run(globals())
