#!/usr/bin/env python3
"""Connections to real sshds break: cuts in the middle of starts, servers that die, are full, change, reboot. Nothing is
lost and nothing runs twice, over both transports."""
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import sshd  # noqa: E402
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
        for attempt in shown["attempts"]:
            assert attempt["unreachable_at"] and attempt["host"] in attempt["reason"], attempt
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


def test_killed_daemon_takes_up_fifty_remote_tasks_that_run_or_have_ended():
    with world(BOTH) as w:
        script = f"""{once(w)}
            case $ROTA_MATRIX_N in
            *[02468]) ;;
            *) until [ -e {w.p.path("go")} ]; do sleep 0.3; done ;;
            esac
            echo last
            test $ROTA_MATRIX_N != 7"""
        run_id = w.trigger_each("fifty", script, matrix={"n": list(range(25))})
        w.wait_lines(10)
        w.p.kill()
        w.wait_lines(10)
        w.start()
        w.wait_lines(50)
        w.p.kill()
        time.sleep(1)
        let_go(w)
        time.sleep(1)
        w.start()
        shown = w.wait_run(run_id, "failed")
        ran = w.read()
        assert len(ran) == len(set(ran)) == 50, (len(ran), len(set(ran)))
        assert len(shown["attempts"]) == 50, len(shown["attempts"])
        failed = sorted(task["label"] for task in shown["tasks"] if task["state"] == "failed")
        assert failed == ["gpu01[7]", "gpu02[7]"], failed
        assert w.log(run_id, "gpu01[3]") == b"last\n", w.log(run_id, "gpu01[3]")


def test_rebooted_host_has_lost_what_ran_and_runs_it_again():
    if not sshd.namespaces_work():
        sshd.skip("another boot id needs mount namespaces")
    with world(BOTH) as w:
        run_id = w.trigger_each("boot", held(w))
        w.wait_lines(2)
        for host in w.hosts.values():
            host.reboot()
        for name in w.hosts:
            w.wait_contact(name, "up", hasten=True)
        w.wait_lines(4)
        let_go(w)
        shown = w.wait_run(run_id, "succeeded")
        for label in w.hosts:
            states = [a["state"] for a in shown["attempts"] if a["task"] == label]
            assert states == ["lost", "succeeded"], shown["attempts"]
        reasons = [a["reason"] for a in shown["attempts"] if a["state"] == "lost"]
        assert all("restarted" in reason for reason in reasons), reasons
        for name in w.hosts:
            boots = w.p.json("hosts", "show", name)["boots"]
            assert len(boots) == 2 and boots[0]["id"] == w.hosts[name].boot_id, boots


def test_killed_supervisor_is_lost_and_what_is_left_of_its_task_is_killed_first():
    with world(BOTH) as w:
        script = f'{once(w)}; echo $$ >> {w.book("pids")}; test $ROTA_ATTEMPT = 2 || exec sleep 7777'
        run_id = w.trigger_each("killed", script)
        w.wait_lines(2, "pids")
        first = [int(pid) for pid in w.read("pids")]
        for pid in first:
            os.kill(sshd.state_of(pid)[1], 9)
        shown = w.wait_run(run_id, "succeeded")
        for label in w.hosts:
            states = [a["state"] for a in shown["attempts"] if a["task"] == label]
            assert states == ["lost", "succeeded"], shown["attempts"]
        assert not [pid for pid in first if sshd.state_of(pid) and sshd.state_of(pid)[0] not in "ZX"]


if __name__ == "__main__":
    run(globals())
