#!/usr/bin/env python3
# takes: 34
"""A sample of what `make turn` does at length: calls of the daemon fail, once or for ever after, and nothing is lost."""
import contextlib
import errno
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))
sys.path.insert(0, os.path.join(HERE, "../turn"))
import turn  # noqa: E402
from harness import run, wait_until  # noqa: E402

reached = set()


def told(*tellings):
    library = turn.compiled()
    for name, kind, nth, ever in tellings:
        fault = turn.fault_of(kind, nth, ever)
        _, failed = turn.tell(library, name, fault)
        assert failed[kind] > 0, f"{name}: no {kind} failed, the {nth}th"
        reached.add(kind)


@contextlib.contextmanager
def begun():
    t = turn.Telling(turn.compiled(), None)
    try:
        t.serve()
        assert t.up(30)
        yield t
    finally:
        t.place.end()


def compared(t):
    assert t.up(30)
    turn.compare(t)


def test_a_read_only_disk_degrades_until_it_can_be_written_again():
    with begun() as t:
        assert t.trigger("before", nap="0.3") == 201
        t.control.arm("write", 1, 1, errno.EROFS)
        wait_until("a request is refused for now", lambda: t.trigger("meanwhile") == 503)
        wait_until("it says why", lambda: "Read-only" in str(t.ask("GET", "/api/v1/status")[1]))
        t.control.disarm()
        wait_until("it goes on by itself", lambda: t.trigger("after") == 201)
        compared(t)


def test_a_sync_that_fails_ends_the_daemon_at_once_and_tasks_go_on():
    with begun() as t:
        assert t.trigger("live", nap="1.5") == 201
        assert t.until_running("live")
        t.control.arm("sync", 1, 0, errno.EIO)
        t.trigger("unsure")
        assert t.place.daemon.wait(20) == 1
        counts, failed = t.control.read()
        assert failed["sync"] == 1 and counts["sync"] == 1, f"a sync is never tried again: {counts['sync']}"
        t.serve(faults=False)
        compared(t)


def test_starts_that_the_system_refuses_are_done_later_with_the_same_attempt():
    with begun() as t:
        t.control.arm("spawn", 1, 1, errno.EAGAIN)
        assert t.trigger("refused") == 201
        wait_until("a start was refused twice", lambda: t.control.read()[1]["spawn"] > 1)
        t.control.disarm()
        compared(t)
        assert [a["attempt"] for a in t.attempts("refused")] == [1, 1]  # one of each task


def test_without_a_descriptor_for_a_connection_the_next_one_is_answered():
    with begun() as t:
        t.control.arm("accept", 1, 1, errno.EMFILE)
        assert t.ask("GET", "/api/v1/status", timeout=1)[0] == 0
        wait_until("it was refused", lambda: t.control.read()[1]["accept"] > 0)
        t.control.disarm()
        assert t.up(10)
        compared(t)


def test_without_memory_the_daemon_ends_and_the_next_one_recovers():
    told(("runs", "memory", 3001, False), ("start", "memory", 9001, True))


def test_without_descriptors_what_is_to_start_waits_and_nothing_fails():
    told(("start_with_live_attempts", "open", 40, True), ("runs", "open", 3, False), ("start", "descriptor", 4, False))


def test_without_processes_a_start_waits_and_uses_no_retry():
    told(("runs", "spawn", 1, True), ("runs", "spawn", 2, False))


def test_a_full_or_broken_disk_loses_nothing():
    told(("runs", "write", 4, True), ("runs", "mkdir", 2, False), ("runs", "sync", 2, False), ("start", "truncate", 1, True),
         ("runs", "read", 1, True), ("start", "rename", 1, False), ("start", "unlink", 1, True))


def test_broken_connections_and_threads_lose_nothing():
    told(("runs", "accept", 2, True), ("runs", "send", 1, False), ("runs", "receive", 2, False), ("start", "socket", 2, False),
         ("start", "thread", 2, False), ("runs", "watch", 3, False))


def test_every_kind_of_call_was_failed():
    turn.compiled()  # or this is skipped as the others are
    assert reached == set(turn.KINDS), f"never failed: {set(turn.KINDS) - reached}"


run(globals())
