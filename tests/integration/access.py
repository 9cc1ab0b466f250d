#!/usr/bin/env python3
"""Tokens, sessions and the commands over the port: who is let in, as what, for how long, and what the audit says."""
import grp
import http.client
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, HTTPServer

sys.path.insert(0, os.path.dirname(__file__))
from lib.harness import ROTA, Skip, place, run, wait_until  # noqa: E402

ONE = 'tasks: {a: {run: "echo said"}}\n'


def token(p, name, role="admin", *more):
    return p.rota("token", "create", name, "--role", role, *more).strip()


def origin(p):
    return {"Origin": p.url}


def login(p, **body):
    """The session's cookie, as a browser sends it back."""
    status, headers, got = p.http("POST", "/api/v1/login", body)
    assert status == 200, got
    return {"Cookie": headers["set-cookie"].split(";")[0]}


def code_of(p):
    url = p.rota("open", "--print").strip()
    assert url.startswith(p.url + "/login#code="), url
    return url.split("code=")[1]


def audit(p):
    return [(r["action"], r["object"], r["actor"]["kind"], r["actor"]["name"]) for r in p.json("audit", "-n", "200")["items"]]


def elsewhere(p, *args, code=0, stdin=None, **env):
    """A command that knows the daemon by its url alone."""
    more = {"XDG_CONFIG_HOME": p.path("config"), "HOME": p.root, **env}
    done = subprocess.run([ROTA, *args], capture_output=True, text=True, timeout=60, input=stdin, cwd=p.root,
                          env=p.environment(**more))
    assert done.returncode == code, f"rota {' '.join(args)}: exit {done.returncode}, expected {code}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_a_token_lives_over_a_kill_and_a_revoked_one_never_again():
    with place() as p:
        kept, gone = token(p, "kept", "viewer"), token(p, "gone", "viewer")
        assert re.fullmatch(r"rota_[A-Za-z0-9_-]{43}", kept), kept
        p.kill()
        p.start()
        assert p.http("GET", "/api/v1/me", token=kept)[0] == 200
        p.rota("token", "revoke", "gone")
        p.kill()
        p.start()
        assert p.http("GET", "/api/v1/me", token=kept)[2]["name"] == "kept"
        assert p.http("GET", "/api/v1/me", token=gone)[0] == 401
        states = {t["name"]: t for t in p.json("token", "list")["items"]}
        assert states["gone"]["revoked_at"] and not states["kept"]["revoked_at"]
        assert states["kept"]["used_at"]


def test_no_secret_is_in_the_database_the_log_or_a_list():
    with place() as p:
        secret = token(p, "ci", "viewer")
        cookie = login(p, token=secret)["Cookie"].split("=")[1]
        code = code_of(p)
        p.stop()
        for folder, _, files in os.walk(p.root):
            for name in files:
                with open(os.path.join(folder, name), "rb") as f:
                    content = f.read()
                for each in (secret, cookie, code):
                    assert each.encode() not in content, f"{name} holds a secret"


