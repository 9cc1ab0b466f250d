#!/usr/bin/env python3
"""The alert rules that are installed: well-formed, about metrics that exist, each with its answer."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from exposition import Exposition  # noqa: E402
from harness import bare, place, run  # noqa: E402

SOURCE = os.environ["ROTA_SOURCE"]
RULES = os.path.join(SOURCE, "scheduler/daemon/prometheus/rota.rules.yaml")
# Names in an expression that are no metrics: PromQL's words and functions, and names of labels.
WORDS = {"and", "or", "on", "by", "time", "max", "rate", "predict_linear", "absent_over_time"}


def text():
    with open(RULES, encoding="utf-8") as f:
        return f.read()


def rules():
    """[(alert, expression, severity, summary, description)], read by the layout that this file keeps to."""
    found = []
    for block in re.split(r"^      - alert: ", text(), flags=re.M)[1:]:
        expr = re.search(r"^        expr: (?:\|\n((?:          .*\n)+)|(.*)\n)", block, re.M)
        severity = re.search(r"^        labels: \{severity: (\w+)\}$", block, re.M)
        summary = re.search(r'^          summary: "(.+)"$', block, re.M)
        description = re.search(r'^          description: "(.+)"$', block, re.M)
        assert expr and severity and summary and description, block
        found.append((block.split("\n")[0], expr[1] or expr[2], severity[1], summary[1], description[1]))
    return found


def names_in(expression):
    """The metrics of an expression, and the labels that it asks for of each: {name: {label}}."""
    found = {}
    for name, labels in re.findall(r"\b([a-z][a-z0-9_]*)(?:\{([^}]*)\})?", re.sub(r"\b(by|on) \([\w, ]*\)", "", expression)):
        if name not in WORDS:
            found.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    return found


def test_the_file_is_yaml():
    told = bare("validate", RULES)  # its reader of YAML, which knows no such keys
    assert "unknown key 'groups'" in told.stdout + told.stderr, told
    try:
        import yaml
    except ImportError:
        return
    groups = yaml.safe_load(text())["groups"]
    assert [set(g) for g in groups] == [{"name", "rules"}], groups
    read = [(r["alert"], r["expr"].split(), r["labels"]["severity"]) for g in groups for r in g["rules"]]
    assert read == [(name, expr.split(), severity) for name, expr, severity, _, _ in rules()], read
    for rule in groups[0]["rules"]:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, rule
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "1m")), rule


def test_rules_ask_for_what_is_exposed():
    with place() as p:
        p.pipeline("one", 'schedule: "0 5 * * *"\ntasks: {a: {run: "true"}}\n')
        p.rota("reload")
        p.wait_run(p.rota("trigger", "one").strip(), "succeeded")
        p.rota("backup", p.path("copy.db"))
        token = p.rota("token", "create", "prometheus", "--role", "viewer").split()[-1]
        x = Exposition(p.http("GET", "/metrics", token=token)[2].decode())
        labels = {name: {"pipeline"} if name.startswith("rota_pipeline_") else set() for name in x.families}
        for name, pairs in x.samples:
            labels.setdefault(name, set()).update(label for label, _ in pairs)
        asked = set()
        for alert, expression, _, summary, _ in rules():
            names = names_in(expression)
            assert names, alert
            for name, wanted in names.items():
                assert name == "up" or name in labels, f"{alert}: there is no {name}"
                assert wanted - {"job", "instance"} <= labels.get(name, set()), f"{alert}: {name} has no {wanted}"
            given = set().union(*(labels.get(name, set()) for name in names)) | {"instance"}
            used = set(re.findall(r"\$labels\.(\w+)", summary))
            assert used <= given, f"{alert}: its summary says {used - given}"
            asked |= set(names)
        for what in ("rota_pipeline_last_success_timestamp_seconds", "rota_host_up", "rota_degraded",
                     "rota_last_backup_age_seconds", "rota_loop_lag_recent_max_seconds", "rota_disk_free_bytes",
                     "rota_pipeline_missed_known_timestamp_seconds"):
            assert what in asked, f"no rule looks at {what}"


def test_each_alert_has_its_answer():
    with open(os.path.join(SOURCE, "docs/operations.md"), encoding="utf-8") as f:
        told = re.findall(r"^\| `(Rota\w+)` \| .{20,} \| .{20,} \|$", f.read(), re.M)
    assert told == [name for name, *_ in rules()], told


def test_every_metric_is_explained():
    """And nothing is explained that there isn't."""
    with open(os.path.join(SOURCE, "docs/operations.md"), encoding="utf-8") as f:
        told = set(re.findall(r"`(rota_[a-z_]+)(?:\{\w+\})?`", f.read().split("### Metrics")[1].split("###")[0]))
    with place() as p:
        p.rota("backup", p.path("copy.db"))
        token = p.rota("token", "create", "prometheus", "--role", "viewer").split()[-1]
        x = Exposition(p.http("GET", "/metrics", token=token)[2].decode())
        there = {name for name in x.families if name.startswith("rota_")}
        assert told == there, told ^ there


run(globals())
