#!/usr/bin/env python3
"""Pipelines through the real daemon: what runs, in which order, with which values, and what a person can do about it."""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import place, run, wait_until  # noqa: E402


def states(shown):
    return {t["label"]: t["state"] for t in shown["tasks"]}


def start(p, name, *args):
    p.rota("reload")
    return p.rota("trigger", name, *args).strip()


def test_outputs_reach_the_tasks_that_need_them():
    with place() as p:
        p.pipeline("hand_on", """
            params:
              days: {type: int, default: 7}
            tasks:
              make:
                run: echo "rows=$((ROTA_PARAM_DAYS * 100))" >> "$ROTA_OUTPUT"
                outputs: {rows: int}
              use:
                needs: make
                run: test "$ROTA_IN_MAKE_ROWS" = 900 && grep -q '"rows":900' "$ROTA_CONTEXT"
        """)
        shown = p.wait_run(start(p, "hand_on", "-p", "days=9"), "succeeded")
        assert shown["params"] == {"days": 9}, shown["params"]
        assert [t["outputs"] for t in shown["tasks"] if t["task"] == "make"] == [{"rows": 900}]


def test_a_missing_output_fails_the_task_and_says_so():
    with place() as p:
        p.pipeline("silent", """
            tasks:
              make: {run: "true", outputs: {rows: int}}
        """)
        shown = p.wait_run(start(p, "silent"), "failed")
        assert "rows" in shown["attempts"][0]["reason"], shown["attempts"]


def test_a_failure_stops_what_needs_it_and_nothing_else():
    with place() as p:
        p.pipeline("branches", """
            tasks:
              bad: {run: "exit 4"}
              after_bad: {needs: bad, run: "true"}
              other: {run: "true"}
              after_other: {needs: other, run: "true"}
              tolerated: {run: "exit 1", allow_failure: true}
              after_tolerated: {needs: tolerated, run: "true"}
              cleanup: {finally: true, run: 'test "$ROTA_RUN_STATE" = failed && test "$ROTA_FAILED_TASKS" = bad'}
        """)
        shown = p.wait_run(start(p, "branches"), "failed")
        assert states(shown) == {
            "bad": "failed", "after_bad": "upstream_failed", "other": "succeeded", "after_other": "succeeded",
            "tolerated": "failed", "after_tolerated": "succeeded", "cleanup": "succeeded"}, states(shown)


def test_what_was_allowed_to_fail_is_not_shown_as_the_failure():
    with place() as p:
        p.pipeline("allowed", """
            tasks:
              early: {run: "echo from early; exit 1", allow_failure: true}
              late: {needs: early, run: "echo from late; exit 2"}
        """)
        run_id = start(p, "allowed")
        p.wait_run(run_id, "failed")
        top = p.rota("show", run_id).split("TASK", 1)[0]
        assert "from late" in top and "from early" not in top, top
        assert "from late" in p.rota("logs", run_id)


def test_when_and_skips_follow_the_rules():
    with place() as p:
        p.pipeline("choices", """
            params:
              mode: {type: enum, values: [full, quick], default: quick}
            tasks:
              full_only: {when: "params.mode == 'full'", run: "true"}
              after_full: {needs: full_only, run: "true"}
              always_there: {run: "true"}
              join: {needs: [full_only, always_there], run: "true"}
              chooses_to_skip: {run: "exit 99"}
              on_failure: {needs: always_there, when: "failure()", run: "true"}
        """)
        shown = p.wait_run(start(p, "choices"), "succeeded")
        assert states(shown) == {
            "full_only": "skipped", "after_full": "skipped", "always_there": "succeeded", "join": "succeeded",
            "chooses_to_skip": "skipped", "on_failure": "skipped"}, states(shown)