def test_a_repeated_create_makes_one_token_and_tells_it_once():
    with place() as p:
        admin = token(p, "boss")
        key = {"Idempotency-Key": "k1"}
        body = {"name": "ci", "role": "viewer"}
        first = p.http("POST", "/api/v1/tokens", body, token=admin, headers=key)
        again = p.http("POST", "/api/v1/tokens", body, token=admin, headers=key)
        assert first[0] == again[0] == 201 and first[2]["id"] == again[2]["id"]
        assert first[2]["token"] and again[2]["token"] is None
        assert p.http("POST", "/api/v1/tokens", body, token=admin)[0] == 409
        for bad in ({"name": "x"}, {"name": "12", "role": "viewer"}, {"name": "x", "role": "king"},
                    {"name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}, {"name": "a\nb", "role": "viewer"}):
            assert p.http("POST", "/api/v1/tokens", bad, token=admin)[0] == 422, bad


def test_an_expired_token_and_its_session_are_let_in_no_more():
    with place() as p:
        secret = token(p, "short", "viewer", "--expires", "2s")
        cookie = login(p, token=secret)
        assert p.http("GET", "/api/v1/me", headers=cookie)[0] == 200
        wait_until("it has expired", lambda: p.http("GET", "/api/v1/me", token=secret)[0] == 401)
        assert p.http("GET", "/api/v1/me", headers=cookie)[0] == 401
        assert p.http("POST", "/api/v1/login", {"token": secret})[0] == 401
        token(p, "short", "viewer")  # the name is free again


def test_a_cookie_is_for_this_site_and_no_script():
    with place() as p:
        status, headers, body = p.http("POST", "/api/v1/login", {"token": token(p, "anna", "operator")})
        assert (status, body) == (200, {"name": "anna", "role": "operator"})
        parts = headers["set-cookie"].split("; ")
        name = f"rota_session_{p.url.rsplit(':', 1)[1].strip('/')}="
        assert parts[0].startswith(name) and len(parts[0]) == len(name) + 43, parts[0]
        assert set(parts[1:]) == {"Path=/", "Max-Age=2592000", "HttpOnly", "SameSite=Strict"}, parts
        _, again, me = p.http("GET", "/api/v1/me", headers={"Cookie": parts[0]})
        assert again["set-cookie"] == headers["set-cookie"]  # it is kept for another 30 days
        assert me["kind"] == "session" and me["name"] == "anna" and me["role"] == "operator" and me["session"] == me["id"]
        status, headers, _ = p.http("POST", "/api/v1/logout", {}, headers={"Cookie": parts[0], **origin(p)})
        assert status == 200 and "Max-Age=0" in headers["set-cookie"]
        assert p.http("GET", "/api/v1/me", headers={"Cookie": parts[0]})[0] == 401


def test_two_daemons_of_one_host_keep_their_sessions_apart():
    with place() as p, place() as q:
        jar = {}  # a browser's: by name alone, whatever the port
        for one in (p, q):
            _, headers, _ = one.http("POST", "/api/v1/login", {"token": token(one, "anna", "operator")})
            name, value = headers["set-cookie"].split(";")[0].split("=", 1)
            jar[name] = value
        both = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        assert [one.http("GET", "/api/v1/me", headers=both)[0] for one in (p, q)] == [200, 200]


def test_a_login_is_a_use_of_its_token():
    with place() as p:
        secret = token(p, "anna", "operator")
        used = lambda: next(t for t in p.json("token", "list")["items"]
                            if t["name"] == "anna")["used_at"]
        assert used() is None
        login(p, token=secret)
        assert used() is not None


def test_a_link_works_once_and_not_after_a_restart():
    with place() as p:
        code = code_of(p)
        cookie = login(p, code=code)
        assert p.http("GET", "/api/v1/me", headers=cookie)[2]["role"] == "admin"
        assert p.http("POST", "/api/v1/login", {"code": code})[0] == 401
        left = code_of(p)
        here = p.url.split("//")[1].strip("/")
        p.kill()
        p.start("--listen", here)  # the cookie's name has the port
        assert p.http("POST", "/api/v1/login", {"code": left})[0] == 401
        assert p.http("GET", "/api/v1/me", headers=cookie)[0] == 200  # the session itself is a row


def test_each_role_may_what_it_may():
    with place() as p:
        p.pipeline("one", ONE)
        p.rota("reload")
        asks = [("GET", "/api/v1/runs", None, "viewer", 200), ("GET", "/api/v1/audit", None, "viewer", 200),
                ("POST", "/api/v1/pipelines/one/runs", {}, "operator", 201),
                ("POST", "/api/v1/pause", {"reason": "x"}, "operator", 200), ("POST", "/api/v1/resume", {}, "operator", 200),
                ("POST", "/api/v1/reload", {}, "operator", 200), ("GET", "/api/v1/tokens", None, "admin", 200),
                ("POST", "/api/v1/tokens", {"name": "x", "role": "viewer"}, "admin", 201),
                ("POST", "/api/v1/backup", {"file": p.path("b.db")}, "admin", 200)]
        order = ["viewer", "operator", "admin"]
        secrets = {role: token(p, role, role) for role in order}
        for method, path, body, least, good in asks:
            for role in order:
                status = p.http(method, path, body, token=secrets[role])[0]
                may = order.index(role) >= order.index(least)
                if may and role != "admin" and path == "/api/v1/reload":
                    continue
                assert status == (good if may else 403) or (may and status == 409), f"{role} {method} {path}: {status}"
        assert "admin" in p.http("GET", "/api/v1/tokens", token=secrets["operator"])[2]["detail"]


def test_wrong_logins_are_slowed_down_and_told():
    with place() as p:
        secret = token(p, "anna", "viewer")
        statuses = [p.http("POST", "/api/v1/login", {"token": "rota_wrong"})[0] for _ in range(11)]
        assert statuses == [401] * 10 + [429], statuses
        status, headers, _ = p.http("POST", "/api/v1/login", {"token": secret})
        assert status == 429 and 0 < int(headers["retry-after"]) <= 60
        assert p.http("GET", "/api/v1/me", token=secret)[0] == 200  # who has a token isn't kept out by others
        assert ("login refused", "127.0.0.1", "nobody", None) in audit(p)


def test_sessions_are_listed_and_revoked_by_whom_they_belong_to():
    with place() as p:
        anna, bo = token(p, "anna", "viewer"), token(p, "bo", "operator")
        a, b = login(p, token=anna), login(p, token=bo)
        items = p.http("GET", "/api/v1/sessions", headers=a)[2]["items"]
        assert [(s["name"], s["current"]) for s in items] == [("anna", True)]
        other = p.http("GET", "/api/v1/sessions", headers=b)[2]["items"][0]["id"]
        assert p.http("POST", f"/api/v1/sessions/{other}/revoke", {}, headers={**a, **origin(p)})[0] == 404
        assert len(p.json("session", "list")["items"]) == 2  # an admin sees all
        p.rota("session", "revoke", other)
        assert p.http("GET", "/api/v1/me", headers=b)[0] == 401
        p.rota("token", "revoke", "anna")
        assert p.http("GET", "/api/v1/me", headers=a)[0] == 401
        assert p.json("session", "list")["items"] == []


def test_every_change_says_who_it_was():
    with place() as p:
        p.pipeline("one", ONE)
        p.rota("reload")
        cookie = {**login(p, token=token(p, "anna")), **origin(p)}

        def post(path, body):
            status, _, got = p.http("POST", path, body, headers=cookie)
            assert status < 300, f"{path}: {status} {got}"
            return got

        run_id = post("/api/v1/pipelines/one/runs", {})["run"]["id"]
        p.wait_run("one", "succeeded")
        steps = [(f"/api/v1/runs/{run_id}/rerun", {"mode": "all"}, "rerun"), (f"/api/v1/runs/{run_id}/note", {"text": "x"}, "note"),
                 (f"/api/v1/runs/{run_id}/keep", {"keep": True}, "keep"), ("/api/v1/pipelines/one/pause", {"reason": "x"}, "pause"),
                 ("/api/v1/pipelines/one/resume", {}, "resume"), ("/api/v1/pause", {"reason": "x"}, "pause"),
                 ("/api/v1/resume", {}, "resume"), ("/api/v1/reload", {}, "reload"),
                 ("/api/v1/backup", {"file": p.path("b.db")}, "backup"), ("/api/v1/login-links", {}, "login link"),
                 ("/api/v1/tokens", {"name": "ci", "role": "viewer"}, "token create"),
                 ("/api/v1/tokens/ci/revoke", {}, "token revoke"), ("/api/v1/restore/close", {}, "restore close")]
        for path, body, action in steps:
            post(path, body)
            newest = wait_until(action, lambda: [r for r in audit(p)[:2] if r[0].split(" --")[0].startswith(action)])
            assert newest[0][2:] == ("session", "anna"), newest
        post("/api/v1/logout", {})
        assert audit(p)[0][0] == "logout"
        assert ("login", "anna", "session", "anna") in audit(p)
        assert [r for r in audit(p) if r[0] == "trigger"][0][2:] == ("session", "anna")
        shown = p.json("show", "one")
        assert shown["actor"]["name"] == "anna" and shown["actor"]["kind"] == "session", shown["actor"]
        assert p.json("audit", "--actor", "anna", "--action", "pause")["items"][0]["actor"]["address"] == "127.0.0.1"


SLOW = 'tasks: {wait: {run: "sleep 600"}, other: {run: "true", needs: [wait]}}\n'
AGAIN = 'tasks: {a: {run: "exit 1", retries: {max: 1, delay: 1h}}}\n'


def audited_posts(p):
    """Each POST route: what is asked of it, and the action that its audit row begins with."""
    two = {"name": "gone", "role": "viewer"}
    bo = login(p, token=token(p, "bo", "viewer"))
    session = p.http("GET", "/api/v1/sessions", headers=bo)[2]["items"][0]["id"]
    return [("/pipelines/{name}/runs", "one", {}, "trigger"), ("/runs/{run}/rerun", "one#1", {"mode": "all"}, "rerun"),
            ("/runs/{run}/note", "one#1", {"text": "x"}, "note"), ("/runs/{run}/keep", "one#1", {"keep": True}, "keep"),
            ("/runs/{run}/retry", "again#1", {"task": "a"}, "retry"),
            ("/runs/{run}/mark", "slow#1", {"task": "other", "state": "skipped", "reason": "x"}, "mark"),
            ("/runs/{run}/cancel", "slow#1", {}, "cancel"), ("/pipelines/{name}/note", "one", {"text": "x"}, "note"),
            ("/pipelines/{name}/pause", "one", {"reason": "x"}, "pause"), ("/pipelines/{name}/resume", "one", {}, "resume"),
            ("/pause", "", {"reason": "x"}, "pause"), ("/resume", "", {}, "resume"), ("/reload", "", {}, "reload"),
            ("/hosts/{host}/drain", "gpu01", {"reason": "x"}, "host-drain"),
            ("/hosts/{host}/down", "gpu01", {"reason": "x"}, "host-down"), ("/hosts/{host}/up", "gpu01", {}, "host-up"),
            ("/hosts/{host}/check", "gpu01", {}, "host-check"), ("/hosts/{host}/doctor", "gpu01", {}, "host-doctor"),
            ("/backup", "", {"file": p.path("b.db")}, "backup"), ("/login-links", "", {}, "login link"),
            ("/tokens", "", two, "token create"), ("/tokens/{token}/revoke", "gone", {}, "token revoke"),
            ("/sessions/{session}/revoke", session, {}, "session revoke"), ("/restore/close", "", {}, "restore close"),
            ("/login", "", {"token": token(p, "cy", "viewer")}, "login"), ("/logout", "", {}, "logout")]


# An answer to a question of a restore needs a restored state; its row is written with the answer, in one transaction
# (scheduler/daemon/handlers/restore_answers.c).
ELSEWHERE = {"/restore"}


# Nothing answers there.
HOSTS = "hosts: {gpu01: {ssh: \"ml@127.0.0.1:1\", slots: {gpu: 2}}}\n"


def make_all_states(p):
    for name, text in (("one", ONE), ("slow", SLOW), ("again", AGAIN)):
        p.pipeline(name, text)
    p.rota("reload")
    p.rota("trigger", "one", "--wait")
    for name in ("slow", "again"):
        p.rota("trigger", name)
    p.wait_run("slow#1", "running")
    wait_until("it waits for its retry", lambda: "waiting" in json.dumps(p.json("show", "again#1")))


def test_every_post_route_leaves_an_audit_row():
    with place(HOSTS) as p:
        make_all_states(p)
        cookie = {**login(p, token=token(p, "anna")), **origin(p)}
        posts = audited_posts(p)
        document = p.http("GET", "/api/v1/openapi.json", headers=cookie)[2]["paths"]
        table = {path.removeprefix("/api/v1") for path, item in document.items() if "post" in item}
        assert table == {each[0] for each in posts} | ELSEWHERE, table ^ ({each[0] for each in posts} | ELSEWHERE)
        faults = []
        for pattern, value, body, action in posts:
            before = len(audit(p))
            path = "/api/v1" + re.sub(r"\{\w+\}", value.replace("#", "%23"), pattern)
            status, _, got = p.http("POST", path, body, headers=cookie)
            rows = audit(p)
            new = rows[:len(rows) - before]
            if status >= 300 or not [r for r in new if r[0].startswith(action)]:
                faults.append(f"POST {path}: {status} {got if status >= 300 else ''} left {new}")
        assert not faults, "\n".join(faults)


# These keep no answer: a login makes a session each time and a logout ends one, an answer to a question of a restore
# acts once by itself, and to close the questions or to read the files again changes nothing the second time.
KEYLESS = {"/login", "/logout", "/restore", "/restore/close", "/reload"}


def test_a_repeated_post_acts_once_and_gets_the_same_answer():
    with place(HOSTS) as p:
        make_all_states(p)
        boss = token(p, "anna")
        faults = []
        for n, (pattern, value, body, action) in enumerate(audited_posts(p)):
            if pattern in KEYLESS:
                continue
            path, key = "/api/v1" + re.sub(r"\{\w+\}", value.replace("#", "%23"), pattern), {"Idempotency-Key": f"k{n}"}
            before = len(audit(p))
            first, again = (p.http("POST", path, body, token=boss, headers=key) for _ in range(2))
            rows = [r for r in audit(p)[:-before] if r[0].startswith(action)]
            other = p.http("POST", path, {**body, "nonsense": 1} if not body else {**body, **{k: "y" for k in body}},
                           token=boss, headers=key)
            secret = {"token", "url"}  # which is told once
            told = {**again[2], **{k: first[2][k] for k in secret & set(first[2])}} == first[2]
            if first[0] >= 300 or again[0] != first[0] or not told or len(rows) != 1 or other[0] != 422:
                faults.append(f"POST {path}: {first[0]} {first[2]}, then {again[0]} {again[2]}, {len(rows)} rows, "
                              f"another body {other[0]} {other[2]}")
        assert not faults, "\n".join(faults)


def test_a_dry_run_changes_nothing_and_leaves_no_row():
    with place() as p:
        p.pipeline("one", ONE)
        p.rota("reload")
        p.rota("trigger", "one", "--wait")
        boss = token(p, "boss")
        before = audit(p)
        for path, body in (("/api/v1/pipelines/one/runs", {}), ("/api/v1/runs/one%231/rerun", {"mode": "all"})):
            status, _, got = p.http("POST", path, {**body, "dry_run": True}, token=boss)
            assert status == 200, got
        assert audit(p) == before
        assert len(p.json("runs")["items"]) == 1


def test_commands_speak_to_a_daemon_elsewhere():
    with place() as p:
        p.pipeline("one", ONE)
        p.rota("reload")
        url, secret = p.url, token(p, "ci", "operator")
        assert "rota login" in elsewhere(p, "runs", "--server", url, code=4)
        assert "ci (operator)" in elsewhere(p, "login", url, stdin=secret + "\n")
        path = p.path("config/rota/servers.json")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        elsewhere(p, "trigger", "one", "--wait", "--server", url)
        assert "one#1" in elsewhere(p, "runs", ROTA_SERVER=url)
        assert "manual by ci" in elsewhere(p, "show", "one", "--server", url)
        assert "said" in elsewhere(p, "logs", "one", "--server", url)
        assert "role admin" in elsewhere(p, "token", "list", "--server", url, code=4)
        assert "exclude each other" in elsewhere(p, "runs", "--server", url, "--state", p.state, code=2)
        os.chmod(path, 0o640)
        assert "chmod 600" in elsewhere(p, "runs", "--server", url, code=4)
        os.chmod(path, 0o600)
        p.rota("token", "revoke", "ci")
        assert "revoked or has expired" in elsewhere(p, "runs", "--server", url, code=4)
        elsewhere(p, "logout", url)
        assert json.load(open(path)) == {}
        p.stop()
        assert "nothing answers" in elsewhere(p, "runs", "--server", url, code=3, ROTA_TOKEN="x")
        assert "use https" in elsewhere(p, "runs", "--server", "http://rota.example", code=2)


def test_a_token_goes_to_no_other_host():
    seen = []

    class Leads(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.server.server_port, self.headers.get("Authorization")))
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{there.server_port}/api/v1/runs")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    here, there = HTTPServer(("127.0.0.1", 0), Leads), HTTPServer(("127.0.0.1", 0), Leads)
    for server in (here, there):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with place(serve=False) as p:
            told = elsewhere(p, "runs", "--server", f"http://127.0.0.1:{here.server_port}", code=1, ROTA_TOKEN="secret")
            assert "leads elsewhere" in told, told
        assert seen == [(here.server_port, "Bearer secret")], seen
    finally:
        here.shutdown()
        there.shutdown()


def test_a_group_is_let_in_by_the_socket():
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skip("only root can be somebody else")
    group = grp.getgrnam("nogroup").gr_name if "nogroup" in [g.gr_name for g in grp.getgrall()] else "nobody"
    with place(f"socket: {{group: {group}, role: operator}}\n") as p:
        p.let_others_in()
        gid = grp.getgrnam(group).gr_gid
        if stat.S_IMODE(os.stat(p.path("state/rota.sock")).st_mode) != 0o660:
            raise Skip("the socket has no group")
        program = p.path("rota")
        shutil.copy(ROTA, program)
        as_nobody = ["setpriv", "--reuid", "65534", "--regid", str(gid), "--clear-groups", program]
        done = subprocess.run([*as_nobody, "pause", "--all", "--reason", "x", "--state", p.state], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        done = subprocess.run([*as_nobody, "token", "list", "--state", p.state], capture_output=True, text=True)
        assert done.returncode == 4, done.stdout + done.stderr
        assert audit(p)[0][0] == "pause" and audit(p)[0][3] == "nobody"


def begin_get(p, path, secret):
    """A GET that is asked and not read yet."""
    at = urllib.parse.urlsplit(p.url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=30)
    connection.sock = socket.socket()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.sock.settimeout(30)
    connection.sock.connect((at.hostname, at.port))
    connection.request("GET", path, headers={"Authorization": f"Bearer {secret}"})
    return connection


def test_what_waits_is_told_nothing_when_its_token_is_revoked():
    with place() as p:
        p.pipeline("one", f"tasks: {{a: {{run: 'until [ -e {p.path('go')} ]; do sleep 0.05; done'}}}}\n")
        p.rota("reload")
        run_id = p.rota("trigger", "one").strip()
        kept, gone = token(p, "kept", "viewer"), token(p, "gone", "viewer")
        waits = {secret: begin_get(p, f"/api/v1/runs/{run_id}?wait=ended&timeout_ms=20000", secret) for secret in (kept, gone)}
        p.rota("token", "revoke", "gone")
        open(p.path("go"), "w").close()
        assert waits[kept].getresponse().status == 200
        answer = waits[gone].getresponse()
        assert answer.status == 401 and "has ended" in json.load(answer)["detail"]


def test_a_download_ends_with_its_token():
    size = 60000000
    with place() as p:
        p.pipeline("one", f"tasks: {{a: {{run: 'head -c {size} /dev/zero | tr \"\\\\0\" x'}}}}\n")
        p.rota("reload")
        p.rota("trigger", "one")
        p.wait_run("one", "succeeded")
        for name, whole in (("kept", True), ("gone", False)):
            secret = token(p, name, "viewer")
            answer = begin_get(p, "/api/v1/runs/one/log/file", secret).getresponse()
            assert (answer.status, int(answer.headers["Content-Length"])) == (200, size)
            got = len(answer.read(1000))
            if not whole:
                p.rota("token", "revoke", name)
            try:
                got += len(answer.read())
            except http.client.IncompleteRead as cut:
                got += len(cut.partial)
            assert (got == size) == whole, (name, got)


def test_a_link_ends_with_the_session_that_made_it():
    with place() as p:
        cookie = {**login(p, code=code_of(p)), **origin(p)}
        codes = []
        for _ in range(2):
            status, _, made = p.http("POST", "/api/v1/login-links", {}, headers=cookie)
            assert status == 201, made
            codes.append(made["url"].split("code=")[1])
        assert p.http("GET", "/api/v1/me", headers=login(p, code=codes[0]))[2]["role"] == "admin"
        p.rota("session", "revoke", p.http("GET", "/api/v1/me", headers=cookie)[2]["id"])
        assert p.http("POST", "/api/v1/login", {"code": codes[1]})[0] == 401


def test_a_key_is_of_who_sent_it():
    with place() as p:
        p.pipeline("one", ONE)
        p.rota("reload")
        anna, bo = token(p, "anna", "operator"), token(p, "bo", "operator")
        key = {"Idempotency-Key": "deploy"}
        first = p.http("POST", "/api/v1/pipelines/one/runs", {}, token=anna, headers=key)
        again = p.http("POST", "/api/v1/pipelines/one/runs", {}, token=anna, headers=key)
        assert first[0] == again[0] == 201 and first[2] == again[2]
        status, _, told = p.http("POST", "/api/v1/pipelines/one/runs", {}, token=bo, headers=key)
        assert status == 422 and "run" not in told, told


def test_what_others_wrote_steers_no_terminal():
    with place() as p:
        secret = token(p, "bo", "operator")
        reason = "\x1b]0;owned\x07\x1b[2J\x9b31m for a\rwhile"
        assert p.http("POST", "/api/v1/pause", {"reason": reason}, token=secret)[0] == 200
        said = p.rota("status")
        assert "?]0;owned??[2J?31m for a?while" in said, said
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", said), ascii(said)


def test_no_other_server_steers_the_terminal_or_the_browser():
    answers = {"GET": {"name": "a\x1b[2Jnna", "role": "ad\x9bmin"}, "POST": {"url": "file:///etc/passwd", "expires_at": None}}

    class Hostile(BaseHTTPRequestHandler):
        def answer(self):
            body = json.dumps(answers[self.command], ensure_ascii=False).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hostile)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        with place(serve=False) as p:
            said = elsewhere(p, "login", url, stdin="rota_x\n")
            assert "as a?[2Jnna (ad?min)" in said and "\x1b" not in said, ascii(said)
            said = elsewhere(p, "open", "--server", url, code=1, ROTA_TOKEN="x")
            assert "isn't opened" in said and "passwd" not in said, said
    finally:
        server.shutdown()


run(globals())
