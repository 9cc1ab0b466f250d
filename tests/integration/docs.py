#!/usr/bin/env python3
"""What the documentation shows is true: each fenced ```yaml block is read by `rota validate`, each ```yaml run block is
run as well, the examples in dags/ end as their comments say, and every command of the README's tour works."""
# time-limit: 300
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROTA, SOURCE = os.environ["ROTA"], os.environ["ROTA_SOURCE"]
BLOCK = re.compile(r"^```yaml( run)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
failures = 0


def report(name, good, said=""):
    global failures
    if not good:
        failures += 1
        print(said)
    print(f"{'ok' if good else 'not ok'} {name}", flush=True)


def rota(*arguments):
    done = subprocess.run([ROTA, *arguments], capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout, done.stdout + done.stderr


def read(document):
    with open(os.path.join(SOURCE, document), encoding="utf-8") as text:
        return text.read()


def check_blocks(document):
    for number, (runs, body) in enumerate(BLOCK.findall(read(document)), 1):
        said = re.match(r"# dags/([a-z0-9_]+)\.yaml", body)
        name = said.group(1) if said else f"example_{number}"
        path = os.path.join(tempfile.mkdtemp(), name + ".yaml")
        with open(path, "w", encoding="utf-8") as out:
            out.write(body)
        code, _, all_said = rota("validate", path)
        report(f"{document}: {name} is a valid pipeline", code == 0, all_said)
        if runs:
            code, _, all_said = rota("run", path)
            report(f"{document}: {name} runs to a good end", code == 0, all_said)


def run_example(name, *arguments):
    """The exit code, and of each task its outputs, state and number of attempts."""
    code, out, all_said = rota("run", os.path.join(SOURCE, "dags", name + ".yaml"), "--json", *arguments)
    try:
        return code, {task["label"]: task for task in json.loads(out)["tasks"]}, all_said
    except (ValueError, KeyError):
        return code, {}, all_said


def output(tasks, task, key):
    return (tasks.get(task, {}).get("outputs") or {}).get(key)


def state(tasks, task):
    return tasks.get(task, {}).get("state")


def check_examples():
    code, _, said = rota("validate", os.path.join(SOURCE, "dags"))
    report("every example in dags/ is a valid pipeline", code == 0, said)
    code, _, said = rota("run", os.path.join(SOURCE, "dags/hello.yaml"))
    report("hello runs", code == 0, said)

    code, tasks, said = run_example("tour", "-p", "sizes=[3,5]")
    report("the tour runs, retries and skips as it says", code == 0 and tasks["stubborn"]["attempts"] == 2
           and state(tasks, "thorough") == "skipped" and state(tasks, "flaky") == "failed"
           and output(tasks, "sum[5]", "total") == 15, said)

    code, tasks, said = run_example("taxi_demand_nightly", "-p", "end_date=2026-03-30")
    rmse, naive = output(tasks, "evaluate", "rmse"), output(tasks, "evaluate", "naive_rmse")
    report("taxi demand: the chosen model beats last week and is promoted",
           code == 0 and output(tasks, "choose", "best_lambda") == 1 and rmse < 3 < naive
           and output(tasks, "promote", "version") == 1 and output(tasks, "forecast", "rows") == 288, said)
    code, tasks, said = run_example("taxi_demand_nightly", "-p", "days=22", "-p", "promote=never")
    report("taxi demand: without a model in use nothing is forecast", code == 0
           and state(tasks, "promote") == "skipped" and state(tasks, "forecast") == "skipped", said)

    code, tasks, said = run_example("doc_label_nightly")
    report("doc labels: a killed search goes on where it was",
           code == 0 and output(tasks, "search", "trials_resumed") == 6 and tasks["search"]["attempts"] == 2
           and output(tasks, "evaluate", "n") == 4000 and state(tasks, "smoke") == "succeeded", said)
    code, tasks, said = run_example("doc_label_nightly", "-p", "crash_at=0", "-p", "break_smoke=true")
    report("doc labels: a broken export is taken back", code == 1 and state(tasks, "smoke") == "failed"
           and state(tasks, "rollback") == "succeeded", said)

    code, tasks, said = run_example("premium_scores_nightly")
    report("premium scores: a busy shard is retried and all rows are published",
           code == 0 and tasks["score[3]"]["attempts"] == 2 and output(tasks, "publish", "rows") == 50000, said)
    code, tasks, said = run_example("premium_scores_nightly", "-p", "date=2026-03-07", "-p", "wait_s=0")
    report("premium scores: a day without input is skipped", code == 0 and state(tasks, "wait_input") == "skipped"
           and state(tasks, "monitor") == "skipped", said)
    code, tasks, said = run_example("premium_scores_nightly", "-p", "shift=0.65")
    report("premium scores: what has drifted isn't published", code == 1 and state(tasks, "drift") == "failed"
           and state(tasks, "publish") == "upstream_failed", said)

    written = [folder for folder, _, _ in os.walk(os.path.join(SOURCE, "dags")) if folder.endswith("__pycache__")]
    report("the examples write nothing beside themselves", not written, str(written))


def check_tour():
    """The README's commands, one after the other, with a daemon on a copy of dags/."""
    here = os.getcwd()
    shutil.copytree(os.path.join(SOURCE, "dags"), "dags")
    env = os.environ | {"ROTA_HOME": os.path.join(here, "state"), "PATH": os.path.dirname(ROTA) + ":" + os.environ["PATH"]}
    with open("serve.log", "wb") as log:
        daemon = subprocess.Popen([ROTA, "serve", "--dags", "dags"], env=env, stderr=log)
    end = time.monotonic() + 20
    while subprocess.run([ROTA, "status"], env=env, capture_output=True, check=False).returncode == 3:
        if time.monotonic() > end or daemon.poll() is not None:
            with open("serve.log", encoding="utf-8") as log:
                report("README: the daemon starts", False, log.read())
            return
        time.sleep(0.05)
    tour = read("README.md").split("## A minute's tour")[1].split("\n## ")[0]
    commands = re.findall(r"^    (rota .*?)(?:  +# (.*))?$", tour, re.MULTILINE)
    report("README: the tour has commands", len(commands) > 8)
    for command, comment in commands:
        done = subprocess.run(command, shell=True, env=env, capture_output=True, text=True, check=False, timeout=60)
        expected = 1 if "fails" in comment else 0
        report(f"README: {command}", done.returncode == expected,
               f"exit code {done.returncode}\n{done.stdout}{done.stderr}")
    daemon.terminate()
    report("README: the daemon ends when it is told to", daemon.wait(20) == 0)


for document in ("README.md", "docs/migrating.md", "docs/operations.md"):
    check_blocks(document)
check_examples()
check_tour()
sys.exit(failures > 0)
