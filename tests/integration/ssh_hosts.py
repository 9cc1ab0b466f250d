#!/usr/bin/env python3
# takes: 38
"""What people order of hosts, and what hosts share: drain, down and up, abandon, a limit on silence, one home for two
hosts, two daemons with one host."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import sshd  # noqa: E402
from harness import Skip, alive, run, wait_until  # noqa: E402
from remote import World, once, world  # noqa: E402

PAIR = {"gpu01": {"transport": "libssh2"}, "gpu02": {"transport": "openssh"}}
GROUP = {"groups": {"gpus": ["gpu01", "gpu02"]}}


def noted(w, then):
    """Says where it runs and as which process, and then does this."""
    return f'{once(w)}; echo $$ >> {w.book("pids")}; {then}'


def pids(w):
    return [int(pid) for pid in w.read("pids")]


def until_go(w):
    return f"until [ -e {w.p.path('go')} ]; do sleep 0.1; done"


def let_go(w):
    with open(w.p.path("go"), "w"):
        pass


def test_drained_host_ends_what_it_has_and_gets_nothing_new():
    with world(PAIR, config=GROUP) as w:
        first = w.trigger("on", {"tasks": {"a": {"on": "gpu01", "run": noted(w, until_go(w))}}})
        w.wait_lines(1)
        w.p.rota("hosts", "drain", "gpu01", "--reason", "new disks")
        second = w.trigger("any", {"tasks": {"a": {"on": "gpus", "matrix": {"n": [0, 1, 2]}, "run": once(w, "any")},
                                             "b": {"on": "gpu01", "run": once(w, "any")}}})
        w.wait_lines(3, "any")
        shown = w.show(second)
        assert {a["host"] for a in shown["attempts"]} == {"gpu02"}, shown["attempts"]
        why = w.p.rota("why", second, "b")
        assert "drain" in why and "new disks" in why, why
        let_go(w)
        w.wait_run(first, "succeeded")
        w.restart()
        assert "new disks" in w.p.rota("why", second, "b")
        w.p.rota("hosts", "up", "gpu01")
        w.wait_run(second, "succeeded")


def test_host_that_is_declared_down_loses_its_tasks_to_another_and_is_cleared_when_it_is_back():
    with world(PAIR, config=GROUP) as w:
        w.p.rota("hosts", "drain", "gpu02", "--reason", "later")
        run_id = w.trigger("move", {"tasks": {"a": {"on": "gpus", "retries": {"lost": 2, "delay": "1s"},
                                                    "run": noted(w, "test $ROTA_ATTEMPT = 2 || exec sleep 7776")}}})
        w.wait_lines(1)
        w.p.rota("hosts", "up", "gpu02")
        w.hosts["gpu01"].stop()
        w.wait_task(run_id, "a", "unreachable")
        w.p.rota("hosts", "down", "gpu01", "--reason", "burnt", "--yes")
        shown = w.wait_run(run_id, "succeeded")
        assert [(a["host"], a["state"]) for a in shown["attempts"]] == [("gpu01", "lost"), ("gpu02", "succeeded")]
        assert "burnt" in shown["attempts"][0]["reason"], shown["attempts"][0]
        survivor = pids(w)[0]
        assert alive(survivor)
        w.restart(up=False)
        w.p.rota("hosts", "up", "gpu01")
        third = w.trigger("after", {"tasks": {"a": {"on": "gpu01", "run": f"{once(w)}; test ! -e /proc/{survivor}"}}})
        w.hosts["gpu01"].start()
        w.wait_contact("gpu01", "up", hasten=True)
        w.wait_run(third, "succeeded")
        assert not alive(survivor)
        assert w.p.json("hosts", "show", "gpu01")["remnants"] == []


def test_abandoned_run_ends_at_once_and_is_killed_when_its_host_is_back():
    with world(PAIR) as w:
        run_id = w.trigger_each("left", noted(w, "exec sleep 7775"))
        w.wait_lines(2)
        for host in w.hosts.values():
            host.stop()
        for name in w.hosts:
            w.wait_task(run_id, name, "unreachable")
        w.p.rota("cancel", run_id)
        w.p.rota("cancel", "--abandon", run_id)
        shown = w.wait_run(run_id, "cancelled")
        assert all("not confirmed" in a["reason"] for a in shown["attempts"]), shown["attempts"]
        assert all(alive(pid) for pid in pids(w))
        w.restart(up=False)
        for host in w.hosts.values():
            host.start()
        for name in w.hosts:
            w.wait_contact(name, "up", hasten=True)
        wait_until("both are killed", lambda: not any(alive(pid) for pid in pids(w)), 60)
        wait_until("no remnant is left",
                   lambda: all(w.p.json("hosts", "show", name)["remnants"] == [] for name in w.hosts), 60)


def test_silence_beyond_its_limit_moves_a_task_and_the_run_says_that_it_may_have_run_twice():
    with world(PAIR, config=GROUP) as w:
        w.p.rota("hosts", "drain", "gpu02", "--reason", "later")
        task = {"on": "gpus", "unreachable": {"after": "2s", "then": "retry"}, "retries": {"lost": 2, "delay": "1s"},
                "run": noted(w, "test $ROTA_ATTEMPT = 2 || exec sleep 7774")}
        run_id = w.trigger("twice", {"tasks": {"a": task}})
        w.wait_lines(1)
        w.p.rota("hosts", "up", "gpu02")
        w.hosts["gpu01"].stop()
        shown = w.wait_run(run_id, "succeeded")
        assert [(a["host"], a["state"]) for a in shown["attempts"]] == [("gpu01", "lost"), ("gpu02", "succeeded")]
        assert shown["may_have_run_twice"], shown
        w.hosts["gpu01"].start()
        w.wait_contact("gpu01", "up", hasten=True)
        wait_until("the first is killed", lambda: not alive(pids(w)[0]), 60)


def test_two_hosts_that_share_a_home_keep_to_their_own():
    if not sshd.namespaces_work():
        raise Skip("a shared home needs mount namespaces")
    with sshd.network() as net:
        home = os.path.join(net.root, "shared")
        os.mkdir(home)
        entries = {name: {"transport": transport, "sshd": {"home": home}}
                   for name, transport in (("gpu01", "libssh2"), ("gpu02", "openssh"))}
        w = World(net, entries, "libssh2", None, {})
        try:
            w.start()
            run_id = w.trigger_each("shared", noted(w, until_go(w)), matrix={"n": [0, 1, 2]},
                                    retries={"lost": 2, "delay": "1s"})
            w.wait_lines(6)
            roots = {w.root(name) for name in w.hosts}
            assert len(roots) == 2 and all(root.startswith(home) for root in roots), roots
            assert all(len(ids) == 3 for ids in w.attempts().values()), w.attempts()
            # One is rebooted: only its own are lost, and what runs beside it is left alone.
            w.hosts["gpu01"].reboot()
            w.wait_contact("gpu01", "up", hasten=True)
            w.wait_lines(9)
            let_go(w)
            shown = w.wait_run(run_id, "succeeded")
            states = {name: sorted(a["state"] for a in shown["attempts"] if a["host"] == name) for name in w.hosts}
            assert states == {"gpu01": ["lost"] * 3 + ["succeeded"] * 3, "gpu02": ["succeeded"] * 3}, states
        finally:
            w.end()


def test_two_daemons_with_one_host_leave_each_others_tasks_alone():
    with sshd.network() as net:
        first = World(net, {"gpu01": {}}, "libssh2", None, {})
        second = None
        try:
            second = World(net, {}, "openssh", None, {})
            second.hosts["gpu01"] = first.hosts["gpu01"]
            second.config["hosts"]["gpu01"] = {**first.config["hosts"]["gpu01"], "transport": "openssh"}
            second.p.write_config(json.dumps(second.config))
            first.start()
            second.start()
            script = f"until [ -e {first.p.path('go')} ]; do sleep 0.1; done"
            runs = [w.trigger_each("both", noted(w, script), matrix={"n": [0, 1, 2, 3]}) for w in (first, second)]
            first.wait_lines(4)
            second.wait_lines(4)
            first.p.rota("cancel", runs[0])
            first.wait_run(runs[0], "cancelled")
            first.restart()
            assert all(alive(pid) for pid in pids(second)), "the other daemon's tasks live"
            assert not any(alive(pid) for pid in pids(first))
            let_go(first)
            shown = second.wait_run(runs[1], "succeeded")
            assert len(shown["attempts"]) == 4
        finally:
            first.end()
            if second:
                second.end()


if __name__ == "__main__":
    run(globals())
