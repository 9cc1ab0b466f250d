#!/usr/bin/env python3
"""The logs over the API: lines by number, searches, downloads, failure cards; hostile content and hostile files."""
import contextlib
import http.client
import json
import os
import socket
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import SLOW, place, run, wait_until  # noqa: E402


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def fetch(p, target, headers=None, method="GET"):
    """The status, the headers and the bytes of an answer."""
    connection = Connection(os.path.join(p.state, "rota.sock"))
    connection.request(method, "/api/v1/runs/" + target, headers=headers or {})
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, reply.headers, body


def get(p, run_ref, what, status=200, **query):
    """The JSON of a page about a run."""
    target = f"{urllib.parse.quote(run_ref, safe='')}/{what}?{urllib.parse.urlencode(query)}"
    got, _, body = fetch(p, target)
    assert got == status, (target, got, body[:500])
    return json.loads(body)


def printed(p, script, name="job", state="succeeded", more=""):
    """Runs a task that is this Python program, and waits for its end; the run's reference."""
    path = p.path(name + ".py")
    with open(path, "w") as f:
        f.write("import os, sys, time\nout = sys.stdout.buffer\nhere = os.path.dirname(os.environ['ROTA_SUMMARY'])\n" + script)
    p.pipeline(name, f"{more}\ntasks:\n  a:\n    run: [{json.dumps(sys.executable)}, {json.dumps(path)}]\n")
    p.rota("reload")
    p.rota("trigger", name)
    p.wait_run(name, state)
    return name


def open_logs(p):
    """What the daemon has open below its runs."""
    directory = f"/proc/{p.daemon.pid}/fd"
    paths = []
    for name in os.listdir(directory):
        with contextlib.suppress(FileNotFoundError):
            paths.append(os.readlink(os.path.join(directory, name)))
    return [x for x in paths if x.startswith(os.path.join(p.state, "runs", ""))]


def attempt_dir(p):
    """Of the only attempt."""
    runs = os.path.join(p.state, "runs")
    found = [os.path.join(runs, r, a) for r in os.listdir(runs) for a in os.listdir(os.path.join(runs, r))
             if os.path.exists(os.path.join(runs, r, a, "owner"))]
    assert len(found) == 1, found
    return found[0]


def test_lines_come_by_number_and_from_the_end():
    with place() as p:
        job = printed(p, "out.write(b''.join(b'line %d\\n' % i for i in range(100000)))")
        page = get(p, job, "log/lines", **{"from": 54321, "count": 3})
        assert [(x["n"], x["text"], x["cut"]) for x in page["lines"]] == [(n, f"line {n}", 0) for n in range(54321, 54324)]
        assert page["lines"][0]["offset"] == sum(len(f"line {n}\n") for n in range(54321))
        assert (page["total"], page["size"], page["ended"], page["gaps"]) == (100000, 1088890, True, [])
        assert (page["task"], page["attempt"], page["state"]) == ("a", 1, "succeeded")
        tail = get(p, job, "log/lines", tail=2)
        assert (tail["from"], [x["text"] for x in tail["lines"]]) == (99998, ["line 99998", "line 99999"])
        assert get(p, job, "log/lines", **{"from": 100000})["lines"] == []
        assert get(p, job, "log/lines", **{"from": 10**15})["lines"] == []
        stamps = [x["at"] for x in get(p, job, "log/lines", count=2000, **{"from": 6000})["lines"] if x["at"]]
        assert len(stamps) == 1, stamps
        assert len(get(p, job, "log/lines", count=2000)["lines"]) == 2000


def test_what_is_asked_wrongly_is_told():
    with place() as p:
        job = printed(p, "print('hello')")
        for what, query in (("log/lines", {"count": 2001}), ("log/lines", {"from": -1}), ("log/lines", {"tail": "x"}),
                            ("log/search", {}), ("log/search", {"q": ""}),
                            ("log/search", {"q": "x" * 1025}), ("log/search", {"q": "a", "regex": 2}),
                            ("log/search", {"q": "a", "limit": 0})):
            assert "detail" in get(p, job, what, 422, **query), (what, query)
        problem = get(p, job, "log/search", 422, q="ab(c", regex=1)
        assert "column 5" in problem["detail"] and "parenthesis" in problem["detail"], problem
        for what, query in (("log/lines", {"task": "b"}), ("log/search", {"q": "a", "attempt": 9})):
            get(p, job, what, 404, **query)
        get(p, "nobody", "log/lines", 404)


