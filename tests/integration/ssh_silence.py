#!/usr/bin/env python3
# takes: 37
"""Connections that say nothing any more, without a reset: a stalled way, a stopped sshd. It is noticed by the daemon's own
timer, nobody takes it for a death, and what ended meanwhile is known when the host is heard of again."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import run, wait_until  # noqa: E402
from remote import once, world  # noqa: E402


def test_silence_is_noticed_and_no_task_is_taken_for_dead():
    kinds = {f"{transport}{n}": {"transport": transport, **({"proxy": {}} if n == 1 else {})}
             for transport in ("libssh2", "openssh") for n in (1, 2)}
    with world(kinds) as w:
        script = f"{once(w)}; until [ -e {w.p.path('go')} ]; do sleep 0.2; done; echo done"
        run_id = w.trigger_each("silent", script, matrix={"n": [0, 1]})
        w.wait_lines(8)
        for p in w.proxies.values():
            p.stall()
        for name in ("libssh22", "openssh2"):
            w.hosts[name].freeze()
        for name in w.hosts:
            w.wait_task(run_id, f"{name}[0]", "unreachable", 90)
            assert w.contact(name)["state"] in ("unreachable", "connecting"), w.contact(name)
        held = w.p.json("hosts")["items"]
        assert all(host["running"] == 2 for host in held if host["name"] != "local"), held
        # They end now, most of them before anybody can be told.
        with open(w.p.path("go"), "w"):
            pass
        for p in w.proxies.values():
            p.resume()
        for name in ("libssh22", "openssh2"):
            w.hosts[name].thaw()
        for name in w.hosts:
            w.wait_contact(name, "up", hasten=True)
        shown = w.wait_run(run_id, "succeeded", 60)
        assert len(shown["attempts"]) == 8, shown["attempts"]
        lines = w.read()
        assert len(lines) == len(set(lines)) == 8, lines
        wait_until("no slot is held", lambda: all(host["running"] == 0 for host in w.p.json("hosts")["items"]))


if __name__ == "__main__":
    run(globals())
