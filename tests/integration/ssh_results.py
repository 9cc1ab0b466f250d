#!/usr/bin/env python3
# time-limit: 240
"""A task on a host is a task: the same environment, files, outputs, logs and limits, over both transports and under each
shell that a host may have."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import sshd  # noqa: E402
from harness import Skip, run, wait_until  # noqa: E402
from remote import once, world  # noqa: E402

BOTH = {"gpu01": {"transport": "libssh2"}, "gpu02": {"transport": "openssh"}}


def test_environment_is_the_configurations_the_hosts_the_pipelines_and_the_tasks_in_this_order():
    hosts = {name: {**entry, "env": {"A": "host", "B": "host", "C": "host"}, "path": "/opt/of-the-host/bin"}
             for name, entry in BOTH.items()}
    with world(hosts, config={"env": {"A": "all", "Z": "all"}}, env={"OF_THE_DAEMON": "secret"}) as w:
        what = {"env": {"B": "pipeline", "C": "pipeline"},
                "tasks": {name: {"on": name, "env": {"C": "task ' \"$HOME"}, "path": "/opt/of-the-task/bin",
                                 "run": 'echo "$A|$B|$C|$Z|$OF_THE_DAEMON|$PATH|$HOME|$PWD"; test "$PWD" = "$ROTA_WORK"'}
                          for name in hosts}}
        run_id = w.trigger("env", what)
        w.wait_run(run_id, "succeeded")
        for name, host in w.hosts.items():
            a, b, c, z, own, path, home, _ = w.log(run_id, name).decode().strip().split("|")
            assert (a, b, c, z, own, home) == ("host", "pipeline", "task ' \"$HOME", "all", "", host.home)
            assert path.split(":").index("/opt/of-the-task/bin") < path.split(":").index("/opt/of-the-host/bin") \
                < path.split(":").index("/usr/bin"), path


def test_results_come_back_and_state_is_kept_for_a_retry():
    with world(BOTH) as w:
        script = """
            echo "$ROTA_ATTEMPT" >> "$ROTA_STATE/tries"
            echo "score=0.75" >> "$ROTA_OUTPUT"
            echo "loss=0.5" >> "$ROTA_METRICS"
            printf '# Fine' > "$ROTA_SUMMARY"
            test "$ROTA_ATTEMPT" = 2 || exit 9
            echo "tries=$(cat "$ROTA_STATE/tries" | tr '\\n' ' ')" >> "$ROTA_OUTPUT"
        """
        task = {"run": script, "retries": {"max": 1, "delay": "1s"}, "outputs": {"score": "float", "tries": "string"}}
        tasks = {name: {"on": name, **task} for name in w.hosts}
        tasks["last"] = {"needs": list(w.hosts), "on": "gpu01",
                         "run": 'echo "$ROTA_IN_GPU01_SCORE $ROTA_IN_GPU02_TRIES"'}
        run_id = w.trigger("results", {"tasks": tasks})
        shown = w.wait_run(run_id, "succeeded")
        for task in shown["tasks"]:
            if task["label"] in w.hosts:
                assert task["attempts"] == 2 and task["outputs"]["score"] == 0.75, task
                assert task["outputs"]["tries"].split() == ["1", "2"], task
        assert w.log(run_id, "last").split() == [b"0.75", b"1", b"2"], w.log(run_id, "last")


def test_state_that_two_linked_runs_kept_is_there_when_the_third_does_the_task_again():
    """With the daemon killed between the two."""
    with world(BOTH) as w:
        steps = {name: {"on": name, "run": 'echo "$ROTA_RUN_ID" >> "$ROTA_STATE/runs"; test "$ROTA_PARAM_N" = 3'}
                 for name in w.hosts}
        first = w.trigger("chain", {"params": {"n": {"type": "int", "default": 1}}, "tasks": {
            **steps, "other": {"run": "echo $ROTA_PARAM_N"}}})
        w.wait_run(first, "failed")
        runs = [first]
        for n in (2, 3):
            runs.append(w.p.rota("rerun", runs[-1], "--only", "other", "-p", f"n={n}").strip())
            assert w.wait_run(runs[-1], "failed")["linked_from"] == runs[-2]
        w.restart()
        w.p.rota("rerun", runs[-1], "--failed")
        w.wait_run(runs[-1], "succeeded")
        for name in w.hosts:
            places = {run: os.path.join(w.root(name), "s", run, name, "runs") for run in runs}
            assert not os.path.exists(places[runs[1]]), "it was kept there"
            with open(places[runs[2]]) as f:
                assert f.read().split() == [first, runs[2]], name


def test_files_are_sent_along_and_come_back():
    with world(BOTH) as w:
        with open(os.path.join(w.p.dags, "train.txt"), "w") as f:
            f.write("data of the pipeline's folder\n")
        run_id = w.trigger("files", {"tasks": {
            "first": {"on": "gpu01", "send": ["train.txt"], "fetch": ["model"],
                      "run": "mkdir model; tr a-z A-Z < train.txt > model/weights; head -c 3000000 /dev/urandom > model/blob"
                             "; cksum < model/blob"},
            "second": {"on": "gpu02", "needs": "first", "run": "cat model/weights; cksum < model/blob"},
            "third": {"needs": "first", "run": 'cd "$ROTA_WORK"; cat model/weights; cksum < model/blob'}}})
        w.wait_run(run_id, "succeeded")
        total = w.log(run_id, "first")
        for task in ("second", "third"):
            assert w.log(run_id, task) == b"DATA OF THE PIPELINE'S FOLDER\n" + total, (task, w.log(run_id, task))


def test_matrix_spreads_over_a_group_within_the_slots_of_each_host():
    hosts = {name: {**entry, "slots": {"gpu": 2}} for name, entry in BOTH.items()}
    with world(hosts, config={"groups": {"gpus": ["gpu01", "gpu02"]}}) as w:
        script = f"""{once(w)}; echo in >> "{w.p.root}/load.$HOME_OF"; sleep 0.5; echo out >> "{w.p.root}/load.$HOME_OF" """
        script = script.replace("$HOME_OF", "$(basename $(dirname $HOME))")
        run_id = w.trigger("spread", {"tasks": {"a": {"on": "gpus", "slots": {"gpu": 1},
                                                      "matrix": {"n": list(range(8))}, "run": script}}})
        shown = w.wait_run(run_id, "succeeded")
        used = {a["host"] for a in shown["attempts"]}
        assert used == {"gpu01", "gpu02"} and len(set(w.read())) == 8, used
        for name in [name for name in os.listdir(w.p.root) if name.startswith("load.")]:
            with open(w.p.path(name)) as f:
                running = most = 0
                for line in f:
                    running += 1 if line == "in\n" else -1
                    most = max(most, running)
            assert most <= (2 if w.net.namespaces else 4), (name, most)


def test_log_is_identical_to_what_was_printed():
    with world(BOTH) as w:
        path = w.p.path("printed")
        with open(path, "wb") as f:
            f.write(os.urandom(3000000) + bytes(range(256)) * 40 + b"no line feed at the end")
        run_id = w.trigger_each("log", f"cat {path}; exit 4")
        w.wait_run(run_id, "failed")
        with open(path, "rb") as f:
            printed = f.read()
        for name in w.hosts:
            assert w.log(run_id, name) == printed, (name, len(w.log(run_id, name)), len(printed))


def test_flood_of_output_is_capped_on_the_host_and_here():
    """100 MB as fast as it goes, of which 4 MiB are kept."""
    with world(BOTH, config={"log": {"cap": "4MiB"}}) as w:
        run_id = w.trigger_each("flood", f"echo begin; yes 0123456789 | head -c 100000000; echo; echo end; {once(w)}")
        shown = w.wait_run(run_id, "succeeded", 110)
        for attempt in shown["attempts"]:
            assert attempt["log_bytes"] == 100000000 + len("begin\n\nend\n"), attempt
            log = w.log(run_id, attempt["task"])
            assert log.startswith(b"begin\n") and log.endswith(b"\nend\n") and len(log) < 5 << 20, len(log)
        for name in w.hosts:
            for attempt in w.attempts()[name]:
                folder = os.path.join(w.root(name), "a", attempt)
                kept = sum(os.path.getsize(os.path.join(folder, file)) for file in os.listdir(folder))
                assert kept < 6 << 20, (folder, kept)


def shell_hosts(w_shells):
    return {f"{transport[:3]}{i}": {"transport": transport, "sshd": {"login_shell": shell}}
            for transport in ("libssh2", "openssh") for i, shell in enumerate(w_shells)}


def test_any_login_shell_will_do():
    shells = [path for path in map(shutil.which, ("bash", "dash", "tcsh", "fish", "zsh", "ksh")) if path]
    if not sshd.namespaces_work():
        raise Skip("another login shell needs mount namespaces")
    with world(shell_hosts(shells)) as w:
        run_id = w.trigger_each("shells", once(w))
        w.wait_run(run_id, "succeeded")
        assert len(w.read()) == 2 * len(shells), w.read()
    if not {"tcsh", "fish"} <= {os.path.basename(shell) for shell in shells}:
        raise Skip(f"of the login shells only {' '.join(shells)} are installed")


def test_noisy_rc_file_does_no_harm_and_a_shell_that_exits_is_named():
    if not sshd.namespaces_work():
        raise Skip("another home needs mount namespaces")
    kinds = {**BOTH, "bad01": {"transport": "libssh2"}, "bad02": {"transport": "openssh"}}
    with world(kinds, start=False) as w:
        for name, host in w.hosts.items():
            with open(os.path.join(host.home, ".bashrc"), "w") as f:
                f.write("echo 'Welcome to the cluster!'; echo 'read the rules' >&2; printf 'and no line feed'\n")
                if name.startswith("bad"):
                    f.write("echo 'this account is closed'; exit 1\n")
        w.start(up=False)
        for name in ("gpu01", "gpu02"):
            w.wait_contact(name, "up")
        run_id = w.trigger("noisy", {"tasks": {name: {"on": name, "run": "echo clean"} for name in ("gpu01", "gpu02")}})
        w.wait_run(run_id, "succeeded")
        assert w.log(run_id, "gpu01") == w.log(run_id, "gpu02") == b"clean\n"
        for name in ("bad01", "bad02"):
            contact = wait_until(f"{name} is given up", lambda: next(
                (c for c in [w.contact(name)] if c["state"] in ("refused", "unreachable")), None), 40)
            assert "closed" in contact["text"], contact


if __name__ == "__main__":
    run(globals())
