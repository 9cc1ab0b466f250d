"""The port in front of the daemon: who gets in, who doesn't, and what a browser may not be made to do."""
import hashlib
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
from lib.harness import Skip, bare, place, run, wait_until  # noqa: E402


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


run(globals())
