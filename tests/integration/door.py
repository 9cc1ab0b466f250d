"""The port in front of the daemon: who gets in, who doesn't, and what a browser may not be made to do."""
import os
import stat
import sys

sys.path.insert(0, os.path.dirname(__file__))
from lib.harness import place, run  # noqa: E402


def test_the_url_is_said_and_goes_with_the_daemon():
    with place() as p:
        path = p.path("state/url")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert p.url.startswith("http://127.0.0.1:"), p.url
        assert p.json("status")["url"] == p.url
        assert f"listening url={p.url}" in p.daemon_log()
        assert p.stop() == 0
        assert not os.path.exists(path)


def test_nobody_gets_in_without_a_token():
    with place() as p:
        status, _, body = p.http("GET", "/healthz")
        assert (status, body) == (200, {"ok": True})
        status, headers, body = p.http("GET", "/api/v1/status")
        assert status == 401 and headers["www-authenticate"] == "Bearer", headers
        assert body["status"] == 401
        assert p.http("POST", "/api/v1/reload", {})[0] == 401


def test_it_listens_on_no_port_if_told_so():
    with place(flags=("--listen", "none")) as p:
        assert p.json("status")["url"] is None
        assert not os.path.exists(p.path("state/url"))


run(globals())
