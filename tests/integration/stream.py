#!/usr/bin/env python3
"""The event stream of a real daemon: what changes is told, a client that comes back misses nothing, and a slow one
harms nobody. Also the answers that a client has already."""
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import place, run, wait_until  # noqa: E402
from wire import Events, ask, connect  # noqa: E402

QUICK = """
    tasks:
      a: {run: "true"}
      b: {run: "true", needs: [a]}
"""
MANY = """
    tasks:
      t: {matrix: {n: [%s]}, run: "true"}
"""


def run_ended(name, state="succeeded"):
    return lambda data: any(f"{r['pipeline']}#{r['number']}" == name and r["state"] == state for r in data["runs"])


def begun(p, **options):
    """A stream after its greeting, and the hello."""
    events = Events(p, **options)
    name, _, hello = events.next()
    assert name == "hello", name
    return events, hello


def test_a_run_is_told_from_its_trigger_to_its_end():
    with place() as p:
        p.pipeline("quick", QUICK)
        p.rota("reload")
        events, hello = begun(p)
        assert b"text/event-stream" in events.head and b"no-store" in events.head, events.head
        assert set(hello) == {"version", "state_id", "commit", "now"}, hello
        assert events.last == hello["commit"]
        assert events.next() == ("health", None, {"degraded": None, "paused": None, "backup": None})
        run_id = p.json("trigger", "quick")["run"]["id"]
        seen, states, ids = {}, [], []
        while not states or states[-1] != "succeeded":
            name, number, data = events.next()
            if name == "beat":
                continue
            assert name == "change", name
            assert set(data) == {"runs", "tasks", "pipelines", "firings", "notes", "hosts", "paused"}, data
            ids.append(number)
            states += [r["state"] for r in data["runs"] if r["id"] == run_id]
            for task in data["tasks"]:
                assert task["run"] == run_id
                seen[task["label"]] = task
        assert ids == sorted(set(ids)) and ids[0] > hello["commit"], (ids, hello)
        assert {t["state"] for t in seen.values()} == {"succeeded"} and set(seen) == {"a", "b"}, seen
        assert seen["b"]["attempts"] == 1 and seen["b"]["started_at"] and seen["b"]["wait"] is None, seen
        p.rota("note", "quick#1", "seen by anna")
        assert events.until("change", lambda d: d["notes"])["notes"] == [run_id]
        p.pipeline("other", QUICK)
        p.rota("reload")
        assert events.until("change", lambda d: d["pipelines"])["pipelines"] == ["other"]
        events.close()


def test_a_pause_is_told_as_health():
    with place() as p:
        events, _ = begun(p)
        p.rota("pause", "--all", "--reason", "works")
        paused = events.until("health", lambda d: d["paused"])["paused"]
        assert paused["reason"] == "works" and paused["at"] and paused["by"], paused
        assert events.until("change")["paused"] is True
        p.rota("resume", "--all")
        assert events.until("health")["paused"] is None
        events.close()


def test_the_beat_goes_on_when_nothing_happens():
    with place() as p:
        events, _ = begun(p)
        begin = time.monotonic()
        events.until("beat", seconds=12)
        events.until("beat", seconds=12)
        assert 8 < time.monotonic() - begin < 20
        events.close()


def test_who_comes_back_gets_what_was_missed():
    with place() as p:
        p.pipeline("quick", QUICK)
        p.rota("reload")
        events, _ = begun(p)
        p.rota("trigger", "quick", "--wait")
        events.until("change", run_ended("quick#1"))
        last = events.last
        events.close()
        p.rota("trigger", "quick", "--wait")
        for options in ({"last": last}, {"query": f"?last_event_id={last}"}):
            events, hello = begun(p, **options)
            assert events.last == last < hello["commit"], (events.last, last, hello)
            names = []
            while True:
                name, number, data = events.next()
                names.append(name)
                if name == "change":
                    assert number > last, (number, last)
                    if run_ended("quick#2")(data):
                        break
            assert "resync" not in names, names
            events.close()


def test_who_had_it_all_misses_nothing_by_a_crash():
    with place() as p:
        p.pipeline("quick", QUICK)
        p.rota("reload")
        events, _ = begun(p)
        p.rota("trigger", "quick", "--wait")
        events.until("change", run_ended("quick#1"))
        time.sleep(0.5)
        events.feed(0.1)
        while b"\n\n" in events.text:
            events.next()
        last = events.last
        p.kill()
        wait_until("the stream is closed", lambda: events.feed(0.1) or events.closed)
        p.start()
        events, hello = begun(p, last=last)
        name, _, _ = events.next()
        # A commit of the start itself is more than the ring knows: then all is fetched anew.
        assert name == ("health" if hello["commit"] == last else "resync"), (name, hello, last)
        p.rota("trigger", "quick", "--wait")
        events.until("change", run_ended("quick#2"))
        assert events.last > last
        events.close()


