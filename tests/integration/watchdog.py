#!/usr/bin/env python3
"""What the service manager is told, and that it is told nothing by a daemon that hangs."""
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import place, run, small_disk, wait_until  # noqa: E402
from preload import build  # noqa: E402

# Syncs of the daemon hang as long as the file is there; the supervisor's don't.
HANG = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void hang(void) {
  const char *file = getenv("TEST_HANG");
  while (file && strcmp(program_invocation_short_name, "rota") == 0 && access(file, F_OK) == 0) usleep(10000);
}
int fsync(int fd) { hang(); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { hang(); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
"""


class Manager:
    """A service manager's end of $NOTIFY_SOCKET."""

    def __init__(self, p):
        self.path = p.path("notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.heard = []

    def env(self, p, watchdog=None, **more):
        if watchdog:
            more["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        return p.environment(NOTIFY_SOCKET=self.path, **more)

    def listen(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard.append(self.socket.recv(4096).decode())
        return self.heard

    def within(self, seconds):
        """What comes within that time."""
        self.listen()
        known = len(self.heard)
        time.sleep(seconds)
        return self.listen()[known:]


def test_the_manager_is_told_of_start_reload_and_stop():
    with place(serve=False) as p:
        manager = Manager(p)
        p.start(env=manager.env(p))
        wait_until("it is ready", lambda: "READY=1" in manager.listen())
        wait_until("it says what it does", lambda: [t for t in manager.listen() if t.startswith("STATUS=0 runs")])
        assert "WATCHDOG=1" not in manager.heard, "nobody watches"
        del manager.heard[:]
        p.daemon.send_signal(signal.SIGHUP)
        wait_until("it is ready again", lambda: "READY=1" in manager.listen())
        told = [t.split("\n") for t in manager.heard if t.startswith("RELOADING=1")]
        assert told and 0 <= time.monotonic() - int(told[0][1].removeprefix("MONOTONIC_USEC=")) / 1e6 < 60, told
        p.write_config("slots: [\n")  # a reload that is refused ends too
        del manager.heard[:]
        p.daemon.send_signal(signal.SIGHUP)
        wait_until("it is ready again", lambda: "READY=1" in manager.listen())
        p.stop()
        assert "STOPPING=1" in manager.listen(), manager.heard


def test_a_stopped_daemon_is_silent_and_times_out_no_task():
    with place(serve=False) as p:
        manager = Manager(p)
        p.start(env=manager.env(p, watchdog=1))
        p.pipeline("slow", 'tasks: {a: {run: "sleep 2", timeout: 20s}}\ntimeout: 30s\n')
        p.rota("reload")
        assert "WATCHDOG=1" in manager.within(2), manager.heard
        run_id = p.rota("trigger", "slow").strip()
        wait_until("it runs", lambda: p.json("show", run_id)["attempts"])
        p.daemon.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        assert "WATCHDOG=1" not in manager.within(3), "a daemon that doesn't run says nothing"
        p.daemon.send_signal(signal.SIGCONT)
        wait_until("it says so again", lambda: "WATCHDOG=1" in manager.within(0.5))
        p.wait_run(run_id, "succeeded")
        lag = p.json("status")["health"]["lag_ms"]
        assert lag > 1500, f"it was stopped for three seconds, {lag} ms"


def test_a_writer_that_hangs_is_noticed_though_the_loop_turns():
    with place(serve=False) as p:
        manager, file = Manager(p), p.path("hang")
        library = build(p, "hang", HANG)
        p.start(env=manager.env(p, watchdog=1, LD_PRELOAD=library, TEST_HANG=file))
        p.pipeline("one", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        assert "WATCHDOG=1" in manager.within(2), manager.heard
        open(file, "w").close()
        with contextlib.suppress(OSError):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(os.path.join(p.state, "rota.sock"))
            connection.sendall(b"POST /api/v1/pipelines/one/runs HTTP/1.1\r\nHost: localhost\r\n"
                               b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        time.sleep(2.5)  # the writer has been silent for longer than the watchdog's time
        assert "WATCHDOG=1" not in manager.within(3), "commits don't end"
        assert p.rota("status"), "the loop turns all the while"
        assert "the disk doesn't answer" in p.daemon_log()
        os.unlink(file)
        wait_until("it says so again", lambda: "WATCHDOG=1" in manager.within(0.5))
        connection.close()
        run_id = wait_until("the run is recorded", lambda: p.json("runs")["items"])[0]["id"]
        p.wait_run(run_id, "succeeded")


def test_a_full_disk_is_an_answer():
    with small_disk(64) as disk, place(serve=False, state=os.path.join(disk, "state")) as p:
        manager = Manager(p)
        p.start(env=manager.env(p, watchdog=1))
        p.pipeline("one", 'tasks: {a: {run: "true"}}\n')
        p.rota("reload")
        with open(os.path.join(disk, "filler"), "wb") as f, contextlib.suppress(OSError):
            while True:
                f.write(b"x" * 65536)
                f.flush()

        def degraded():
            with contextlib.suppress(subprocess.TimeoutExpired):
                p.rota_all("trigger", "one", timeout=1)
            return p.json("status")["degraded"]
        assert wait_until("it is degraded", degraded, seconds=30)["kind"] == "full"
        assert manager.within(3).count("WATCHDOG=1") >= 3, "a restart would mend nothing"
        assert [t for t in manager.heard if t.startswith("STATUS=degraded: ")], manager.heard


def test_a_watchdog_of_another_process_is_none():
    with place(serve=False) as p:
        manager = Manager(p)
        p.start(env=manager.env(p, watchdog=0.5, WATCHDOG_PID="1"))
        assert "WATCHDOG=1" not in manager.within(1.5), manager.heard


run(globals())
