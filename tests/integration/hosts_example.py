#!/usr/bin/env python3
"""The example that a newcomer sees: taxi_demand_nightly trains on two hosts, and neither a daemon that is killed in the
middle nor connections that are cut change what comes of it."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import Skip, run, wait_until  # noqa: E402
from remote import world  # noqa: E402

SOURCE = os.environ["ROTA_SOURCE"]
PARAMS = ("train_on=gpus", "slow_s=12", "days=22", "zones=4", "lambdas=[0.1, 1, 10, 100]")
TWO = {name: {"slots": {"gpu": 2}, "max_tasks": 2} for name in ("gpu01", "gpu02")}


def start_example(w):
    shutil.copytree(os.path.join(SOURCE, "dags", "taxi_demand"), os.path.join(w.p.dags, "taxi_demand"))
    with open(os.path.join(SOURCE, "dags", "taxi_demand_nightly.yaml")) as f:
        w.pipeline("taxi_demand_nightly", f.read())
    return w.p.rota("trigger", "taxi_demand_nightly", *(word for one in PARAMS for word in ("-p", one))).strip()


def trains(w, run_id, host):
    """Instances of `train` that run on this host now."""
    return [a for a in w.show(run_id)["attempts"]
            if a["task"].startswith("train") and a["state"] == "running" and a["host"] == host]


def wait_training(w, run_id):
    wait_until("both hosts train", lambda: all(trains(w, run_id, name) for name in w.hosts), 60, step=0.1)


def test_the_example_trains_on_two_hosts_and_nothing_that_breaks_in_between_changes_it():
    if not shutil.which("python3") or not shutil.which("awk"):
        raise Skip("the example needs python3 and awk")
    with world(TWO, config={"slots": {"cpu": 4}, "groups": {"gpus": list(TWO)}}) as w:
        run_id = start_example(w)
        wait_training(w, run_id)
        w.restart(up=False)
        for name in w.hosts:
            w.wait_contact(name, "up", hasten=True)
        assert any(trains(w, run_id, name) for name in w.hosts), "the training was over too soon"
        for host in w.hosts.values():
            host.drop()
        shown = w.wait_run(run_id, "succeeded", 100)
        trained = [a for a in shown["attempts"] if a["task"].startswith("train")]
        assert len(trained) == 4, trained
        assert {a["host"] for a in trained} == set(w.hosts), trained
        assert all(a["attempt"] == 1 and a["state"] == "succeeded" for a in trained), trained
        assert all(task["state"] in ("succeeded", "skipped") for task in shown["tasks"]), shown["tasks"]
        assert "lambda" in w.p.rota("logs", run_id, "choose")


if __name__ == "__main__":
    run(globals())
