#!/usr/bin/env python3
"""What the documentation shows is true: each fenced ```yaml block is read by `rota validate`, each ```yaml run block is
run as well, the examples in dags/ end as their comments say, every command of the README's tour and of operations.md
works, every file that is named is there, and the API's routes and members are those of docs/api.md."""
# time-limit: 300
import glob
import http.client
import json
import os
import re
import shutil
import socket
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
        said = re.match(r"# (?:dags/)?([a-z0-9_]+)\.yaml", body)
        name = said.group(1) if said else f"example_{number}"
        if body.startswith("# prometheus"):  # of another program
            continue
        path = os.path.join(tempfile.mkdtemp(), name + ".yaml")
        with open(path, "w", encoding="utf-8") as out:
            out.write(body)
        code, _, all_said = rota("validate", path)
        report(f"{document}: {name} is valid", code == 0, all_said)
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


FILE = re.compile(r"`((?:base|scheduler|worker|cli|docs|tests|migrations)/[a-z0-9_/.]+"
                  r"\.(?:c|h|def|sql|yaml|md|py|sh|mk))`")
LOGGED = re.compile(r"LOG\(\s*(?:good \? )?LOG_(?:WARNING|ERROR|INFO : LOG_ERROR),\s*"
                    r"(?:good \? \"\w+\" : )?\"([^\"]+)\"")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
BARE = re.compile(r"`([a-z_]+\.[ch])`")


def documents():
    pages = glob.glob(os.path.join(SOURCE, "docs/*.md"))
    return ["README.md"] + sorted(os.path.relpath(page, SOURCE) for page in pages)


def check_files():
    """Every file that a page names is there; in the source tour, files without a folder lie in one named beside them."""
    for document in documents():
        text, here = read(document), os.path.dirname(document)
        named = set(FILE.findall(text)) | {os.path.normpath(os.path.join(here, link)) for link in LINK.findall(text)}
        missing = sorted(name for name in named if not os.path.exists(os.path.join(SOURCE, name)))
        report(f"{document}: every file that it names is there", not missing, str(missing))
    missing = []
    for step in re.findall(r"^\d+\. .*$", read("README.md").split("## The source")[1], re.MULTILINE):
        folders = {os.path.dirname(name) for name in FILE.findall(step)}
        missing += [name for name in BARE.findall(step)
                    if not any(os.path.exists(os.path.join(SOURCE, folder, name)) for folder in folders)]
    report("README.md: the source tour's short names are in the folders beside them", not missing, str(missing))


def headings(document):
    """The names by which links reach the headings of a page."""
    told = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", read(document), flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    bare = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower() for title in told]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in bare}


def check_places():
    """Every heading that a link names is there: who looks for an answer in a hurry is led to it."""
    for document in documents():
        here, missing = os.path.dirname(document), []
        for page, place in re.findall(r"\]\(((?![a-z]+:)[^)#\s]*)#([^)\s]+)\)", read(document)):
            target = os.path.normpath(os.path.join(here, page)) if page else document
            if not os.path.exists(os.path.join(SOURCE, target)) or place not in headings(target):
                missing.append(f"{page}#{place}")
        report(f"{document}: every heading that it links to is there", not missing, str(missing))


def check_routes():
    known = set(re.findall(r"X\(\w+, (GET|POST), \"([^\"]+)\"", read("scheduler/api/routes.h")))
    told = {(method, path.split("?")[0]) for method, path in
            re.findall(r"^\| (GET|POST) `([^`]+)` \|", read("docs/api.md"), re.MULTILINE)}
    report("docs/api.md: its table has every route and no other", known == told and known, str(known ^ told))


def check_filter():
    keys = re.findall(r'X\([A-Z]+, "([^"]+)"\)', read("scheduler/store/filter.h").split("FILTER_KEY_LIST")[1])
    missing = [key for key in keys if f"\n  {key}" not in rota("help", "filter")[1]]
    report("rota help filter: it has every key", len(keys) > 5 and not missing, str(missing))


def check_warnings():
    """Whatever the daemon logs as a warning or an error stands in operations.md, up to its first : or ;"""
    manual, missing = read("docs/operations.md"), []
    for path in glob.glob(os.path.join(SOURCE, "scheduler/**/*.c"), recursive=True):
        with open(path, encoding="utf-8") as source:
            for text in LOGGED.findall(source.read()):
                if re.split("[:;]", text)[0] not in manual:
                    missing.append(text)
    report("docs/operations.md: every warning of the log is explained", not missing, str(missing))


