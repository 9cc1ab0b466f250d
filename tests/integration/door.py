#!/usr/bin/env python3
"""The port in front of the daemon: who gets in, who doesn't, and what a browser may not be made to do."""
import grp
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from lib.harness import Skip, place, run, wait_until  # noqa: E402


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


def certificate(p, name):
    """Makes a key and a certificate of its own; the digest by which a client tells it."""
    if not shutil.which("openssl"):
        raise Skip("the openssl program isn't installed")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", p.path(f"{name}.key"), "-out", p.path(f"{name}.pem"), "-days", "30", "-subj",
                    f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True,
                   capture_output=True)
    with open(p.path(f"{name}.pem")) as f:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(f.read())).hexdigest()


def install(p, certificate_of, key_of):
    """Puts a certificate and a key in place as renewals do: by rename."""
    for kind, name in (("pem", certificate_of), ("key", key_of)):
        shutil.copy(p.path(f"{name}.{kind}"), p.path("fresh"))
        os.rename(p.path("fresh"), p.path(f"rota.{kind}"))


def port_of(p):
    return int(p.url.rsplit(":", 1)[1])


def tls_connect(p, **limits):
    context = ssl._create_unverified_context()
    for key, value in limits.items():
        setattr(context, key, value)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port_of(p)), timeout=10))


def served(p):
    with tls_connect(p) as c:
        return hashlib.sha256(c.getpeercert(binary_form=True)).hexdigest()


def health(c, port):
    c.sendall(f"GET /healthz HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"}"):
        more = c.recv(4096)
        assert more, answer
        answer += more
    return answer.split(b"\r\n")[0]


def test_a_certificate_is_replaced_while_connections_live():
    with place(serve=False) as p:
        first, second = certificate(p, "first"), certificate(p, "second")
        install(p, "first", "first")
        p.write_config("tls: {certificate: rota.pem, key: rota.key}\n")
        p.start()
        assert p.url.startswith("https://"), p.url
        status, headers, _ = p.http("GET", "/healthz")
        assert status == 200 and headers["strict-transport-security"], headers
        assert p.http("GET", "/api/v1/status")[0] == 401
        assert served(p) == first
        with tls_connect(p) as old:
            assert health(old, port_of(p)) == b"HTTP/1.1 200 OK"
            time.sleep(1.1)
            install(p, "second", "second")
            wait_until("the second certificate is served", lambda: served(p) == second, step=0.3)
            assert "a new certificate is in force" in p.daemon_log()
            assert health(old, port_of(p)) == b"HTTP/1.1 200 OK"
        install(p, "first", "second")
        wait_until("the broken pair is noticed", lambda: served(p) and "the former one stays" in p.daemon_log(), step=0.3)
        assert served(p) == second
        os.unlink(p.path("rota.pem"))
        wait_until("the missing file is noticed", lambda: served(p) and "rota.pem can't be read" in p.daemon_log(),
                   step=0.3)
        assert served(p) == second
        install(p, "first", "first")
        wait_until("the first certificate is back", lambda: served(p) == first, step=0.3)
        certificate(p, "third")
        p.write_config("tls: {certificate: third.pem, key: third.key}\n")
        p.rota("reload")
        assert served(p) not in (first, second)


def test_old_versions_of_tls_and_plain_text_are_refused():
    with place(serve=False) as p:
        certificate(p, "rota")
        p.write_config("tls: {certificate: rota.pem, key: rota.key}\n")
        p.start()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with tls_connect(p, minimum_version=version, maximum_version=version) as c:
                assert c.version() == {771: "TLSv1.2", 772: "TLSv1.3"}[int(version)]
                assert health(c, port_of(p)) == b"HTTP/1.1 200 OK"
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port_of(p)}", "-tls1_1", "-cipher",
                               "ALL:@SECLEVEL=0"], input=b"", capture_output=True, timeout=20)
        assert b"BEGIN CERTIFICATE" not in done.stdout, done.stdout
        with socket.create_connection(("127.0.0.1", port_of(p)), timeout=15) as c:
            c.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert not c.recv(4096).startswith(b"HTTP/1.1 200")
        assert p.http("GET", "/healthz")[0] == 200