def test_wide_and_broken_lines_are_shown_safely():
    with place() as p:
        job = printed(p, r"""
out.write(b'x' * 1000000 + b'needle' + b'y' * 10 + b'\n')
out.write(b'second \xff\xfe broken \x00 nul \x1b[31mred\x1b[0m \xe2\x82\n')
out.write('wide \U0001f600\U0001f600 needle needle\r\n'.encode())
out.write('é'.encode() * 5000 + b'\n')
out.write(b'no end')
""")
        page = get(p, job, "log/lines")
        first, second, third, fourth, last = page["lines"]
        assert (first["text"], first["cut"]) == ("x" * 8192, 1000016 - 8192)
        assert second["text"] == "second \ufffd\ufffd broken \x00 nul \x1b[31mred\x1b[0m \ufffd\ufffd", second
        assert second["offset"] == 1000017 and third["text"].endswith("needle\r")
        assert (fourth["text"], fourth["cut"]) == ("é" * 4096, 1808)
        assert (last["n"], last["text"], last["cut"]) == (4, "no end", 0) and "open" not in last
        assert page["total"] == 5
        found = get(p, job, "log/search", q="NEEDLE")
        assert [m["n"] for m in found["matches"]] == [0, 2] and found["total"] == 2 and not found["at_least"]
        wide, spans = found["matches"][0], found["matches"][0]["spans"]
        assert wide["text"][spans[0][0]:spans[0][1]] == "needle" and len(wide["text"]) <= 400
        assert wide["offset"] + spans[0][0] == 1000000
        units = found["matches"][1]["text"].encode("utf-16-le")
        assert [units[2 * a:2 * b].decode("utf-16-le") for a, b in found["matches"][1]["spans"]] == ["needle"] * 2


