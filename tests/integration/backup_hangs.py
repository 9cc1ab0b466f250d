#!/usr/bin/env python3
"""A folder of backups that doesn't answer, as one on a network may: nothing waits for it, and it is told."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from clocks import shifted_place  # noqa: E402
from exposition import Exposition  # noqa: E402
from harness import ROTA, run, wait_until  # noqa: E402
from preload import build  # noqa: E402

# The call named in the file `hangs` doesn't come back for a path below `slow`, until that file is gone.
HANGS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static int hangs(const char *call) {
  char said[32] = "";
  int fd = (int)syscall(SYS_openat, AT_FDCWD, "%(root)s/hangs", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  said[syscall(SYS_read, fd, said, sizeof said - 1)] = 0;
  syscall(SYS_close, fd);
  return strcmp(said, call) == 0;
}
static void wait_for(const char *call, const char *path) {
  if (strncmp(path, "%(root)s/slow", sizeof "%(root)s/slow" - 1)) return;
  while (hangs(call)) {
    syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, "%(root)s/waits", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    usleep(5000);
  }
}
int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0;
  va_end(more);
  wait_for("open", path);
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0;
  va_end(more);
  wait_for("open", path);
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int rename(const char *from, const char *to) {
  wait_for("rename", to);
  int (*next)(const char *, const char *) = (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
  return next(from, to);
}
"""

WORK = "tasks: {one: {run: 'true'}}\n"


def slow_place():
    return shifted_place("slots: {cpu: 8}\n", serve=False)


def start(p, clocks):
    if not hasattr(p, "slow"):
        os.mkdir(p.path("slow"))
        p.pipeline("work", WORK)
        p.slow = build(p, "slow", HANGS % {"root": p.root})
    env = clocks.environment(p)
    env["LD_PRELOAD"] += ":" + p.slow
    p.start(env=env)
    if not hasattr(p, "token"):
        p.token = p.rota("token", "create", "prometheus", "--role", "viewer").split()[-1]


def hang(p, call):
    with open(p.path("hangs.new"), "w") as f:
        f.write(call)
    os.rename(p.path("hangs.new"), p.path("hangs"))


def hangs(p):
    wait_until("the daemon waits for the folder", lambda: os.path.exists(p.path("waits")))


def answer(p):
    os.unlink(p.path("hangs"))


def overdue(p):
    return Exposition(p.http("GET", "/metrics", token=p.token)[2].decode()).get("rota_backup_overdue_seconds")


def works(p):
    """Commits go on, runs too, and the log is moved into the database: nobody holds it."""
    for _ in range(3):
        p.wait_run(p.rota("trigger", "work", "--now").strip(), "succeeded")
    wal = os.path.join(p.state, "rota.db-wal")
    wait_until("the log is emptied", lambda: os.path.getsize(wal) == 0)
    assert p.json("status")["degraded"] is None


def stops_soon(p):
    before = time.monotonic()
    assert p.stop() == 0
    assert time.monotonic() - before < 25


def by_hand(p, name):
    return subprocess.Popen([ROTA, "backup", "--state", p.state, p.path("slow/" + name)], env=p.environment(),
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def test_a_folder_on_the_schedule_that_hangs_holds_up_nothing_and_is_an_alarm():
    with slow_place() as (p, clocks):
        p.write_config('slots: {cpu: 8}\nbackup: {dir: slow, at: "03:30", keep: 3}\n')
        hang(p, "open")
        start(p, clocks)
        works(p)
        clocks.sleep(31)
        told = wait_until("the alarm is on", lambda: p.json("status")["backup"]["failing"])
        assert f"the backup folder {p.path('slow')} doesn't answer" in told["reason"], told
        assert "NO BACKUP since" in p.rota("status")
        checks = {c["name"]: c for c in p.json("doctor", code=None)["checks"]}
        assert checks["backup"]["result"] == "warning" and "doesn't answer" in checks["backup"]["text"], checks["backup"]
        assert overdue(p) >= 30
        refused = p.rota_all("backup", p.path("elsewhere.db"))
        assert refused.returncode != 0 and "doesn't answer yet" in refused.stderr, refused.stderr
        works(p)
        stops_soon(p)
        assert "the scheduled backup failed" in p.daemon_log()
        answer(p)
        start(p, clocks)
        wait_until("one is made", lambda: p.json("status")["backup"]["last"] and not p.json("status")["backup"]["failing"])
        assert overdue(p) == 0


def test_one_by_hand_whose_folder_hangs_is_given_up_and_removed_when_it_answers():
    with slow_place() as (p, clocks):
        start(p, clocks)
        hang(p, "rename")
        asked = by_hand(p, "mine.db")
        hangs(p)
        works(p)
        clocks.sleep(31)
        assert asked.wait(30) != 0
        assert f"the folder {p.path('slow')} doesn't answer" in asked.stderr.read()
        assert overdue(p) >= 30
        works(p)
        answer(p)
        wait_until("what was half made is gone", lambda: os.listdir(p.path("slow")) == [] and
                   not os.path.exists(os.path.join(p.state, "rota.backup")))
        wait_until("the alarm is off", lambda: overdue(p) == 0)
        p.rota("backup", p.path("slow/mine.db"))
        assert os.listdir(p.path("slow")) == ["mine.db"]


def test_a_stop_waits_for_no_folder_and_the_next_start_tidies_up():
    with slow_place() as (p, clocks):
        start(p, clocks)
        hang(p, "rename")
        asked = by_hand(p, "mine.db")
        hangs(p)
        stops_soon(p)
        assert asked.wait(30) != 0
        asked.stderr.close()
        assert "no backup was made" in p.daemon_log()
        assert os.path.exists(os.path.join(p.state, "rota.backup"))
        start(p, clocks)
        assert not os.path.exists(os.path.join(p.state, "rota.backup"))
        answer(p)
        p.rota("backup", p.path("slow/mine.db"))
        assert os.listdir(p.path("slow")) == ["mine.db"]


run(globals())