def test_a_silent_handshake_is_cut_off():
    with place(serve=False) as p:
        certificate(p, "rota")
        p.write_config("tls: {certificate: rota.pem, key: rota.key}\n")
        p.start()
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", port_of(p)), timeout=30) as c:
            c.sendall(b"\x16\x03\x01")
            assert c.recv(100) == b""
        assert 8 < time.monotonic() - began < 20
        assert p.http("GET", "/healthz")[0] == 200


def test_a_broken_certificate_stops_the_start():
    with place(serve=False) as p:
        certificate(p, "rota")
        p.write_config("tls: {certificate: missing.pem, key: rota.key}\n")
        p.start(wait=False)
        assert p.daemon.wait(timeout=20) == 1
        assert "missing.pem can't be read: not found" in p.daemon_log(), p.daemon_log()


def raw(p, data, wait=5, port=None):
    """Sends bytes as they are, and reads up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port or port_of(p)), timeout=wait) as c:
        answer = b""
        try:
            c.sendall(data)
            while True:
                more = c.recv(65536)
                if not more:
                    break
                answer += more
        except (TimeoutError, ConnectionError):
            pass
        return answer


def status_of(answer):
    return int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def token(p, role="admin"):
    return p.rota("token", "create", f"test-{role}", "--role", role).strip()


def test_a_name_made_to_point_here_is_refused():
    with place() as p:
        admin = token(p)
        port = port_of(p)
        for host, expected in ((f"127.0.0.1:{port}", 200), (f"localhost:{port}", 200), (f"evil.example:{port}", 421),
                               ("evil.example", 421), ("127.0.0.1", 421), (f"127.0.0.1.evil.example:{port}", 421)):
            got = p.http("GET", "/api/v1/status", token=admin, headers={"Host": host})[0]
            assert got == expected, (host, got)
            assert p.http("GET", "/healthz", headers={"Host": host})[0] == expected, host


def test_another_page_cant_make_a_browser_change_something():
    with place() as p:
        status, headers, _ = p.http("POST", "/api/v1/login", {"token": token(p)}, headers={"Origin": p.url})
        assert status == 200
        cookie = headers["set-cookie"].split(";")[0]
        assert "HttpOnly" in headers["set-cookie"] and "SameSite=Strict" in headers["set-cookie"]
        for more, expected in (({"Origin": p.url}, 200), ({"Origin": "http://evil.example"}, 403), ({}, 403),
                               ({"Origin": "null"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403),
                               ({"Sec-Fetch-Site": "same-site"}, 403), ({"Sec-Fetch-Site": "same-origin"}, 200)):
            got = p.http("POST", "/api/v1/reload", {}, headers={"Cookie": cookie, **more})[0]
            assert got == expected, (more, got)
        assert p.http("POST", "/api/v1/login", {"token": "x"}, headers={"Origin": "http://evil.example"})[0] == 403
        # As a form would: no JSON.
        status = p.http("POST", "/api/v1/pause", "{}", headers={"Cookie": cookie, "Origin": p.url,
                                                                "Content-Type": "text/plain"})[0]
        assert status == 415


def test_no_path_leads_out():
    with place() as p:
        admin = token(p)
        with open(p.path("state/secret.txt"), "w") as f:
            f.write("SECRET")
        for path in ("/assets/../../state/secret.txt", "/assets/%2e%2e/%2e%2e/etc/passwd", "/assets/..%2f..%2fetc/passwd",
                     "/..%2f..%2f..%2fetc%2fpasswd", "/assets/....//secret.txt", "/assets/%252e%252e/etc/passwd",
                     "/assets//etc/passwd", "/assets/..\\..\\etc\\passwd", "/api/v1/../../etc/passwd",
                     "/api/v1/runs/..%2f..%2f/log/file", "/api/v1/pipelines/..%2f..%2fetc%2fpasswd", "/index.html",
                     "/%00", "/assets/%c0%ae%c0%ae/etc/passwd", "//etc/passwd", "/etc/passwd"):
            for credentials in (None, admin):
                extra = f"Authorization: Bearer {credentials}\r\n" if credentials else ""
                answer = raw(p, f"GET {path} HTTP/1.1\r\nHost: localhost:{port_of(p)}\r\nConnection: close\r\n"
                                f"{extra}\r\n".encode())
                assert status_of(answer) in (200, 303, 400, 401, 404), (path, answer[:200])
                assert b"root:" not in answer and b"SECRET" not in answer, path


def test_what_is_malformed_or_too_large_is_refused():
    with place() as p:
        host = f"Host: localhost:{port_of(p)}\r\n".encode()
        admin = f"Authorization: Bearer {token(p)}\r\n".encode()
        json_type = b"Content-Type: application/json\r\n"
        for name, request, expected in (
                ("no Host", b"GET /healthz HTTP/1.1\r\n\r\n", (400,)),
                ("two Hosts", b"GET /healthz HTTP/1.1\r\n" + host + host + b"\r\n", (400,)),
                ("HTTP/1.0", b"GET /healthz HTTP/1.0\r\n" + host + b"\r\n", (505,)),
                ("an absolute target", b"GET http://evil.example/ HTTP/1.1\r\n" + host + b"\r\n", (400,)),
                ("smuggling", b"POST /api/v1/pause HTTP/1.1\r\n" + host + admin + json_type +
                 b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", (400,)),
                ("two credentials", b"GET /api/v1/status HTTP/1.1\r\n" + host + admin + admin + b"\r\n", (400,)),
                ("a large body", b"POST /api/v1/pause HTTP/1.1\r\n" + host + admin + json_type +
                 b"Content-Length: 2000000\r\n\r\n", (413,)),
                ("a large body of nobody", b"POST /api/v1/pause HTTP/1.1\r\n" + host + json_type +
                 b"Content-Length: 2000000\r\n\r\n", (401,)),
                ("a long target", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + host + b"\r\n", (414,)),
                ("a long header", b"GET /healthz HTTP/1.1\r\n" + host + b"X: " + b"a" * 20000 + b"\r\n\r\n", (431,)),
                ("an endless header", b"GET /healthz HTTP/1.1\r\n" + host + b"X: " + b"a" * 100000, (413, 431, 0)),
                ("many fields", b"GET /healthz HTTP/1.1\r\n" + host + b"A: b\r\n" * 200 + b"\r\n", (431,)),
                ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (0, 400)),
                ("an upgrade", b"GET /api/v1/status HTTP/1.1\r\n" + host + b"Upgrade: websocket\r\n"
                 b"Connection: Upgrade\r\n\r\n", (401,))):
            answer = raw(p, request, wait=2)
            assert status_of(answer) in expected, (name, answer[:200])
        assert p.http("GET", "/healthz")[0] == 200


def test_slow_clients_are_cut_off_and_starve_nobody():
    with place() as p:
        connections = []
        try:
            for i in range(64):
                c = socket.create_connection(("127.0.0.1", port_of(p)), timeout=30)
                c.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")
                connections.append(c)
            # The 65th of this address is turned away; the socket has room of its own.
            answer = raw(p, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert status_of(answer) == 429, answer
            assert p.rota("status")
            began = time.monotonic()
            for c in connections[:-1]:
                c.settimeout(20)
                assert c.recv(1000) == b""
            # Dripping bytes gains no time.
            assert time.monotonic() - began < 15
        finally:
            for c in connections:
                c.close()
        wait_until("there is room again", lambda: p.http("GET", "/healthz")[0] == 200)


def test_a_taken_port_stops_the_start_and_says_what_to_do():
    with place(serve=False) as p, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        p.write_config(f"listen: 127.0.0.1:{port}\n")
        p.start(wait=False, listen=None)
        assert p.daemon.wait(timeout=20) == 1
        assert f"can't listen on 127.0.0.1:{port}: another program has this port" in p.daemon_log(), p.daemon_log()
        assert not os.path.exists(p.path("state/url"))


def test_a_port_that_isnt_written_gives_way():
    with place(serve=False) as p, socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        except OSError:
            pass  # somebody has it already
        p.start(listen=None)
        assert 8081 <= port_of(p) <= 8099, p.url
        assert p.http("GET", "/healthz")[0] == 200


def test_an_address_that_others_reach_needs_encryption():
    with place(serve=False) as p:
        p.write_config("listen: 0.0.0.0:0\n")
        p.start(wait=False, listen=None)
        assert p.daemon.wait(timeout=20) == 2
        log = p.daemon_log()
        assert "rota.yaml:1:9" in log and "set `tls` to a certificate" in log, log
        p.write_config(None)
        p.start(wait=False, listen="0.0.0.0:0")
        assert p.daemon.wait(timeout=20) == 2
        assert "--listen 0.0.0.0:0: others could read" in p.daemon_log(), p.daemon_log()
        p.write_config("trusted_proxies: 127.0.0.1\n")
        p.start(listen="0.0.0.0:0")
        assert p.url.startswith("http://127.0.0.1:"), p.url
        assert p.http("GET", "/healthz")[0] == 200


def test_the_other_protocol_is_listened_on():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError:
        raise Skip("this machine has no IPv6") from None
    with place(serve=False) as p:
        p.start(listen="[::1]:0")
        assert p.url.startswith("http://[::1]:"), p.url
        assert p.http("GET", "/healthz")[0] == 200
        assert p.http("GET", "/healthz", headers={"Host": f"localhost:{port_of(p)}"})[0] == 200
        assert p.http("GET", "/healthz", headers={"Host": f"evil.example:{port_of(p)}"})[0] == 421


def test_a_proxy_says_who_the_client_is():
    with place("trusted_proxies: [127.0.0.1]\npublic_url: https://rota.example/\n", flags=("--listen", "127.0.0.1:0")) as p:
        assert p.json("status")["url"] == "https://rota.example"
        port = int(next(line for line in p.daemon_log().splitlines() if "listening" in line).split("port=")[1].split()[0])
        answer = raw(p, b"POST /api/v1/login HTTP/1.1\r\nHost: rota.example\r\nX-Forwarded-Proto: https\r\n"
                        b"X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\nOrigin: https://rota.example\r\n"
                        b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
                     % (len(body := b'{"token":"%s"}' % token(p).encode()), body), port=port)
        assert status_of(answer) == 200, answer
        assert b"__Host-rota_session=" in answer and b"; Secure" in answer, answer
        assert b"Strict-Transport-Security:" in answer
        sessions = p.json("session", "list")["items"]
        assert [s["address"] for s in sessions] == ["203.0.113.9"], sessions
        p.write_config("trusted_proxies: [10.0.0.1]\npublic_url: https://other.example\n")
        p.rota("reload")
        assert p.json("status")["url"] == "https://other.example"
        answer = raw(p, b"GET /healthz HTTP/1.1\r\nHost: rota.example\r\nConnection: close\r\n\r\n", port=port)
        assert status_of(answer) == 421, answer
        p.write_config("listen: 127.0.0.1:1\n")
        p.rota("reload")


def test_nginx_in_front_as_the_documentation_has_it():
    if not os.path.exists("/usr/sbin/nginx"):
        raise Skip("nginx isn't installed")
    with open(os.path.join(os.environ["ROTA_SOURCE"], "docs/operations.md")) as f:
        text = f.read()
    server = text[text.index("```nginx\n") + 9:]
    server = server[:server.index("```")]
    with place(serve=False) as p, socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # nginx listens beside it
        reserved.bind(("127.0.0.1", 0))
        front = reserved.getsockname()[1]
        certificate(p, "rota")
        p.write_config(f"trusted_proxies: [127.0.0.1]\npublic_url: https://localhost:{front}\n")
        p.start()
        port = int(next(line for line in p.daemon_log().splitlines() if "listening" in line).split("port=")[1].split()[0])
        for there, here in (("443 ssl", f"127.0.0.1:{front} ssl"), ("rota.example", "localhost"),
                            ("/etc/ssl/rota.pem", p.path("rota.pem")), ("/etc/ssl/rota.key", p.path("rota.key")),
                            ("127.0.0.1:8080", f"127.0.0.1:{port}")):
            assert there in server, there
            server = server.replace(there, here)
        with open(p.path("nginx.conf"), "w") as f:
            f.write(f"daemon off; user root; pid {p.path('nginx.pid')}; error_log stderr; events {{}}\n"
                    f"http {{ access_log off; client_body_temp_path {p.path('nb')}; proxy_temp_path {p.path('np')};\n"
                    f"fastcgi_temp_path {p.path('nf')}; uwsgi_temp_path {p.path('nu')}; scgi_temp_path {p.path('ns')};\n"
                    f"{server} }}\n")
        nginx = subprocess.Popen(["/usr/sbin/nginx", "-p", p.root, "-c", p.path("nginx.conf")],
                                 stderr=open(p.path("nginx.log"), "w"))
        try:
            through_nginx(p, front)
        finally:
            nginx.send_signal(signal.SIGQUIT)
            nginx.wait(timeout=20)


def through_nginx(p, front):
    def connect():
        try:
            c = http.client.HTTPSConnection("127.0.0.1", front, context=ssl._create_unverified_context(), timeout=20,
                                            source_address=("127.0.0.2", 0))
            c.connect()
            return c
        except OSError:
            return None
    wait_until("nginx listens", connect)
    c = connect()
    host = f"localhost:{front}"
    c.request("POST", "/api/v1/login", json.dumps({"token": token(p)}),
              {"Content-Type": "application/json", "Origin": f"https://localhost:{front}", "X-Forwarded-For": "6.6.6.6",
               "Host": host})
    answer = c.getresponse()
    assert answer.status == 200, (answer.status, answer.read())
    answer.read()
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    assert cookie.startswith(f"__Host-rota_session_{front}=")
    assert p.json("session", "list")["items"][0]["address"] == "127.0.0.2"
    c.request("POST", "/api/v1/pause", "{}", {"Content-Type": "application/json", "Cookie": cookie,
                                              "Origin": "https://evil.example", "Host": host})
    answer = c.getresponse()
    assert answer.status == 403
    answer.read()
    # Events come at once, not when a buffer of the proxy is full.
    c = connect()
    c.request("GET", "/api/v1/stream", headers={"Cookie": cookie, "Host": host})
    answer = c.getresponse()
    assert answer.status == 200
    seen = b""
    while b"event: hello" not in seen:
        seen += answer.read1(1000)
    p.rota("pause", "--all", "--reason", "x")
    began = time.monotonic()
    while b'"x"' not in seen and b'"paused":true' not in seen:
        seen += answer.read1(1000)
        assert time.monotonic() - began < 10, seen


def as_member(p, groups):
    """The status of a request over the socket from a process of user 65534 in these groups; 0 if it isn't let in."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 0
        try:
            os.setgroups(groups)
            os.setgid(65534)
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as c:
                c.settimeout(10)
                c.connect(p.path("state/rota.sock"))
                c.sendall(b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answer = b""
                while more := c.recv(4096):
                    answer += more
                os.write(writer, answer)
        except OSError:
            pass
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as f:
        answer = f.read()
    os.waitpid(child, 0)
    return status_of(answer), json.loads(answer.split(b"\r\n\r\n", 1)[1]) if b"\r\n\r\n" in answer else None


def test_a_group_may_share_the_socket_and_nothing_else():
    if os.geteuid() != 0:
        raise Skip("it takes a second user")
    group = next(g for g in grp.getgrall() if 0 < g.gr_gid < 65534)
    with place(f"socket: {{group: {group.gr_name}, role: operator}}\n", serve=False) as p:
        p.let_others_in()
        p.pipeline("hello", "tasks: {a: {run: echo hi}}\n")
        p.start()
        p.rota("trigger", "hello", "--wait")
        def mode(name):
            return stat.S_IMODE(os.stat(p.path(name)).st_mode)
        assert mode("state") == 0o710 and os.stat(p.path("state")).st_gid == group.gr_gid, oct(mode("state"))
        assert mode("state/rota.sock") == 0o660 and os.stat(p.path("state/rota.sock")).st_gid == group.gr_gid
        for name in os.listdir(p.path("state")):
            if name != "rota.sock":
                assert mode(f"state/{name}") & 0o077 == 0, (name, oct(mode(f"state/{name}")))
        status, me = as_member(p, [group.gr_gid])
        assert status == 200 and me["role"] == "operator" and me["kind"] == "user", me
        assert as_member(p, [])[0] == 0
        os.chmod(p.path("state"), 0o755)  # even if the doors stand open
        os.chmod(p.path("state/rota.sock"), 0o666)
        assert as_member(p, [])[0] == 0
        p.write_config(f"socket: {{group: {group.gr_name}, role: viewer}}\n")
        p.rota("reload")
        assert as_member(p, [group.gr_gid])[1]["role"] == "viewer"
        p.write_config(None)
        p.rota("reload")
        assert as_member(p, [group.gr_gid])[0] == 401
        p.stop()
        p.write_config("socket: {group: no-such-group, role: viewer}\n")
        p.start(wait=False)
        assert p.daemon.wait(timeout=20) == 2
        assert "there is no group 'no-such-group'" in p.daemon_log()


run(globals())