def test_a_search_counts_everything_and_gives_pages():
    with place() as p:
        # A search may take so long and no longer: with a sanitizer it gets through a tenth of the lines.
        lines = 300000 if SLOW == 1 else 30000
        job = printed(p, f"out.write(b''.join(b'line %d of Many\\n' % i for i in range({lines})))")
        for query, total in (({"q": "7 of"}, lines // 10), ({"q": "MANY"}, lines), ({"q": "MANY", "case": 1}, 0),
                             ({"q": r"^line \d*99 of", "regex": 1}, lines // 100),
                             ({"q": "LINE 1+ OF", "regex": 1}, len(str(lines))),
                             ({"q": "[^x]many$", "regex": 1}, lines), ({"q": "[^x]*+many$", "regex": 1}, 0),
                             ({"q": r"\Aline 5 .*y\z", "regex": 1}, 1), ({"q": "(9999|8888) of", "regex": 1}, 60)):
            found = get(p, job, "log/search", **query)
            if query["q"].startswith("(9999"):
                total = sum(str(i).endswith(("9999", "8888")) for i in range(lines))
            assert (found["total"], found["at_least"]) == (total, False), (query, found["total"])
            assert len(found["matches"]) == min(total, 200)
        seen, after = [], -1
        while after is not None:
            page = get(p, job, "log/search", q="99 of", after=after, limit=700)
            seen += [m["n"] for m in page["matches"]]
            assert page["total"] == lines // 100
            after = page["next"]
        assert seen == list(range(99, lines, 100))


def test_an_expression_that_goes_astray_is_given_up():
    with place() as p:
        job = printed(p, "out.write((b'a' * 40 + b'b\\n') * 100000)")
        begun = time.monotonic()
        found = get(p, job, "log/search", q="(a+)+$", regex=1)
        assert found["at_least"] and time.monotonic() - begun < 10
        assert get(p, job, "log/search", q="(a+)+$(*LIMIT_MATCH=4000000000)", regex=1, status=422)
        p.rota("status")


def test_lines_are_waited_for_while_a_task_runs():
    with place() as p:
        path = p.path("go")
        with open(p.path("job.py"), "w") as f:
            f.write(f"import os, time\nprint('one', flush=True)\nwhile not os.path.exists({path!r}): time.sleep(0.02)\n"
                    "print('two', end='', flush=True)\ntime.sleep(600)\n")
        p.pipeline("job", f"tasks: {{a: {{run: [{json.dumps(sys.executable)}, {json.dumps(p.path('job.py'))}]}}}}\n")
        p.rota("reload")
        p.rota("trigger", "job")
        page = wait_until("the first line is there", lambda: (lambda x: x if x["lines"] else None)(
            get(p, "job", "log/lines", wait_ms=1000)))
        assert page["lines"][0]["text"] == "one" and not page["ended"]
        begun = time.monotonic()
        assert get(p, "job", "log/lines", wait_ms=300, **{"from": 1})["lines"] == []
        assert time.monotonic() - begun >= 0.29
        open(path, "w").close()
        page = get(p, "job", "log/lines", wait_ms=20000, **{"from": 1})
        assert page["lines"] == [{"n": 1, "offset": 4, "text": "two", "cut": 0, "at": None, "open": True}], page
        begun = time.monotonic()
        get(p, "job", "log/lines", wait_ms=300, size=page["size"], **{"from": 1})
        assert time.monotonic() - begun >= 0.29
        p.rota("cancel", "job")
        page = get(p, "job", "log/lines", wait_ms=20000, size=page["size"], **{"from": 1})
        wait_until("the log has ended", lambda: get(p, "job", "log/lines")["ended"])


def test_what_was_dropped_is_told_and_jumped_over():
    with place("log: {cap: 64KiB}\n") as p:
        job = printed(p, "out.write(b''.join(b'line %06d\\n' % i for i in range(100000)))")
        page = get(p, job, "log/lines", count=2000)
        assert page["total"] == 100000 and page["size"] == 1200000 and len(page["gaps"]) == 1, page["gaps"]
        gap = page["gaps"][0]
        assert gap["offset"] == 32768 and gap["line"] == 32768 // 12
        tail = get(p, job, "log/lines", tail=2)["lines"]
        assert [x["text"] for x in tail] == ["line 099998", "line 099999"]
        middle = get(p, job, "log/lines", count=3, **{"from": 50000})["lines"]
        assert middle[0]["offset"] == gap["offset"] + gap["bytes"] and middle[0]["n"] > 50000, middle
        assert middle[1]["text"] == f"line {middle[1]['n']:06d}"
        across = get(p, job, "log/lines", count=5, **{"from": gap["line"] - 1})["lines"]
        assert across[0]["text"] == f"line {gap['line'] - 1:06d}" and across[-1]["text"] == f"line {across[-1]['n']:06d}"
        found = get(p, job, "log/search", q="line 09999")
        assert [m["n"] for m in found["matches"]] == list(range(99990, 100000))


HOSTILE = {
    "a link": "os.unlink(p); os.symlink('/etc/passwd', p)",
    "a pipe": "os.unlink(p); os.mkfifo(p)",
    "a directory": "os.unlink(p); os.mkdir(p)",
    "a device's link": "os.unlink(p); os.symlink('/dev/zero', p)",
    "a socket": "import socket; os.unlink(p); s = socket.socket(socket.AF_UNIX); os.chdir(here); s.bind('log')",
    "a sparse file": "os.truncate(p, 1 << 42)",
}


def test_nothing_that_a_task_puts_in_place_of_its_log_leads_outside():
    for what, deed in HOSTILE.items():
        with place() as p:
            job = printed(p, f"print('hello', flush=True)\np = os.path.join(here, 'log')\n"
                             f"while not os.path.exists(p): time.sleep(0.01)\n{deed}\n")
            for page in ("log", "log/lines?", "log/lines?tail=5", "log/search?q=root", "log/search?q=o&regex=1",
                         "log/search?errors=1", "log/file", "failure"):
                begun = time.monotonic()
                if what == "a sparse file" and page == "log/file":
                    continue
                status, _, body = fetch(p, f"{job}/{page}")
                assert status in (200, 403, 404, 503), (what, page, status, body[:300])
                assert b"root:" not in body, (what, page)
                assert time.monotonic() - begun < 20 * SLOW, (what, page)
            p.rota("status")


def test_no_directory_on_the_way_may_be_a_link():
    with place() as p:
        job = printed(p, "print('hello')\nopen(os.environ['ROTA_SUMMARY'], 'w').write('told')")
        assert p.json("show", job)["tasks"][0]["summary"] == "told"
        directory = attempt_dir(p)
        for path in (directory, os.path.dirname(directory)):
            os.rename(path, path + ".away")
            os.symlink(path + ".away", path)
            status, _, body = fetch(p, f"{job}/log/lines")
            assert status == 503 and b"not permitted" in body, (status, body)
            assert p.json("show", job)["tasks"][0]["summary"] is None
            os.unlink(path)
            os.rename(path + ".away", path)
        summary = os.path.join(directory, "summary.md")
        os.unlink(summary)
        os.symlink("/etc/passwd", summary)
        assert p.json("show", job)["tasks"][0]["summary"] is None


def test_outputs_behind_a_link_are_refused():
    with place() as p:
        secret = p.path("secret")
        with open(secret, "w") as f:
            f.write("k=stolen\n")
        job = printed(p, f"p = os.environ['ROTA_OUTPUT']\nif os.path.exists(p): os.unlink(p)\nos.symlink({secret!r}, p)",
                      state="failed")
        task = p.json("show", job)["tasks"][0]
        assert task["outputs"] == {} and "not permitted" in task["reason"], task


def test_errors_are_found_by_their_kinds():
    with place() as p:
        job = printed(p, """
print('ordinary output')
print('2026-11-28 03:00:00 ERROR could not reach it')
print('Traceback (most recent call last):')
print('  File "x.py", line 3, in <module>')
print('    raise Oops("No space left on device")')
print('mypackage.Oops: it went wrong')
print('the word error in a sentence')
print('/bin/sh: 1: frobnicate: not found')
""")
        found = get(p, job, "log/search", errors=1)
        assert [m["n"] for m in found["matches"]] == [1, 5, 7], found
        assert found["matches"][1]["text"][slice(*found["matches"][1]["spans"][0])] == "mypackage.Oops"


def test_a_log_is_downloaded_whole_or_in_part():
    with place() as p:
        job = printed(p, "out.write(b''.join(b'line %d\\n' % i for i in range(300000)))")
        log = b"".join(b"line %d\n" % i for i in range(300000))
        status, headers, body = fetch(p, f"{job}/log/file")
        assert (status, body) == (200, log) and headers["Content-Length"] == str(len(log))
        assert headers["Content-Disposition"] == 'attachment; filename="job-1-a-1.log"', headers["Content-Disposition"]
        assert headers["Content-Type"].startswith("text/plain") and headers["X-Content-Type-Options"] == "nosniff"
        for asked, first, end in (("0-9", 0, 10), ("1000000-2000000", 1000000, 2000001), ("-5", len(log) - 5, len(log)),
                                  (f"{len(log) - 1}-", len(log) - 1, len(log))):
            status, headers, body = fetch(p, f"{job}/log/file", {"Range": "bytes=" + asked})
            assert (status, body) == (206, log[first:end]), (asked, status, len(body))
            assert headers["Content-Range"] == f"bytes {first}-{end - 1}/{len(log)}"
        status, headers, _ = fetch(p, f"{job}/log/file", {"Range": f"bytes={len(log)}-"})
        assert (status, headers["Content-Range"]) == (416, f"bytes */{len(log)}")
        status, headers, body = fetch(p, f"{job}/log/file", method="HEAD")
        assert (status, headers["Content-Length"], body) == (200, str(len(log)), b"")
        assert fetch(p, f"{job}/log/file?task=nobody")[0] == 404
        quiet = printed(p, "", name="quiet")
        assert fetch(p, f"{quiet}/log/file")[2] == b""


def test_a_download_tells_what_was_dropped_and_can_be_left():
    with place("log: {cap: 64KiB}\n") as p:
        job = printed(p, "out.write(b''.join(b'line %06d\\n' % i for i in range(100000)))")
        whole = fetch(p, f"{job}/log/file")[2]
        gap = get(p, job, "log/lines")["gaps"][0]
        mark = b"\n[%d bytes were dropped here: the log is over its cap]\n" % gap["bytes"]
        assert whole[gap["offset"]:].startswith(mark) and whole.endswith(b"line 099999\n")
        for first in (gap["offset"] - 5, gap["offset"] + 7, gap["offset"] + len(mark), len(whole) - 3):
            assert fetch(p, f"{job}/log/file", {"Range": f"bytes={first}-{first + 99}"})[2] == whole[first:first + 100]
    with place() as p:
        job = printed(p, "out.write(b'x' * 40000000)")
        for _ in range(20):
            connection = Connection(os.path.join(p.state, "rota.sock"))
            connection.request("GET", f"/api/v1/runs/{job}/log/file")
            assert connection.getresponse().read(1000) == b"x" * 1000
            connection.close()
        assert len(fetch(p, f"{job}/log/file")[2]) == 40000000
        wait_until("no log is open any more", lambda: not open_logs(p))
        assert p.stop() == 0


def failed(p, name, text):
    """Triggers a pipeline that fails; its cards."""
    p.pipeline(name, text)
    p.rota("reload")
    p.rota("trigger", name)
    p.wait_run(name, "failed")
    page = get(p, name, "failure")
    assert page["state"] == "failed", page
    return page["cards"]


def test_a_failure_is_told_with_its_line_and_what_to_do():
    with place() as p:
        card, = failed(p, "job", """
            tasks:
              ok: {run: "true"}
              a:
                run: |
                  seq 30
                  echo '2026-11-28 ERROR it went wrong'
                  echo 'cp: cannot write: No space left on device' >&2
                  exit 3
              b: {needs: a, run: "true"}
            """)
        assert (card["kind"], card["task"], card["label"], card["attempt"]) == ("failed", "a", "a", 1)
        assert (card["exit_code"], card["signal"], card["words"], card["host"]) == (3, None, "exit code 3", "local")
        assert card["error"]["line"] == 31 and card["error"]["kind"] == "disk_full", card["error"]
        assert card["error"]["text"] == "cp: cannot write: No space left on device"
        assert [x["n"] for x in card["tail"]] == list(range(12, 32)) and card["tail"][0]["text"] == "13"
        assert (card["same"], card["same_labels"], card["running"]) == (1, ["a"], "nothing of the run is running")
        assert any("rota rerun job#1" in x for x in card["next"]) and "make room" in card["next"][0], card["next"]
        shown = p.rota("show", "job")
        assert "  cp: cannot write: No space left on device\n" in shown, shown
        assert shown.index("cannot write") < shown.index("| 13"), shown


def test_tasks_that_failed_alike_share_a_card():
    with place() as p:
        cards = failed(p, "job", """
            max_tasks: 8
            tasks:
              a:
                matrix: {n: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}
                run: |
                  echo "worker $ROTA_MATRIX_N: Connection refused by 10.0.0.$$"
                  exit 1
              b: {run: "kill -9 $$"}
              c: {run: "echo never; exit 1", allow_failure: true}
              d: {run: "sleep 60", timeout: 200ms}
            """)
        by_kind = {(c["kind"], c["task"]): c for c in cards}
        assert len(cards) == 3, cards
        a = by_kind["failed", "a"]
        assert a["same"] == 12 and len(a["same_labels"]) == 12 and a["error"]["kind"] == "network", a
        b = by_kind["failed", "b"]
        assert (b["signal"], b["words"]) == (9, "killed by SIGKILL (9): often out of memory"), b
        assert b["error"] is None and b["tail"] == []
        d = by_kind["timed_out", "d"]
        assert any("timeout:" in x for x in d["next"]), d


def test_a_run_without_failures_has_no_cards():
    with place() as p:
        assert get(p, printed(p, "print('ERROR: not at all')"), "failure") == {"state": "succeeded", "cards": []}


def test_the_command_line_searches_logs():
    with place() as p:
        job = printed(p, "out.write(b''.join(b'line %d\\n' % i for i in range(1000)) + b'ERROR: \\x1b[2Jbad\\n')")
        lines = p.rota("logs", job, "--search", "LINE 99").splitlines()
        assert lines == ["100: line 99"] + [f"{n + 1}: line {n}" for n in range(990, 1000)], lines
        assert p.rota("logs", job, "--regex", "^line 5.7$").count("\n") == 10
        assert p.rota("logs", job, "a", "--errors") == "1001: ERROR: ?[2Jbad\n"
        assert p.rota_all("logs", job, "--search", "nowhere").returncode == 1
        assert "column 2" in p.rota_all("logs", job, "--regex", "(").stderr
        p.rota("logs", job, "--errors", "--follow", code=2)
        assert p.json("logs", job, "--search", "line 7")["total"] == 111
        many = printed(p, "out.write(b'same\\n' * 3000)", name="many")
        assert p.rota("logs", many, "--search", "same").count("\n") == 3000


run(globals())
