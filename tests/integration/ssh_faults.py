#!/usr/bin/env python3
"""Connections to real sshds break: cuts in the middle of starts, servers that die and come back. Nothing is
lost and nothing runs twice, over both transports."""
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import sshd  # noqa: E402
from harness import run  # noqa: E402
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


def test_cut_at_random_bytes_of_starts_each_attempt_runs_once():
    seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
    print(f"SEED={seed}", file=sys.stderr)
    chance = random.Random(seed)
    kinds = {f"{transport}{sh[0]}": {"transport": transport, "sshd": {"sh": sh} if sshd.namespaces_work() else {},
                                     "proxy": {}}
             for transport in ("libssh2", "openssh") for sh in ("dash", "busybox")}
    with world(kinds) as w:
        login = {name: p.passed["up"] for name, p in w.proxies.items()}
        w.pipeline("cut", {"tasks": {name: {"on": name, "matrix": {"n": [0, 1, 2, 3]}, "run": once(w)} for name in kinds}})
        runs, accepted, end = [], {}, time.monotonic() + 20
        while time.monotonic() < end and sum(accepted.values()) < 48:
            for name, p in w.proxies.items():
                if accepted.get(name) != p.accepted:
                    accepted[name] = p.accepted
                    p.reset = chance.random() < 0.5
                    # Mostly behind the login; now and then within it.
                    p.cut_after["up"] = chance.randrange(200, login[name] + 6000) if chance.random() < 0.2 else \
                        login[name] + chance.randrange(6000)
                if not p.connections:
                    w.p.rota("hosts", "check", name, code=None)
            if len(runs) < 12:
                runs.append(w.p.rota("trigger", "cut").strip())
            time.sleep(0.1)
        for p in w.proxies.values():
            p.cut_after["up"], p.reset = None, False
        cuts = sum(p.accepted for p in w.proxies.values()) - len(w.proxies)
        assert cuts >= 12, f"only {cuts} cuts"
        for name in w.hosts:
            w.wait_contact(name, "up", hasten=True)
        for run_id in runs:
            shown = w.wait_run(run_id, "succeeded")
            assert all(task["attempts"] >= 1 for task in shown["tasks"])
        ran = [" ".join(line.split()[:3]) for line in w.read()]
        assert len(ran) == len(set(ran)) == 16 * len(runs), f"{len(ran)} of {16 * len(runs)}, {len(set(ran))} different"
        print(f"{cuts} cuts, {len(ran)} starts", file=sys.stderr)


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
