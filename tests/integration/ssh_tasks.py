#!/usr/bin/env python3
"""Tasks on hosts over SSH: real sshds, both transports, a daemon that dies and connections that do."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import sshd  # noqa: E402
from harness import place, run, wait_until  # noqa: E402

TRANSPORTS = ("libssh2", "openssh")


def config_of(net, host, transport):
    return (f"hosts:\n  gpu01: {{ssh: '{host.ssh}', identity: {net.key}, known_hosts: {net.known_hosts}, "
            f"transport: {transport}}}\n")


def contact_of(p):
    return next(h for h in p.json("hosts")["items"] if h["name"] == "gpu01")["contact"]["state"]


def on_each(pipeline, during, log):
    """Runs the pipeline's task `a` on a host over each transport, with something happening meanwhile."""
    for transport in TRANSPORTS:
        with sshd.network() as net:
            host = net.host("gpu01")
            with place(config_of(net, host, transport)) as p:
                p.pipeline("far", pipeline)
                p.rota("reload")
                wait_until("it is up", lambda: contact_of(p) == "up")
                p.rota("trigger", "far")
                during(p, host)
                p.wait_run("far#1", "succeeded")
                shown = p.rota("logs", "far#1")
                assert log in shown, (transport, shown)
                wait_until("it ran once", lambda: os.path.exists(os.path.join(host.home, "ran")))
                with open(os.path.join(host.home, "ran")) as f:
                    assert f.read() == "x\n", transport


def test_a_task_runs_there_and_its_log_comes_here():
    on_each("tasks: {a: {on: gpu01, run: 'echo x >>$HOME/ran; echo from $ROTA_WORK'}}\n", lambda p, host: None,
            "/.rota/")


LONG = "tasks: {a: {on: gpu01, run: 'echo x >>$HOME/ran; echo one; sleep 3; echo two'}}\n"


def test_a_task_outlives_the_daemon():
    def kill(p, host):
        wait_until("it runs", lambda: os.path.exists(os.path.join(host.home, "ran")))
        p.kill()
        p.start()
    on_each(LONG, kill, "two")


def test_a_task_outlives_its_connection():
    def drop(p, host):
        wait_until("it runs", lambda: os.path.exists(os.path.join(host.home, "ran")))
        host.drop()
    on_each(LONG, drop, "two")


if __name__ == "__main__":
    run(globals())
