#!/usr/bin/env python3
"""Tasks on a host end while the disk of this machine is full: nothing of them is lost, and all of it comes later."""
import contextlib
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import sshd  # noqa: E402
from harness import place, run, small_disk, wait_until  # noqa: E402

TASKS = """
    tasks:
      each:
        on: far
        matrix: {n: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}
        run: |
          echo "$ROTA_MATRIX_N" >> $HOME/ran
          sleep 0.$((ROTA_MATRIX_N % 10))
          i=0
          while [ $i -lt 500 ]; do i=$((i + 1)); echo "line $i"; done
          sleep $((ROTA_MATRIX_N % 3))
"""


def fill(disk):
    with contextlib.suppress(OSError), open(os.path.join(disk, "fill"), "wb", buffering=0) as f:
        while True:
            f.write(b"\0" * 4096)


def test_what_ends_on_a_host_while_the_disk_here_is_full_comes_later():
    with small_disk(64) as disk, sshd.network() as net:
        host = net.host("far")
        config = f"hosts: {{far: {{ssh: '{host.ssh}', identity: {net.key}, known_hosts: {net.known_hosts}}}}}\n"
        with place(config, state=os.path.join(disk, "state")) as p:
            p.pipeline("work", TASKS)
            p.rota("reload")
            wait_until("it is up", lambda: "far" in p.rota("hosts") and p.json("hosts")["items"][1]["contact"]["state"] == "up")
            p.rota("trigger", "work")
            ran = os.path.join(host.home, "ran")
            wait_until("all of them run", lambda: os.path.exists(ran) and len(open(ran).readlines()) == 12)
            fill(disk)
            time.sleep(6)
            os.unlink(os.path.join(disk, "fill"))
            shown = p.wait_run("work#1", "succeeded", 60)
            assert sorted(int(line) for line in open(ran)) == list(range(1, 13)), "each ran once"
            for attempt in shown["attempts"]:
                lines = p.rota("logs", "work#1", attempt["task"]).splitlines()
                assert [line for line in lines if line.startswith("line")] == [f"line {i}" for i in range(1, 501)], lines[-3:]


run(globals())