class Api(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def get(self, path):
        self.request("GET", "/api/v1" + path)
        return json.loads(self.getresponse().read())


def check_shapes(state):
    """The members of each answer are those that docs/api.md lists for its shape."""
    shapes = dict(re.findall(r"^`(\w+)`: `([a-z_ ]+)`", read("docs/api.md"), re.MULTILINE))
    api = Api(os.path.join(state, "rota.sock"))
    run = api.get("/runs/taxi_demand_nightly")
    parts = {name: set(run.pop(name)[0]) for name in ("tasks", "attempts", "rounds")}
    for name in ("notes", "empty", "usual_ms", "expected_end", "siblings", "last_success", "continued_by"):
        run.pop(name)
    answers = {"run": set(run), "task": parts["tasks"], "attempt": parts["attempts"], "round": parts["rounds"],
               "event": set(api.get("/runs/taxi_demand_nightly/events")["items"][0]),
               "pipeline": set(api.get("/pipelines")["items"][0]), "status": set(api.get("/status"))}
    for name, members in answers.items():
        listed = set(shapes.get(name, "").split())
        report(f"docs/api.md: {name} has the members that are answered", listed == members, str(listed ^ members))


# What the commands of operations.md find instead of the real ones: an account, a service manager and a build that only
# say yes. `systemctl` starts and stops the daemon.
STUBS = {
    "sudo": 'if [ "$1" = -u ]; then shift 2; fi\nexec "$@"',
    "systemctl": """case "$*" in *start*|*enable*) begin=1;; *) begin=;; esac
case "$*" in *stop*|*restart*|*disable*)
  pid=$(cat "$ROOT/pid"); kill "$pid"; while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done;;
esac
[ -n "$begin" ] || exit 0
rota serve --config "$ROOT/etc/rota/rota.yaml" >>"$ROOT/serve.log" 2>&1 & echo $! >"$ROOT/pid"
until rota status >/dev/null 2>&1; do kill -0 "$(cat "$ROOT/pid")" || exit 1; sleep 0.05; done""",
}
SAY_YES = ("make", "git", "userdel", "systemd-sysusers", "systemd-tmpfiles", "ssh-keygen", "ssh-keyscan", "ssh-copy-id")


def make_machine(root):
    for folder in ("bin", "etc/rota/dags", "var/lib/rota", "backup"):
        os.makedirs(os.path.join(root, folder))
    for name, text in list(STUBS.items()) + [(name, "exit 0") for name in SAY_YES]:
        path = os.path.join(root, "bin", name)
        with open(path, "w", encoding="utf-8") as script:
            script.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)
    with open(os.path.join(root, "etc/rota/rota.yaml"), "w", encoding="utf-8") as config:
        config.write(f"dags: ./dags\nstate: {root}/var/lib/rota\n")
    shutil.copy(os.path.join(SOURCE, "dags/hello.yaml"), os.path.join(root, "etc/rota/dags"))


def check_operations():
    """The commands of operations.md, block by block, on a machine that is only a folder."""
    root = tempfile.mkdtemp()
    make_machine(root)
    env = os.environ | {"ROOT": root, "PATH": f"{root}/bin:{os.path.dirname(ROTA)}:{os.environ['PATH']}"}
    env.pop("ROTA_HOME", None)
    blocks = re.findall(r"^```sh\n(.*?)^```$", read("docs/operations.md"), re.DOTALL | re.MULTILINE)
    report("docs/operations.md: it has blocks of commands", len(blocks) > 5)
    snapshot = None
    for number, block in enumerate(blocks, 1):
        text = re.sub(r"(?<![\w.$}])/(backup|etc/rota|var/lib/rota)\b", rf"{root}/\1", block)
        if "/rota-2" in text and snapshot:  # something has happened since
            text = re.sub(r"\S+/rota-2\S+\.db", snapshot, text)
            subprocess.run(["rota", "trigger", "hello", "--wait"], env=env, cwd=f"{root}/etc/rota", check=True,
                           capture_output=True)
        listed = subprocess.run(["rota", "restore", "--list", "--json"], env=env, cwd=f"{root}/etc/rota",
                                capture_output=True, text=True, check=False)
        keys = re.findall(r'"key":"(\d+)"', listed.stdout)
        text = re.sub(r"--answer \d+ run", f"--answer {keys[0]} skip" if keys else "--list", text)
        outside = [path for path in re.findall(r"(?<!\S)/[^\s)]+", text) if not path.startswith(root)]
        report(f"docs/operations.md: block {number} touches its own folders alone", not outside, str(outside))
        if outside:
            return
        done = subprocess.run(["sh", "-ec", text], env=env, cwd=f"{root}/etc/rota", capture_output=True, text=True,
                              check=False, timeout=60)
        first = block.split("#")[0].splitlines()[0].strip()
        report(f"docs/operations.md: block {number}, {first}", done.returncode == 0,
               f"{text}\nexit code {done.returncode}\n{done.stdout}{done.stderr}")
        backups = glob.glob(f"{root}/backup/*.db")
        snapshot = snapshot or (backups[0] if backups else None)
    report("docs/operations.md: the block on backups made one", snapshot is not None)


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
    check_shapes(env["ROTA_HOME"])
    daemon.terminate()
    report("README: the daemon ends when it is told to", daemon.wait(20) == 0)


for page in ("README.md", "docs/migrating.md", "docs/operations.md", "docs/pipeline-language.md"):
    check_blocks(page)
check_files()
check_places()
check_routes()
check_filter()
check_warnings()
check_operations()
check_examples()
check_tour()
sys.exit(failures > 0)