def test_who_can_not_be_helped_is_told_to_fetch_anew():
    with place() as p:
        p.pipeline("quick", QUICK)
        p.rota("reload")
        for last in ("0", "99999999", "x", "12345678901234567890"):
            events, hello = begun(p, last=last)
            assert events.next() == ("resync", hello["commit"], {}), last
            assert events.next()[0] == "health"
            events.close()


def test_more_than_fits_is_a_resync():
    with place(config="slots: {cpu: 64}\n") as p:
        p.pipeline("many", MANY % ", ".join(str(n) for n in range(1500)))
        p.rota("reload")
        events, _ = begun(p)
        run_id = p.json("trigger", "many")["run"]["id"]
        events.until("resync")
        p.rota("cancel", run_id)
        events.close()


def test_a_slow_client_harms_nobody():
    with place() as p:
        p.pipeline("wide", MANY % ", ".join(str(n) for n in range(200)))
        p.rota("reload")
        slow = Events(p)
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        quick, _ = begun(p)
        for n in range(1, 6):
            p.rota("trigger", "wide", "--wait", timeout=120)
            quick.until("change", run_ended(f"wide#{n}"), seconds=60)
        names = []
        end = time.monotonic() + 10
        while "resync" not in names and time.monotonic() < end:
            names.append(slow.next(5)[0])
        assert "resync" in names, names
        slow.close()
        quick.close()


def test_a_revoked_token_hears_nothing_more():
    with place() as p:
        p.pipeline("quick", QUICK)
        p.rota("reload")
        made = ask(p, "POST", "/api/v1/tokens", body={"name": "wall", "role": "viewer"}).json()
        events, _ = begun(p, token=made["token"])
        p.rota("trigger", "quick", "--wait")
        events.until("change", run_ended("quick#1"))
        assert ask(p, "POST", f"/api/v1/tokens/{made['id']}/revoke", body={}).status == 200
        wait_until("the stream has ended", lambda: events.feed(0.1) or events.ended, seconds=2)
        events.close()
        refused = Events(p, token=made["token"])
        wait_until("the answer", lambda: refused.feed(0.1) or refused.head)
        assert b" 401 " in refused.head, refused.head
        refused.close()


def test_many_clients_come_and_go():
    with place() as p:
        p.pipeline("quick", QUICK)
        p.rota("reload")
        sockets = [Events(p) for _ in range(200)]
        for events in sockets:
            assert events.next()[0] == "hello"
        p.rota("trigger", "quick", "--wait")
        for events in sockets:
            events.until("change", run_ended("quick#1"))
        descriptors = lambda: len(os.listdir(f"/proc/{p.daemon.pid}/fd"))  # noqa: E731
        before = descriptors()
        for events in sockets:
            events.close()
        wait_until("their descriptors are closed", lambda: descriptors() <= before - 200, seconds=10)


def test_what_the_client_has_is_not_sent_again():
    with place() as p:
        p.pipeline("quick", QUICK)
        p.rota("reload")
        for path in ("/api/v1/runs", "/api/v1/pipelines", "/api/v1/pipelines/quick", "/api/v1/audit"):
            first = ask(p, "GET", path)
            tag = first.headers["etag"]
            assert first.status == 200 and re.fullmatch(r'"[0-9a-f]{32}"', tag), first.headers
            again = ask(p, "GET", path, If_None_Match=f'"x", {tag}')
            assert again.status == 304 and again.body == b"" and again.headers["etag"] == tag, path
            assert ask(p, "GET", path, If_None_Match='"x"').body == first.body
            head = ask(p, "HEAD", path)
            assert head.status == 200 and head.headers["etag"] == tag and head.body == b""
        tag = ask(p, "GET", "/api/v1/runs").headers["etag"]
        p.rota("trigger", "quick", "--wait")
        assert ask(p, "GET", "/api/v1/runs", If_None_Match=tag).status == 200
        problem = ask(p, "GET", "/api/v1/runs/nothing")
        assert problem.status == 404 and "etag" not in problem.headers


def test_a_half_request_for_the_stream_is_no_stream():
    with place() as p:
        with connect(p) as s:
            s.sendall(b"HEAD /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in s.recv(4096)
        assert ask(p, "POST", "/api/v1/stream", body={}).status == 405


if __name__ == "__main__":
    run(globals())
