#!/usr/bin/env python3
# takes: 150
# time-limit: 400
"""Connections to real sshds break: cuts in the middle of starts, servers that die and come back. Nothing is
lost and nothing runs twice, over both transports."""
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import sshd  # noqa: E402
import wire  # noqa: E402
from harness import run, wait_until  # noqa: E402
from remote import once, world  # noqa: E402

BOTH = {"gpu01": {"transport": "libssh2"}, "gpu02": {"transport": "openssh"}}


def held(w, go="go"):
    """Goes on until a file appears."""
    return f"{once(w)}; until [ -e {w.p.path(go)} ]; do sleep 0.1; done; echo done"


def let_go(w, go="go"):
    with open(w.p.path(go), "w"):
        pass


def ended_well(w, run_id, tasks=2):
    """It succeeds with one attempt of each task, each of which ran once."""
    shown = w.wait_run(run_id, "succeeded")
    assert len(shown["attempts"]) == tasks, shown["attempts"]
    lines = [line for line in w.read() if line.startswith(run_id)]
    assert len(lines) == len(set(lines)) == tasks, lines
    return shown


CUTS, SIDES = 200, 2  # of each kind of host; on so many hosts each


def cut_plan(base, count, chance):
    """Ends of connections from shortly before their first start to behind it, in an order by chance; each third one is of
    what comes back."""
    plan = []
    for i in range(count):
        if i % 3 == 2:
            plan.append(("down", base["down"] + 6 * i - 100, i % 2 == 0))
        else:
            plan.append(("up", base["up"] + 50 * i - 500, i % 2 == 0))
    chance.shuffle(plan)
    return plan


def bytes_of_a_connection(w):
    """How much passes of each until it is up and nothing is asked any more."""
    before = {name: dict(p.passed) for name, p in w.proxies.items()}
    for p in w.proxies.values():
        p.cut()
    for name, p in w.proxies.items():
        wait_until("it is anew", lambda p=p: p.connections)
        w.wait_contact(name, "up", hasten=True)
    time.sleep(1)
    return {name: {way: p.passed[way] - before[name][way] for way in before[name]} for name, p in w.proxies.items()}


def ran_once(w):
    """What ran, each instance of a task in each run once."""
    ran = [" ".join(line.split()[:3]) for line in w.read()]
    twice = {line for line in ran if ran.count(line) > 1} if len(ran) != len(set(ran)) else set()
    assert not twice, twice
    return ran


def test_cut_at_many_bytes_of_starts_each_attempt_runs_once():
    seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
    print(f"SEED={seed}", file=sys.stderr)
    chance = random.Random(seed)
    kinds = {f"{transport}{sh[0]}{side}": {"transport": transport, "proxy": {}, "slots": {"cpu": 2},
                                           "sshd": {"sh": sh} if sshd.namespaces_work() else {}}
             for transport in ("libssh2", "openssh") for sh in ("dash", "busybox") for side in range(SIDES)}
    with world(kinds) as w:
        w.pipeline("cut", {"tasks": {name: {"on": name, "matrix": {"n": [0, 1, 2, 3]}, "run": once(w)} for name in kinds}})
        base = bytes_of_a_connection(w)
        for name, p in w.proxies.items():
            p.plan = cut_plan(base[name], CUTS // SIDES + 8, chance)  # one may end by itself before its cut
            p.cut()
        runs, over = [], []
        while any(p.plan for p in w.proxies.values()):
            for name, p in w.proxies.items():
                if p.plan and not p.connections:
                    assert wire.ask(w.p, "POST", f"/api/v1/hosts/{name}/check", {}).status == 200
            over += [run_id for run_id in runs[len(over):] if wire.ask(w.p, "GET", f"/api/v1/runs/{run_id}").json()["ended_at"]]
            ran_once(w)  # at once, for where a start isn't known to have come the cuts come ever more slowly
            if len(runs) - len(over) < 3:
                runs.append(w.p.rota("trigger", "cut").strip())
            time.sleep(0.05)
        for name in w.hosts:
            w.wait_contact(name, "up", hasten=True)
        for run_id in runs:
            shown = w.wait_run(run_id, "succeeded")
            assert all(task["attempts"] >= 1 for task in shown["tasks"])
        ran = ran_once(w)
        assert len(ran) == 4 * len(kinds) * len(runs), (len(ran), len(runs))
        cuts = {name[:-1]: 0 for name in kinds}
        for name, p in w.proxies.items():
            cuts[name[:-1]] += p.cuts
        print(f"{cuts}, {len(ran)} starts", file=sys.stderr)
        assert all(n >= CUTS for n in cuts.values()), cuts


def test_short_loss_of_all_connections_is_told_to_nobody():
    with world(BOTH) as w:
        run_id = w.trigger_each("short", held(w))
        w.wait_lines(2)
        for host in w.hosts.values():
            host.drop()
        time.sleep(0.3)
        let_go(w)
        shown = ended_well(w, run_id)
        assert all(a["unreachable_at"] is None for a in shown["attempts"]), shown["attempts"]


def test_what_runs_is_unreachable_while_sshd_is_down_and_its_end_is_taken_up_after():
    with world(BOTH) as w:
        run_id = w.trigger_each("down", held(w))
        w.wait_lines(2)
        for host in w.hosts.values():
            host.stop()
        for label in w.hosts:
            w.wait_task(run_id, label, "unreachable")
        shown = w.show(run_id)
        for task, attempt in zip(shown["tasks"], shown["attempts"]):
            assert attempt["unreachable_at"] and task["task"] in task["reason"], (task, attempt)
        for name in w.hosts:
            contact = w.contact(name)
            assert contact["state"] == "unreachable" and contact["text"], contact
        assert "unreachable" in w.p.rota("why", run_id, "gpu01"), w.p.rota("why", run_id, "gpu01")
        let_go(w)  # it ends while nobody can be asked
        time.sleep(0.5)
        for host in w.hosts.values():
            host.start()
        for name in w.hosts:
            w.wait_contact(name, "up", hasten=True)
        ended_well(w, run_id)


def test_what_still_runs_when_sshd_is_back_goes_on():
    with world(BOTH) as w:
        run_id = w.trigger_each("on", held(w))
        w.wait_lines(2)
        for host in w.hosts.values():
            host.stop()
        for label in w.hosts:
            w.wait_task(run_id, label, "unreachable")
        for host in w.hosts.values():
            host.start()
        for name in w.hosts:
            w.wait_contact(name, "up", hasten=True)
        for label in w.hosts:
            w.wait_task(run_id, label, "running")
        let_go(w)
        ended_well(w, run_id)


if __name__ == "__main__":
    run(globals())
