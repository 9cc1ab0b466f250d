#!/usr/bin/env python3
"""The web pages as files: what is sent to whom, with which data in it, and what a browser may keep."""
import gzip
import html
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from harness import Skip, place, run  # noqa: E402
from wire import ask  # noqa: E402

FIRST = re.compile(r'<script type="application/json" id="first" data-url="([^"]*)">(.*?)</script>', re.DOTALL)


def built(p):
    answer = ask(p, "GET", "/")
    if b"without its web pages" in answer.body:
        raise Skip("built without the web pages")
    return answer


def first(p, path, status=200):
    """The address and the data that the page shows first; None without any."""
    answer = ask(p, "GET", path)
    assert answer.status == status, (path, answer.status)
    assert answer.headers["content-type"].startswith("text/html"), answer.headers
    found = FIRST.findall(answer.body.decode())
    assert len(found) <= 1 and b"<!--first-->" not in answer.body, path
    return (html.unescape(found[0][0]), json.loads(found[0][1])) if found else None


def test_each_page_brings_the_data_that_it_shows_first():
    with place() as p:
        built(p)
        p.pipeline("quick", 'description: "</script><!--&"\ntasks: {a: {run: "true"}}\n')
        p.rota("reload")
        run_id = p.json("trigger", "quick", "--wait")["id"]
        for path, url in (("/", "/api/v1/overview"), ("/p", "/api/v1/pipelines"), ("/runs", "/api/v1/runs"),
                          ("/runs?q=state%3Asucceeded", "/api/v1/runs?q=state%3Asucceeded"),
                          ("/p/quick", "/api/v1/pipelines/quick"), ("/schedule", "/api/v1/schedule"),
                          (f"/r/{run_id}/t/a", f"/api/v1/runs/{run_id}"), ("/audit", "/api/v1/audit")):
            told, data = first(p, path)
            assert told == url, (path, told)
            assert set(data) == set(ask(p, "GET", url).json()), path
        assert first(p, "/p/quick")[1]["description"] == "</script><!--&"
        assert first(p, "/help") is None
        assert first(p, "/nothing/here", status=404) is None
        assert first(p, "/r/nothing", status=404) is None


def test_files_are_kept_for_a_year_and_the_login_is_for_all():
    with place() as p:
        page = built(p).body.decode()
        scripts = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page)
        assert scripts, page
        for path in scripts:
            answer = ask(p, "GET", path, Accept_Encoding="gzip")
            assert answer.status == 200 and "immutable" in answer.headers["cache-control"], answer.headers
            if answer.headers.get("content-encoding") == "gzip":
                assert gzip.decompress(answer.body)
                assert ask(p, "GET", path, Accept_Encoding="identity").status == 406
            assert ask(p, "GET", path, If_None_Match=answer.headers["etag"]).status == 304
        assert ask(p, "GET", "/assets/../rota.yaml").status == 404
        assert p.http("GET", "/login", headers={"Accept-Encoding": "gzip"})[0] == 200
        private = [path for path in scripts if "/login-" not in path]
        assert private and all(p.http("GET", path)[0] == 401 for path in private)
        assert p.http("GET", "/runs")[0] == 303


if __name__ == "__main__":
    run(globals())
