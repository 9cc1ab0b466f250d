#!/usr/bin/env python3
"""A sample of what `make turn` does at length: calls of the daemon fail, once or for ever after, and nothing is lost."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "lib"))
sys.path.insert(0, os.path.join(HERE, "../turn"))
import turn  # noqa: E402
from harness import run  # noqa: E402

reached = set()


def told(*tellings):
    library = turn.compiled()
    for name, kind, nth, ever in tellings:
        fault = turn.fault_of(kind, nth, ever)
        _, failed = turn.tell(library, name, fault)
        assert failed[kind] > 0, f"{name}: no {kind} failed, the {nth}th"
        reached.add(kind)


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
