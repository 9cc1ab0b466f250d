#!/usr/bin/env python3
"""The pipelines in the documentation: each fenced ```yaml block is read by `rota validate`, each ```yaml run block is
run as well, and so are the examples in dags/ that the README sends its reader to."""
# time-limit: 300
import os
import re
import subprocess
import sys
import tempfile

ROTA, SOURCE = os.environ["ROTA"], os.environ["ROTA_SOURCE"]
BLOCK = re.compile(r"^```yaml( run)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
failures = 0


def report(name, done):
    global failures
    if done.returncode == 0:
        print(f"ok {name}", flush=True)
        return
    failures += 1
    print(done.stdout + done.stderr)
    print(f"not ok {name}", flush=True)


def rota(*arguments):
    return subprocess.run([ROTA, *arguments], capture_output=True, text=True, check=False, timeout=120)


for document in ("README.md", "docs/migrating.md", "docs/operations.md"):
    with open(os.path.join(SOURCE, document), encoding="utf-8") as text:
        blocks = BLOCK.findall(text.read())
    for number, (runs, body) in enumerate(blocks, 1):
        said = re.match(r"# dags/([a-z0-9_]+)\.yaml", body)
        name = said.group(1) if said else f"example_{number}"
        path = os.path.join(tempfile.mkdtemp(), name + ".yaml")
        with open(path, "w", encoding="utf-8") as out:
            out.write(body)
        report(f"{document}: {name} is a valid pipeline", rota("validate", path))
        if runs:
            report(f"{document}: {name} runs to a good end", rota("run", path))

report("every example in dags/ is a valid pipeline", rota("validate", os.path.join(SOURCE, "dags")))
for example in ("hello", "tour", "taxi_demand_nightly", "doc_label_nightly", "premium_scores_nightly"):
    report(f"dags/{example}.yaml runs to a good end", rota("run", os.path.join(SOURCE, "dags", example + ".yaml")))
sys.exit(failures > 0)