def test_a_matrix_makes_an_instance_of_each_value_and_gathers_their_outputs():
    with place() as p:
        p.pipeline("grid", """
            params:
              lambdas: {type: list, items: float, default: [0.1, 1, 10]}
            tasks:
              train:
                matrix: {lambda: "${{ params.lambdas }}", seed: [1, 2]}
                run: [/bin/sh, -c, 'echo "score=$1$2" >> "$ROTA_OUTPUT"', train, "${{ matrix.lambda }}", "${{ matrix.seed }}"]
                outputs: {score: float}
              best:
                needs: train
                run: test "$ROTA_IN_TRAIN_SCORE" = "[0.11,0.12,11,12,101,102]" || { echo "$ROTA_IN_TRAIN_SCORE"; exit 1; }
        """)
        shown = p.wait_run(start(p, "grid"), "succeeded")
        assert len(shown["tasks"]) == 7 and "train[0.1,2]" in states(shown), states(shown)


def test_a_task_is_tried_again_by_its_policy_and_keeps_its_state_directory():
    with place() as p:
        p.pipeline("stubborn", """
            tasks:
              climb:
                run: |
                  echo x >> "$ROTA_STATE/steps"
                  test "$(wc -l < "$ROTA_STATE/steps")" -ge 3 || exit 75
                retries: {max: 3, delay: 10ms, jitter: none, exit_codes: [75]}
              hopeless:
                run: exit 9
                retries: {max: 3, delay: 10ms, exit_codes: [75]}
                allow_failure: true
        """)
        shown = p.wait_run(start(p, "stubborn"), "succeeded")
        tries = {t["task"]: t["attempts"] for t in shown["tasks"]}
        assert tries == {"climb": 3, "hopeless": 1}, tries


def test_a_timeout_ends_the_task_and_says_so():
    with place() as p:
        p.pipeline("slow", """
            tasks:
              sleepy: {run: sleep 30, timeout: 300ms, grace: 200ms}
        """)
        shown = p.wait_run(start(p, "slow"), "failed", seconds=20)
        attempt = shown["attempts"][0]
        assert attempt["state"] == "timed_out" and attempt["exit_code"] == 143, attempt


def test_a_program_that_is_missing_fails_with_the_stage_and_the_reason():
    with place() as p:
        p.pipeline("absent", """
            tasks:
              a: {run: [no-such-program-anywhere]}
        """)
        shown = p.wait_run(start(p, "absent"), "failed")
        assert "No such file" in shown["attempts"][0]["reason"], shown["attempts"]


def test_cancel_stops_all_and_runs_finally():
    with place() as p:
        mark = p.path("mark")
        p.pipeline("long", f"""
            tasks:
              work: {{run: sleep 60, grace: 1s}}
              later: {{needs: work, run: "true"}}
              tidy: {{finally: true, run: "touch {mark}"}}
        """)
        run_id = start(p, "long")
        wait_until("it runs", lambda: states(p.json("show", run_id))["work"] == "running")
        p.rota("cancel", run_id)
        shown = p.wait_run(run_id, "cancelled")
        assert states(shown) == {"work": "cancelled", "later": "cancelled", "tidy": "succeeded"}, states(shown)
        assert os.path.exists(mark)


def test_a_rerun_from_the_failed_task_keeps_what_succeeded_and_remembers_the_failure():
    with place() as p:
        switch = p.path("switch")
        p.pipeline("mend", f"""
            tasks:
              first: {{run: 'echo "n=1" >> "$ROTA_OUTPUT"', outputs: {{n: int}}}}
              second: {{needs: first, run: "test -e {switch}"}}
              third: {{needs: second, run: "true"}}
        """)
        run_id = start(p, "mend")
        p.wait_run(run_id, "failed")
        preview = p.json("rerun", run_id, "--failed", "--dry-run")
        assert [r["task"] for r in preview["will_run"]] == ["second", "third"], preview
        open(switch, "w").close()
        p.rota("rerun", run_id, "--failed")
        shown = p.wait_run(run_id, "succeeded")
        assert shown["failed_before"] is True and shown["round"] == 2, shown
        tries = {t["task"]: t["attempts"] for t in shown["tasks"]}
        assert tries == {"first": 1, "second": 2, "third": 1}, tries


def test_a_rerun_with_another_parameter_is_a_new_linked_run():
    with place() as p:
        p.pipeline("linked", """
            params:
              limit: {type: int, default: 1}
            tasks:
              make: {run: 'echo made > "$ROTA_WORK/file"; echo "n=5" >> "$ROTA_OUTPUT"', outputs: {n: int}}
              check: {needs: make, run: 'test -e "$ROTA_WORK/file" && test "$ROTA_IN_MAKE_N" -le "$ROTA_PARAM_LIMIT"'}
        """)
        run_id = start(p, "linked")
        p.wait_run(run_id, "failed")
        new_id = p.rota("rerun", run_id, "--failed", "-p", "limit=9").strip()
        assert new_id != run_id
        shown = p.wait_run(new_id, "succeeded")
        assert shown["linked_from"] == run_id and shown["params"] == {"limit": 9}, shown
        assert {t["task"]: t["attempts"] for t in shown["tasks"]}["check"] == 1
        assert p.json("show", run_id)["state"] == "failed"


def test_a_mark_lets_the_run_go_on():
    with place() as p:
        p.pipeline("marked", """
            tasks:
              bad: {run: "exit 1"}
              next: {needs: bad, run: "true"}
        """)
        run_id = start(p, "marked")
        p.wait_run(run_id, "failed")
        p.rota("mark", run_id, "bad", "succeeded", "--reason", "done by hand")
        shown = p.wait_run(run_id, "succeeded")
        assert states(shown) == {"bad": "succeeded", "next": "succeeded"}, states(shown)


def test_a_pause_of_all_is_kept_over_a_restart_and_why_names_it():
    with place() as p:
        p.pipeline("one", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        p.rota("pause", "--all", "--reason", "the disk is swapped")
        run_id = p.rota("trigger", "one").strip()
        p.kill()
        p.start()
        assert "the disk is swapped" in p.rota("why", run_id, "a")
        assert states(p.json("show", run_id)) == {"a": "waiting"}
        p.rota("resume", "--all")
        p.wait_run(run_id, "succeeded")


def test_why_names_the_slot_and_who_holds_it():
    with place("slots: {cpu: 8, gpu: 1}\n") as p:
        p.pipeline("gpu", """
            tasks:
              first: {run: sleep 20, slots: {gpu: 1}, grace: 1s}
              second: {needs: [], run: 'test "$CUDA_VISIBLE_DEVICES" = 0', slots: {gpu: 1}, priority: -1}
        """)
        run_id = start(p, "gpu")
        wait_until("the first runs", lambda: states(p.json("show", run_id))["first"] == "running")
        why = p.rota("why", run_id, "second")
        assert "gpu" in why and "first" in why, why
        p.rota("cancel", run_id, "first")
        wait_until("the second has its turn", lambda: states(p.json("show", run_id))["second"] == "succeeded")


def test_a_schedule_fires_and_every_firing_is_decided_once():
    with place() as p:
        p.pipeline("often", """
            schedule: {every: 1s, overlap: skip}
            tasks:
              a: {run: "true"}
        """)
        p.rota("reload")
        wait_until("three runs", lambda: len([r for r in p.json("runs")["items"] if r["state"] == "succeeded"]) >= 3)
        p.kill()
        p.start()
        time.sleep(1.5)
        runs = p.json("runs", "p:often")["items"]
        due = [r["scheduled_for"] for r in runs]
        assert len(due) == len(set(due)), due
        assert all(r["trigger"] == "schedule" for r in runs)


def test_what_became_of_each_firing_is_shown():
    with place() as p:
        p.pipeline("busy", """
            schedule: {every: 1s, overlap: skip}
            tasks:
              a: {run: sleep 2.5}
        """)
        p.rota("reload")
        def outcomes():
            return {f["outcome"] for f in p.json("firings", "busy")["items"]}
        wait_until("one is run and one is skipped", lambda: outcomes() >= {"run", "skipped"})
        skipped = next(f for f in p.json("firings", "busy")["items"] if f["outcome"] == "skipped")
        assert "overlap" in skipped["reason"] and skipped["run"] is None, skipped
        assert "skipped" in p.rota("firings", "busy")


def test_a_broken_file_keeps_the_last_good_version_in_force():
    with place() as p:
        p.pipeline("steady", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        p.pipeline("steady", 'tasks: {a: {rum: "true"}}\n')
        p.rota("reload", code=None)
        listed = {i["name"]: i for i in p.json("list")["items"]}
        errors = listed["steady"]["error"]
        assert any("rum" in e["message"] and e["line"] == 1 and "run" in (e["help"] or "") for e in errors), errors
        p.wait_run(p.rota("trigger", "steady").strip(), "succeeded")


def test_a_removed_file_ends_its_schedule_but_not_its_runs():
    with place() as p:
        path = p.pipeline("gone", """
            schedule: {every: 1h}
            tasks: {a: {run: sleep 1}}
        """)
        run_id = start(p, "gone")
        os.unlink(path)
        p.rota("reload")
        p.wait_run(run_id, "succeeded")
        assert p.json("next", "gone", code=None).get("items", []) == []
        assert p.rota_all("trigger", "gone").returncode != 0


def test_the_same_idempotency_key_starts_one_run():
    import subprocess
    with place() as p:
        p.pipeline("once", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        def post(body):
            out = subprocess.run(["curl", "-s", "-w", "\\n%{http_code}", "--unix-socket", os.path.join(p.state, "rota.sock"),
                                  "-H", "Content-Type: application/json", "-H", "Idempotency-Key: same", "-d", body,
                                  "http://localhost/api/v1/pipelines/once/runs"], capture_output=True, text=True).stdout
            text, code = out.rsplit("\n", 1)
            return int(code), json.loads(text)
        first, second, other = post("{}"), post("{}"), post('{"now": true}')
        assert first[0] == 201 and first == second, (first, second)
        assert other[0] == 422, other
        p.kill()
        p.start()
        assert post("{}") == first
        assert len(p.json("runs")["items"]) == 1


def test_parameters_are_checked_before_a_run_starts():
    with place() as p:
        p.pipeline("typed", """
            params:
              days: {type: int, min: 1, max: 9, default: 3}
              end: {type: date}
            tasks: {a: {run: "true"}}
        """)
        p.rota("reload")
        for given, word in ((["-p", "days=3"], "end"), (["-p", "end=2026-02-30"], "end"), (["-p", "end=2026-02-03", "-p", "days=10"], "days"),
                            (["-p", "end=2026-02-03", "-p", "dayz=1"], "dayz")):
            done = p.rota_all("trigger", "typed", *given)
            assert done.returncode == 2 and word in done.stderr, (given, done)
        assert p.json("runs")["items"] == []


def test_run_without_a_daemon_prints_the_run_as_json():
    with place(serve=False) as p:
        path = p.pipeline("alone", """
            tasks:
              a: {run: "echo hi"}
              b: {needs: a, run: "exit 7"}
        """)
        done = p.rota_all("run", path, "--json")
        assert done.returncode == 1, done
        shown = json.loads(done.stdout)
        by_task = {a["task"]: a for a in shown["attempts"]}
        assert by_task["b"]["exit_code"] == 7 and by_task["a"]["exit_code"] == 0, by_task
        for key in ("task", "attempt", "state", "host", "exit_code", "signal", "started_at", "ended_at"):
            assert key in by_task["a"], key
        assert by_task["a"]["ended_at"].endswith("Z") and len(by_task["a"]["ended_at"]) == 27


run(globals())
